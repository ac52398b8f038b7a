"""What the buyer reads."""

from decimal import Decimal

import pytest

from contexts.orders.api import EveryAccount, Placed, TransitionCommand
from contexts.orders.use_cases.mail_order import number, reais
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from contexts.shared.transaction import Event
from tests.actor import by
from tests.contexts.orders.shop import Shop


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1234.56", "R$ 1.234,56"),
        ("0.5", "R$ 0,50"),
        ("0.4375", "R$ 0,4375"),
        ("39.9000", "R$ 39,90"),
        ("1234567890.00", "R$ 1.234.567.890,00"),
        ("-3.10", "-R$ 3,10"),
        ("0", "R$ 0,00"),
    ],
)
def test_reais(amount: str, text: str) -> None:
    assert reais(Money(Decimal(amount))) == text


@pytest.mark.parametrize(
    ("value", "text"), [("10.000", "10"), ("1.500", "1,5"), ("1000", "1.000"), ("1E+3", "1.000")]
)
def test_numbers(value: str, text: str) -> None:
    assert number(Decimal(value)) == text


async def test_the_mail_of_each_step(shop: Shop) -> None:
    customer, cement, sand = (
        shop.customer(),
        shop.product("39.905", unit="SC"),
        shop.product("1200", step="0.5", unit="M3"),
    )
    await shop.put(customer, cement, "10")
    await shop.put(customer, sand, "1.5")
    outcome = await shop.check_out(customer, version=2)
    assert isinstance(outcome, Placed)
    order = outcome.order
    await shop.api.confirm(EveryAccount(), by(), TransitionCommand(order.id, "k", None))
    payload = {"order_id": str(order.id), "number": order.number}
    event_ids = [new_id() for _ in range(3)]
    for event_id, topic in zip(event_ids, ["placed", "confirmed", "cancelled"], strict=True):
        await shop.api.mail(event_id, Event(f"orders.{topic}", payload))

    placed, confirmed, cancelled = shop.mail.mails
    assert [mail.reference for mail in shop.mail.mails] == [str(id) for id in event_ids]
    assert {mail.to for mail in shop.mail.mails} == {"ana@obra.example"}
    assert placed.subject == f"Recebemos seu pedido {order.number}"
    assert placed.text == "\n".join(
        [
            "Olá, Ana Souza,",
            "",
            f"recebemos o seu pedido {order.number}, feito em 20/11/2026 às 12:00.",
            "",
            f"- {cement.name} ({cement.sku})",
            "  10 SC × R$ 39,905 = R$ 399,05",
            f"- {sand.name} ({sand.sku})",
            "  1,5 M3 × R$ 1.200,00 = R$ 1.800,00",
            "",
            "Total: R$ 2.199,05",
            "",
            "Próximo passo: nossa equipe confere o pedido e avisa você quando ele for confirmado. "
            "O estoque já está reservado para você.",
            "",
            "Prumo",
            "",
        ]
    )
    assert "confirmado" in confirmed.subject and "foi confirmado" in confirmed.text
    assert "cancelado" in cancelled.subject and "foi cancelado" in cancelled.text


async def test_nobody_to_write_to(shop: Shop) -> None:
    customer = shop.customer()
    await shop.put(customer, shop.product())
    outcome = await shop.check_out(customer)
    assert isinstance(outcome, Placed)
    shop.buyers.addressees.clear()
    await shop.api.mail(new_id(), Event("orders.placed", {"order_id": str(outcome.order.id)}))
    assert shop.mail.mails == []
