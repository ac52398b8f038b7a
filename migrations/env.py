"""Alembic's environment: runs on the connection it is handed (see migrations/__init__.py)."""

from alembic import context
from sqlalchemy import Connection

from migrations import METADATA, SCHEMAS


def include_name(name: str | None, kind: str, parents: object) -> bool:
    """Only the contexts' own PostgreSQL schemas are compared; `public` holds Alembic's version table."""
    return kind != "schema" or name in SCHEMAS


connection = context.config.attributes["connection"]
assert isinstance(connection, Connection)
context.configure(
    connection=connection,
    target_metadata=METADATA,
    include_schemas=True,
    include_name=include_name,
    compare_server_default=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
