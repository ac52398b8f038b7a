"""Mail that leaves by SMTP, or stays in a folder where nobody but the developer reads it."""

import asyncio
import os
import re
import ssl
from dataclasses import dataclass, field
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused

from contexts.shared.mail import Mail, Undeliverable

SENDER = "Prumo <nao-responda@prumo.example>"
TIMEOUT_SECONDS = 15.0
"""For connecting and for each answer."""


def message(mail: Mail, sender: str) -> EmailMessage:
    """The message on the wire. A line break in an address or subject raises ValueError, so none gets through."""
    made = EmailMessage(policy=SMTP)
    made["From"] = sender
    made["To"] = Address(addr_spec=mail.to)
    made["Subject"] = mail.subject
    made["Date"] = format_datetime(localtime())
    made["Message-ID"] = f"<{_plain(mail.reference)}@{made['From'].addresses[0].domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(mail.text, cte="quoted-printable")
    return made


@dataclass(frozen=True, slots=True)
class SmtpMailer:
    """Sends through one SMTP server, a connection per mail.

    `security` "tls": TLS from the first byte. "starttls": upgraded, or nothing is sent. "offered": upgraded
    if the server offers it.
    """

    host: str
    port: int | None
    security: Literal["tls", "starttls", "offered"]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    sender: str = SENDER
    tls: ssl.SSLContext | None = None
    timeout: float = TIMEOUT_SECONDS

    @classmethod
    def of_url(cls, url: str, sender: str = SENDER, tls: ssl.SSLContext | None = None) -> Self:
        """From `smtp[s]://[user:password@]host[:port]`; user and password percent-encoded. Else ValueError.

        With a user, `smtp:` insists on STARTTLS: a password never travels in the clear. `tls` replaces the
        usual trust in the system's certificate authorities.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("an SMTP URL looks like smtp://user:password@host:587 or smtps://host")
        return cls(
            host=parts.hostname,
            port=parts.port,
            security="tls" if parts.scheme == "smtps" else "starttls" if parts.username else "offered",
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password or "") if parts.username else None,
            sender=sender,
            tls=tls,
        )

    async def send(self, mail: Mail) -> None:
        try:
            await aiosmtplib.send(
                message(mail, self.sender),
                hostname=self.host,
                port=self.port,
                username=self.user,
                password=self.password,
                use_tls=self.security == "tls",
                start_tls=None if self.security == "offered" else self.security == "starttls",
                tls_context=self.tls,
                timeout=self.timeout,
            )
        except (SMTPRecipientsRefused, SMTPSenderRefused, SMTPDataError) as error:
            refusals = error.recipients if isinstance(error, SMTPRecipientsRefused) else [error]
            if all(_is_final(refusal.code) for refusal in refusals):
                raise Undeliverable("; ".join(f"{each.code} {each.message}" for each in refusals)) from error
            raise


@dataclass(frozen=True, slots=True)
class SpoolMailer:
    """Keeps each mail as `<reference>.eml` in a folder; the same reference again replaces it."""

    folder: Path
    sender: str = SENDER

    async def send(self, mail: Mail) -> None:
        """A reader of the folder never sees half a mail."""
        await asyncio.to_thread(
            self._keep, f"{_plain(mail.reference)}.eml", bytes(message(mail, self.sender))
        )

    def _keep(self, name: str, content: bytes) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=self.folder, suffix=".tmp", delete=False) as part:
            try:
                part.write(content)
                part.flush()
                os.fsync(part.fileno())
                Path(part.name).replace(self.folder / name)
            except BaseException:
                Path(part.name).unlink(missing_ok=True)
                raise


def _is_final(code: int) -> bool:
    """Whether an answer to MAIL, RCPT or DATA is about this mail, and for good. 530 to 538 are about our signing in,
    which somebody will mend."""
    return code >= 500 and code // 10 != 53


def _plain(reference: str) -> str:
    """The reference as part of a Message-ID and of a file name."""
    return re.sub(r"[^A-Za-z0-9-]", "-", reference)[:120]
