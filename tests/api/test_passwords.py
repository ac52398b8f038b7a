"""Passwords and e-mail addresses, by the links that are really mailed."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.smtp import SMTP

from gateway import worker
from gateway.settings import Settings
from tests.api.shop import ADMIN, CATALOGO, GESTOR, OPERATIONS, PA, PRECOS, Json, Shop, nodes_of
from tests.polling import until
from tests.smtp import Inbox, serving

NEW = "laje e viga 1987"
LINK = re.compile(r"https://portal\.example/([a-z-]+)#token=([A-Za-z0-9_-]{43})\b")


class Mailbox:
    """What arrives by SMTP while the worker runs."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._read = 0

    async def next(self) -> tuple[str, EmailMessage]:
        """The next mail and who it is for."""
        await until(lambda: len(self._inbox.envelopes) > self._read)
        envelope = self._inbox.envelopes[self._read]
        self._read += 1
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        return envelope.rcpt_tos[0], mail

    async def link(self, to: str, page: str) -> str:
        """The token of the link in the next mail."""
        addressee, mail = await self.next()
        assert addressee == to
        found = LINK.search(mail.get_content())
        assert found is not None
        assert found[1] == page
        return found[2]

    @property
    def unread(self) -> int:
        return len(self._inbox.envelopes) - self._read


@asynccontextmanager
async def mailing(settings: Settings) -> AsyncIterator[Mailbox]:
    inbox, stop = Inbox(), asyncio.Event()
    async with serving(lambda: SMTP(inbox)) as port:
        by_smtp = settings.model_copy(
            update={"smtp_url": f"smtp://127.0.0.1:{port}", "portal_url": "https://portal.example/"}
        )
        running = asyncio.create_task(worker.run(by_smtp, stop))
        try:
            yield Mailbox(inbox)
        finally:
            stop.set()
            await running


@pytest.fixture
async def mailbox(settings: Settings) -> AsyncIterator[Mailbox]:
    async with mailing(settings) as mailbox:
        yield mailbox


async def sign_in(shop: Shop, email: str, password: str) -> Json:
    answer = await shop.operation("portal/SignIn", {"input": {"email": email, "password": password}})
    return answer.payload("sessionCreate")


async def reset(shop: Shop, token: str, password: str = NEW) -> Json:
    given = {"input": {"token": token, "newPassword": password}}
    return (await shop.operation("portal/ResetPassword", given)).payload("passwordReset")


async def ask_reset(shop: Shop, email: str) -> Json:
    answer = await shop.operation("portal/RequestPasswordReset", {"input": {"email": email}})
    return answer.payload("passwordResetRequest")


async def test_a_password_is_reset_by_the_mailed_link(shop: Shop, mailbox: Mailbox) -> None:
    before = (await sign_in(shop, PA, "prumo-demo"))["data"]
    assert (await ask_reset(shop, PA.upper()))["error"] is None
    token = await mailbox.link(PA, "redefinir-senha")

    for weak, code in (("curta", "TOO_SHORT"), ("senha12345", "TOO_COMMON"), ("comprador.pa", "TOO_COMMON")):
        refused = (await reset(shop, token, weak))["error"]
        assert (refused["code"], refused["details"][0]["code"]) == ("INVALID_INPUT", code)
        assert refused["details"][0]["path"] == ["input", "newPassword"]
    assert (await reset(shop, token))["error"] is None  # a refused password has not spent it
    assert (await reset(shop, token, "outra senha longa"))["error"]["code"] == "TOKEN_INVALID"

    addressee, warning = await mailbox.next()
    assert (addressee, warning["Subject"]) == (PA, "Sua senha foi alterada")
    assert token not in warning.get_content()
    assert (await sign_in(shop, PA, "prumo-demo"))["error"]["code"] == "INVALID_CREDENTIALS"
    after = (await sign_in(shop, PA, NEW))["data"]
    assert after["viewer"]["emailVerified"]  # the link was mailed there
    ended = await shop.post(
        {"query": "{ viewer { scopes } }"}, {"authorization": f"Bearer {before['accessToken']}"}
    )
    assert ended.status == 401


async def test_nobody_can_tell_whether_an_address_is_known(shop: Shop, mailbox: Mailbox) -> None:
    known = await shop.operation("portal/RequestPasswordReset", {"input": {"email": GESTOR}})
    unknown = await shop.operation("portal/RequestPasswordReset", {"input": {"email": "x@prumo.example"}})
    for answer in (known, unknown):
        payload = answer.payload("passwordResetRequest")
        assert payload["data"].keys() == {"promisedAt"}
    assert known.statements == unknown.statements
    assert (await mailbox.next())[0] == GESTOR
    await ask_reset(shop, GESTOR)
    assert (await mailbox.next())[0] == GESTOR  # and none to the other between the two


