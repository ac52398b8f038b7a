"""A shop with the real carts, orders and keys in PostgreSQL, and suppliers made up by hand."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from contexts.orders.adapters.carts import SqlCarts
from contexts.orders.adapters.idempotency import SqlIdempotencyKeys
from contexts.orders.adapters.order_changes import ListenedOrderChanges
from contexts.orders.adapters.orders import SqlOrderBook, SqlOrders
from contexts.orders.api import (
    CartChanged,
    CheckOut,
    CheckOutCommand,
    CheckOutOutcome,
    Customer,
    MailOrder,
    MoveOrder,
    Ordering,
    OrderStatus,
    PricedCart,
    PricedCarts,
    SetCartLine,
)
from contexts.orders.domain.cart import CartLine, OrderableProduct, UnitPrice
from contexts.orders.domain.customer import Addressee, Buyer
from contexts.orders.domain.order import OrderLine
from contexts.orders.ports import Buyers, Prices, Products, Shortage, Stock
from contexts.shared.adapters.database import Database
from contexts.shared.clock import Clock
from contexts.shared.ids import new_id
from contexts.shared.mail import Mail, Mailer
from contexts.shared.money import Money
from contexts.shared.rejections import InvalidInput, NotFound
from contexts.shared.transaction import Transaction

NOON = datetime(2026, 11, 20, 15, tzinfo=UTC)


@dataclass(slots=True)
class SetClock:
    """A clock that stands until it is set."""

    instant: datetime = NOON

    def now(self) -> datetime:
        return self.instant


@dataclass(frozen=True, slots=True)
class FakeProducts:
    """A catalog in memory."""

    goods: dict[str, OrderableProduct] = field(default_factory=dict)

    async def by_skus(
        self, skus: Collection[str], *, within: Transaction | None = None
    ) -> dict[str, OrderableProduct]:
        return {sku: self.goods[sku] for sku in skus if sku in self.goods}

    async def by_ids(
        self, ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, OrderableProduct]:
        return {good.product_id: good for good in self.goods.values() if good.product_id in ids}


@dataclass(frozen=True, slots=True)
class FakePrices:
    """One price per product for everybody; remembers the instants it was asked for."""

    prices: dict[UUID, UnitPrice] = field(default_factory=dict)
    asked_at: list[datetime] = field(default_factory=list)

    async def resolve(
        self, buyer: Buyer, lines: Sequence[CartLine], at: datetime, *, within: Transaction | None = None
    ) -> dict[UUID, UnitPrice]:
        self.asked_at.append(at)
        return {
            line.product_id: self.prices[line.product_id] for line in lines if line.product_id in self.prices
        }


@dataclass(frozen=True, slots=True)
class FakeBuyers:
    """Accounts, portfolios and mail addresses in memory."""

    buyers: dict[UUID, Buyer] = field(default_factory=dict)
    portfolios: dict[UUID, frozenset[UUID]] = field(default_factory=dict)
    addressees: dict[UUID, Addressee] = field(default_factory=dict)
    limits: dict[UUID, Money] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)

    async def of(self, account_id: UUID, *, within: Transaction | None = None) -> Buyer | None:
        return self.buyers.get(account_id)

    async def approval_limit(self, transaction: Transaction, user_id: UUID) -> Money | None:
        return self.limits.get(user_id)

    async def portfolio_of(self, rep_id: UUID, *, within: Transaction | None = None) -> frozenset[UUID]:
        return self.portfolios.get(rep_id, frozenset())

    async def named(self, text: str, *, among: Collection[UUID] | None) -> frozenset[UUID]:
        found = {id for id, name in self.names.items() if text.lower() in name.lower()}
        return frozenset(found if among is None else found.intersection(among))

    async def reps_of(self, account_id: UUID) -> frozenset[UUID]:
        return frozenset(rep_id for rep_id, accounts in self.portfolios.items() if account_id in accounts)

    async def addressee(self, user_id: UUID) -> Addressee | None:
        return self.addressees.get(user_id)


@dataclass(frozen=True, slots=True)
class FakeStock:
    """A warehouse that forgets nothing on a rollback; good enough, as reserving is the last that may fail."""

    available: dict[UUID, Decimal] = field(default_factory=dict)
    held: dict[UUID, list[tuple[UUID, Decimal]]] = field(default_factory=dict)

    async def reserve(
        self, transaction: Transaction, order_id: UUID, lines: Sequence[OrderLine]
    ) -> list[Shortage]:
        asked = [(line.product_id, line.quantity.value) for line in lines]
        short = [
            Shortage(id, quantity, self.available[id])
            for id, quantity in asked
            if quantity > self.available[id]
        ]
        if not short:
            self.held[order_id] = asked
            for id, quantity in asked:
                self.available[id] -= quantity
        return short

    async def release(self, transaction: Transaction, order_id: UUID) -> None:
        for id, quantity in self.held.pop(order_id, []):
            self.available[id] += quantity


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A mailer that keeps what it is given."""

    mails: list[Mail] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        self.mails.append(mail)


