"""Keyset pagination in SQL: ordering by several keys, and the rows on one side of a position."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_, true

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


def inside(keys: Sequence[Key], window: Window) -> ColumnElement[bool]:
    """The rows after `window.after` and before `window.before`. Raises InvalidPosition."""
    conditions = []
    if window.after is not None:
        conditions.append(_beyond(keys, _values(keys, window.after), backward=False))
    if window.before is not None:
        conditions.append(_beyond(keys, _values(keys, window.before), backward=True))
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


def _ordered(key: Key, backward: bool) -> ColumnElement[object]:
    descending = key.descending != backward
    ordered = key.column.desc() if descending else key.column.asc()
    if not key.nullable:
        return ordered
    return ordered.nulls_first() if backward else ordered.nulls_last()


def _beyond(keys: Sequence[Key], values: Sequence[KeyValue], *, backward: bool) -> ColumnElement[bool]:
    """Rows that come after (before, when backward) the given keys: lexicographic comparison, NULLs last.

    `column >= value AND (column > value OR …)` says the same as `column > value OR column = value AND …`,
    but its first half is a range that an index is entered with.
    """
    if not keys:
        return false()
    key, value = keys[0], values[0]
    rest = _beyond(keys[1:], values[1:], backward=backward)
    if value is None:
        tied = and_(key.column.is_(None), rest)
        return or_(key.column.is_not(None), tied) if backward else tied
    if key.descending != backward:
        comparison = and_(key.column <= value, or_(key.column < value, rest))
    else:
        comparison = and_(key.column >= value, or_(key.column > value, rest))
    return or_(comparison, key.column.is_(None)) if key.nullable and not backward else comparison
