"""Alembic's environment: runs on the connection it is handed (see migrations/__init__.py)."""

from collections.abc import Collection, Mapping
from contextlib import nullcontext
from typing import Any

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import Connection

from migrations import COMPATIBILITY, METADATA, SCHEMAS, applied, record


def include_name(name: str | None, kind: str, parents: object) -> bool:
    """Only the contexts' own PostgreSQL schemas are compared; `public` holds Alembic's table and ours beside it."""
    return kind != "schema" or name in SCHEMAS


def recorded(
    ctx: MigrationContext, step: MigrationInfo, heads: Collection[str], run_args: Mapping[str, Any]
) -> None:  # Any: Alembic's
    """After each revision, in its transaction."""
    assert ctx.connection is not None
    record(ctx.connection, context.script, heads)


connection = context.config.attributes["connection"]
assert isinstance(connection, Connection)
# A transaction that is begun here and not ended would be taken for the caller's, and all revisions put into it.
with nullcontext() if connection.in_transaction() else connection.begin():
    COMPATIBILITY.create(connection, checkfirst=True)
    if not applied(connection):  # a database from before the table
        record(connection, context.script, MigrationContext.configure(connection).get_current_heads())
context.configure(
    connection=connection,
    target_metadata=METADATA,
    include_schemas=True,
    include_name=include_name,
    compare_server_default=True,
    transaction_per_migration=True,
    on_version_apply=recorded,
)
with context.begin_transaction():
    context.run_migrations()