def ordering(
    database: Database,
    buyers: Buyers,
    products: Products,
    prices: Prices,
    stock: Stock,
    mailer: Mailer,
    clock: Clock,
) -> Ordering:
    """The context put together as the gateway does it, but nobody listens for changes."""
    carts, book, keys = SqlCarts(database), SqlOrderBook(), SqlIdempotencyKeys()
    orders = SqlOrders(database, buyers)
    priced = PricedCarts(carts, buyers, products, prices)
    return Ordering(
        carts=priced,
        orders=orders,
        changes=ListenedOrderChanges(database, orders, buyers),
        set_cart_line=SetCartLine(database, carts, products, priced),
        check_out=CheckOut(database, keys, buyers, carts, priced, stock, book, clock),
        confirm=MoveOrder(OrderStatus.CONFIRMED, database, keys, buyers, book, stock, clock),
        cancel=MoveOrder(OrderStatus.CANCELLED, database, keys, buyers, book, stock, clock),
        mail=MailOrder(orders, buyers, mailer),
    )


@dataclass(frozen=True, slots=True)
class Shop:
    """The shop, with what a test wants to arrange in it."""

    database: Database
    api: Ordering
    buyers: FakeBuyers
    products: FakeProducts
    prices: FakePrices
    stock: FakeStock
    mail: KeptMail
    clock: SetClock

    @classmethod
    def on(cls, database: Database) -> "Shop":
        buyers, products, prices, stock = FakeBuyers(), FakeProducts(), FakePrices(), FakeStock()
        mail, clock = KeptMail(), SetClock()
        api = ordering(database, buyers, products, prices, stock, mail, clock)
        return cls(database, api, buyers, products, prices, stock, mail, clock)

    def product(
        self, price: str | None = "10.00", stock: str = "1000", step: str = "1", unit: str = "UN"
    ) -> OrderableProduct:
        """A new product; without a price it is on request."""
        id = new_id()
        sku = f"SKU-{id.hex[-8:]}"
        good = OrderableProduct(id, sku, f"Produto {sku}", unit, Decimal(step))
        self.products.goods[good.sku] = good
        self.stock.available[id] = Decimal(stock)
        if price is not None:
            self.prices.prices[id] = UnitPrice(Money(Decimal(price)), "NATIONAL")
        return good

    def customer(self, approved: bool = True) -> Customer:
        """A new user of a new account."""
        customer = Customer(account_id=new_id(), user_id=new_id())
        self.buyers.buyers[customer.account_id] = Buyer(customer.account_id, "SP", None, approved)
        self.buyers.addressees[customer.user_id] = Addressee("Ana Souza", "ana@obra.example")
        return customer

    async def cart(self, customer: Customer) -> PricedCart | None:
        """The customer's cart now."""
        return await self.api.carts.of(customer, self.clock.now())

    async def set(self, customer: Customer, sku: str, quantity: str) -> CartChanged | InvalidInput | NotFound:
        """A line that may be refused."""
        return await self.api.set_cart_line(customer, sku, Decimal(quantity), self.clock.now())

    async def put(self, customer: Customer, good: OrderableProduct, quantity: str = "1") -> CartChanged:
        """A line that must go into the cart."""
        outcome = await self.set(customer, good.sku, quantity)
        assert isinstance(outcome, CartChanged)
        return outcome

    async def check_out(
        self, customer: Customer, key: str = "key", version: int = 1, total: str | None = None
    ) -> CheckOutOutcome:
        expected = None if total is None else Decimal(total)
        return await self.api.check_out(customer, CheckOutCommand(key, version, expected))
