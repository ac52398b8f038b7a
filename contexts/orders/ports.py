"""What orders needs from outside, in its own words.

Everything that may run inside a unit of work takes it as `within` and then uses its connection.
"""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from contexts.orders.domain.cart import Cart, CartLine, OrderableProduct, UnitPrice
from contexts.orders.domain.customer import Addressee, Buyer, Customer, RowScope
from contexts.orders.domain.order import Order, OrderLine
from contexts.orders.domain.status import OrderStatus
from contexts.shared.money import Money
from contexts.shared.pagination import Page, Window
from contexts.shared.transaction import Transaction


class Products(Protocol):
    """What can be ordered. What there is no such product for is missing from the answer."""

    async def by_skus(
        self, skus: Collection[str], *, within: Transaction | None = None
    ) -> dict[str, OrderableProduct]: ...

    async def by_ids(
        self, ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, OrderableProduct]: ...


class Prices(Protocol):
    """What it costs."""

    async def resolve(
        self, buyer: Buyer, lines: Sequence[CartLine], at: datetime, *, within: Transaction | None = None
    ) -> dict[UUID, UnitPrice]:
        """The buyer's price of each line at that instant, by product; missing: on request."""
        ...


class Buyers(Protocol):
    """Who buys."""

    async def of(self, account_id: UUID, *, within: Transaction | None = None) -> Buyer | None: ...

    async def approval_limit(self, transaction: Transaction, user_id: UUID) -> Money | None:
        """What the user may order without asking, kept from every change until the transaction ends; None: any
        amount."""
        ...

    async def portfolio_of(self, rep_id: UUID, *, within: Transaction | None = None) -> frozenset[UUID]:
        """The accounts a sales rep looks after."""
        ...

    async def named(self, text: str, *, among: Collection[UUID] | None) -> frozenset[UUID]:
        """The accounts, of these or of all, whose legal name has the text in it, accents and case aside, or whose CNPJ
        begins with its letters and digits. Raises TooManyNamed."""
        ...

    async def reps_of(self, account_id: UUID) -> frozenset[UUID]:
        """The sales reps who look after an account."""
        ...

    async def addressee(self, user_id: UUID) -> Addressee | None:
        """Where to write to a user; None when the user is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Shortage:
    """A product of which less is available than requested."""

    product_id: UUID
    requested: Decimal
    available: Decimal


class Stock(Protocol):
    """The warehouse. Works in the caller's transaction only: goods and order come and go together."""

    async def reserve(
        self, transaction: Transaction, order_id: UUID, lines: Sequence[OrderLine]
    ) -> list[Shortage]:
        """Set the goods aside for the order: all of it (empty answer) or nothing, and what is missing."""
        ...

    async def release(self, transaction: Transaction, order_id: UUID) -> None:
        """Give back what the order holds; nothing to give back is fine."""
        ...


class Carts(Protocol):
    """The active carts, one per user at most."""

    async def of(self, user_id: UUID) -> Cart | None: ...

    async def lock(self, transaction: Transaction, user_id: UUID) -> Cart | None:
        """The user's cart, kept from every other change until the transaction ends."""
        ...

    async def open(self, transaction: Transaction, customer: Customer) -> Cart:
        """The user's cart as by `lock`, made when there is none: empty, at the version the last one ended with."""
        ...

    async def put(self, transaction: Transaction, cart: Cart, line: CartLine, at: datetime) -> None:
        """Keep the cart's version, and this line of it."""
        ...

    async def take(self, transaction: Transaction, cart: Cart, line: CartLine, at: datetime) -> None:
        """Keep the cart's version, and that this line is gone from it."""
        ...

    async def close(self, transaction: Transaction, cart: Cart) -> None:
        """The cart has become an order: the user has none now."""
        ...


MOST_NAMED = 5_000
"""Accounts that a search may find by name."""
MAX_SEARCH = 200


class TooManyNamed(ValueError):
    """A text that stands in the names of more than MOST_NAMED accounts."""


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders of those within reach: all that is given must hold. `placed_from` is inclusive, `placed_to` is not.

    `search`: part of the number in any spelling, or what `Buyers.named` finds accounts by.
    """

    statuses: frozenset[OrderStatus] | None = None
    placed_from: datetime | None = None
    placed_to: datetime | None = None
    account_id: UUID | None = None
    search: str | None = None

    @property
    def searched(self) -> str | None:
        """The text to search for; None when nothing was typed. Characters that are not text part words."""
        clean = "".join(character if character.isprintable() else " " for character in self.search or "")
        return " ".join(clean.split()) or None


EVERYTHING = OrderFilter()


class Orders(Protocol):
    """Orders within somebody's reach; what lies outside is as if it did not exist."""

    async def page(self, reach: RowScope, window: Window, filter: OrderFilter = EVERYTHING) -> Page[Order]:
        """Newest first: by when an order became visible, so that none appears behind one that was read before.

        Raises InvalidPosition for a position that is not one of this listing, whatever its filter, and TooManyNamed.
        """
        ...

    async def count(self, reach: RowScope, filter: OrderFilter = EVERYTHING) -> int:
        """Raises TooManyNamed."""
        ...

    async def by_ids(self, reach: RowScope, ids: Collection[UUID]) -> dict[UUID, Order]: ...

    async def by_numbers(self, reach: RowScope, numbers: Collection[str]) -> dict[str, Order]:
        """By each number as it was asked for, however people write it."""
        ...


class OrderBook(Protocol):
    """Where orders are entered and moved on, in the caller's transaction."""

    async def enter(self, transaction: Transaction, order: Order) -> bool:
        """Keep a new order, and tell those who watch the account's orders; False: another has its number."""
        ...

    async def lock(self, transaction: Transaction, order_id: UUID) -> Order | None:
        """The order, kept from every other change until the transaction ends. Mind who may reach it."""
        ...

    async def move(
        self,
        transaction: Transaction,
        order: Order,
        came_from: OrderStatus,
        by: UUID,
        reason: str | None,
        at: datetime,
    ) -> None:
        """Keep the order's new status and version and who did it, and tell the watchers."""
        ...


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """A key that was used before: for this input, and this order came of it."""

    fingerprint: bytes
    order_id: UUID


class IdempotencyKeys(Protocol):
    """The keys each user has spent."""

    async def claim(
        self, transaction: Transaction, user_id: UUID, key: str, fingerprint: bytes, order_id: UUID
    ) -> IdempotencyRecord | None:
        """Spend the key on this order: None, or what it was spent on before.

        While another transaction holds the same key uncommitted, this waits for its end. A rollback gives
        the key back.
        """
        ...


class OrderChanges(Protocol):
    """Tells which orders change, while it is listened to."""

    def within(self, reach: RowScope) -> AsyncGenerator[Order, None]:
        """The orders within reach that change from now on, as they are after the change or later; without end."""
        ...
