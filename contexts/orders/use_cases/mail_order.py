"""Tell the buyer by mail what happens to their order."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from uuid import UUID

from contexts.orders.domain.customer import EveryAccount
from contexts.orders.domain.order import OrderLine
from contexts.orders.ports import Buyers, Orders
from contexts.shared.clock import BRASILIA
from contexts.shared.mail import Mail, Mailer
from contexts.shared.money import Money
from contexts.shared.transaction import Event


@dataclass(frozen=True, slots=True)
class _News:
    subject: str
    opening: str
    next_step: str


_NEWS: Mapping[str, _News] = {
    "orders.placed": _News(
        subject="Recebemos seu pedido {number}",
        opening="recebemos o seu pedido {number}, feito em {placed_at}.",
        next_step="Próximo passo: nossa equipe confere o pedido e avisa você quando ele for confirmado. "
        "O estoque já está reservado para você.",
    ),
    "orders.confirmed": _News(
        subject="Pedido {number} confirmado",
        opening="o seu pedido {number}, feito em {placed_at}, foi confirmado.",
        next_step="Próximo passo: o pedido segue para a separação no depósito.",
    ),
    "orders.cancelled": _News(
        subject="Pedido {number} cancelado",
        opening="o seu pedido {number}, feito em {placed_at}, foi cancelado.",
        next_step="Nada será cobrado, e os produtos voltaram ao estoque. Se não foi você quem pediu o "
        "cancelamento, fale com o seu vendedor.",
    ),
}

ORDER_TOPICS = tuple(_NEWS)
"""The topics of the events that `MailOrder` handles."""


@dataclass(frozen=True, slots=True)
class MailOrder:
    """Writes to the user who placed the order. The event's id makes the Message-ID: a repeated delivery of
    one event is the same message again, not a second one."""

    orders: Orders
    buyers: Buyers
    mailer: Mailer

    async def __call__(self, event_id: UUID, event: Event) -> None:
        """Raises when the mail was not accepted. A user who is gone gets no mail, and that is fine."""
        order_id = UUID(str(event.payload["order_id"]))
        order = (await self.orders.by_ids(EveryAccount(), [order_id]))[order_id]
        addressee = await self.buyers.addressee(order.user_id)
        if addressee is None:
            return
        news = _NEWS[event.topic]
        facts = {
            "number": order.number,
            "placed_at": f"{order.placed_at.astimezone(BRASILIA):%d/%m/%Y às %H:%M}",
        }
        text = "\n".join(
            [
                f"Olá, {addressee.name},",
                "",
                news.opening.format(**facts),
                "",
                *(row for line in order.lines for row in _line(line)),
                "",
                f"Total: {reais(order.total)}",
                "",
                news.next_step,
                "",
                "Prumo",
                "",
            ]
        )
        subject = news.subject.format(**facts)
        await self.mailer.send(Mail(addressee.email, subject, text, reference=str(event_id)))


def _line(line: OrderLine) -> tuple[str, str]:
    quantity = f"{number(line.quantity.value)} {line.quantity.unit}"
    return (
        f"- {line.name} ({line.sku})",
        f"  {quantity} × {reais(line.unit_price)} = {reais(line.line_total)}",
    )


def reais(money: Money) -> str:
    """As Brazilians write it: `R$ 1.234,56`, a unit price with up to four decimals: `R$ 0,4375`."""
    sign = "-" if money.amount < 0 else ""
    return f"{sign}R$ {number(abs(money.amount), at_least=2)}"


def number(value: Decimal, at_least: int = 0) -> str:
    """Up to four decimals, but no idle zeros beyond `at_least` of them: `1.234,5`."""
    whole, _, fraction = f"{value.quantize(Decimal('0.0001'), ROUND_HALF_EVEN):,f}".partition(".")
    fraction = fraction.rstrip("0").ljust(at_least, "0")
    whole = whole.replace(",", ".")
    return f"{whole},{fraction}" if fraction else whole
