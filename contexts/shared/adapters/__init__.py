"""PostgreSQL, the outbox table and mail behind the shared kernel's ports."""