async def test_of_two_resets_at_once_one_wins(shop: Shop, mailbox: Mailbox) -> None:
    await ask_reset(shop, PRECOS)
    token = await mailbox.link(PRECOS, "redefinir-senha")
    passwords = [f"viga e laje {n}{n}{n}" for n in range(5)]
    outcomes = await asyncio.gather(*(reset(shop, token, password) for password in passwords))
    won = [n for n, outcome in enumerate(outcomes) if outcome["error"] is None]
    assert len(won) == 1
    assert (await sign_in(shop, PRECOS, passwords[won[0]]))["error"] is None
    await mailbox.next()


async def test_resets_are_not_for_flooding_a_mailbox(shop: Shop) -> None:
    codes = [(await ask_reset(shop, "flooded@prumo.example"))["error"] for _ in range(12)]
    assert codes[:9] == [None] * 9
    assert {refused["code"] for refused in codes[9:]} == {"TOO_MANY_ATTEMPTS"}
    assert all(1 <= refused["retryAfter"] <= 900 for refused in codes[9:])


async def test_one_changes_ones_own_password(shop: Shop, mailbox: Mailbox) -> None:
    here, there = [(await sign_in(shop, CATALOGO, "prumo-demo"))["data"] for _ in range(2)]
    bearer = {"authorization": f"Bearer {here['accessToken']}"}

    async def change(current: str, new: str) -> Json:
        query = (OPERATIONS / "portal/ChangePassword.graphql").read_text()
        given = {"currentPassword": current, "newPassword": new}
        body = {"query": query, "variables": {"input": given}}
        return (await shop.post(body, bearer)).payload("passwordChange")

    assert (await change("wrong", NEW))["error"]["code"] == "INVALID_CREDENTIALS"
    assert (await change("prumo-demo", "1234567890"))["error"]["details"][0]["code"] == "TOO_COMMON"
    assert (await change("prumo-demo", NEW))["error"] is None
    assert (await mailbox.next())[0] == CATALOGO
    for session, status in ((here, 200), (there, 401)):
        answer = await shop.post(
            {"query": "{ viewer { scopes } }"}, {"authorization": f"Bearer {session['accessToken']}"}
        )
        assert answer.status == status
    assert (await sign_in(shop, CATALOGO, NEW))["error"] is None
    guesses = [(await change(f"guess {n}", NEW))["error"]["code"] for n in range(10)]
    assert guesses == ["INVALID_CREDENTIALS"] * 9 + ["TOO_MANY_ATTEMPTS"]
    throttled = {"filter": {"action": "identity.sign_in_throttled", "actorId": here["viewer"]["user"]["id"]}}
    trail = (await shop.operation("backoffice/AuditTrail", throttled, ADMIN)).data["auditTrail"]
    assert len(nodes_of(trail)) == 1


async def test_a_changed_password_is_not_overwritten_by_an_older_link(shop: Shop, mailbox: Mailbox) -> None:
    await ask_reset(shop, ADMIN)
    token = await mailbox.link(ADMIN, "redefinir-senha")
    given = {"input": {"currentPassword": "prumo-demo", "newPassword": NEW}}
    (await shop.operation("portal/ChangePassword", given, ADMIN)).done("passwordChange")
    assert (await reset(shop, token, "outra senha longa"))["error"]["code"] == "TOKEN_INVALID"
    assert (await sign_in(shop, ADMIN, NEW))["error"] is None
    await mailbox.next()


async def test_an_address_is_proved_by_the_mailed_link(shop: Shop, mailbox: Mailbox) -> None:
    who = "vendas@prumo.example"
    assert not (await shop.operation("portal/Viewer", None, who)).data["viewer"]["emailVerified"]
    (await shop.operation("portal/RequestEmailVerification", None, who)).done("emailVerificationRequest")
    token = await mailbox.link(who, "confirmar-email")
    assert (await reset(shop, token))["error"]["code"] == "TOKEN_INVALID"  # it is good for one thing only
    verified = await shop.operation("portal/VerifyEmail", {"input": {"token": token}})
    verified.done("emailVerify")
    assert (await shop.operation("portal/Viewer", None, who)).data["viewer"]["emailVerified"]
    again = await shop.operation("portal/VerifyEmail", {"input": {"token": token}})
    assert again.refused("emailVerify")["code"] == "TOKEN_INVALID"


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "é" * 43, "A" * 10_000])
async def test_tokens_that_never_were(shop: Shop, token: str) -> None:
    assert (await reset(shop, token))["error"]["code"] == "TOKEN_INVALID"
    answer = await shop.operation("portal/VerifyEmail", {"input": {"token": token}})
    assert answer.refused("emailVerify")["code"] == "TOKEN_INVALID"
