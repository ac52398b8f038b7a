"""`make bench`: what a request costs, beside hand-written endpoints that send the same SQL and the same JSON."""
