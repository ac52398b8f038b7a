"""What is over is deleted in small batches, and nothing else."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update

from contexts.identity.adapters.retention import (
    KEPT_INVITATIONS,
    KEPT_NETWORKS,
    KEPT_SESSIONS,
    KEPT_UNPROVED,
    OF_IDENTITY,
    UnprovedRegistrations,
)
from contexts.identity.adapters.retention import KEPT_KEYS as KEPT_SIGNING_KEYS
from contexts.identity.adapters.tables import (
    account_addresses,
    account_changes,
    buyer_accounts,
    cnpj_holds,
    invitation_tokens,
    invitations,
    mailed_tokens,
    portfolio,
    refresh_tokens,
    registrations,
    seen_networks,
    sessions,
    sign_in_failures,
    signing_keys,
    user_roles,
    users,
)
from contexts.identity.domain.session import REFRESH_LIFE
from contexts.orders.adapters.retention import KEPT_KEYS, OF_ORDERS
from contexts.orders.adapters.tables import idempotency_keys
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.retention import KEPT_EVENTS, OF_SHARED, delete_expired, keep_deleting
from contexts.shared.adapters.tables import outbox
from contexts.shared.ids import new_id
from tests.polling import until

HOUR = timedelta(hours=1)
EVERYTHING = (*OF_SHARED, *OF_IDENTITY, *OF_ORDERS)
TABLES = [each.table for each in EVERYTHING]


def digest() -> bytes:
    return new_id().bytes * 2


def registration(at: datetime, *, proved: datetime | None = None) -> list[tuple[Any, dict[str, object]]]:
    """The rows of a company that registered itself then, with the person who did it, under "id" of the second row."""
    account, user = new_id(), new_id()
    return [
        (
            buyer_accounts,
            {"id": account, "legal_name": "x", "cnpj": "12ABC34501DE35", "status": "PENDING"}
            | {"created_at": at},
        ),
        (
            users,
            {"id": user, "name": "x", "email": f"{user}@x.example", "password_hash": "x"}
            | {"active": True, "created_at": at, "account_id": account, "email_verified_at": proved},
        ),
        (user_roles, {"user_id": user, "role": "account_admin"}),
        (
            account_addresses,
            {"id": new_id(), "account_id": account, "street": "x", "number": "1", "district": "x"}
            | {"city": "x", "state": "PA", "postal_code": "66035170", "is_primary": True},
        ),
        (
            account_changes,
            {"id": new_id(), "account_id": account, "step": "REGISTERED", "status": "PENDING"}
            | {"by": user, "at": at},
        ),
        (
            sessions,
            {"id": (session := new_id()), "user_id": user, "created_at": at, "last_used_at": at}
            | {"expires_at": datetime.now(UTC) + HOUR},
        ),
        (
            refresh_tokens,
            {
                "digest": digest(),
                "session_id": session,
                "issued_at": at,
                "expires_at": datetime.now(UTC) + HOUR,
            },
        ),
        (seen_networks, {"user_id": user, "network": "192.0.2.1", "last_seen_at": datetime.now(UTC)}),
    ]


async def fill(database: Database, old: bool, rows: int = 1) -> None:
    """Rows that are just over, or just not yet."""
    now = datetime.now(UTC)
    near = -HOUR if old else HOUR

    def at(kept: timedelta = timedelta()) -> datetime:
        return now - kept + near

    async with database.begin() as transaction:
        connection = transaction.connection
        for _ in range(rows):
            user, session = new_id(), new_id()
            given: list[tuple[Any, dict[str, object]]] = [
                (
                    users,
                    {"id": user, "name": "x", "email": f"{user}@x.example", "password_hash": "x"}
                    | {"active": True, "created_at": now},
                ),
                (
                    sessions,
                    {"id": session, "user_id": user, "created_at": now, "last_used_at": now}
                    | {"expires_at": at(KEPT_SESSIONS)},
                ),
                (
                    refresh_tokens,
                    {"digest": digest(), "session_id": session, "issued_at": now, "expires_at": at()},
                ),
                (
                    sign_in_failures,
                    {"key": digest(), "failures": 1, "free_at": now, "forgotten_at": at()},
                ),
                (
                    seen_networks,
                    {"user_id": user, "network": "192.0.2.1", "last_seen_at": at(KEPT_NETWORKS)},
                ),
                (
                    mailed_tokens,
                    {"digest": digest(), "purpose": "PASSWORD_RESET", "user_id": user, "email": "x"}
                    | {"issued_at": now, "expires_at": at()},
                ),
                (
                    idempotency_keys,
                    {"user_id": user, "key": "k", "fingerprint": b"x", "order_id": new_id()}
                    | {"created_at": at(KEPT_KEYS)},
                ),
                (
                    outbox,
                    {"id": new_id(), "topic": "x", "payload": {}, "handled_at": at(KEPT_EVENTS)},
                ),
                (
                    outbox,
                    {"id": new_id(), "topic": "given up", "payload": {}, "failed_at": at(KEPT_EVENTS)},
                ),
                (
                    invitations,
                    {"id": (invitation := new_id()), "email": f"{invitation}@x.example", "roles": ["catalog"]}
                    | {"invited_by": user, "created_at": now, "expires_at": at(KEPT_INVITATIONS)},
                ),
                (invitation_tokens, {"digest": digest(), "invitation_id": invitation}),
                (
                    registrations,
                    {"digest": digest(), "cnpj": "12ABC34501DE35", "at": at(KEPT_UNPROVED)},
                ),
                *registration(at(KEPT_UNPROVED)),
                (
                    signing_keys,
                    {"kid": str(new_id()), "algorithm": "EdDSA", "created_at": now, "signs_from": now}
                    | {"revoked_at": at(KEPT_SIGNING_KEYS), "wrapped_by": "x", "wrapped": bytes(60)},
                ),
                (outbox, {"id": new_id(), "topic": "open", "payload": {}, "created_at": at(KEPT_EVENTS)}),
            ]
            for table, values in given:
                await connection.execute(insert(table).values(values))
        await transaction.commit()


async def counts(database: Database) -> dict[str, int]:
    async with database.reading() as connection:
        return {
            table.name: (await connection.scalar(select(func.count()).select_from(table))) or 0
            for table in TABLES
        }


async def test_what_is_over_goes_and_the_rest_stays(database: Database) -> None:
    await fill(database, old=False)
    kept = await counts(database)
    await fill(database, old=True, rows=7)
    for rule in EVERYTHING:
        deleted = await delete_expired(database, rule, batch=3)
        assert deleted == 7 or rule.table is refresh_tokens  # those went with their sessions
    left = await counts(database)
    assert left.pop("outbox") == kept.pop("outbox") + 7  # an event nobody has handled stays for ever
    assert left == kept


async def test_a_session_that_nobody_can_go_on_with_is_over(database: Database) -> None:
    """Long before its end: its refresh token has expired unused."""
    unused = REFRESH_LIFE + KEPT_SESSIONS
    user, now = new_id(), datetime.now(UTC)
    person = {"id": user, "name": "x", "email": f"{user}@x.example", "password_hash": "x"}
    ids = {unused - HOUR: new_id(), unused + HOUR: new_id()}
    async with database.begin() as transaction:
        connection = transaction.connection
        await connection.execute(insert(users).values({**person, "active": True, "created_at": now}))
        for ago, id_ in ids.items():
            times = {"created_at": now - unused - HOUR, "last_used_at": now - ago, "expires_at": now + HOUR}
            await connection.execute(insert(sessions).values({"id": id_, "user_id": user, **times}))
        await transaction.commit()
    (over,) = [each for each in OF_IDENTITY if each.table is sessions]
    assert await delete_expired(database, over) == 1
    async with database.reading() as reading:
        left = await reading.scalars(select(sessions.c.id).where(sessions.c.user_id == user))
    assert left.all() == [ids[unused - HOUR]]


async def insert_all(database: Database, rows: list[tuple[Any, dict[str, object]]]) -> None:
    async with database.begin() as transaction:
        for table, values in rows:
            await transaction.connection.execute(insert(table).values(values))
        await transaction.commit()


async def test_a_registration_that_anybody_has_dealt_with_stays(database: Database) -> None:
    long_ago, now = datetime.now(UTC) - KEPT_UNPROVED - 30 * HOUR, datetime.now(UTC)
    unproved = UnprovedRegistrations()
    await delete_expired(database, unproved)
    before = await counts(database)
    kept = [registration(long_ago) for _ in range(5)]
    kept[0][0][1]["status"] = "REJECTED"
    account, user = [[rows[row][1]["id"] for rows in kept] for row in (0, 1)]
    step = {"step": "INFORMATION_REQUESTED", "status": "PENDING", "by": user[1], "at": now}
    link = {"digest": digest(), "purpose": "EMAIL_VERIFICATION", "email": "x", "issued_at": now}
    for rows in (
        *kept,
        registration(long_ago, proved=now),
        registration(long_ago)[:2] + registration(long_ago, proved=now)[:1],  # opened by the staff
        [
            (account_changes, {"id": new_id(), "account_id": account[1], **step}),
            (cnpj_holds, {"cnpj": "12ABC34501DE35", "account_id": account[2], "at": now}),
            (portfolio, {"account_id": account[3], "rep_id": user[3]}),
            (mailed_tokens, {**link, "user_id": user[4], "expires_at": now + HOUR}),
        ],
    ):
        await insert_all(database, rows)
    assert await delete_expired(database, unproved) == 0
    assert (await counts(database))["buyer_accounts"] == before["buyer_accounts"] + 8


async def test_who_proves_an_address_at_that_moment_keeps_the_registration(database: Database) -> None:
    unproved = UnprovedRegistrations()
    await delete_expired(database, unproved)
    rows = registration(datetime.now(UTC) - KEPT_UNPROVED - HOUR)
    await insert_all(database, rows)
    async with database.begin() as transaction:
        await transaction.connection.execute(
            update(users).where(users.c.id == rows[1][1]["id"]).values(email_verified_at=func.now())
        )
        async with asyncio.timeout(5):
            assert await delete_expired(database, unproved) == 0
        await transaction.commit()
    assert await delete_expired(database, unproved) == 0


async def test_rows_that_somebody_holds_are_passed_over(database: Database) -> None:
    await fill(database, old=True, rows=2)
    events, _ = OF_SHARED
    async with database.begin() as transaction:
        await transaction.connection.execute(
            select(outbox.c.id).where(outbox.c.topic == "x").limit(1).with_for_update()
        )
        async with asyncio.timeout(5):
            first = await delete_expired(database, events)
    assert first + await delete_expired(database, events) >= 2


async def test_it_outlives_the_database(database_url: str, caplog: pytest.LogCaptureFixture) -> None:
    away = Database("postgresql://nobody@127.0.0.1:1/nowhere")
    deleting = asyncio.create_task(keep_deleting(away, OF_SHARED, every=timedelta(seconds=0.01)))
    await until(lambda: caplog.text.count("rows that are over stay for now") >= 3)
    assert not deleting.done()
    deleting.cancel()
