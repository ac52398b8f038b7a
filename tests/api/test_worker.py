"""`prumo worker`: the order confirmation reaches the buyer by SMTP."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from uuid import uuid4

from aiosmtpd.smtp import SMTP

from gateway import worker
from gateway.settings import Settings
from tests.api.mailed import mailed, only, token_in
from tests.api.shop import REP, SP, Shop
from tests.polling import until
from tests.smtp import Inbox, serving


async def test_the_smallest_pool_is_enough_for_a_mail_with_a_link(shop: Shop, settings: Settings) -> None:
    """Its token is made in a transaction of its own, beside that of the outbox."""
    await shop.operation("portal/RequestPasswordReset", {"input": {"email": REP}})
    mails = await mailed(settings.model_copy(update={"database_pool": 1}))
    assert len(token_in(only(mails, REP))) == 43


async def test_the_confirmation_is_mailed(shop: Shop, settings: Settings) -> None:
    line = {"sku": "CIM-0001", "quantity": "10"}
    cart = (await shop.operation("portal/SetCartLine", {"input": line}, SP)).done("cartLineSet")
    placing = {"idempotencyKey": uuid4().hex, "cartVersion": cart["version"]}
    order = (await shop.operation("portal/CheckOut", {"input": placing}, SP)).done("cartCheckout")

    inbox, stop = Inbox(), asyncio.Event()
    async with serving(lambda: SMTP(inbox)) as port:
        by_smtp = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{port}"})
        running = asyncio.create_task(worker.run(by_smtp, stop))
        await until(lambda: inbox.envelopes)
        stop.set()
        await running
    (envelope,) = inbox.envelopes
    assert envelope.rcpt_tos == [SP]
    assert isinstance(envelope.content, bytes)
    mail = message_from_bytes(envelope.content, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert order["number"] in mail["Subject"]
    assert "R$ 342,00" in mail.get_content()
