"""Keyset pagination: a page starts after or before the sort key of a row, never at an offset."""

import re
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

Item = TypeVar("Item")

Position = tuple[str | None, ...]
"""The sort key of one row as text, the id last. Texts, so that a cursor carries them without loss."""


class InvalidPosition(ValueError):
    """A cursor's position does not fit the ordering it is used with (another sort, a damaged cursor)."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of an ordering: the first `limit` after `after`, or the last `limit` before `before`."""

    limit: int
    backward: bool = False
    after: Position | None = None
    before: Position | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Rows in the order of the listing, whichever way they were fetched, with the position of each."""

    items: list[Item]
    positions: list[Position]
    has_next: bool
    has_previous: bool


def page_of(window: Window, fetched: list[tuple[Item, Position]]) -> Page[Item]:
    """The page from at most `limit + 1` rows fetched in the window's own direction.

    The extra row only tells that there is more on that side. On the other side there is more exactly
    when the window was cut there by a cursor; that row is one the client has already seen.
    """
    more = len(fetched) > window.limit
    rows = fetched[: window.limit]
    if window.backward:
        rows = rows[::-1]
    return Page(
        items=[item for item, _ in rows],
        positions=[position for _, position in rows],
        has_next=window.before is not None if window.backward else more,
        has_previous=more if window.backward else window.after is not None,
    )


_COMMIT_ORDER = re.compile(r"[0-9]{1,18}")


def read_commit_position(position: Position) -> tuple[int | None, UUID]:
    """The two keys of a listing that stands in commit order (docs/adr/0025-commit-order.md), or InvalidPosition.

    Clients may still hold a cursor of before, which is an id alone: then the number is None.
    """
    try:
        match position:
            case (str(id_),):
                return None, UUID(id_)
            case (str(number), str(id_)) if _COMMIT_ORDER.fullmatch(number):
                return int(number), UUID(id_)
    except ValueError:
        pass
    raise InvalidPosition("not a position in this listing")
