"""Mail over a real SMTP server, and into a folder."""

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from ipaddress import ip_address
from pathlib import Path

import aiosmtplib
import pytest
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from contexts.shared.adapters.mail import SmtpMailer, SpoolMailer
from contexts.shared.mail import Mail, Undeliverable
from tests.smtp import Inbox, serving

MAIL = Mail(
    to="comprador@prumo.example",
    subject="Pedido P-2026-000001 — confirmação",
    text="Olá!\n\n.\n10 SC × R$ 39,90\n" + "x" * 2000 + "\n",
    reference="0190aaaa-0000-7000-8000-000000000001",
)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 with its key, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "smtp.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def check(content: bytes | str | None) -> None:
    """That a message is MAIL, as a mail program would read it."""
    assert isinstance(content, bytes)
    # SMTP's rule: no line beyond 998 octets, and ASCII alone passes everywhere.
    assert max(map(len, content.splitlines())) < 998
    assert content.isascii()
    message = message_from_bytes(content, policy=default)
    assert isinstance(message, EmailMessage)
    assert message["To"] == MAIL.to
    assert message["From"] == "Prumo <nao-responda@prumo.example>"
    assert message["Subject"] == MAIL.subject
    assert message["Message-ID"] == f"<{MAIL.reference}@prumo.example>"
    assert message.get_content().replace("\r\n", "\n") == MAIL.text


async def test_smtp() -> None:
    inbox = Inbox()
    async with serving(lambda: SMTP(inbox)) as port:
        await SmtpMailer.of_url(f"smtp://127.0.0.1:{port}").send(MAIL)
    (envelope,) = inbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("nao-responda@prumo.example", [MAIL.to])
    check(envelope.content)


@pytest.mark.parametrize("answer", ["550 5.1.1 no such user", "452 4.2.2 mailbox full", "530 sign in first"])
@pytest.mark.parametrize("to", ["RCPT", "DATA"])
async def test_what_is_refused_for_good_is_told_from_what_is_refused_now(answer: str, to: str) -> None:
    inbox = Inbox()
    if to == "RCPT":
        inbox.answers[MAIL.to] = answer
    else:
        inbox.refusing = answer
    async with serving(lambda: SMTP(inbox)) as port:
        with pytest.raises(Exception, match=r"no such user|mailbox full|sign in first") as refused:
            await SmtpMailer.of_url(f"smtp://127.0.0.1:{port}").send(MAIL)
    assert isinstance(refused.value, Undeliverable) is answer.startswith("550")


async def test_a_server_that_says_nothing_is_given_up() -> None:
    inbox = Inbox()
    inbox.answers[MAIL.to] = ""
    async with serving(lambda: SMTP(inbox)) as port:
        with pytest.raises(aiosmtplib.SMTPReadTimeoutError):
            await replace(SmtpMailer.of_url(f"smtp://127.0.0.1:{port}"), timeout=0.2).send(MAIL)


async def test_a_refused_mail_raises() -> None:
    inbox = Inbox()
    inbox.refusing = "451 try again later"
    async with serving(lambda: SMTP(inbox)) as port:
        mailer = SmtpMailer.of_url(f"smtp://127.0.0.1:{port}")
        with pytest.raises(aiosmtplib.SMTPDataError):
            await mailer.send(MAIL)
    with pytest.raises(aiosmtplib.SMTPConnectError):
        await mailer.send(MAIL)


async def test_starttls_and_login(certificate: Path) -> None:
    inbox = Inbox()
    tls = server_tls(certificate)
    async with serving(
        lambda: SMTP(inbox, tls_context=tls, auth_required=True, authenticator=inbox.authenticate)
    ) as port:
        url = f"smtp://loja%40prumo:s3nha%40%2F@127.0.0.1:{port}"
        await SmtpMailer.of_url(url, tls=trust(certificate)).send(MAIL)
        with pytest.raises(ssl.SSLCertVerificationError):
            await SmtpMailer.of_url(url).send(MAIL)
    assert inbox.logins == [b"loja@prumo"]
    check(inbox.envelopes[0].content)


async def test_a_password_never_travels_in_the_clear() -> None:
    inbox = Inbox()
    async with serving(lambda: SMTP(inbox, auth_require_tls=False, authenticator=inbox.authenticate)) as port:
        with pytest.raises(aiosmtplib.SMTPException, match="STARTTLS"):
            await SmtpMailer.of_url(f"smtp://loja:s3nha%40%2F@127.0.0.1:{port}").send(MAIL)
    assert inbox.logins == []


async def test_smtps(certificate: Path) -> None:
    inbox = Inbox()
    async with serving(lambda: SMTP(inbox), tls=server_tls(certificate)) as port:
        await SmtpMailer.of_url(f"smtps://127.0.0.1:{port}", tls=trust(certificate)).send(MAIL)
    check(inbox.envelopes[0].content)


@pytest.mark.parametrize("url", ["", "localhost:25", "http://127.0.0.1", "smtp://", "smtp://host:port"])
def test_urls_that_are_none(url: str) -> None:
    with pytest.raises(ValueError):
        SmtpMailer.of_url(url)


def test_a_password_is_not_shown() -> None:
    assert "s3nha" not in repr(SmtpMailer.of_url("smtp://loja:s3nha@127.0.0.1"))


async def test_nobody_smuggles_a_header_in(tmp_path: Path) -> None:
    for to, subject in [("a@b.example\nBcc: x@y.example", "s"), ("a@b.example", "s\r\nBcc: x@y.example")]:
        with pytest.raises(ValueError):
            await SpoolMailer(tmp_path).send(Mail(to, subject, "t", "r"))
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240 - a test may wait for a folder


async def test_spool_keeps_one_file_per_reference(tmp_path: Path) -> None:
    mailer = SpoolMailer(tmp_path / "mail")
    await mailer.send(MAIL)
    await mailer.send(MAIL)
    (kept,) = (tmp_path / "mail").iterdir()
    assert kept.name == f"{MAIL.reference}.eml"
    check(kept.read_bytes())


async def test_every_mail_server_takes_it(tmp_path: Path) -> None:
    """A short text with accents travels as ASCII too; not every server takes eight bits."""
    await SpoolMailer(tmp_path).send(Mail("a@b.example", "Olá", "Olá, João\n", "r"))
    assert (tmp_path / "r.eml").read_bytes().isascii()


async def test_a_reference_is_no_path(tmp_path: Path) -> None:
    await SpoolMailer(tmp_path / "mail").send(Mail("a@b.example", "s", "t", "../../../etc/passwd"))
    assert [path.name for path in (tmp_path / "mail").iterdir()] == ["---------etc-passwd.eml"]
