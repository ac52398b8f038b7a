"""Listings by age: the columns `commit_order` and `id` are their keys (docs/adr/0025-commit-order.md)."""

from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Table,
    Uuid,
    and_,
    bindparam,
    select,
    true,
    tuple_,
)

from contexts.shared.adapters.database import Database
from contexts.shared.adapters.query import Query
from contexts.shared.pagination import Position, Window, read_commit_position


def in_order(rows: FromClause, backward: bool) -> list[ColumnElement[Any]]:
    """Newest first; oldest first when `backward`."""
    keys = (rows.c.commit_order, rows.c.id)
    return [key.asc() if backward else key.desc() for key in keys]


def inside(rows: FromClause, after: bool, before: bool) -> ColumnElement[bool]:
    """Between the bounds that a window has; `bounds` gives their values."""
    place = tuple_(rows.c.commit_order, rows.c.id)

    def bound(side: str) -> ColumnElement[Any]:
        return tuple_(bindparam(f"{side}_order", type_=BigInteger), bindparam(f"{side}_id", type_=Uuid))

    return and_(
        true(), *([place < bound("after")] if after else []), *([place > bound("before")] if before else [])
    )


def number_of(table: Table) -> Query[int]:
    """The number among the commits of the row with an id, for `bounds` and `place_of`."""
    return Query(select(table.c.commit_order).where(table.c.id == bindparam("id", type_=Uuid)))


async def bounds(database: Database, number: Query[int], window: Window) -> dict[str, object]:
    """The values of the bounds that the window has. Raises InvalidPosition."""
    values: dict[str, object] = {}
    for side, position in (("after", window.after), ("before", window.before)):
        if position is not None:
            values[f"{side}_order"], values[f"{side}_id"] = await place_of(database, number, position)
    return values


async def place_of(database: Database, number: Query[int], position: Position) -> tuple[int, UUID]:
    """Both keys. A cursor of before has the id alone: the number of its row is looked up. Raises InvalidPosition."""
    commit_order, id_ = read_commit_position(position)
    if commit_order is None:
        rows = await database.fetch(number, {"id": id_})
        commit_order = rows[0][0] if rows else 0
    return commit_order, id_
