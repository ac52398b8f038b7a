"""Signing in again and again leaves few sessions, and few rows for good."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from contexts.identity.adapters.repetitions import MOST_TOLD
from contexts.identity.adapters.tables import repeated_acts
from contexts.identity.adapters.throttle import LIMIT
from contexts.identity.api import (
    MOST_SESSIONS,
    Device,
    Identity,
    InvalidCredentials,
    SignedIn,
    TokenInvalid,
    User,
)
from contexts.shared.adapters.audit import SqlAuditTrail
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.audit import SYSTEM, Act, AuditFilter
from contexts.shared.pagination import Window
from tests.contexts.identity.clock import HandClock
from tests.contexts.identity.conftest import PASSWORD, KeptMail, People, identity_on
from tests.contexts.identity.test_people import added
from tests.signing import FixedKeys

HOME = Device("203.0.113.5", "tests")
DAY = timedelta(days=1)


@pytest.fixture
async def person(identity: Identity, clock: HandClock) -> User:
    """Somebody new, on a day of their own: at noon in Brasília."""
    clock.at = datetime.combine(clock.at.date() + 2 * DAY, clock.at.time().replace(hour=15), clock.at.tzinfo)
    return await added(identity, "catalog")


async def signed_in(identity: Identity, person: User, device: Device = HOME) -> SignedIn:
    outcome = await identity.sign_in(person.email, PASSWORD, device, SYSTEM)
    assert isinstance(outcome, SignedIn)
    return outcome


async def live(identity: Identity, person: User, clock: HandClock) -> int:
    return len(await identity.sessions.live(person.id, clock.now()))


async def acts(database: Database, person: User, action: str = "identity.signed_in") -> list[Act]:
    """Of that person in the trail, the oldest first."""
    page = await SqlAuditTrail(database).page(Window(100), AuditFilter(action=action))
    return [each.act for each in reversed(page.items) if each.act.subject.id == str(person.id)]


async def test_the_session_used_last_longest_ago_ends(
    identity: Identity, person: User, clock: HandClock
) -> None:
    begun = []
    for _ in range(MOST_SESSIONS):
        begun.append(await signed_in(identity, person))
        clock.advance(timedelta(minutes=1))
    assert await live(identity, person, clock) == MOST_SESSIONS
    first, second, *_ = begun
    refreshed = await identity.refresh(first.refresh_token, HOME, SYSTEM)
    assert isinstance(refreshed, SignedIn)
    clock.advance(timedelta(minutes=1))
    await signed_in(identity, person)
    assert await live(identity, person, clock) == MOST_SESSIONS
    # At once, and with its access token.
    assert await identity.ended_sessions.has(second.principal.session_id)
    assert await identity.refresh(second.refresh_token, HOME, SYSTEM) == TokenInvalid()
    assert not await identity.ended_sessions.has(first.principal.session_id)
    assert isinstance(await identity.refresh(refreshed.refresh_token, HOME, SYSTEM), SignedIn)


@pytest.fixture
async def two_processes(
    database_url: str, clock: HandClock, mail: KeptMail, keys: FixedKeys, people: People
) -> AsyncIterator[tuple[Identity, Identity]]:
    one, other = Database(database_url), Database(database_url)
    async with identity_on(one, clock, mail, keys) as here, identity_on(other, clock, mail, keys) as there:
        yield here, there
    await one.close()
    await other.close()


async def test_sign_ins_at_once_leave_no_session_too_many(
    two_processes: tuple[Identity, Identity], person: User, clock: HandClock
) -> None:
    """From many places, so that in a process nobody waits for their turn either."""
    await asyncio.gather(
        *(signed_in(two_processes[n % 2], person, Device(f"198.18.0.{n}")) for n in range(3 * MOST_SESSIONS))
    )
    assert await live(two_processes[0], person, clock) == MOST_SESSIONS


async def test_a_sign_in_costs_the_same_however_many_there_were(identity: Identity, person: User) -> None:
    costs = []
    for _ in range(2 * MOST_SESSIONS):
        with counting_statements() as counted:
            await signed_in(identity, person)
        costs.append(counted.statements)
    assert len(set(costs[2:MOST_SESSIONS])) == 1
    assert set(costs[MOST_SESSIONS:]) == {costs[2] + 1}  # the others hear of the session that ended


async def test_a_hundred_and_fifty_sign_ins_are_two_rows_of_the_trail(
    identity: Identity, person: User, database: Database, clock: HandClock
) -> None:
    begun = clock.now()
    for _ in range(150):
        await signed_in(identity, person)
        clock.advance(timedelta(seconds=10))
    (first,) = await acts(database, person)
    assert first.after == {"address": HOME.address, "userAgent": "tests", "sessionsEnded": 0}
    assert await live(identity, person, clock) == MOST_SESSIONS

    await identity.repetitions.tell_over(clock.now())
    assert len(await acts(database, person)) == 1  # the day goes on
    clock.advance(DAY)
    await asyncio.gather(*(identity.repetitions.tell_over(clock.now()) for _ in range(4)))
    _, whole = await acts(database, person)
    assert (whole.by.user_id, whole.at) == (person.id, clock.now())
    assert whole.after is not None
    assert whole.after["times"] == 150
    assert datetime.fromisoformat(str(whole.after["first"])) == begun
    assert datetime.fromisoformat(str(whole.after["last"])) == begun + timedelta(seconds=1490)
    async with database.reading() as connection:
        left = select(func.count()).where(repeated_acts.c.ends_at <= clock.now())
        assert await connection.scalar(left) == 0
    await signed_in(identity, person)
    assert len(await acts(database, person)) == 3  # another day begins


async def test_what_was_told_one_by_one_is_not_told_again(
    identity: Identity, person: User, database: Database, clock: HandClock
) -> None:
    await signed_in(identity, person)
    clock.advance(DAY)
    await identity.repetitions.tell_over(clock.now())
    assert len(await acts(database, person)) == 1


async def test_a_network_that_is_new_is_told_at_once_and_not_without_end(
    identity: Identity, person: User, database: Database, clock: HandClock
) -> None:
    for _ in range(50):
        await signed_in(identity, person)
    await signed_in(identity, person, Device("2001:db8:77::1"))
    *_, thief = await acts(database, person)
    assert thief.after is not None
    assert thief.after["address"] == "2001:db8:77::1"
    for number in range(2 * MOST_TOLD):
        await signed_in(identity, person, Device(f"2001:db8:{number + 100:x}::1"))
    assert len(await acts(database, person)) == MOST_TOLD
    clock.advance(DAY)
    await identity.repetitions.tell_over(clock.now())
    *_, whole = await acts(database, person)
    assert whole.after is not None
    assert whole.after["times"] == 51 + 2 * MOST_TOLD


async def test_what_one_can_do_without_end_is_counted(
    identity: Identity, person: User, database: Database, clock: HandClock
) -> None:
    for _ in range(MOST_TOLD + 5):
        here, other = await signed_in(identity, person), await signed_in(identity, person)
        await identity.end_sessions.one(here.principal, here.principal.session_id, SYSTEM)
        following = await identity.refresh(other.refresh_token, HOME, SYSTEM)
        assert isinstance(following, SignedIn)
        await identity.refresh(following.refresh_token, HOME, SYSTEM)
        assert await identity.refresh(other.refresh_token, HOME, SYSTEM) == TokenInvalid()
        await signed_in(identity, person)
        await identity.end_sessions.all(here.principal, SYSTEM, but_this=False)
    for action, told in (
        ("identity.signed_out", 1),
        ("identity.signed_out_everywhere", 1),
        ("identity.refresh_token_reused", MOST_TOLD),
    ):
        assert (action, len(await acts(database, person, action))) == (action, told)
    clock.advance(DAY)
    await identity.repetitions.tell_over(clock.now())
    for action in ("identity.signed_out", "identity.signed_out_everywhere", "identity.refresh_token_reused"):
        *_, whole = await acts(database, person, action)
        assert whole.after is not None
        assert whole.after["times"] == MOST_TOLD + 5


async def test_who_is_attacked_all_day_is_told_once_and_how_often(
    identity: Identity, person: User, database: Database, clock: HandClock
) -> None:
    for number in range(LIMIT + 20):
        wrong = await identity.sign_in(person.email, "wrong password", Device(f"198.18.1.{number}"), SYSTEM)
        assert wrong == InvalidCredentials()
        if number >= LIMIT - 1:
            clock.advance(timedelta(minutes=15))
    action = "identity.sign_in_throttled"
    assert len(await acts(database, person, action)) == 1
    clock.advance(DAY)
    await identity.repetitions.tell_over(clock.now())
    _, whole = await acts(database, person, action)
    assert whole.after is not None
    assert (whole.after["times"], whole.after["email"]) == (21, person.email)
