"""A real SMTP server for tests."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


class Inbox:
    """An aiosmtpd handler that keeps what arrives, and refuses when told to: the mail, or a recipient."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []
        self.logins: list[bytes] = []
        self.refusing: str | None = None
        self.answers: dict[str, str] = {}
        """To RCPT, for these addresses; "" is none at all."""
        self.hanging = asyncio.Event()
        """Set when somebody waits for an answer that will not come."""

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address, "250 OK")
        if not answer:
            self.hanging.set()
            await asyncio.Event().wait()
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.refusing is not None:
            return self.refusing
        self.envelopes.append(envelope)
        return "250 OK"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
    ) -> AuthResult:
        self.logins.append(data.login)
        return AuthResult(success=data.password == b"s3nha@/")


@asynccontextmanager
async def serving(make: Callable[[], SMTP], tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on a free loopback port, its number; `tls`: TLS from the first byte."""
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
