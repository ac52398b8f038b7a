"""The floor: endpoints written by hand for one operation each, as fast as this stack goes.

They send Prumo's statements through asyncpg, build the same JSON with plain dicts, and check the token; no GraphQL,
no layers, no log line. What Prumo costs above this is what its generality costs.
"""
