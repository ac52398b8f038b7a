"""Keyset pagination in SQL: ordering by several keys, and the rows on one side of a position."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, and_, bindparam, false, or_, true

from contexts.catalog.adapters.parameters import is_storable
from contexts.shared.pagination import InvalidPosition, Position, Window

MAX_TEXT = 4000
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")

KeyValue = str | int | Decimal | datetime | UUID | None


@dataclass(frozen=True, slots=True)
class Key:
    """One key of an ordering; `read` makes a value of its text or raises ValueError. NULLs always come last."""

    column: ColumnElement[object]
    read: Callable[[str], KeyValue]
    descending: bool = False
    nullable: bool = False

    def of(self, column: ColumnElement[object]) -> "Key":
        """The same key, found in another column."""
        return replace(self, column=column)


def position_of(values: Sequence[KeyValue]) -> Position:
    """A row's keys as texts that read back to the very same values."""
    return tuple(_text(value) for value in values)


def order_by(keys: Sequence[Key], *, backward: bool) -> list[ColumnElement[object]]:
    """The ordering, or its exact reverse."""
    return [_ordered(key, backward) for key in keys]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Whether a window is cut by positions, and which of their values are NULL: what its SQL depends on."""

    after: tuple[bool, ...] | None
    before: tuple[bool, ...] | None


def bounds_of(keys: Sequence[Key], window: Window) -> tuple[Bounds, dict[str, KeyValue]]:
    """A window's bounds, and the values that `inside` compares with. Raises InvalidPosition."""
    after = None if window.after is None else _values(keys, window.after)
    before = None if window.before is None else _values(keys, window.before)
    values = {f"after_{n}": value for n, value in enumerate(after or ())}
    values |= {f"before_{n}": value for n, value in enumerate(before or ())}
    return Bounds(_nulls(after), _nulls(before)), values


def inside(keys: Sequence[Key], bounds: Bounds) -> ColumnElement[bool]:
    """The rows after one position and before the other, whose values are parameters."""
    conditions = []
    if bounds.after is not None:
        conditions.append(_beyond(keys, "after", bounds.after, backward=False))
    if bounds.before is not None:
        conditions.append(_beyond(keys, "before", bounds.before, backward=True))
    return and_(true(), *conditions)


def read_text(text: str) -> str:
    """A text that PostgreSQL could hold."""
    if len(text) > MAX_TEXT or not is_storable(text):
        raise ValueError("not a stored text")
    return text


def read_decimal(text: str) -> Decimal:
    """A number of money's size, so neither NaN nor 1e999999."""
    if not _DECIMAL.fullmatch(text):
        raise ValueError("not a decimal")
    return Decimal(text)


def read_integer(text: str) -> int:
    """A small whole number."""
    if not re.fullmatch(r"-?[0-9]{1,4}", text):
        raise ValueError("not an integer")
    return int(text)


def read_instant(text: str) -> datetime:
    """An ISO 8601 instant with its offset."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant needs an offset")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("beyond the calendar") from error


def read_id(text: str) -> UUID:
    """A UUID."""
    return UUID(text)


def _text(value: KeyValue) -> str | None:
    match value:
        case None:
            return None
        case datetime():
            return value.isoformat()
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)


def _values(keys: Sequence[Key], position: Position) -> list[KeyValue]:
    if len(position) != len(keys):
        raise InvalidPosition("the position belongs to another ordering")
    values: list[KeyValue] = []
    for key, text in zip(keys, position, strict=True):
        if text is None and not key.nullable:
            raise InvalidPosition("the position lacks a value")
        try:
            values.append(None if text is None else key.read(text))
        except ValueError as error:
            raise InvalidPosition("the position does not fit the ordering") from error
    return values


def _nulls(values: list[KeyValue] | None) -> tuple[bool, ...] | None:
    return None if values is None else tuple(value is None for value in values)


def _ordered(key: Key, backward: bool) -> ColumnElement[object]:
    descending = key.descending != backward
    ordered = key.column.desc() if descending else key.column.asc()
    if not key.nullable:
        return ordered
    return ordered.nulls_first() if backward else ordered.nulls_last()


def _beyond(
    keys: Sequence[Key], name: str, nulls: Sequence[bool], *, backward: bool, number: int = 0
) -> ColumnElement[bool]:
    """Rows that come after (before, when backward) the given keys: lexicographic comparison, NULLs last.

    `column >= value AND (column > value OR …)` says the same as `column > value OR column = value AND …`,
    but its first half is a range that an index is entered with.
    """
    if number == len(keys):
        return false()
    key = keys[number]
    value: BindParameter[object] = bindparam(f"{name}_{number}")
    rest = _beyond(keys, name, nulls, backward=backward, number=number + 1)
    if nulls[number]:
        tied = and_(key.column.is_(None), rest)
        return or_(key.column.is_not(None), tied) if backward else tied
    if key.descending != backward:
        comparison = and_(key.column <= value, or_(key.column < value, rest))
    else:
        comparison = and_(key.column >= value, or_(key.column > value, rest))
    return or_(comparison, key.column.is_(None)) if key.nullable and not backward else comparison
