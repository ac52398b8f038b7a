"""Relay connections over keyset pages."""

import asyncio
import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import orjson
import strawberry

from contexts.shared.pagination import InvalidPosition, Page, Position, Window
from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.errors import BadUserInput
from resolvers.vocabulary.fields import computed

Item = TypeVar("Item")

DEFAULT_PAGE = 24
LARGEST_PAGE = 100
COUNTING = 50
"""Points: a count reads the whole listing."""
_LONGEST_CURSOR = 2_000
NOT_OURS = "This cursor is not one of ours; use `cursor`, `startCursor` or `endCursor` as given."


@strawberry.type(description="Where a page lies in its listing.")
class PageInfo:
    """Relay's PageInfo."""

    has_next_page: bool = strawberry.field(description="Whether more follows after this page.")
    has_previous_page: bool = strawberry.field(description="Whether something comes before this page.")
    start_cursor: str | None = strawberry.field(description="The first edge's cursor; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="The last edge's cursor: `after` of the next page.")


@strawberry.type(description="One place in a listing.")
class Edge(Generic[Item]):
    """Relay's Edge."""

    cursor: str = strawberry.field(description="Opaque; for `after` and `before` with the same sort.")
    node: Item = strawberry.field(description="What stands at this place.")


@dataclass(frozen=True, slots=True)
class Listing(Generic[Item]):
    """What a `Connection` resolves from: a page, the ordering its cursors belong to, and a way to count."""

    page: Page[Item]
    ordering: str
    count: Callable[[], Awaitable[int]]

    def cursor(self, index: int) -> str:
        """The opaque cursor of one place of the page."""
        position = orjson.dumps([self.ordering, *self.page.positions[index]])
        return urlsafe_b64encode(position).decode().rstrip("=")


async def listing(
    ordering: str, page: Awaitable[Page[Item]], count: Callable[[], Awaitable[int]]
) -> Listing[Item]:
    """The listing a page belongs to; BadUserInput when its cursor does not fit after all."""
    try:
        return Listing(await page, ordering, count)
    except InvalidPosition:
        raise BadUserInput(NOT_OURS) from None


def _edges(root: Listing[Item]) -> list[Edge[Item]]:
    return [Edge(cursor=root.cursor(index), node=node) for index, node in enumerate(root.page.items)]


def _nodes(root: Listing[Item]) -> list[Item]:
    return root.page.items


def _page_info(root: Listing[object]) -> PageInfo:
    places = len(root.page.items)
    return PageInfo(
        has_next_page=root.page.has_next,
        has_previous_page=root.page.has_previous,
        start_cursor=root.cursor(0) if places else None,
        end_cursor=root.cursor(places - 1) if places else None,
    )


@strawberry.type(description="A page of a listing.")
class Connection(Generic[Item]):
    """Relay's Connection, with `nodes` for clients that need no cursors."""

    edges: list[Edge[Item]] = computed(_edges, description="The page's items, each with its cursor.")
    nodes: list[Item] = computed(_nodes, description="The page's items.")
    page_info: PageInfo = computed(_page_info, description="Where this page lies.")

    @batch(
        graphql_type=int | None,
        description="How many there are in the whole listing; counted only when asked for.",
        work=lambda argument: COUNTING,
    )
    async def total_count(listings: Sequence[Listing[object]], info: Info) -> list[int | BaseException]:
        return await asyncio.gather(*(listing.count() for listing in listings), return_exceptions=True)


def _position(cursor: str, ordering: str) -> Position:
    """The position inside a cursor; BadUserInput for one this listing never gave out."""
    try:
        if len(cursor) > _LONGEST_CURSOR:
            raise ValueError
        decoded = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        decoded = None
    match decoded:
        case [str(name), *rest] if all(part is None or isinstance(part, str) for part in rest):
            if name == ordering:
                return tuple(rest)
            raise BadUserInput("This cursor belongs to another sort; start again without it.")
    raise BadUserInput(NOT_OURS)


def window(
    ordering: str, first: int | None, after: str | None, last: int | None, before: str | None
) -> Window:
    """The Window that Relay's four arguments describe; BadUserInput when they make no sense together."""
    if first is not None and last is not None:
        raise BadUserInput("Give either `first` or `last`, not both.")
    limit = first if first is not None else last if last is not None else DEFAULT_PAGE
    if not 1 <= limit <= LARGEST_PAGE:
        raise BadUserInput(f"`first` and `last` are between 1 and {LARGEST_PAGE}.")
    return Window(
        limit=limit,
        backward=last is not None or (first is None and before is not None),
        after=None if after is None else _position(after, ordering),
        before=None if before is None else _position(before, ordering),
    )
