"""Sign-in, refresh and revoke on the real PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from math import sqrt
from time import perf_counter
from unicodedata import normalize
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from contexts.identity.adapters.passwords import Argon2Passwords
from contexts.identity.adapters.tables import account_addresses, refresh_tokens, sessions, user_roles, users
from contexts.identity.api import (
    ROLES,
    Device,
    Identity,
    InvalidCredentials,
    Principal,
    SessionsEnded,
    SignedIn,
    TokenInvalid,
    TokenRejected,
    TokenVerified,
    TooManyAttempts,
    User,
    UserAdded,
    Viewer,
)
from contexts.identity.domain.session import (
    REFRESH_LIFE,
    SESSION_LIFE,
    digest,
    new_secret,
    start_session,
)
from contexts.identity.domain.session import refresh_token as first_token
from contexts.shared.adapters.audit import SqlAuditTrail
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.audit import Actor, AuditFilter
from contexts.shared.pagination import Window
from contexts.shared.rejections import NotFound
from tests.contexts.identity.clock import HandClock
from tests.contexts.identity.conftest import PASSWORD, People

SECOND = timedelta(seconds=1)
HERE = Device("203.0.113.7", "Mozilla/5.0 (tests)")
NOBODY = Actor(None, None, "request-1")


async def sign_in(
    identity: Identity, email: str, password: str, device: Device = HERE
) -> SignedIn | InvalidCredentials | TooManyAttempts:
    return await identity.sign_in(email, password, device, NOBODY)


async def refresh(identity: Identity, refresh_token: str) -> SignedIn | TokenInvalid:
    return await identity.refresh(refresh_token, HERE, NOBODY)


async def signed_in(identity: Identity, email: str) -> SignedIn:
    outcome = await sign_in(identity, email, PASSWORD)
    assert isinstance(outcome, SignedIn)
    return outcome


async def refreshed(identity: Identity, refresh_token: str) -> SignedIn:
    outcome = await refresh(identity, refresh_token)
    assert isinstance(outcome, SignedIn)
    return outcome


async def set_active(database: Database, user: User, active: bool) -> None:
    async with database.begin() as transaction:
        await transaction.connection.execute(update(users).where(users.c.id == user.id).values(active=active))
        await transaction.commit()


async def count_sessions(database: Database) -> int:
    async with database.reading() as connection:
        return await connection.scalar(select(func.count()).select_from(sessions)) or 0


async def revoked_at(database: Database, session_id: UUID) -> datetime | None:
    async with database.reading() as connection:
        found: datetime | None = await connection.scalar(
            select(sessions.c.revoked_at).where(sessions.c.id == session_id)
        )
        return found


async def test_a_buyer_signs_in(identity: Identity, people: People, clock: HandClock) -> None:
    with counting_statements() as counted:
        outcome = await signed_in(identity, people.buyer_sp.email)
    # One read; the attempt counted for person and place; user twice, session, token, the sessions too many, network,
    # both counts again, the act counted and written.
    assert counted.statements == 13
    assert outcome.principal == Principal(
        user_id=people.buyer_sp.id,
        session_id=outcome.principal.session_id,
        account_id=people.sp.id,
        roles=frozenset({"buyer"}),
        scopes=ROLES["buyer"],
    )
    assert outcome.viewer == Viewer(people.buyer_sp, people.sp, tuple(sorted(ROLES["buyer"])))
    assert outcome.expires_at == clock.now() + timedelta(minutes=10)
    verified = identity.access_tokens.verify(outcome.access_token, clock.now())
    assert isinstance(verified, TokenVerified)
    assert (verified.principal, verified.expires_at) == (outcome.principal, outcome.expires_at)


async def test_staff_sign_in_without_an_account(identity: Identity, people: People) -> None:
    outcome = await signed_in(identity, people.rep.email)
    assert outcome.principal.account_id is None
    assert outcome.viewer == Viewer(people.rep, None, tuple(sorted(ROLES["sales_rep"])))


async def test_scopes_of_several_roles_are_one_set(identity: Identity, people: People) -> None:
    added = await identity.add_user(
        email="dois@prumo.example", name="Dois Papéis", password=PASSWORD, roles=["pricing", "sales_manager"]
    )
    assert isinstance(added, UserAdded)
    outcome = await signed_in(identity, "dois@prumo.example")
    assert outcome.viewer.scopes == tuple(sorted(ROLES["pricing"] | ROLES["sales_manager"]))
    assert outcome.principal.roles == {"pricing", "sales_manager"}


@pytest.mark.parametrize("email", ["  COMPRADOR.SP@PRUMO.EXAMPLE ", "comprador.sp@prumo.example"])
async def test_the_case_of_an_email_does_not_matter(identity: Identity, people: People, email: str) -> None:
    assert (await signed_in(identity, email)).viewer.user == people.buyer_sp


async def test_wrong_credentials_are_all_answered_alike(
    identity: Identity, people: People, database: Database
) -> None:
    before = await count_sessions(database)
    await set_active(database, people.buyer_pa, False)
    try:
        for email, password in (
            (people.buyer_sp.email, "prumo-Demo"),
            (people.buyer_sp.email, PASSWORD + " "),
            ("nobody@prumo.example", PASSWORD),
            (people.buyer_pa.email, PASSWORD),
        ):
            with counting_statements() as counted:
                # Where nobody was seen before: there the network's count is charged as well.
                outcome = await sign_in(identity, email, password, Device("203.0.113.99"))
            assert outcome == InvalidCredentials()
            assert counted.statements == 3  # one read, and the attempt counted
    finally:
        await set_active(database, people.buyer_pa, True)
    assert await count_sessions(database) == before


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("comprador.sp@prumo.example\0", PASSWORD),
        ("comprador.sp\0@prumo.example", PASSWORD),
        ("a" * 255 + "@prumo.example", PASSWORD),
        ("comprador.sp@prumo.example", PASSWORD + "\0"),
        ("comprador.sp@prumo.example", "x" * 1025),
        ("comprador.sp@prumo.example", "\ud800"),
        ("comprador.sp@prumo.example", ""),
        ("", ""),
        ("' OR 1=1 --", PASSWORD),
    ],
)
async def test_what_cannot_be_credentials_does_not_reach_the_database(
    identity: Identity, people: People, email: str, password: str
) -> None:
    with counting_statements() as counted:
        assert await sign_in(identity, email, password) == InvalidCredentials()
    assert counted.statements == 0


async def test_secrets_are_neither_stored_nor_shown(
    identity: Identity, people: People, database: Database
) -> None:
    outcome = await signed_in(identity, people.buyer_sp.email)
    assert outcome.refresh_token not in repr(outcome)
    assert outcome.access_token not in repr(outcome)
    async with database.reading() as connection:
        digests = set(await connection.scalars(select(refresh_tokens.c.digest)))
        hashes = set(await connection.scalars(select(users.c.password_hash)))
    assert all(outcome.refresh_token.encode() not in digest for digest in digests)
    assert all(text.startswith("$argon2id$v=19$m=8,t=1,p=1$") for text in hashes)
    assert len(hashes) > 1  # salted: everybody here has the same password


async def test_a_refresh_goes_on_with_the_session(
    identity: Identity, people: People, clock: HandClock
) -> None:
    first = await signed_in(identity, people.buyer_sp.email)
    clock.advance(timedelta(hours=1))
    assert isinstance(identity.access_tokens.verify(first.access_token, clock.now()), TokenRejected)
    with counting_statements() as counted:
        second = await refreshed(identity, first.refresh_token)
    assert counted.statements == 5  # lock, read, spend, add, note
    assert second.principal == first.principal
    assert second.viewer == first.viewer
    assert second.refresh_token != first.refresh_token
    verified = identity.access_tokens.verify(second.access_token, clock.now())
    assert isinstance(verified, TokenVerified)
    assert (verified.principal, verified.expires_at) == (first.principal, second.expires_at)
    assert (await refreshed(identity, second.refresh_token)).principal == first.principal


async def test_a_refresh_reads_roles_and_account_anew(
    identity: Identity, people: People, database: Database
) -> None:
    first = await signed_in(identity, people.buyer_pa.email)
    async with database.begin() as transaction:
        await transaction.connection.execute(
            user_roles.insert().values(user_id=people.buyer_pa.id, role="account_admin")
        )
        await transaction.connection.execute(
            update(account_addresses).where(account_addresses.c.account_id == people.pa.id).values(state="BA")
        )
        await transaction.commit()
    second = await refreshed(identity, first.refresh_token)
    assert "account:manage" not in first.principal.scopes
    assert "account:manage" in second.principal.scopes
    assert second.viewer.account == replace(people.pa, state="BA")


async def test_a_lost_answer_is_asked_for_again_until_its_successor_is_used(
    identity: Identity, people: People, database: Database
) -> None:
    first = await signed_in(identity, people.buyer_sp.email)
    lost = await refreshed(identity, first.refresh_token)
    again = await refreshed(identity, first.refresh_token)
    assert again.principal == lost.principal
    second = await refreshed(identity, again.refresh_token)
    assert await revoked_at(database, first.principal.session_id) is None
    # Now the successor has been used: whoever has the first one still is not the one who went on.
    assert await refresh(identity, first.refresh_token) == TokenInvalid()
    assert await refresh(identity, second.refresh_token) == TokenInvalid()


async def test_a_successor_that_was_replaced_ends_the_session_when_it_is_used(
    identity: Identity, people: People
) -> None:
    """A thief retries for the owner, or the owner for a thief: two hold tokens of one session."""
    first = await signed_in(identity, people.buyer_sp.email)
    replaced = await refreshed(identity, first.refresh_token)
    current = await refreshed(identity, first.refresh_token)
    assert await refresh(identity, replaced.refresh_token) == TokenInvalid()
    assert await refresh(identity, current.refresh_token) == TokenInvalid()


async def test_reuse_ends_the_session_at_once_and_is_audited(
    identity: Identity, people: People, database: Database, clock: HandClock
) -> None:
    first = await signed_in(identity, people.buyer_sp.email)
    other = await signed_in(identity, people.buyer_sp.email)
    second = await refreshed(identity, first.refresh_token)
    third = await refreshed(identity, second.refresh_token)
    assert not await identity.ended_sessions.has(first.principal.session_id)
    assert await refresh(identity, first.refresh_token) == TokenInvalid()
    assert await revoked_at(database, first.principal.session_id) == clock.now()
    assert await identity.ended_sessions.has(first.principal.session_id)
    assert await refresh(identity, third.refresh_token) == TokenInvalid()
    assert isinstance(await refresh(identity, other.refresh_token), SignedIn)
    found = AuditFilter(action="identity.refresh_token_reused")
    (reuse, *_) = (await SqlAuditTrail(database).page(Window(10), found)).items
    assert reuse.act.subject.id == str(people.buyer_sp.id)
    assert reuse.act.by == NOBODY
    assert reuse.act.account_id == people.sp.id
    assert reuse.act.after == {"address": HERE.address, "userAgent": HERE.user_agent}


async def test_of_ten_refreshes_at_once_one_line_goes_on(
    identity: Identity, people: People, database: Database
) -> None:
    for _ in range(5):
        first = await signed_in(identity, people.buyer_sp.email)
        outcomes = await asyncio.gather(*(refresh(identity, first.refresh_token) for _ in range(10)))
        pairs = [outcome for outcome in outcomes if isinstance(outcome, SignedIn)]
        assert len(pairs) == 10  # each a retry of the one before it, as far as anybody can tell
        async with database.reading() as connection:
            unspent = await connection.scalars(
                select(refresh_tokens.c.digest).where(
                    refresh_tokens.c.session_id == first.principal.session_id,
                    refresh_tokens.c.spent_at.is_(None),
                )
            )
            (live,) = unspent
        (survivor,) = [pair for pair in pairs if digest(pair.refresh_token) == live]
        assert isinstance(await refresh(identity, survivor.refresh_token), SignedIn)


async def test_of_two_successors_used_at_once_the_session_dies(identity: Identity, people: People) -> None:
    for _ in range(5):
        first = await signed_in(identity, people.buyer_sp.email)
        one = await refreshed(identity, first.refresh_token)
        other = await refreshed(identity, first.refresh_token)
        await asyncio.gather(refresh(identity, one.refresh_token), refresh(identity, other.refresh_token))
        assert await identity.ended_sessions.has(first.principal.session_id)


async def test_an_expired_token_refreshes_nothing(
    identity: Identity, people: People, database: Database, clock: HandClock
) -> None:
    first = await signed_in(identity, people.buyer_sp.email)
    clock.advance(REFRESH_LIFE - SECOND)
    second = await refreshed(identity, first.refresh_token)
    clock.advance(REFRESH_LIFE)
    assert await refresh(identity, second.refresh_token) == TokenInvalid()
    assert await revoked_at(database, first.principal.session_id) is None


async def test_a_session_ends_however_often_it_was_refreshed(
    identity: Identity, people: People, clock: HandClock
) -> None:
    current = await signed_in(identity, people.buyer_sp.email)
    ends = clock.now() + SESSION_LIFE
    while clock.now() + REFRESH_LIFE - SECOND < ends:
        clock.advance(REFRESH_LIFE - SECOND)
        current = await refreshed(identity, current.refresh_token)
    clock.at = ends
    assert await refresh(identity, current.refresh_token) == TokenInvalid()


async def test_an_inactive_user_refreshes_nothing(
    identity: Identity, people: People, database: Database
) -> None:
    first = await signed_in(identity, people.buyer_pa.email)
    await set_active(database, people.buyer_pa, False)
    assert await refresh(identity, first.refresh_token) == TokenInvalid()
    await set_active(database, people.buyer_pa, True)
    assert isinstance(await refresh(identity, first.refresh_token), SignedIn)


async def test_a_token_that_never_was(identity: Identity) -> None:
    with counting_statements() as counted:
        assert await refresh(identity, "A" * 43) == TokenInvalid()
        assert counted.statements == 1
        for token in ("", "x", "A" * 10_000_000, "é" * 43, "\ud800" * 43):
            assert await refresh(identity, token) == TokenInvalid()
        assert counted.statements == 1


async def test_an_access_token_is_no_refresh_token(identity: Identity, people: People) -> None:
    outcome = await signed_in(identity, people.buyer_sp.email)
    assert await refresh(identity, outcome.access_token) == TokenInvalid()


async def test_signing_out_ends_this_session_only(
    identity: Identity, people: People, database: Database, clock: HandClock
) -> None:
    here = await signed_in(identity, people.buyer_sp.email)
    there = await signed_in(identity, people.buyer_sp.email)
    stranger = await signed_in(identity, people.buyer_pa.email)
    session_id, ended = here.principal.session_id, clock.now()
    theirs = await identity.end_sessions.one(stranger.principal, session_id, NOBODY)
    assert theirs == NotFound("session", ("input", "id"))
    assert await identity.end_sessions.one(here.principal, session_id, NOBODY) == SessionsEnded(ended, 1)
    clock.advance(SECOND)
    again = await identity.end_sessions.one(here.principal, session_id, NOBODY)
    assert again == NotFound("session", ("input", "id"))
    assert await revoked_at(database, session_id) == ended
    assert await refresh(identity, here.refresh_token) == TokenInvalid()
    assert isinstance(await refresh(identity, there.refresh_token), SignedIn)


async def test_signing_out_everywhere_else(identity: Identity, people: People, clock: HandClock) -> None:
    sessions = [await signed_in(identity, people.rep.email) for _ in range(3)]
    here = sessions[-1].principal
    listed = await identity.sessions.live(people.rep.id, clock.now())
    assert {session.id for session in listed} >= {each.principal.session_id for each in sessions}
    ended = await identity.end_sessions.all(here, NOBODY, but_this=True)
    assert ended.count == len(listed) - 1
    (left,) = await identity.sessions.live(people.rep.id, clock.now())
    assert (left.id, left.device) == (here.session_id, HERE)
    assert (await identity.end_sessions.all(here, NOBODY, but_this=False)).count == 1
    assert await identity.sessions.live(people.rep.id, clock.now()) == []


async def test_a_session_whose_token_expired_unused_is_listed_no_more(
    identity: Identity, people: People, clock: HandClock
) -> None:
    outcome = await signed_in(identity, people.rep.email)
    clock.advance(REFRESH_LIFE - SECOND)
    live = await identity.sessions.live(people.rep.id, clock.now())
    assert outcome.principal.session_id in {session.id for session in live}
    clock.advance(SECOND)
    assert await identity.sessions.live(people.rep.id, clock.now()) == []


async def test_who_is_deactivated_while_signing_in_gets_no_session(
    identity: Identity, people: People, database: Database
) -> None:
    """The password was right and the user active when they were read."""
    async with database.begin() as transaction:
        await transaction.connection.execute(
            update(users).where(users.c.id == people.rep.id).values(active=False)
        )
        signing_in = asyncio.create_task(sign_in(identity, people.rep.email, PASSWORD))
        done, _ = await asyncio.wait([signing_in], timeout=0.3)
        assert not done  # it waits for the user's row
        await transaction.commit()
    assert await signing_in == InvalidCredentials()
    await set_active(database, people.rep, True)


async def test_an_old_password_starts_no_session_after_a_reset(
    identity: Identity, people: People, database: Database
) -> None:
    """It was verified, and then waited for the reset that ends all sessions."""
    old = (await identity.sign_in.users.credentials(people.rep.email)) or pytest.fail("nobody")
    async with database.begin() as transaction:
        new_hash = await identity.sign_in.passwords.hash("another password")
        assert await identity.sign_in.users.set_password(transaction, people.rep.id, new_hash)
        signing_in = asyncio.create_task(sign_in(identity, people.rep.email, PASSWORD))
        done, _ = await asyncio.wait([signing_in], timeout=0.3)
        assert not done  # it waits for the user's row
        await transaction.commit()
    assert await signing_in == InvalidCredentials()
    async with database.begin() as transaction:
        assert await identity.sign_in.users.set_password(transaction, people.rep.id, old.password_hash)
        await transaction.commit()


async def test_a_session_that_is_beginning_is_ended_too(
    identity: Identity, people: People, database: Database, clock: HandClock
) -> None:
    """Of a user whose row does not change, as when their account is suspended."""
    user_id = people.buyer_sp.id
    async with database.begin() as transaction:
        # As who signs in does.
        assert await identity.sign_in.users.locked(transaction, user_id)
        session = start_session(user_id, HERE, clock.now())
        await identity.sessions.start(transaction, session, first_token(session, new_secret(), clock.now()))

        async def ending() -> frozenset[UUID]:
            async with database.begin() as other:
                ended = await identity.sessions.end_all(other, [user_id], clock.now())
                await other.commit()
            return ended

        ended = asyncio.create_task(ending())
        await asyncio.wait([ended], timeout=0.3)
        await transaction.commit()
    assert session.id in await ended


async def test_nobody_takes_as_long_as_a_wrong_password(identity: Identity, people: People) -> None:
    """Whole sign-ins with hashes as expensive as in production, taken in turns, compared by rank (Mann-Whitney).

    Were the hash left out for unknown addresses, every one of those would be faster than every other: z = 4.8. With
    no difference |z| > 4 comes once in fifteen thousand runs, whatever else the machine is doing.
    """
    passwords = Argon2Passwords()
    signing = replace(identity.sign_in, passwords=passwords)
    somewhere = Device("203.0.113.77")
    for user in (people.manager, people.buyer_pa):  # a hash as in production, and no failures so far
        async with identity.sign_in.transactions.begin() as transaction:
            await signing.users.set_password(transaction, user.id, await passwords.hash(PASSWORD))
            await transaction.commit()
        assert isinstance(await signing(user.email, PASSWORD, somewhere, NOBODY), SignedIn)

    async def seconds(email: str) -> float:
        begin = perf_counter()
        assert await signing(email, "wrong password", somewhere, NOBODY) == InvalidCredentials()
        return perf_counter() - begin

    known, unknown = [], []
    for _ in range(8):
        for user in (people.manager, people.buyer_pa):
            known.append(await seconds(user.email))
            unknown.append(await seconds(f"ghost.{user.email}"))
    passwords.close()
    n = len(known)
    wins = sum(one < other for one in known for other in unknown)
    z = (wins - n * n / 2) / sqrt(n * n * (2 * n + 1) / 12)
    assert abs(z) < 4


async def test_the_event_loop_goes_on_while_a_password_is_judged() -> None:
    passwords = Argon2Passwords(time_cost=1, memory_kib=8)
    slowest = "4@8({[<369&#!1/|0$5+7%24"
    judging = asyncio.create_task(passwords.problem(slowest, "password", "Marcos" * 10_000))
    turns = 0
    while not judging.done():
        await asyncio.sleep(0)
        turns += 1
    assert await judging is None
    assert turns > 10
    passwords.close()


async def test_passwords_verify_and_accents_have_one_spelling() -> None:
    passwords = Argon2Passwords(time_cost=1, memory_kib=8)
    text = "construção"
    password_hash = await passwords.hash(normalize("NFC", text))
    assert await passwords.verify(normalize("NFD", text), password_hash)
    assert not await passwords.verify("construcao", password_hash)
    assert not await passwords.verify("no password, but as expensive as one", None)
    passwords.close()
