"""What is secret is in no log line, no metric, no error and no row that anybody reads."""

import logging

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from contexts.shared.adapters.database import Database
from gateway.settings import Settings
from tests.api.shop import ADMIN, REP, Json, Shop

PASSWORD, WRONG = "prumo-demo", "s3gredo-que-vaza"


async def session(shop: Shop, password: str = PASSWORD) -> Json:
    answer = await shop.operation("portal/SignIn", {"input": {"email": REP, "password": password}})
    return answer.payload("sessionCreate")


async def test_secrets_stay_where_they_belong(
    shop: Shop, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with capture_logs() as lines:
        signed_in = (await session(shop))["data"]
        refused = await session(shop, WRONG)
        spent = {"input": {"refreshToken": signed_in["refreshToken"]}}
        renewed = (await shop.operation("portal/RefreshSession", spent)).done("sessionRefresh")
        again = {"input": {"refreshToken": renewed["refreshToken"]}}
        newest = (await shop.operation("portal/RefreshSession", again)).done("sessionRefresh")
        reused = await shop.operation("portal/RefreshSession", spent)
        garbage = {"input": {"token": "A" * 43, "newPassword": WRONG}}
        reset = await shop.operation("portal/ResetPassword", garbage)
        # Variables that do not fit are told about in an error, which must not repeat them.
        ill_typed = [
            (await shop.operation("portal/SignIn", {"input": given})).body
            for given in (
                {"email": REP, "password": [WRONG]},
                {"password": WRONG},
                {"email": REP, "password": WRONG, "remember": True},
                WRONG,
            )
        ]
        ill_bearer = await shop.post({"query": "{ __typename }"}, {"authorization": f"Bearer {WRONG}"})
        trail = await shop.operation("backoffice/AuditTrail", None, ADMIN)
    secrets = [
        PASSWORD,
        WRONG,
        *(each[kind] for each in (signed_in, renewed, newest) for kind in ("accessToken", "refreshToken")),
    ]
    told = {
        "log lines": str(lines) + caplog.text,
        "metrics": (await shop.http.get("/metrics")).text,
        "errors": str([refused, reused.body, reset.body, ill_bearer.body]),
        "a variable that does not fit": str(ill_typed),
        "the audit trail": str(trail.body),
    }
    database = Database(settings.database_url or "")
    async with database.reading() as connection:
        for table in (
            "shared.audit_trail",
            "shared.outbox",
            "identity.sessions",
            "identity.sign_in_failures",
        ):
            told[table] = str((await connection.execute(text(f"SELECT * FROM {table}"))).all())  # noqa: S608
    await database.close()
    assert REP in told["the audit trail"]  # it would show
    for where, what in told.items():
        for secret in secrets:
            assert secret not in what, where


async def test_a_failing_statement_does_not_tell_its_parameters(settings: Settings) -> None:
    """SQLAlchemy would put them into the exception, and the exception goes to the log."""
    database = Database(settings.database_url or "")
    async with database.begin() as transaction:
        with pytest.raises(Exception, match="division by zero") as raised:
            await transaction.connection.execute(
                text("SELECT 1 / 0 WHERE :hash <> ''"), {"hash": "$argon2id$x"}
            )
    async with database.reading() as connection:
        with pytest.raises(Exception, match="division by zero") as read:
            await connection.execute(text("SELECT 1 / 0 WHERE :hash <> ''"), {"hash": "$argon2id$x"})
    await database.close()
    for error in (raised.value, read.value):
        assert "$argon2id$x" not in f"{error!s} {error!r} {error.__cause__!r}"
