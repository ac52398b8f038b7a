"""Turn the cart into an order: price, stock, order, key and events in one transaction, or nothing at all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contexts.orders.domain.customer import Customer
from contexts.orders.domain.number import order_number
from contexts.orders.domain.order import Order, OrderLine, beyond_limit, confirm_cart
from contexts.orders.domain.rejections import (
    AccountNotApproved,
    ApprovalRequired,
    EmptyCart,
    OutOfStock,
    PriceChanged,
    PriceOnRequest,
    ProductGone,
    ShortLine,
    VersionConflict,
)
from contexts.orders.ports import (
    Buyers,
    Carts,
    IdempotencyKeys,
    IdempotencyRecord,
    OrderBook,
    Shortage,
    Stock,
)
from contexts.orders.use_cases.idempotency import fingerprint, malformed_key
from contexts.orders.use_cases.price_cart import PricedCarts
from contexts.shared.clock import Clock
from contexts.shared.ids import new_id
from contexts.shared.money import TOTAL_DECIMALS
from contexts.shared.number import number_problem
from contexts.shared.rejections import IdempotencyKeyReused, InvalidInput
from contexts.shared.transaction import Event, Transaction, Transactions

MAX_TOTAL = Decimal("99999999999999999999.99")
"""The largest total that is kept, more than any cart can cost."""
MOST_DRAWS = 100
"""Of an order number: with half of all numbers taken, a hundred in vain come once in 10^30 checkouts."""


@dataclass(frozen=True, slots=True)
class CheckOutCommand:
    """`expected_total` None: whatever it costs."""

    idempotency_key: str
    cart_version: int
    expected_total: Decimal | None


@dataclass(frozen=True, slots=True)
class Placed:
    """The order. `replayed`: this key had placed it before, and it is shown as it stands today."""

    order: Order
    replayed: bool


CheckOutOutcome = (
    Placed
    | InvalidInput
    | IdempotencyKeyReused
    | AccountNotApproved
    | EmptyCart
    | VersionConflict
    | ProductGone
    | PriceOnRequest
    | PriceChanged
    | ApprovalRequired
    | OutOfStock
)


@dataclass(frozen=True, slots=True)
class CheckOut:
    """Places an order of everything in the customer's cart. The checks run in the order of the outcomes."""

    transactions: Transactions
    keys: IdempotencyKeys
    buyers: Buyers
    carts: Carts
    priced: PricedCarts
    stock: Stock
    book: OrderBook
    clock: Clock
    draw_number: Callable[[], str] = order_number

    async def __call__(self, customer: Customer, command: CheckOutCommand) -> CheckOutOutcome:
        """Locks in one order everywhere (key, cart, limit, stock rows by product), so checkouts never deadlock."""
        if invalid := _malformed(command):
            return invalid
        order_id = new_id()
        request_hash = fingerprint(
            "cartCheckout", version=command.cart_version, expected=command.expected_total
        )
        async with self.transactions.begin() as transaction:
            earlier = await self.keys.claim(
                transaction, customer.user_id, command.idempotency_key, request_hash, order_id
            )
            if earlier is not None:
                return await self._replay(transaction, earlier, request_hash)
            outcome = await self._place(transaction, order_id, customer, command)
            if isinstance(outcome, Placed):
                await transaction.commit()
            return outcome

    async def _replay(
        self, transaction: Transaction, earlier: IdempotencyRecord, request_hash: bytes
    ) -> Placed | IdempotencyKeyReused:
        if earlier.fingerprint != request_hash:
            return IdempotencyKeyReused()
        order = await self.book.lock(transaction, earlier.order_id)
        # Key and order were committed together.
        assert order is not None
        return Placed(order, replayed=True)

    async def _place(
        self, transaction: Transaction, order_id: UUID, customer: Customer, command: CheckOutCommand
    ) -> CheckOutOutcome:
        buyer = await self.buyers.of(customer.account_id, within=transaction)
        if buyer is None or not buyer.approved:
            return AccountNotApproved()
        cart = await self.carts.lock(transaction, customer.user_id)
        if cart is None:
            return EmptyCart()
        now = self.clock.now()
        priced = await self.priced.for_buyer(buyer, cart, now, within=transaction)
        agreed = confirm_cart(priced, command.cart_version, command.expected_total)
        if not isinstance(agreed, tuple):
            return agreed
        limit = await self.buyers.approval_limit(transaction, customer.user_id)
        if refused := beyond_limit(agreed, limit):
            return refused
        if shortages := await self.stock.reserve(transaction, order_id, agreed):
            return _out_of_stock(agreed, shortages)
        order = await self._enter(transaction, order_id, customer, agreed, now)
        await self.carts.close(transaction, cart)
        await transaction.publish(Event("orders.placed", {"order_id": str(order.id), "number": order.number}))
        return Placed(order, replayed=False)

    async def _enter(
        self,
        transaction: Transaction,
        order_id: UUID,
        customer: Customer,
        lines: tuple[OrderLine, ...],
        at: datetime,
    ) -> Order:
        for _ in range(MOST_DRAWS):
            order = Order.place(order_id, self.draw_number(), customer, lines, at)
            if await self.book.enter(transaction, order):
                return order
        raise RuntimeError(f"{MOST_DRAWS} order numbers were drawn, and all of them are taken")


def _malformed(command: CheckOutCommand) -> InvalidInput | None:
    expected = command.expected_total
    if expected is not None and (wrong := number_problem(expected, MAX_TOTAL, TOTAL_DECIMALS)) is not None:
        return InvalidInput((wrong.at("input", "expectedTotal"),))
    return malformed_key(command.idempotency_key)


def _out_of_stock(lines: tuple[OrderLine, ...], shortages: list[Shortage]) -> OutOfStock:
    short = {shortage.product_id: shortage for shortage in shortages}
    return OutOfStock(
        tuple(
            ShortLine(line.sku, shortage.requested, shortage.available)
            for line in lines
            if (shortage := short.get(line.product_id)) is not None
        )
    )
