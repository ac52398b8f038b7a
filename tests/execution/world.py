"""A world behind the real schema: hand-written fakes of the four contexts, deterministic from a seed, with faults.

What is at fault depends on an object's key and field alone, never on the order or the grouping of calls, so that both
executors meet the same faults. For the same reason a fault that makes a whole batch fail is one of the world, not
of one object: graphql-core's loaders put the objects of several positions into one call.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import UUID
from zlib import crc32

from contexts.catalog import api as catalog
from contexts.identity import api as identity
from contexts.orders import api as orders
from contexts.pricing import api as pricing
from contexts.shared import rejections
from contexts.shared.audit import Actor
from contexts.shared.codes import DetailCode
from contexts.shared.money import Money
from contexts.shared.pagination import InvalidPosition, Page, Window
from contexts.shared.quantity import Quantity
from contexts.shared.rejections import NotFound
from resolvers.vocabulary.context import Contexts, RequestContext
from resolvers.vocabulary.errors import BadUserInput
from resolvers.vocabulary.node import node_id

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATES = ("SP", "PA", "MG")

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Model = TypeVar("Model", bound="DataclassInstance")


class Broken(Exception):
    """The fault of a resolver or a context."""


def product_id(number: int) -> UUID:
    """The id of a product."""
    return UUID(int=1_000 + number)


def category_id(number: int) -> UUID:
    """The id of a category."""
    return UUID(int=2_000 + number)


def order_id(number: int) -> UUID:
    """The id of an order."""
    return UUID(int=3_000 + number)


def price_id(number: int) -> UUID:
    """The id of a row of the price tables."""
    return UUID(int=4_000 + number)


ACCOUNTS = (UUID(int=5_000), UUID(int=5_001))
USER = UUID(int=6_000)
CART = UUID(int=7_000)
INVITATION = UUID(int=8_000)
NODE_IDS = (
    *(node_id("Product", product_id(number)) for number in range(4)),
    *(node_id("Category", category_id(number)) for number in range(2)),
    *(node_id("Order", order_id(number)) for number in range(2)),
    *(node_id("Price", price_id(number)) for number in range(2)),
    *(node_id("BuyerAccount", id) for id in ACCOUNTS),
    node_id("User", USER),
    node_id("Cart", CART),
    node_id("Invitation", INVITATION),
    node_id("AccountAddress", UUID(int=8_100)),
    node_id("Product", UUID(int=9)),
    "not-an-id",
)


@cache
def _raising(model: type["DataclassInstance"], name: str) -> type[Any]:
    def fail(self: object) -> object:
        # StopIteration too: it must not be taken for the end of a column.
        raise StopIteration(name) if len(name) % 2 else Broken(name)

    return type(model.__name__, (model,), {"__slots__": (), name: property(fail)})


def _that_raises(model: Model, name: str) -> Model:
    """The same object, except that reading one attribute raises."""
    broken: Model = object.__new__(_raising(type(model), name))
    for each in fields(model):
        if each.name != name:
            object.__setattr__(broken, each.name, getattr(model, each.name))
    return broken


@dataclass(slots=True)
class World:
    """One world. `rate` is the share of positions that are at fault; `calls` counts reads, `writes` lists writes."""

    seed: int
    rate: float = 0.0
    products: int = 5
    calls: Counter[str] = field(default_factory=Counter)
    writes: list[tuple[object, ...]] = field(default_factory=list)

    def context(self, principal: identity.Principal | None) -> RequestContext:
        """A request's context over this world."""
        return RequestContext(self.contexts(), principal, "request", NOW)

    def contexts(self) -> Contexts:
        """The contexts; what no resolver asks for is not there."""
        absent = cast(Any, None)
        return Contexts(
            catalog.Catalog(
                products=cast(Any, _Products(self)),
                categories=cast(Any, _Categories(self)),
                stock=absent,
                measures=absent,
                publish=absent,
                images=absent,
            ),
            pricing.Pricing(
                resolve=cast(Any, _Resolve(self)),
                explain=cast(Any, _Explain(self)),
                set_price=cast(Any, _SetPrice(self)),
                load=absent,
                rows=cast(Any, _PriceRows(self)),
            ),
            orders.Ordering(
                carts=cast(Any, _Carts(self)),
                orders=cast(Any, _Orders(self)),
                changes=absent,
                set_cart_line=cast(Any, _SetCartLine(self)),
                check_out=cast(Any, _CheckOut(self)),
                confirm=cast(Any, _Move(self, "confirm")),
                cancel=cast(Any, _Move(self, "cancel")),
                mail=absent,
            ),
            identity.Identity(
                accounts=cast(Any, _Accounts(self)),
                viewers=cast(Any, _Viewers(self)),
                access_tokens=absent,
                key_ring=absent,
                repetitions=absent,
                sign_in=cast(Any, _SignIn(self)),
                refresh=cast(Any, _Refresh(self)),
                end_sessions=cast(Any, _EndSessions(self)),
                roles=cast(Any, _Roles(self)),
                sessions=cast(Any, _Sessions(self)),
                ended_sessions=absent,
                change_password=cast(Any, _Choice(self, "change_password", identity.PasswordChanged(NOW))),
                ask_password_reset=cast(Any, _Choice(self, "ask_reset", identity.MailPromised(NOW))),
                reset_password=cast(Any, _Choice(self, "reset", identity.PasswordChanged(NOW))),
                ask_email_verification=cast(Any, _Choice(self, "ask_proof", identity.MailPromised(NOW))),
                verify_email=cast(Any, _Choice(self, "verify", identity.EmailVerified(NOW))),
                set_role_scopes=cast(Any, _Choice(self, "set_role", identity.RoleScopesSet(ROLE))),
                mail_person=absent,
                open_account=absent,
                add_user=absent,
                onboarding=cast(Any, _Onboarding(self)),
                personnel=cast(Any, _Personnel(self)),
            ),
            audit_trail=absent,
        )

    # Chance, by key.

    def chance(self, *key: object) -> Random:
        """Always the same random numbers for one key."""
        return Random(repr((self.seed, *key)))

    def fails(self, *key: object) -> bool:
        """Whether this position is at fault."""
        return self.rate > 0 and crc32(repr((self.seed, *key)).encode()) < self.rate * 2**32

    async def read(self, name: str, *key: object) -> None:
        """One read: counted, taking some turns of the event loop, failing where the world says so."""
        self.calls[name] += 1
        for _ in range(self.chance("turns", name, *key).randrange(4)):
            await asyncio.sleep(0)
        if self.fails(name, *key):
            raise self.fault(name, *key)

    async def write(self, name: str, *key: object) -> Random:
        """One write: recorded, and the chance that decides its outcome."""
        self.writes.append((name, *key))
        await self.read(name, *key)
        return self.chance("outcome", name, *key)

    def fault(self, *key: object) -> Exception:
        """An exception: a bug's, or one that is meant for the client."""
        if self.chance("fault", *key).random() < 0.5:
            return Broken(repr(key))
        return BadUserInput(f"known: {key!r}")

    def faulty(self, model: Model, *key: object, read: Collection[str] = (), raises: bool = True) -> Model:
        """The object, with faults in some attributes.

        Not in `read`, what resolvers read for a whole batch; not `raises`: no attribute fails when it is read.
        """
        if self.rate == 0:
            return model
        for each in fields(model):
            if each.name not in read and self.fails(*key, each.name):
                how = self.chance("how", *key, each.name)
                match how.randrange(8):
                    case 0 | 1 | 2:
                        model = replace(model, **{each.name: None})
                    case 3:
                        model = replace(model, **{each.name: self.fault(*key, each.name)})
                    case 4 if raises:
                        return _that_raises(model, each.name)
                    case _:
                        odd = how.choice(
                            [7, "odd", 3.5, (), [], {}, [None], "x" * 3, True, Decimal("NaN"), b"x"]
                        )
                        model = replace(model, **{each.name: odd})
        return model

    def items(self, items: Iterable[Any], *key: object, lose: bool = True) -> list[Any]:
        """The items of a list, some of them null, failed or of another model."""
        found: list[Any] = []
        for index, item in enumerate(items):
            if self.fails(*key, index):
                how = self.chance("how", *key, index).randrange(4)
                if how == 0 and lose:
                    continue
                found.append([None, self.fault(*key, index), Stranger(), None][how])
            else:
                found.append(item)
        return found

    # The models.

    def money(self, *key: object) -> Money:
        amount = Decimal(self.chance("money", *key).randrange(10**6)).scaleb(-4)
        return self.faulty(Money(amount), "money", *key)

    def quantity(self, *key: object) -> Quantity:
        value = Decimal(self.chance("quantity", *key).randrange(1, 2000)).scaleb(-1)
        return self.faulty(Quantity(value, "SC"), "quantity", *key)

    def category(self, number: int) -> catalog.Category:
        shelf = catalog.Category(category_id(number), f"shelf-{number}", f"Prateleira {number}")
        return self.faulty(shelf, "category", number)

    def product(self, number: int, seen_by: UUID | None) -> Any:
        """A product, or what stands in its place."""
        if self.fails("product", number):
            return [None, self.fault("product", number), self.category(0), Stranger()][
                self.chance("how", "product", number).randrange(4)
            ]
        chance = self.chance("product", number)
        image = catalog.Image(f"http://media/{number}.png", chance.choice([None, "Saco"]))
        status = chance.choice(list(catalog.StockStatus))
        shelf = catalog.Availability(status, Decimal(chance.randrange(100)))
        product = catalog.Product(
            id=product_id(number),
            sku=f"SKU-{number}",
            slug=f"produto-{number}",
            name=f"Cimento {number}",
            unit="SC",
            quantity_step=Decimal("0.50"),
            category=self.category(number % 3),
            image=chance.choice([None, self.faulty(image, "image", number)]),
            availability=self.faulty(shelf, "availability", number),
            created_at=NOW,
            seen_by=seen_by,
        )
        if self.fails("unit", number):
            product = replace(product, unit=cast(Any, [None, 7][number % 2]))
        return self.faulty(product, "product", number, read={"id", "unit", "seen_by"})

    def account(self, id: UUID) -> identity.Account:
        chance = self.chance("account", id.int)
        status = identity.AccountStatus.APPROVED
        if self.fails("pending", id.int):
            status = identity.AccountStatus.PENDING
        account = identity.Account(
            id, "Obra Ltda", "11222333000181", chance.choice(STATES), chance.choice([None, "GOLD"]), status
        )
        return self.faulty(account, "account", id.int, read={"id", "status"}, raises=False)

    def price(self, number: int) -> pricing.Price:
        chance = self.chance("price", number)
        row = pricing.Price(
            id=price_id(number),
            product_id=product_id(number),
            source=chance.choice(list(pricing.PriceSource)),
            account_id=None,
            state=chance.choice([None, "SP"]),
            tier=None,
            min_quantity=Decimal("1.000"),
            amount=self.money("price", number),
            valid_from=NOW,
            valid_to=chance.choice([None, NOW + timedelta(days=9)]),
        )
        return self.faulty(row, "price", number)

    def cart(self) -> orders.PricedCart:
        """The one cart there is. Its products are in the catalog: a missing one would fail the whole batch."""
        chance = self.chance("cart")
        numbers = chance.sample(range(self.products), chance.randrange(min(4, self.products) + 1))
        lines = tuple(self._cart_line(number) for number in numbers)
        cart = orders.Cart(
            CART, 3, tuple(orders.CartLine(product_id(n), f"SKU-{n}", Decimal(1), "SC") for n in numbers)
        )
        kept = tuple(self.items(lines, "cart lines"))
        gone = [
            self.faulty(orders.CartLine(product_id(n), f"OLD-{n}", Decimal(2), None), "gone", n)
            for n in range(2)
        ]
        priced = orders.PricedCart(
            self.faulty(cart, "cart"), kept, self.money("subtotal"), tuple(self.items(gone, "gone lines"))
        )
        return self.faulty(priced, "priced cart")

    def _cart_line(self, number: int) -> orders.PricedLine:
        chance = self.chance("line", number)
        priced = chance.random() < 0.8
        line = orders.PricedLine(
            cart_id=CART,
            product_id=product_id(number),
            sku=f"SKU-{number}",
            name="Cimento",
            quantity=self.quantity("line", number),
            unit_price=self.money("line", number) if priced else None,
            price_source=chance.choice(["BUYER", "STATE", "NATIONAL"]) if priced else None,
            line_total=self.money("line total", number) if priced else None,
        )
        return self.faulty(line, "line", number, read={"product_id"})

    def order(self, number: int) -> Any:
        """An order, or what stands in its place."""
        if self.fails("order", number):
            return [None, self.fault("order", number), self.price(0)][number % 3]
        chance = self.chance("order", number)
        lines = [
            self.faulty(
                orders.OrderLine(
                    product_id=product_id(index),
                    sku=f"SKU-{index}",
                    name="Areia",
                    quantity=self.quantity("order", number, index),
                    unit_price=self.money("order", number, index),
                    price_source=chance.choice(["BUYER", "STATE", "NATIONAL"]),
                    line_total=self.money("order total", number, index),
                ),
                "order line",
                number,
                index,
            )
            for index in range(chance.randrange(4))
        ]
        order = orders.Order(
            id=order_id(number),
            number=f"P-2026-{number:06}",
            account_id=ACCOUNTS[0],
            user_id=USER,
            status=chance.choice(list(orders.OrderStatus)),
            lines=tuple(self.items(lines, "order lines", number)),
            total=self.money("order", number),
            placed_at=NOW,
            version=1,
        )
        return self.faulty(order, "order", number)

    def viewer(self) -> identity.Viewer:
        user = self.faulty(identity.User(USER, "Maria", "maria@prumo.example"), "user")
        account = self.chance("viewer").choice([None, self.account(ACCOUNTS[0])])
        scopes = tuple(self.items(["cart:write", "order:read"], "scopes"))
        return self.faulty(identity.Viewer(user, account, scopes), "viewer")

    def member(self, number: int) -> Any:
        chance = self.chance("member", number)
        user = self.faulty(identity.User(USER, "Maria", "maria@prumo.example"), "member user", number)
        if chance.random() < 0.3:
            roles = tuple(self.items(["sales_rep", "admin"], "member roles", number))
            return self.faulty(
                identity.StaffMember(user, roles, True, NOW, email_verified=True), "staff", number
            )
        role = chance.choice(list(identity.AccountRole))
        limit = chance.choice([None, self.money("limit", number)])
        member = identity.AccountMember(user, ACCOUNTS[0], role, chance.random() < 0.8, limit, NOW, False)
        return self.faulty(member, "member", number)

    def invitation(self, number: int) -> identity.Invitation:
        chance = self.chance("invitation", number)
        account_id, roles = chance.choice([(None, ("admin",)), (ACCOUNTS[0], ("buyer",))])
        invitation = identity.Invitation(
            INVITATION,
            account_id,
            "novo@prumo.example",
            roles,
            chance.choice([None, self.money("invited limit", number)]),
            USER,
            NOW,
            NOW + timedelta(days=chance.choice([-1, 7])),
            chance.choice([None, NOW]),
        )
        read = {"invited_by", "accepted_at", "revoked_at", "expires_at"}
        return self.faulty(invitation, "invitation", number, read=read)

    def change(self, number: int) -> identity.AccountChange:
        chance = self.chance("change", number)
        change = identity.AccountChange(
            UUID(int=8_200 + number),
            ACCOUNTS[0],
            chance.choice(list(identity.AccountStep)),
            chance.choice(list(identity.AccountStatus)),
            chance.choice([None, "Falta o contrato social."]),
            chance.choice([None, "Ligar amanhã."]),
            USER,
            NOW,
        )
        return self.faulty(change, "change", number, read={"by"})

    def address(self, number: int) -> identity.AccountAddress:
        place = identity.Address("Rua Um", "1", "Centro", "Belém", "PA", "66000000", None, "Obra 12")
        kept = self.faulty(place, "place", number)
        address = identity.AccountAddress(UUID(int=8_100 + number), kept, number == 0, True, False)
        return self.faulty(address, "address", number)

    def page(self, items: Sequence[Any], window: Window, *key: object) -> Page[Any]:
        kept = list(items)[: window.limit]
        positions = [(str(index), "id") for index in range(len(kept))]
        page = Page(kept, cast(Any, positions), len(items) > window.limit, window.after is not None)
        return self.faulty(page, "page", *key)


