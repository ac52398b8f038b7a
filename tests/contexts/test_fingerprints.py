"""Each field that tells one exactly-once input from another is in its fingerprint."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from contexts.identity.use_cases.register_account import (
    AddressDraft,
    RegisterAccount,
    RegisterCommand,
    Registered,
)
from contexts.orders.api import (
    CheckOut,
    CheckOutCommand,
    Customer,
    EveryAccount,
    MoveOrder,
    OrderStatus,
    TransitionCommand,
)
from contexts.orders.ports import IdempotencyRecord
from contexts.shared.rejections import IdempotencyKeyReused
from contexts.shared.transaction import Transaction
from tests.actor import by
from tests.contexts.identity.conftest import PA_ADDRESS

USER, ORDER = UUID(int=1), UUID(int=2)
NOBODY: Any = None  # Any: stands for the ports that are not come to, since the key is spent


@dataclass(slots=True)
class Spent:
    """A clock, transactions, keys and accounts for which every key was spent on something else before; keeps the
    fingerprints it is asked about."""

    prints: list[bytes] = field(default_factory=list)

    def begin(self) -> AbstractAsyncContextManager[Transaction]:
        @asynccontextmanager
        async def block() -> AsyncIterator[Transaction]:
            yield NOBODY

        return block()

    def now(self) -> datetime:
        return datetime(2026, 11, 20, tzinfo=UTC)

    async def claim(
        self, transaction: Transaction, user_id: UUID, key: str, fingerprint: bytes, order_id: UUID
    ) -> IdempotencyRecord:
        self.prints.append(fingerprint)
        return IdempotencyRecord(b"", ORDER)

    async def remember(self, transaction: Transaction, cnpj: str, digest: bytes, at: datetime) -> bool:
        self.prints.append(digest)
        return False


async def test_moving_an_order() -> None:
    spent = Spent()
    base = TransitionCommand(ORDER, "key", "sem caminhão")
    for to, command in [
        (OrderStatus.CANCELLED, base),
        (OrderStatus.CONFIRMED, base),
        (OrderStatus.CANCELLED, replace(base, order_id=UUID(int=3))),
        (OrderStatus.CANCELLED, replace(base, reason="outra")),
        (OrderStatus.CANCELLED, replace(base, reason=None)),
        (OrderStatus.CANCELLED, replace(base, reason="")),
    ]:
        move = MoveOrder(to, spent, spent, NOBODY, NOBODY, NOBODY, spent)
        assert await move(EveryAccount(), by(USER), command) == IdempotencyKeyReused()
    assert len(set(spent.prints)) == 6


async def test_checking_out() -> None:
    spent = Spent()
    check_out = CheckOut(spent, spent, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, spent)
    base = CheckOutCommand("key", 1, Decimal("10.00"))
    for command in [
        base,
        replace(base, cart_version=2),
        replace(base, expected_total=Decimal("10.01")),
        replace(base, expected_total=None),
    ]:
        assert await check_out(Customer(USER, USER), command) == IdempotencyKeyReused()
    assert len(set(spent.prints)) == 4


@dataclass(frozen=True, slots=True)
class Unguarded:
    """A throttle that lets everything through, and passwords that are all good."""

    @asynccontextmanager
    async def attempt(self, *asked: object, **how: object) -> AsyncIterator[None]:
        yield None

    async def problem(self, password: str, *about: str) -> None:
        return None

    async def hash(self, password: str) -> str:
        return ""


async def test_registering() -> None:
    spent, unguarded = Spent(), Unguarded()
    accounts: Any = spent  # Any: of what the port has, only `remember` is come to
    lax: Any = unguarded
    register = RegisterAccount(accounts, NOBODY, lax, lax, spent, spent)
    base = RegisterCommand(
        idempotency_key="key",
        legal_name="Obra Nova Ltda.",
        cnpj="12abc34501de35",
        state_registration=None,
        addresses=[AddressDraft(PA_ADDRESS)],
        name="Nova Pessoa",
        email="nova@prumo.example",
        password="dez letras e mais",
    )
    others = [
        replace(base, idempotency_key="other"),
        replace(base, cnpj="11222333000181"),
        replace(base, email="outra@prumo.example"),
    ]
    for command in [base, replace(base, email="NOVA@prumo.example"), *others]:
        assert isinstance(await register(by(USER), None, command), Registered)
    same, again, *rest = spent.prints
    assert same == again
    assert len({same, *rest}) == 4
