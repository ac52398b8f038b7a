"""PostgreSQL and the other contexts' apis behind the orders context's ports."""
