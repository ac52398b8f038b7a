"""Take an order one step on: confirm it, cancel it."""

from dataclasses import dataclass
from uuid import UUID

from contexts.orders.domain.customer import Portfolio, RowScope
from contexts.orders.domain.order import Order, order_not_found
from contexts.orders.domain.rejections import InvalidTransition
from contexts.orders.domain.status import OrderStatus
from contexts.orders.ports import Buyers, IdempotencyKeys, OrderBook, Stock
from contexts.orders.use_cases.idempotency import fingerprint, malformed_key
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.rejections import IdempotencyKeyReused, InvalidInput, NotFound, Wrong
from contexts.shared.text import several_lines, too_long
from contexts.shared.transaction import Event, Transaction, Transactions

MAX_REASON_LENGTH = 500


@dataclass(frozen=True, slots=True)
class TransitionCommand:
    """`reason` is kept for the sales team; it is not mailed."""

    order_id: UUID
    idempotency_key: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Moved:
    """The order. `replayed`: this key had moved it before, and it is shown as it stands today."""

    order: Order
    replayed: bool


MoveOutcome = Moved | InvalidInput | IdempotencyKeyReused | NotFound | InvalidTransition


@dataclass(frozen=True, slots=True)
class MoveOrder:
    """Moves an order to the status `to`, which is fixed: one of these confirms, another cancels."""

    to: OrderStatus
    transactions: Transactions
    keys: IdempotencyKeys
    buyers: Buyers
    book: OrderBook
    stock: Stock
    clock: Clock

    async def __call__(self, reach: RowScope, by: Actor, command: TransitionCommand) -> MoveOutcome:
        """The key is the user's who does it. The row scope is checked before a replay is shown."""
        if by.user_id is None:
            raise ValueError("an order is moved by somebody: the key is theirs")
        if invalid := _malformed(command):
            return invalid
        request_hash = fingerprint(f"order:{self.to.name}", order=command.order_id, reason=command.reason)
        async with self.transactions.begin() as transaction:
            earlier = await self.keys.claim(
                transaction, by.user_id, command.idempotency_key, request_hash, command.order_id
            )
            if earlier is not None and earlier.fingerprint != request_hash:
                return IdempotencyKeyReused()
            order = await self._reach(transaction, reach, command.order_id)
            if not isinstance(order, Order):
                return order
            if earlier is not None:
                return Moved(order, replayed=True)
            moved = order.move(self.to, reach)
            if isinstance(moved, InvalidTransition):
                return moved
            now = self.clock.now()
            await self.book.move(transaction, moved, order.status, by.user_id, command.reason, now)
            if moved.status is OrderStatus.CANCELLED:
                await self.stock.release(transaction, moved.id)
            await transaction.publish(
                Event(f"orders.{self.to.name.lower()}", {"order_id": str(moved.id), "number": moved.number})
            )
            await transaction.record(
                Act(
                    by,
                    f"orders.{self.to.name.lower()}",
                    Subject("Order", moved.id),
                    now,
                    account_id=moved.account_id,
                    before={"status": order.status.value},
                    after={"status": moved.status.value, "reason": command.reason},
                )
            )
            await transaction.commit()
            return Moved(moved, replayed=False)

    async def _reach(self, transaction: Transaction, reach: RowScope, order_id: UUID) -> Order | NotFound:
        portfolio: frozenset[UUID] = frozenset()
        if isinstance(reach, Portfolio):
            portfolio = await self.buyers.portfolio_of(reach.rep_id, within=transaction)
        order = await self.book.lock(transaction, order_id)
        if order is None or not order.is_within(reach, portfolio):
            return order_not_found()
        return order


def _malformed(command: TransitionCommand) -> InvalidInput | None:
    reason = command.reason or ""
    if len(reason) > MAX_REASON_LENGTH:
        return InvalidInput((too_long(MAX_REASON_LENGTH).at("input", "reason"),))
    if reason.strip() and isinstance(wrong := several_lines(reason, MAX_REASON_LENGTH), Wrong):
        return InvalidInput((wrong.at("input", "reason"),))
    return malformed_key(command.idempotency_key)
