"""The same mistake has the same code in every input, whichever context it is for: asked through the use cases."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from contexts.catalog.use_cases.publish import PublishProducts
from contexts.identity.api import (
    AccountRole,
    AccountStep,
    AddressCommand,
    AddressDraft,
    Device,
    InviteUserCommand,
    MoveAccountCommand,
    Principal,
    RegisterCommand,
)
from contexts.identity.domain.address import Address
from contexts.identity.domain.password import password_problem
from contexts.identity.use_cases.add_user import AddUser
from contexts.identity.use_cases.invite import InviteStaff, InviteUser
from contexts.identity.use_cases.keep_addresses import PutAddress
from contexts.identity.use_cases.manage_users import ChangeRole
from contexts.identity.use_cases.move_account import MoveAccount
from contexts.identity.use_cases.open_account import OpenAccount
from contexts.identity.use_cases.register_account import RegisterAccount
from contexts.identity.use_cases.reset_password import AskPasswordReset
from contexts.orders.api import CheckOutCommand, Customer, EveryAccount, OrderStatus, TransitionCommand
from contexts.orders.use_cases.check_out import CheckOut
from contexts.orders.use_cases.move_order import MoveOrder
from contexts.orders.use_cases.set_cart_line import SetCartLine
from contexts.pricing.api import PriceSource, SetPriceCommand
from contexts.pricing.use_cases.set_price import SetPrice
from contexts.shared.clock import SystemClock
from contexts.shared.ids import new_id
from contexts.shared.rejections import Detail, InvalidInput
from tests.actor import by
from tests.contexts.catalog.drafts import draft


class _Unasked:
    """Stands for any port: what is malformed is refused before one is asked."""

    def __getattr__(self, name: str) -> Any:  # Any: it stands for every method
        raise AssertionError(f"{name} was asked, though the input is malformed")


class _Passwords(_Unasked):
    async def problem(self, text: str, field: str, *personal: str) -> Detail | None:
        return password_problem(text, field, *personal)


PORT: Any = _Unasked()  # Any: it stands for every port
PASSWORDS: Any = _Passwords()
CLOCK = SystemClock()
SOMEBODY = by(new_id())
WHO = Principal(new_id(), new_id(), None, frozenset(), frozenset())
ID = UUID(int=1)
PLACE = Address("Rua Augusta", "1500", "Consolação", "São Paulo", "SP", "01304-001")
PRICE = SetPriceCommand(
    sku="A",
    source=PriceSource.NATIONAL,
    account_id=None,
    state=None,
    tier=None,
    min_quantity=Decimal(1),
    amount=Decimal(1),
    valid_from=None,
    valid_to=None,
    by=SOMEBODY,
)
COMPANY = RegisterCommand(
    idempotency_key="k",
    legal_name="Construtora",
    cnpj="11222333000181",
    state_registration=None,
    addresses=[AddressDraft(PLACE)],
    name="Ana",
    email="ana@firma.example",
    password="uma senha longa de verdade",
)

Ask = Callable[[Any], Awaitable[object]]  # Any: a text or a number, as the input is


def _publish(field: str) -> Ask:
    use_case = PublishProducts(PORT, PORT, PORT, {}, CLOCK)
    good = draft("A", image_key="products/a.png")
    return lambda value: use_case([replace(good, **{field: value})], SOMEBODY)


def _price(**changes: object) -> Ask:
    (field,) = changes
    return lambda value: SetPrice(PORT, PORT, PORT, PORT, CLOCK)(replace(PRICE, **{field: value}))


def _company(field: str) -> Ask:
    use_case = RegisterAccount(PORT, PORT, PASSWORDS, PORT, PORT, CLOCK)
    return lambda value: use_case(SOMEBODY, None, replace(COMPANY, **{field: value}))


def _open(field: str) -> Ask:
    good: dict[str, Any] = {"legal_name": "Firma", "cnpj": COMPANY.cnpj, "address": PLACE, "tier": "OURO"}
    return lambda value: OpenAccount(PORT, PORT, PORT, CLOCK)(**{**good, field: value})


def _user(field: str) -> Ask:
    good: dict[str, Any] = {"email": COMPANY.email, "name": "Ana", "password": COMPANY.password}
    use_case = AddUser(PORT, PORT, PASSWORDS, PORT, CLOCK)
    return lambda value: use_case(**{**good, "roles": ["catalog"], field: value})


def _address(field: str) -> Ask:
    def ask(value: str) -> Awaitable[object]:
        command = AddressCommand(
            ID, None, replace(PLACE, **{field: value}), primary=False, delivery=True, billing=True
        )
        return PutAddress(PORT, PORT, PORT, PORT, CLOCK)(WHO, SOMEBODY, command)

    return ask


def _step(field: str, step: AccountStep = AccountStep.SUSPENDED) -> Ask:
    good = MoveAccountCommand(ID, "Falta o contrato.")
    use_case = MoveAccount(step, PORT, PORT, PORT, PORT, PORT, CLOCK)
    return lambda value: use_case(WHO, SOMEBODY, replace(good, **{field: value}))


def _order(field: str) -> Ask:
    good = TransitionCommand(ID, "k", None)
    use_case = MoveOrder(OrderStatus.CANCELLED, PORT, PORT, PORT, PORT, PORT, CLOCK)
    return lambda value: use_case(EveryAccount(), SOMEBODY, replace(good, **{field: value}))


def _check_out(value: str) -> Awaitable[object]:
    command = CheckOutCommand(idempotency_key=value, cart_version=1, expected_total=None)
    use_case = CheckOut(PORT, PORT, PORT, PORT, PORT, PORT, PORT, CLOCK)
    return use_case(Customer(new_id(), new_id()), command)


def _expected(value: Decimal) -> Awaitable[object]:
    command = CheckOutCommand(idempotency_key="k", cart_version=1, expected_total=value)
    use_case = CheckOut(PORT, PORT, PORT, PORT, PORT, PORT, PORT, CLOCK)
    return use_case(Customer(new_id(), new_id()), command)


def _cart_line(value: Decimal) -> Awaitable[object]:
    use_case = SetCartLine(PORT, PORT, PORT, PORT)
    return use_case(Customer(new_id(), new_id()), "A", value, CLOCK.now())


def _limit(value: Decimal) -> Awaitable[object]:
    use_case = InviteUser(PORT, PORT, PORT, PORT, PORT, PORT, CLOCK)
    return use_case(WHO, SOMEBODY, InviteUserCommand(ID, COMPANY.email, AccountRole.BUYER, value))


def _role_limit(value: Decimal) -> Awaitable[object]:
    return ChangeRole(PORT, PORT, PORT, CLOCK)(WHO, SOMEBODY, ID, AccountRole.BUYER, value)


def _invited(value: str) -> Awaitable[object]:
    use_case = InviteUser(PORT, PORT, PORT, PORT, PORT, PORT, CLOCK)
    return use_case(WHO, SOMEBODY, InviteUserCommand(ID, value, AccountRole.VIEWER, None))


def _invited_staff(value: str) -> Awaitable[object]:
    return InviteStaff(PORT, PORT, PORT, PORT, CLOCK)(WHO, SOMEBODY, value, ["catalog"])


def _reset(value: str) -> Awaitable[object]:
    return AskPasswordReset(PORT, PORT, CLOCK)(value, Device())


KEPT: dict[str, Ask] = {
    "input.products.0.sku": _publish("sku"),
    "input.products.0.name": _publish("name"),
    "input.products.0.unit": _publish("unit"),
    "input.products.0.categoryName": _publish("category_name"),
    "input.products.0.imageAlt": _publish("image_alt"),
    "input.tier of a price": _price(tier=None),
    "input.idempotencyKey of a company": _company("idempotency_key"),
    "input.legalName of a company": _company("legal_name"),
    "input.user.name": _company("name"),
    "input.user.password": _company("password"),
    "input.legalName": _open("legal_name"),
    "input.tier of an account": _open("tier"),
    "input.name": _user("name"),
    "input.password": _user("password"),
    "input.street": _address("street"),
    "input.number": _address("number"),
    "input.district": _address("district"),
    "input.city": _address("city"),
    "input.reason of a step": _step("reason"),
    "input.information": _step("reason", AccountStep.INFORMATION_PROVIDED),
    "input.tier of a step": _step("tier"),
    "input.idempotencyKey of an order": _order("idempotency_key"),
    "input.idempotencyKey of a checkout": _check_out,
}
"""Texts that have to be there."""

OPTIONAL: dict[str, Ask] = {
    "input.complement": _address("complement"),
    "input.label": _address("label"),
    "input.note": _step("note"),
    "input.reason of an order": _order("reason"),
}
"""Texts that may be blank, which is as good as absent."""

FORMED: dict[str, tuple[Ask, str]] = {
    "input.email": (_user("email"), "INVALID_EMAIL"),
    "input.user.email": (_company("email"), "INVALID_EMAIL"),
    "input.email of a colleague": (_invited, "INVALID_EMAIL"),
    "input.email of the staff": (_invited_staff, "INVALID_EMAIL"),
    "input.email of a reset": (_reset, "INVALID_EMAIL"),
    "input.cnpj": (_open("cnpj"), "INVALID_CNPJ"),
    "input.cnpj of a company": (_company("cnpj"), "INVALID_CNPJ"),
    "input.state": (_address("state"), "UNKNOWN_STATE"),
    "input.postalCode": (_address("postal_code"), "INVALID_POSTAL_CODE"),
    "input.products.0.categorySlug": (_publish("category_slug"), "INVALID_SLUG"),
}
"""Texts of a form, with the code of those that have another."""

NUMBERS: dict[str, Ask] = {
    "input.products.0.quantityStep": _publish("quantity_step"),
    "input.products.0.stock": _publish("stock"),
    "input.products.0.lowStockAt": _publish("low_stock_at"),
    "input.amount": _price(amount=None),
    "input.minQuantity": _price(min_quantity=None),
    "input.quantity": _cart_line,
    "input.expectedTotal": _expected,
    "input.approvalLimit": _limit,
    "input.approvalLimit of a role": _role_limit,
}

PRESENT = KEPT | {name: ask for name, (ask, _) in FORMED.items()}


async def _codes(name: str, ask: Ask, value: object) -> list[str]:
    """What is said of the field of that name: a code, and a phrase that can stand after the field's name."""
    outcome = await ask(value)
    assert isinstance(outcome, InvalidInput), (name, outcome)
    assert [detail.message for detail in outcome.details if detail.message.endswith(".")] == []
    return [detail.code for detail in outcome.details if ".".join(detail.path) == name.partition(" of ")[0]]


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
async def test_a_blank_text(name: str, blank: str) -> None:
    assert await _codes(name, PRESENT[name], blank) == ["REQUIRED"]


