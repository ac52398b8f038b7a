"""The end of a session is known to every process, at once, and without asking."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from contexts.identity.adapters import ended_sessions
from contexts.identity.adapters.ended_sessions import ListenedEndedSessions
from contexts.identity.api import Identity
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.audit import SYSTEM
from tests.contexts.identity.clock import HandClock
from tests.contexts.identity.conftest import KeptMail, People, identity_on
from tests.contexts.identity.test_sessions import signed_in
from tests.polling import until
from tests.signing import FixedKeys

LISTENERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE query LIKE 'LISTEN%prumo_session_ended%' AND datname = current_database()"
)


@asynccontextmanager
async def process(url: str, clock: HandClock, mail: KeptMail, keys: FixedKeys) -> AsyncIterator[Identity]:
    """Another process, as far as memory goes."""
    database = Database(url)
    async with identity_on(database, clock, mail, keys) as identity:
        yield identity
    await database.close()


@pytest.fixture
async def other(
    database_url: str, clock: HandClock, mail: KeptMail, keys: FixedKeys
) -> AsyncIterator[Identity]:
    async with process(database_url, clock, mail, keys) as identity:
        yield identity


async def until_heard(identity: Identity, session_id: UUID) -> None:
    """A notification takes a moment; nothing but waiting makes it come."""
    await until(lambda: identity.ended_sessions.has(session_id))


async def listening(identity: Identity) -> ListenedEndedSessions:
    ended = identity.ended_sessions
    assert isinstance(ended, ListenedEndedSessions)
    await until(lambda: ended._is_current)
    return ended


async def test_where_it_ends_it_is_refused_with_the_commit(identity: Identity, people: People) -> None:
    session = (await signed_in(identity, people.rep.email)).principal
    await listening(identity)
    await identity.end_sessions.all(session, SYSTEM, but_this=False)
    with counting_statements() as counted:
        assert await identity.ended_sessions.has(session.session_id)
    assert counted.statements == 0


async def test_other_processes_hear_of_it_and_ask_nothing(
    identity: Identity,
    people: People,
    database_url: str,
    clock: HandClock,
    mail: KeptMail,
    keys: FixedKeys,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ended_sessions, "POLL_SECONDS", 3_600)  # it is the notification that is heard
    session = (await signed_in(identity, people.rep.email)).principal
    async with process(database_url, clock, mail, keys) as other:
        await listening(other)
        heard = asyncio.Event()
        with other.ended_sessions.watching(session.session_id, heard.set), counting_statements() as counted:
            assert not await other.ended_sessions.has(session.session_id)
            await identity.end_sessions.all(session, SYSTEM, but_this=False)
            sent = counted.statements
            async with asyncio.timeout(10):
                await heard.wait()
            assert await other.ended_sessions.has(session.session_id)
            assert counted.statements == sent


async def test_a_rollback_ends_nothing(
    identity: Identity, other: Identity, people: People, database: Database, clock: HandClock
) -> None:
    session = (await signed_in(identity, people.rep.email)).principal
    await listening(other)
    async with database.begin() as transaction:
        assert await identity.sessions.end_all(transaction, [people.rep.id], clock.now())
    later = (await signed_in(identity, people.buyer_pa.email)).principal
    await identity.end_sessions.all(later, SYSTEM, but_this=False)
    await until_heard(other, later.session_id)
    for each in (identity, other):
        assert not await each.ended_sessions.has(session.session_id)


async def test_while_nobody_listens_every_question_is_a_read(
    identity: Identity, other: Identity, people: People, database: Database
) -> None:
    session = (await signed_in(identity, people.rep.email)).principal
    ended = await listening(other)
    async with database.reading() as connection:
        await connection.execute(LISTENERS)
    await until(lambda: not ended._is_current)
    with counting_statements() as counted:
        assert not await other.ended_sessions.has(session.session_id)
        assert counted.statements == 1
    await identity.end_sessions.all(session, SYSTEM, but_this=False)
    assert await other.ended_sessions.has(session.session_id)
    await listening(other)  # and by itself it listens again
    with counting_statements() as counted:
        assert await other.ended_sessions.has(session.session_id)
    assert counted.statements == 0


async def test_what_ended_before_a_process_began_is_known_to_it(
    identity: Identity, people: People, database_url: str, clock: HandClock, mail: KeptMail, keys: FixedKeys
) -> None:
    session = (await signed_in(identity, people.rep.email)).principal
    await identity.end_sessions.all(session, SYSTEM, but_this=False)
    async with process(database_url, clock, mail, keys) as late:
        assert await late.ended_sessions.has(session.session_id)  # by a read, before it is current
        ended = await listening(late)
        assert session.session_id in ended._ended


async def test_a_dead_connection_nobody_noticed_costs_one_poll(
    identity: Identity, other: Identity, people: People, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No notification arrives, and the connection looks alive."""
    monkeypatch.setattr(ended_sessions, "POLL_SECONDS", 0.05)
    ended = await listening(other)
    monkeypatch.setattr(ended, "_heard", lambda payload: None)
    ended._stale.set()  # so that the poll at hand is the short one
    database = ended._database

    async def deaf(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(database, "listen", deaf)
    session = (await signed_in(identity, people.rep.email)).principal
    await identity.end_sessions.all(session, SYSTEM, but_this=False)
    await until_heard(other, session.session_id)


async def test_ends_are_forgotten_when_their_tokens_have_expired(
    identity: Identity, people: People, clock: HandClock
) -> None:
    session = (await signed_in(identity, people.rep.email)).principal
    await identity.end_sessions.all(session, SYSTEM, but_this=False)
    ended = await listening(identity)
    assert session.session_id in ended._ended
    clock.advance(timedelta(minutes=10) + ended_sessions.MARGIN + timedelta(seconds=1))
    await ended._read()
    assert session.session_id not in ended._ended
