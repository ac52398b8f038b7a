"""Indexes on tables in use, made and dropped without keeping anybody from writing.

PostgreSQL does neither in a transaction. So each call commits what its revision did before, and such a call
belongs in a revision of its own: a revision that fails after it is applied from its beginning.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from alembic import op

_VALID = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")


def create_index(
    name: str,
    table: str,
    columns: Sequence[str | sa.TextClause | sa.ColumnElement[Any]],
    *,
    schema: str,
    **options: Any,
) -> None:  # Any: what op.create_index takes
    """Make an index, unless it is there; one that an earlier attempt left unfinished is dropped before."""
    with _outside_transaction():
        if (valid := _is_valid(f"{schema}.{name}")) is False:
            op.drop_index(name, table, schema=schema, postgresql_concurrently=True)
        if not valid:
            op.create_index(name, table, columns, schema=schema, postgresql_concurrently=True, **options)


def drop_index(name: str, table: str, *, schema: str) -> None:
    """Drop an index, unless it is gone."""
    with _outside_transaction():
        op.drop_index(name, table, schema=schema, if_exists=True, postgresql_concurrently=True)


def _is_valid(name: str) -> bool | None:
    """None: there is no such index, or nobody to ask, where SQL is only written."""
    migration = op.get_context()
    if migration.as_sql:
        return None
    assert migration.connection is not None
    valid = migration.connection.scalar(_VALID, {"name": name})
    return None if valid is None else bool(valid)


@contextmanager
def _outside_transaction() -> Iterator[None]:
    """Without limits of time: what is waited for here, the end of older transactions, makes nobody else wait."""
    with op.get_context().autocommit_block():
        for limit in ("lock_timeout", "statement_timeout"):
            op.execute(f"SET {limit} = 0")
        try:
            yield
        finally:
            for limit in ("lock_timeout", "statement_timeout"):
                op.execute(f"RESET {limit}")