@pytest.mark.parametrize("name", KEPT | OPTIONAL)
async def test_a_text_that_cannot_be_kept(name: str) -> None:
    ask = (KEPT | OPTIONAL)[name]
    assert await _codes(name, ask, "x" * 2000) == ["TOO_LONG"]
    for character in "\0", "\ud800", *([] if name.endswith("password") else ["\x07", "\x1b"]):
        assert await _codes(name, ask, f"uma{character} linha longa") == ["INVALID_CHARACTER"]


@pytest.mark.parametrize("name", FORMED)
async def test_a_text_of_another_form(name: str) -> None:
    ask, code = FORMED[name]
    assert await _codes(name, ask, "¿Qué?") == [code]


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("NaN", "NOT_A_NUMBER"),
        ("Infinity", "NOT_A_NUMBER"),
        ("-1", "NEGATIVE"),
        ("-0.00001", "NEGATIVE"),
        ("1E+20", "TOO_LARGE"),
        ("0.00001", "TOO_MANY_DECIMALS"),
    ],
)
async def test_a_number_that_cannot_be_kept(name: str, number: str, code: str) -> None:
    assert await _codes(name, NUMBERS[name], Decimal(number)) == [code]


@pytest.mark.parametrize("name", ["input.roles", "input.addresses"])
async def test_an_empty_list(name: str) -> None:
    asks = {"input.roles": _user("roles"), "input.addresses": _company("addresses")}
    assert await _codes(name, asks[name], []) == ["REQUIRED"]
