"""The audit trail: written with the change or not at all, and never changed."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from contexts.shared.adapters.audit import SqlAuditTrail
from contexts.shared.adapters.database import Database
from contexts.shared.audit import SYSTEM, Act, AuditFilter, Subject
from contexts.shared.ids import new_id
from contexts.shared.pagination import InvalidPosition, Window
from tests.actor import by

NOON = datetime(2026, 11, 20, 15, tzinfo=UTC)
EVERYTHING = AuditFilter()


@pytest.fixture
async def trail(database: Database) -> AsyncIterator[SqlAuditTrail]:
    yield SqlAuditTrail(database)
    # Not TRUNCATE, which is refused: a superuser takes the trigger away first.
    async with database.begin() as transaction:
        for statement in (
            "ALTER TABLE shared.audit_trail DISABLE TRIGGER append_only",
            "DELETE FROM shared.audit_trail",
            "ALTER TABLE shared.audit_trail ENABLE ALWAYS TRIGGER append_only",
        ):
            await transaction.connection.execute(text(statement))
        await transaction.commit()


async def record(database: Database, *acts: Act) -> None:
    async with database.begin() as transaction:
        for act in acts:
            await transaction.record(act)
        await transaction.commit()


def act(minutes: int = 0, action: str = "pricing.price_set", **changed: object) -> Act:
    made = Act(by(), action, Subject("Price", str(new_id())), NOON + timedelta(minutes=minutes))
    return replace(made, **changed)  # type: ignore[arg-type]  # its fields


async def test_what_is_recorded_is_read_back(database: Database, trail: SqlAuditTrail) -> None:
    whole = act(
        account_id=new_id(), before={"amount": "10.00"}, after={"amount": "9.5", "tiers": ["OURO", None]}
    )
    bare = Act(SYSTEM, "catalog.products_published", Subject("Product"), NOON + timedelta(minutes=1))
    await record(database, whole, bare)
    page = await trail.page(Window(10), EVERYTHING)
    assert [recorded.act for recorded in page.items] == [bare, whole]


async def test_nothing_is_recorded_of_what_was_rolled_back(database: Database, trail: SqlAuditTrail) -> None:
    async with database.begin() as transaction:
        await transaction.record(act())
    assert await trail.count(EVERYTHING) == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE shared.audit_trail SET action = 'nothing'",
        "DELETE FROM shared.audit_trail",
        "DELETE FROM shared.audit_trail WHERE false",
        "TRUNCATE shared.audit_trail",
        "SET LOCAL session_replication_role = replica; DELETE FROM shared.audit_trail",
    ],
)
async def test_nobody_changes_the_trail(database: Database, trail: SqlAuditTrail, change: str) -> None:
    await record(database, act())
    async with database.begin() as transaction:
        with pytest.raises((DBAPIError, asyncpg.InsufficientPrivilegeError), match="append-only"):
            await transaction.connection.raw.execute(change)
    assert await trail.count(EVERYTHING) == 1


async def test_filters_hold_together(database: Database, trail: SqlAuditTrail) -> None:
    asked = act(5, account_id=new_id())
    others = [
        replace(asked, by=by()),
        replace(asked, action="orders.confirmed"),
        replace(asked, subject=Subject("Price", str(new_id()))),
        replace(asked, subject=Subject("Order", asked.subject.id)),
        replace(asked, account_id=new_id()),
        replace(asked, at=NOON + timedelta(minutes=4)),
        replace(asked, at=NOON + timedelta(minutes=6)),
    ]
    await record(database, asked, *others)
    filter = AuditFilter(
        actor_id=asked.by.user_id,
        action=asked.action,
        subject=asked.subject,
        account_id=asked.account_id,
        since=asked.at,
        until=asked.at + timedelta(seconds=1),
    )
    assert [found.act for found in (await trail.page(Window(10), filter)).items] == [asked]
    assert await trail.count(filter) == 1
    assert await trail.count(AuditFilter(subject=Subject("Price"))) == 7
    for name, count in {"actor_id": 7, "action": 7, "account_id": 7, "since": 7, "until": 7}.items():
        one = AuditFilter(**{name: getattr(filter, name)})
        assert (name, await trail.count(one)) == (name, count)


@pytest.mark.parametrize("size", [1, 2, 3, 10])
async def test_pages_both_ways_meet_every_act_once(
    database: Database, trail: SqlAuditTrail, size: int
) -> None:
    # Some at the same instant: their ids tell them apart.
    await record(database, *(act(minutes // 2, action=f"step.{minutes}") for minutes in range(7)))
    expected = [f"step.{minutes}" for minutes in reversed(range(7))]
    forward: list[str] = []
    window = Window(size)
    while True:
        page = await trail.page(window, EVERYTHING)
        forward += [found.act.action for found in page.items]
        if not page.has_next:
            break
        window = Window(size, after=page.positions[-1])
    assert forward == expected
    backward: list[str] = []
    window = Window(size, backward=True)
    while True:
        page = await trail.page(window, EVERYTHING)
        backward = [found.act.action for found in page.items] + backward
        if not page.has_previous:
            break
        window = Window(size, backward=True, before=page.positions[0])
    assert backward == expected


@pytest.mark.parametrize(
    "position",
    [
        (),
        ("x",),
        ("2026-01-01", "0190aaaa-0000-7000-8000-00000000000a"),
        ("2026-01-01T00:00:00+00:00", "x"),
        ("0001-01-01T00:00:00+14:00", "0190aaaa-0000-7000-8000-00000000000a"),
        ("9999-12-31T23:59:59-14:00", "0190aaaa-0000-7000-8000-00000000000a"),
        (None, None),
    ],
)
async def test_a_position_of_another_listing(trail: SqlAuditTrail, position: tuple[str | None, ...]) -> None:
    with pytest.raises(InvalidPosition):
        await trail.page(Window(1, after=position), EVERYTHING)