class Stranger:
    """A model that stands behind no type of the schema, although it has some of their attributes."""

    product_id = product_id(0)
    name = "stranger"
    quantity = Quantity(Decimal(1), "UN")

    def __str__(self) -> str:
        return "stranger"


def _number(id: UUID, base: int, count: int) -> int | None:
    return id.int - base if base <= id.int < base + count else None


@dataclass(frozen=True, slots=True)
class _Products:
    world: World

    async def page(
        self,
        window: Window,
        filter: catalog.ProductFilter,
        sort: catalog.ProductSort,
        seen_by: UUID | None,
        perspective: catalog.PricePerspective | None,
    ) -> Page[Any]:
        key = (repr(filter), sort.name, repr(window))
        await self.world.read("products.page", *key)
        if window.after == ("bad",):
            raise InvalidPosition
        numbers = list(range(self.world.products))
        self.world.chance("listing", sort.name).shuffle(numbers)
        products = [self.world.product(number, seen_by) for number in numbers]
        return self.world.page(self.world.items(products, "listing", sort.name), window, *key)

    async def count(self, filter: catalog.ProductFilter, perspective: object) -> Any:
        await self.world.read("products.count", repr(filter))
        return self.world.chance("count", repr(filter)).choice([self.world.products, 2**40, 0])

    async def by_ids(self, ids: Collection[UUID], seen_by: UUID | None) -> dict[UUID, Any]:
        await self.world.read("products.by_ids")
        found = {id: _number(id, 1_000, self.world.products) for id in ids}
        return {id: self.world.product(number, seen_by) for id, number in found.items() if number is not None}

    async def by_skus(self, skus: Collection[str], seen_by: UUID | None) -> dict[str, Any]:
        await self.world.read("products.by_skus", *skus)
        return {f"SKU-{number}": self.world.product(number, seen_by) for number in range(self.world.products)}

    async def by_slugs(self, slugs: Collection[str], seen_by: UUID | None) -> dict[str, Any]:
        await self.world.read("products.by_slugs", *slugs)
        return {
            f"produto-{number}": self.world.product(number, seen_by) for number in range(self.world.products)
        }


