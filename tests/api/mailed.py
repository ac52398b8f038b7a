"""What the worker mails, through a real SMTP server."""

import asyncio
import re
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway import worker
from gateway.settings import Settings
from tests.polling import until
from tests.smtp import Inbox, serving

_WAITING = text("SELECT count(*) FROM shared.outbox WHERE handled_at IS NULL AND failed_at IS NULL")


async def mailed(settings: Settings) -> list[EmailMessage]:
    """Run the worker until nothing is left to send, and take the mails in."""
    inbox, stop = Inbox(), asyncio.Event()
    assert settings.database_url is not None
    engine = create_async_engine(settings.database_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with serving(lambda: SMTP(inbox)) as port:
        by_smtp = settings.model_copy(update={"smtp_url": f"smtp://127.0.0.1:{port}"})
        running = asyncio.create_task(worker.run(by_smtp, stop))
        async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:

            async def all_sent() -> bool:
                return not await connection.scalar(_WAITING)

            await until(all_sent)
        stop.set()
        await running
    await engine.dispose()
    mails = []
    for envelope in inbox.envelopes:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        mails.append(mail)
    return mails


def only(mails: list[EmailMessage], to: str) -> EmailMessage:
    """The one mail that went to this address."""
    (found,) = [mail for mail in mails if mail["To"] == to]
    return found


def token_in(mail: EmailMessage) -> str:
    """The token in the link that the mail tells one to follow."""
    (token,) = re.findall(r"#token=([A-Za-z0-9_-]+)", mail.get_content())
    return str(token)
