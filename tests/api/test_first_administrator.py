"""From an empty database to a signed-in administrator, by commands and HTTP alone; and no demo account on the way."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.embedded.postgres import Postgres
from gateway.embedded.s3 import S3
from gateway.seed.demo import DEMO_ACCOUNTS
from gateway.settings import Settings
from tests.api.conftest import settings_for
from tests.api.mailed import mailed, only, token_in
from tests.api.processes import PRUMO, environment, serving
from tests.api.shop import OPERATIONS, Json, nodes_of
from tests.conftest import copied

ANA = "ana@firma.example"
PORTAL = "https://portal.firma.example"
INVITE = ("user", "invite", "--role", "admin")


async def prumo(settings: Settings, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """The exit code of the command, and what it said on stdout and stderr."""
    process = await asyncio.create_subprocess_exec(
        PRUMO,
        *arguments,
        env=environment(settings, **variables),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode or 0, said.decode(), complained.decode()


async def scalar(settings: Settings, statement: str) -> object:
    assert settings.database_url is not None
    engine = create_async_engine(settings.database_url.replace("postgresql://", "postgresql+asyncpg://"))
    try:
        async with engine.connect() as connection:
            return await connection.scalar(text(statement))
    finally:
        await engine.dispose()


@pytest.fixture
async def nobody(postgres: Postgres, template: str, tmp_path: Path, s3: S3) -> AsyncIterator[Settings]:
    """Settings that name a migrated database without a user."""
    yield settings_for(tmp_path, await copied(postgres, template), s3)


def token(said: str) -> str:
    (found,) = re.findall(rf"{PORTAL}/convite#token=([A-Za-z0-9_-]{{43}})\n", said)
    return str(found)


async def ask(address: str, operation: str, variables: Json, bearer: str | None = None) -> Json:
    body = {"query": (OPERATIONS / f"{operation}.graphql").read_text(), "variables": variables}
    headers = {} if bearer is None else {"authorization": f"Bearer {bearer}"}
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"http://{address}/graphql", json=body, headers=headers, timeout=30)
    data: Json = answer.json()["data"]
    return data


async def test_from_nothing_to_an_administrator(postgres: Postgres, tmp_path: Path, s3: S3) -> None:
    settings = settings_for(tmp_path, await copied(postgres, "template1"), s3)
    code, _, complained = await prumo(settings, *INVITE, ANA)
    assert (code, complained.splitlines()[-1]) == (
        1,
        "prumo: The database is behind this code: run `prumo migrate` first.",
    )
    assert (await prumo(settings, "migrate"))[0] == 0
    assert (await prumo(settings, "keys", "make"))[0] == 0
    code, said, complained = await prumo(settings, *INVITE, ANA, PRUMO_PORTAL_URL=PORTAL)
    assert (code, complained) == (0, "")
    async with serving(settings, tmp_path / "log") as server:
        given = {"token": token(said), "name": "Ana Souza", "password": "viga e laje 2026"}
        accepted = await ask(server.address, "portal/AcceptInvitation", {"input": given})
        assert accepted["invitationAccept"]["data"]["email"] == ANA
        signing_in = {"input": {"email": ANA, "password": "viga e laje 2026"}}
        signed_in = await ask(server.address, "portal/SignIn", signing_in)
        session = signed_in["sessionCreate"]["data"]
        assert "user:manage" in session["viewer"]["scopes"]
        filter = {"filter": {"action": "identity.user_invited"}}
        trail = await ask(server.address, "backoffice/AuditTrail", filter, session["accessToken"])
        (act,) = nodes_of(trail["auditTrail"])
        assert (act["actor"], act["requestId"]) == (None, None)
        facts = {change["field"]: change["after"] for change in act["changes"]}
        assert (facts["email"], facts["operator"] != "") == (ANA, True)
        again = await ask(server.address, "portal/AcceptInvitation", {"input": given})
        assert again["invitationAccept"]["error"]["code"] != ""

    code, said, complained = await prumo(settings, *INVITE, ANA.upper())
    assert (code, said) == (1, "")
    assert complained.splitlines() == [
        "prumo: PRUMO_PORTAL_URL is not set: the link leads to http://127.0.0.1:8000, which has no page for it."
        " The mutation `invitationAccept` takes the token behind `#token=`.",
        f"prumo: {ANA.upper()}: there is a user with this e-mail address already.",
    ]


async def test_the_link_is_mailed_instead_where_mail_is(nobody: Settings) -> None:
    code, said, complained = await prumo(nobody, *INVITE, "--mail", ANA, PRUMO_PORTAL_URL=PORTAL)
    assert (code, said) == (1, "")
    assert complained == (
        "prumo: PRUMO_SMTP_URL is not set, so nothing is mailed. Without --mail the link is printed.\n"
    )
    smtp = {"PRUMO_SMTP_URL": "smtp://127.0.0.1:1", "PRUMO_PORTAL_URL": PORTAL}
    code, said, complained = await prumo(nobody, *INVITE, "--mail", ANA, **smtp)
    assert (code, complained, "token" in said) == (0, "", False)
    assert len(token_in(only(await mailed(nobody), ANA))) == 43


async def test_no_demo_account_is_made_on_a_configured_database_unless_asked_for(nobody: Settings) -> None:
    people = "SELECT count(*) FROM identity.users"
    code, said, complained = await prumo(nobody, "seed")
    assert (code, said, len(complained.splitlines())) == (1, "", 1)
    assert "`prumo seed --demo-accounts`" in complained
    assert "`prumo user invite --role admin EMAIL`" in complained

    code, said, _ = await prumo(nobody, "seed", "--products", "5", "--prices", "20")
    assert (code, "Added 5 products" in said) == (0, True)
    assert await scalar(nobody, people) == 0
    assert await scalar(nobody, "SELECT count(*) FROM pricing.prices WHERE source = 'BUYER'") == 20
    code, _, complained = await prumo(nobody, "seed", "--demo-accounts")
    assert (code, complained) == (0, "")
    assert await scalar(nobody, people) == len(DEMO_ACCOUNTS)