@dataclass(frozen=True, slots=True)
class _Categories:
    world: World

    async def all(self) -> list[Any]:
        await self.world.read("categories.all")
        return self.world.items([self.world.category(number) for number in range(3)], "categories")

    async def by_ids(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        await self.world.read("categories.by_ids", *ids)
        return {category_id(number): self.world.category(number) for number in range(3)}


@dataclass(frozen=True, slots=True)
class Priced:
    """Stands in for `pricing.ResolvedPrice`, which works these out; here any of them may be at fault."""

    product_id: UUID
    quantity: Decimal
    unit_price: Money
    source: pricing.PriceSource
    valid_until: datetime | None
    steps: tuple[pricing.PriceBreak, ...]
    perspective: pricing.Perspective
    at: datetime

    def breaks(self, minimum: Decimal) -> tuple[pricing.PriceBreak, ...]:
        return self.steps


@dataclass(frozen=True, slots=True)
class _Resolve:
    world: World

    async def __call__(
        self, perspective: pricing.Perspective, lines: Sequence[pricing.Line], at: datetime
    ) -> list[Any]:
        await self.world.read("pricing.resolve")
        return [
            self._price(line, perspective, at)
            if self.world.chance("on request", line.product_id.int).random() < 0.85
            else None
            for line in lines
        ]

    def _price(self, line: pricing.Line, perspective: pricing.Perspective, at: datetime) -> Any:
        key = (line.product_id.int, str(line.quantity), str(perspective.account_id))
        if self.world.fails("resolved", *key):
            return [None, "odd"][line.product_id.int % 2]
        breaks = [
            self.world.faulty(
                pricing.PriceBreak(Decimal(step), self.world.money("break", *key, step)), "break", *key, step
            )
            for step in range(1, 3)
        ]
        price = Priced(
            product_id=line.product_id,
            quantity=line.quantity,
            unit_price=self.world.money("resolved", *key),
            source=self.world.chance("source", *key).choice(list(pricing.PriceSource)),
            valid_until=None,
            steps=tuple(self.world.items(breaks, "breaks", *key)),
            perspective=perspective,
            at=at,
        )
        return self.world.faulty(price, "resolved", *key, read={"product_id", "quantity"})


@dataclass(frozen=True, slots=True)
class _Explain:
    world: World

    async def __call__(self, prices: Sequence[pricing.ResolvedPrice]) -> Any:
        await self.world.read("pricing.explain")
        if self.world.fails("explain short"):
            return [self._steps(price) for price in prices][:-1]
        return None if self.world.fails("explain nothing") else [self._steps(price) for price in prices]

    def _steps(self, price: Any) -> Any:
        if not isinstance(price, Priced):
            return ()
        key = (price.product_id.int, str(price.quantity))
        if self.world.fails("explained", *key):
            how = self.world.chance("how explained", *key).randrange(3)
            return [None, self.world.fault("explained", *key), 7][how]
        steps = [
            self.world.faulty(
                pricing.PriceStep(source, "LOST", self.world.money("step", *key, source.name), "why"),
                "step",
                *key,
                source.name,
            )
            for source in pricing.PriceSource
        ]
        return tuple(self.world.items(steps, "steps", *key))


@dataclass(frozen=True, slots=True)
class _PriceRows:
    world: World

    async def by_ids(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        await self.world.read("prices.by_ids", *ids)
        return {price_id(number): self.world.price(number) for number in range(2)}


@dataclass(frozen=True, slots=True)
class _Carts:
    world: World

    async def of(self, customer: orders.Customer, at: datetime) -> orders.PricedCart | None:
        await self.world.read("carts.of")
        return self.world.cart()


@dataclass(frozen=True, slots=True)
class _Orders:
    world: World

    async def page(self, reach: orders.RowScope, window: Window) -> Page[Any]:
        await self.world.read("orders.page", repr(window))
        return self.world.page([self.world.order(number) for number in range(3)], window, "orders")

    async def count(self, reach: orders.RowScope) -> int:
        await self.world.read("orders.count")
        return 3

    async def by_ids(self, reach: orders.RowScope, ids: Collection[UUID]) -> dict[UUID, Any]:
        await self.world.read("orders.by_ids", *ids)
        return {order_id(number): self.world.order(number) for number in range(3)}

    async def by_numbers(self, reach: orders.RowScope, numbers: Collection[str]) -> dict[str, Any]:
        await self.world.read("orders.by_numbers", *numbers)
        return {f"P-2026-{number:06}": self.world.order(number) for number in range(3)}


@dataclass(frozen=True, slots=True)
class _Accounts:
    world: World

    async def visible(self, principal: identity.Principal, ids: Collection[UUID]) -> dict[UUID, Any]:
        await self.world.read("accounts.visible")
        return {id: self.world.account(id) for id in ACCOUNTS if id in ids}


@dataclass(frozen=True, slots=True)
class _Viewers:
    world: World

    async def of(self, principal: identity.Principal) -> identity.Viewer | None:
        await self.world.read("viewers.of")
        return self.world.viewer()

    async def users(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        await self.world.read("viewers.users", *ids)
        return {USER: self.world.viewer().user}


@dataclass(frozen=True, slots=True)
class _Files:
    """Account pages. What belongs to one account is made from its id, and missing for some."""

    world: World

    async def page(self, principal: object, filter: object, window: Window) -> Page[Any]:
        await self.world.read("accounts.page", repr(filter), repr(window))
        if window.after == ("bad",):
            raise InvalidPosition
        accounts = self.world.items([self.world.account(id) for id in ACCOUNTS], "accounts")
        return self.world.page(accounts, window, "accounts")

    async def count(self, principal: object, filter: object) -> int:
        await self.world.read("accounts.count")
        return 2

    async def reasons(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        return await self._each("reasons", ids, lambda key: "Falta o contrato social.")

    async def registrations(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        told = identity.Registration("ISENTO", NOW)
        return await self._each("registrations", ids, lambda key: self.world.faulty(told, "told", key))

    async def standings(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        return await self._each("standings", ids, lambda key: identity.CnpjStanding.HELD_BY_ANOTHER)

    async def rivals(self, principal: object, ids: Collection[UUID]) -> dict[UUID, Any]:
        return await self._each("rivals", ids, lambda key: [self.world.account(id) for id in ACCOUNTS])

    async def histories(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        return await self._each("histories", ids, lambda key: self._some(self.world.change, "changes", key))

    async def of(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        return await self._each("addresses", ids, lambda key: self._some(self.world.address, "at", key))

    async def of_accounts(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        return await self._each("members", ids, lambda key: self._some(self.world.member, "members", key))

    async def open_of(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        return await self._each("open", ids, lambda key: self._some(self.world.invitation, "open", key))

    async def reps(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        return await self._each("reps", ids, lambda key: [self.world.viewer().user])

    async def _each(self, name: str, ids: Collection[UUID], make: Callable[[int], Any]) -> dict[UUID, Any]:
        await self.world.read(f"accounts.{name}")
        return {id: make(id.int) for id in ids if not self.world.fails("no", name, id.int)}

    def _some(self, make: Callable[[int], Any], *key: object) -> list[Any]:
        return self.world.items([make(number) for number in range(3)], *key)


@dataclass(frozen=True, slots=True)
class _Directory(_Files):
    async def visible(self, principal: object, ids: Collection[UUID]) -> dict[UUID, Any]:
        await self.world.read("directory.visible", *ids)
        return {USER: self.world.viewer().user}

    async def staff(self) -> list[Any]:
        await self.world.read("directory.staff")
        return [
            member for member in map(self.world.member, range(6)) if isinstance(member, identity.StaffMember)
        ]


@dataclass(frozen=True, slots=True)
class _Invitations(_Files):
    async def by_ids(self, ids: Collection[UUID]) -> dict[UUID, Any]:
        await self.world.read("invitations.by_ids", *ids)
        return {INVITATION: self.world.invitation(0)}

    async def open_of_staff(self) -> list[Any]:
        await self.world.read("invitations.of_staff")
        return self._some(self.world.invitation, "of staff")


# Writes: every outcome there is, and a few there should not be.

INVALID = rejections.InvalidInput.at("quantity", DetailCode.NEGATIVE, "The quantity must not be negative.")
NOT_FOUND = rejections.NotFound("product", ("input", "sku"))


@dataclass(frozen=True, slots=True)
class _SetPrice:
    world: World

    async def __call__(self, command: pricing.SetPriceCommand) -> Any:
        chance = await self.world.write("set_price", repr(command))
        return chance.choice([pricing.PriceSet(self.world.price(chance.randrange(2))), INVALID, NOT_FOUND])


@dataclass(frozen=True, slots=True)
class _SetCartLine:
    world: World

    async def __call__(self, customer: orders.Customer, sku: str, quantity: Decimal, at: datetime) -> Any:
        chance = await self.world.write("set_cart_line", sku, str(quantity))
        outcomes = [orders.CartChanged(self.world.cart()), orders.CartChanged(None), INVALID, NOT_FOUND]
        return chance.choice(outcomes)


@dataclass(frozen=True, slots=True)
class _CheckOut:
    world: World

    async def __call__(self, customer: orders.Customer, command: orders.CheckOutCommand) -> Any:
        chance = await self.world.write("check_out", repr(command))
        short = orders.ShortLine("SKU-0", Decimal("3.50"), Decimal(1))
        return chance.choice(
            [
                orders.Placed(self.world.order(0), False),
                orders.Placed(self.world.order(1), True),
                orders.EmptyCart(),
                orders.VersionConflict(1, 2),
                self.world.faulty(orders.VersionConflict(1, 2), "conflict"),
                orders.ProductGone(("SKU-0",)),
                orders.PriceOnRequest(("SKU-0", "SKU-1")),
                orders.PriceChanged(self.world.money("expected"), self.world.money("actual")),
                orders.ApprovalRequired(self.world.money("limit"), self.world.money("total")),
                orders.OutOfStock((short, self.world.faulty(short, "short"))),
                orders.AccountNotApproved(),
                rejections.IdempotencyKeyReused(),
                INVALID,
            ]
        )


@dataclass(frozen=True, slots=True)
class _Move:
    world: World
    step: str

    async def __call__(self, reach: orders.RowScope, actor: UUID, command: orders.TransitionCommand) -> Any:
        chance = await self.world.write(self.step, repr(command))
        placed = orders.OrderStatus.PLACED
        return chance.choice(
            [
                orders.Moved(self.world.order(0), False),
                orders.Moved(self.world.order(2), True),
                orders.InvalidTransition(placed, orders.OrderStatus.CANCELLED),
                self.world.faulty(orders.InvalidTransition(placed, placed), "transition"),
                rejections.Forbidden("Not in your portfolio."),
                rejections.IdempotencyKeyReused(),
                rejections.NotFound("order", ("input", "id")),
                INVALID,
            ]
        )


@dataclass(frozen=True, slots=True)
class _SignIn:
    world: World

    async def __call__(self, email: str, password: str, device: identity.Device, by: Actor) -> Any:
        chance = await self.world.write("sign_in", email, password)
        refused = identity.TooManyAttempts(NOW + timedelta(seconds=30))
        return chance.choice([_session(self.world), refused, identity.InvalidCredentials()])


@dataclass(frozen=True, slots=True)
class _Refresh:
    world: World

    async def __call__(self, refresh_token: str, device: identity.Device, by: Actor) -> Any:
        chance = await self.world.write("refresh", refresh_token)
        return chance.choice([_session(self.world), identity.TokenInvalid()])


@dataclass(frozen=True, slots=True)
class _EndSessions:
    world: World

    async def one(
        self, principal: identity.Principal, session_id: UUID, by: Actor
    ) -> identity.SessionsEnded | NotFound:
        chance = await self.world.write("end_session", session_id)
        done = chance.random() < 0.5
        return identity.SessionsEnded(NOW, 1) if done else NotFound("session", ("input", "id"))

    async def all(
        self, principal: identity.Principal, by: Actor, *, but_this: bool
    ) -> identity.SessionsEnded:
        await self.world.write("end_sessions", but_this)
        return identity.SessionsEnded(NOW, 3)


@dataclass(frozen=True, slots=True)
class _Sessions:
    world: World

    async def live(self, user_id: UUID, at: datetime) -> list[identity.Session]:
        await self.world.read("sessions")
        here = identity.Device("203.0.113.7", None)
        return [identity.Session(UUID(int=6_000 + n), user_id, here, NOW, NOW, NOW) for n in range(3)]


ROLE = identity.Role("buyer", "Shops", frozenset({"cart:write", "price:read"}), 1)


@dataclass(frozen=True, slots=True)
class _Roles:
    world: World

    async def all(self) -> list[identity.Role]:
        await self.world.read("roles")
        return [self.world.faulty(ROLE, "role", 0), ROLE]


@dataclass(frozen=True, slots=True)
class _Choice:
    """A use case that is done, or refuses the input."""

    world: World
    name: str
    outcome: object

    async def __call__(self, *arguments: object) -> Any:
        chance = await self.world.write(self.name)
        return chance.choice([self.outcome, self.outcome, identity.TokenInvalid()])


@dataclass(frozen=True, slots=True)
class _Write:
    """A write of onboarding or personnel: any of its outcomes."""

    world: World
    name: str
    outcomes: Callable[[World], Sequence[Any]]

    async def __call__(self, *asked: object) -> Any:
        # Neither the actor nor the caller: both executors have them alike.
        chance = await self.world.write(self.name, repr(asked[2:]))
        return chance.choice([*self.outcomes(self.world), NOT_FOUND, INVALID])


def _moved(world: World) -> Sequence[Any]:
    account, pending = world.account(ACCOUNTS[0]), identity.AccountStatus.PENDING
    refused = identity.AccountStepRefused(pending, identity.AccountStep.SUSPENDED)
    return [
        identity.AccountMoved(account, False),
        identity.AccountMoved(account, True),
        world.faulty(refused, "step"),
        identity.CnpjTaken(),
        identity.CnpjNotHeld(),
    ]


def _addresses_kept(world: World) -> Sequence[Any]:
    kept = identity.AddressesKept(world.account(ACCOUNTS[1]), False)
    return [kept, rejections.Forbidden("The state decides the prices.")]


def _invited(world: World) -> Sequence[Any]:
    return [
        identity.Invited(world.invitation(1), False),
        identity.Invited(world.invitation(2), True),
        rejections.Forbidden("You cannot give a role that may do what you may not."),
    ]


def _sent_again(world: World) -> Sequence[Any]:
    closed = identity.InvitationClosed(identity.InvitationStatus.ACCEPTED)
    return [identity.Invited(world.invitation(1), False), closed]


def _people_changed(world: World) -> Sequence[Any]:
    made = [world.member(number) for number in range(4)]
    changed = [
        (identity.MemberChanged if isinstance(each, identity.AccountMember) else identity.StaffChanged)(
            each, False
        )
        for each in made
    ]
    return [*changed, identity.LastAdministrator()]


def _portfolio_changed(world: World) -> Sequence[Any]:
    return [
        identity.PortfolioChanged(frozenset(ACCOUNTS)),
        identity.PortfolioChanged(frozenset()),
    ]


@dataclass(frozen=True, slots=True)
class _Onboarding:
    world: World

    @property
    def files(self) -> _Files:
        return _Files(self.world)

    @property
    def addresses(self) -> _Files:
        return _Files(self.world)

    def __getattr__(self, name: str) -> _Write:
        def registered(world: World) -> Sequence[Any]:
            done = identity.Registered("Obra Ltda", "11222333000181", "maria@prumo.example", False)
            return [world.faulty(done, "registered", read={"replayed"})]

        by_name = {
            "register": registered,
            "put_address": _addresses_kept,
            "remove_address": _addresses_kept,
        }
        return _Write(self.world, name, by_name.get(name, _moved))


@dataclass(frozen=True, slots=True)
class _Personnel:
    world: World

    @property
    def directory(self) -> _Directory:
        return _Directory(self.world)

    @property
    def invitations(self) -> _Invitations:
        return _Invitations(self.world)

    def __getattr__(self, name: str) -> _Write:
        def accepted(world: World) -> Sequence[Any]:
            user = world.viewer().user
            taken, invalid = identity.AddressTaken(), identity.InvitationInvalid()
            return [identity.InvitationAccepted(user), taken, invalid]

        kinds = {
            "invite": _invited,
            "resend": _sent_again,
            "revoke": _sent_again,
            "accept": accepted,
            "change": _people_changed,
            "deactivate": _people_changed,
            "reactivate": _people_changed,
            "assign": _portfolio_changed,
            "unassign": _portfolio_changed,
            "transfer": _portfolio_changed,
        }
        return _Write(self.world, name, kinds[name.split("_")[0]])


def _session(world: World) -> identity.SignedIn:
    signed_in = identity.SignedIn("access", "refresh", NOW, principal(None, ()), world.viewer())
    return world.faulty(signed_in, "session")


def principal(account_id: UUID | None, scopes: Iterable[str]) -> identity.Principal:
    """A caller with these scopes."""
    return identity.Principal(USER, UUID(int=6_001), account_id, frozenset(), frozenset(scopes))


BUYER = principal(ACCOUNTS[0], identity.SCOPES)
"""May everything, and has an account."""

STAFF = principal(None, identity.SCOPES)
"""May everything, and sees prices on behalf of an account only."""


def any_principal(random: Random) -> identity.Principal | None:
    """Somebody: everything allowed, some scopes, or nobody."""
    match random.randrange(8):
        case 0:
            return None
        case 1:
            return STAFF
        case 2 | 3:
            scopes = [scope for scope in sorted(identity.SCOPES) if random.random() < 0.5]
            return principal(random.choice([None, ACCOUNTS[0]]), scopes)
        case _:
            return BUYER
