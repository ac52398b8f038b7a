"""Signing keys: announced, signing, verifying, over; wrapped; shared by processes that do not talk."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import delete, func, select, update

from contexts.identity.adapters.access_tokens import JwtAccessTokens
from contexts.identity.adapters.known_signing_keys import EVERY, KnownSigningKeys
from contexts.identity.adapters.retention import OF_IDENTITY
from contexts.identity.adapters.signing_keys import SigningKey, WrappedKey, Wrapping
from contexts.identity.adapters.tables import signing_keys
from contexts.identity.api import (
    KEY_SET_CACHED,
    KeyMade,
    KeyNeeded,
    KeyRetired,
    KeyRetiresItself,
    KeyRing,
    KeysImported,
    KeysRewrapped,
    KeyState,
    KeysThere,
    KeysUnreadable,
    KeyThere,
    KeyUnknown,
    NoSuchKey,
    NotAKey,
    Principal,
    SigningKeyTimes,
    Succession,
    TokenRejected,
    TokenVerified,
)
from contexts.identity.domain.signing_key import ANNOUNCED, MARGIN, NOTICED
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.adapters.retention import delete_expired
from contexts.shared.adapters.tables import audit_trail
from contexts.shared.unavailable import Unavailable
from gateway.bootstrap import identity as identity_parts
from tests.contexts.identity.clock import HandClock
from tests.signing import LIFE, SECRET, table_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
BUYER = Principal(UUID(int=1), UUID(int=2), None, frozenset({"buyer"}), frozenset())
OTHER = "another-secret-that-no-one-but-the-tests-has"


def times(kid: str, minutes: float, revoked: float | None = None) -> SigningKeyTimes:
    at = NOW + timedelta(minutes=minutes)
    return SigningKeyTimes(kid, at, at, None if revoked is None else NOW + timedelta(minutes=revoked))


def states(known: Succession, minutes: float) -> dict[str, str]:
    return {key.kid: known.state(key, NOW + timedelta(minutes=minutes)).value for key in known.keys}


def test_a_new_key_is_announced_for_longer_than_anybody_keeps_the_set_without_it() -> None:
    assert timedelta(seconds=EVERY) < NOTICED
    assert ANNOUNCED >= KEY_SET_CACHED + NOTICED + MARGIN


def test_one_key_signs_at_a_time_and_those_before_verify_until_their_tokens_are_over() -> None:
    known = Succession([times("b", 10), times("a", 0)], LIFE)
    assert states(known, 9) == {"a": "signs", "b": "announced"}
    assert states(known, 10) == {"a": "verifies", "b": "signs"}
    over = NOW + timedelta(minutes=10) + LIFE + MARGIN
    assert known.verifies_until(known.keys[0]) == over
    assert known.state(known.keys[0], over - SECOND) is KeyState.VERIFIES
    assert known.state(known.keys[0], over) is KeyState.OVER
    assert known.verifying(over) == known.keys[1:]


def test_where_no_key_has_come_to_its_turn_the_first_to_come_signs() -> None:
    """It was made by a clock that is ahead of ours."""
    assert states(Succession([times("a", 1), times("b", 9)], LIFE), 0) == {"a": "signs", "b": "announced"}


def test_a_revoked_key_is_followed_by_the_next_and_brings_none_before_it_back() -> None:
    known = Succession([times("a", 0), times("b", 10, revoked=100), times("c", 100)], LIFE)
    assert states(known, 100) == {"a": "over", "b": "revoked", "c": "signs"}
    withdrawn = Succession([times("a", 0), times("b", 10, revoked=5)], LIFE)
    assert states(withdrawn, 500) == {"a": "signs", "b": "revoked"}


def test_a_wrapped_key_opens_with_its_secret_and_its_own_facts_only() -> None:
    key, wrapping = SigningKey.of(Ed25519PrivateKey.generate()), Wrapping([SECRET])
    by, wrapped = wrapping.wrap(key, NOW)
    kept = WrappedKey(SigningKeyTimes(key.kid, NOW, NOW), by, wrapped)
    raw = key.private.private_bytes_raw()
    opened = wrapping.unwrap(kept)
    assert opened is not None
    assert opened.private.private_bytes_raw() == raw
    assert Wrapping([OTHER, SECRET]).unwrap(kept) is not None
    assert Wrapping([OTHER]).unwrap(kept) is None
    assert wrapping.unwrap(replace(kept, wrapped=bytes([wrapped[0] ^ 1]) + wrapped[1:])) is None
    assert wrapping.unwrap(replace(kept, times=replace(kept.times, kid="other"))) is None
    assert wrapping.unwrap(replace(kept, times=replace(kept.times, created_at=NOW + SECOND))) is None
    # A stranger who can write the table and names our secret.
    _, stranger = Wrapping([OTHER]).wrap(key, NOW)
    assert wrapping.unwrap(replace(kept, wrapped=stranger)) is None
    assert raw not in wrapped
    shown = f"{key!r} {kept!r} {wrapping!r}"
    assert not any(each in shown for each in (SECRET, str(raw), raw.hex(), str(wrapped)))
    assert SECRET not in by
    with pytest.raises(ValueError, match="secret"):
        Wrapping([]).wrap(key, NOW)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime.now(UTC))


@pytest.fixture
async def empty(database: Database) -> AsyncIterator[Database]:
    """No key yet."""
    async with database.begin() as transaction:
        await transaction.connection.execute(delete(signing_keys))
        await transaction.commit()
    yield database


def ring_of(database: Database, clock: HandClock, *secrets: str) -> KeyRing:
    return identity_parts.key_ring(
        table=table_of(database, *secrets), database=database, clock=clock, life=LIFE
    )


@pytest.fixture
def ring(empty: Database, clock: HandClock) -> KeyRing:
    return ring_of(empty, clock)


@dataclass(slots=True)
class Process:
    """What one instance knows. `monotonic` stands still unless a test moves it."""

    known: KnownSigningKeys
    tokens: JwtAccessTokens
    clock: HandClock
    monotonic: list[float]

    def signed_by(self) -> tuple[str, str]:
        """A new token, and its key."""
        token, _ = self.tokens.issue(BUYER, self.clock.now())
        return token, jwt.get_unverified_header(token)["kid"]

    def takes(self, token: str) -> bool:
        return isinstance(self.tokens.verify(token, self.clock.now()), TokenVerified)

    def published(self) -> set[str]:
        return {key["kid"] for key in self.tokens.jwks(self.clock.now())["keys"]}

    async def reads(self) -> None:
        """Its next reading."""
        self.monotonic[0] += EVERY
        await self.known.look_again()


async def process(database: Database, clock: HandClock, *secrets: str) -> Process:
    monotonic = [0.0]
    known = KnownSigningKeys(table_of(database, *secrets), LIFE, lambda: monotonic[0])
    await known.look_again()
    return Process(known, JwtAccessTokens(known, "prumo", "prumo", LIFE), clock, monotonic)


async def made(ring: KeyRing) -> SigningKeyTimes:
    outcome = await ring.make("ana")
    assert isinstance(outcome, KeyMade)
    return outcome.key


async def test_a_new_key_is_in_every_key_set_before_the_first_token_of_it(
    ring: KeyRing, empty: Database, clock: HandClock
) -> None:
    first = await made(ring)
    here, there = await process(empty, clock), await process(empty, clock)
    token, kid = here.signed_by()
    assert (kid, there.takes(token)) == (first.kid, True)
    second = await made(ring)
    for each in (here, there):
        await each.reads()
        assert each.published() == {first.kid, second.kid}
        assert each.signed_by()[1] == first.kid
    clock.advance(ANNOUNCED - SECOND)
    assert here.signed_by()[1] == first.kid
    last, _ = here.signed_by()
    clock.advance(SECOND)
    # Nothing is read here: both knew when.
    new, kid = there.signed_by()
    assert kid == here.signed_by()[1] == second.kid
    assert here.takes(new)
    assert there.takes(last)
    clock.advance(LIFE + MARGIN)
    assert here.published() == there.published() == {second.kid}


async def test_two_clocks_that_differ_by_the_margin_take_each_other_s_tokens(
    ring: KeyRing, empty: Database, clock: HandClock
) -> None:
    first = await made(ring)
    second = await made(ring)
    clock.at = second.signs_from
    ahead, behind = HandClock(clock.at + MARGIN / 4), HandClock(clock.at - MARGIN / 4)
    early, late = await process(empty, ahead), await process(empty, behind)
    (new, of_new), (old, of_old) = early.signed_by(), late.signed_by()
    assert (of_new, of_old) == (second.kid, first.kid)
    assert early.takes(old)
    assert isinstance(late.tokens.verify(new, clock.at), TokenVerified)


async def test_a_token_of_a_key_that_is_over_is_over_whatever_it_says(
    ring: KeyRing, empty: Database, clock: HandClock
) -> None:
    """Who has stolen an old key could let it live for years."""
    await made(ring)
    here = await process(empty, clock)
    forever, _ = JwtAccessTokens(here.known, "prumo", "prumo", timedelta(days=3650)).issue(BUYER, clock.now())
    assert here.takes(forever)
    second = await made(ring)
    await here.reads()
    clock.at = second.signs_from + LIFE + MARGIN - SECOND
    assert here.takes(forever)
    clock.advance(SECOND)
    assert here.tokens.verify(forever, clock.now()) == TokenRejected("expired")


async def test_those_who_make_keys_at_once_make_one(empty: Database, clock: HandClock) -> None:
    rings = [ring_of(empty, clock) for _ in range(4)]
    first = await asyncio.gather(*(each.make("dev", only_first=True) for each in rings))
    assert sorted(type(each).__name__ for each in first) == ["KeyMade", "KeyThere", "KeyThere", "KeyThere"]
    again = await asyncio.gather(*(each.make("ana") for each in rings))
    assert sorted(type(each).__name__ for each in again) == ["KeyMade", "KeyThere", "KeyThere", "KeyThere"]
    assert len(await rings[0].keys.all()) == 2


async def test_tokens_of_made_up_keys_cause_a_statement_a_second_at_most(
    ring: KeyRing, empty: Database, clock: HandClock
) -> None:
    await made(ring)
    here = await process(empty, clock)

    async def flood() -> int:
        with counting_statements() as counted:
            for number in range(100):
                headers = {"typ": "at+jwt", "kid": f"made-up-{number}"}
                token = jwt.encode({}, Ed25519PrivateKey.generate(), "EdDSA", headers)
                assert here.tokens.verify(token, clock.now()) == KeyUnknown(f"made-up-{number}")
                await asyncio.gather(*(here.tokens.look_again() for _ in range(5)))
        return counted.statements

    assert await flood() == 0  # it has read just now
    here.monotonic[0] += 1
    assert await flood() == 1


async def test_an_unknown_key_is_read_at_once(ring: KeyRing, empty: Database, clock: HandClock) -> None:
    await made(ring)
    here, there = await process(empty, clock), await process(empty, clock)
    stolen = here.signed_by()[1]
    outcome = await ring.retire("ana", stolen, at_once=True)
    assert isinstance(outcome, KeyRetired)
    await here.reads()
    token, _ = here.signed_by()
    assert isinstance(there.tokens.verify(token, clock.now()), KeyUnknown)
    there.monotonic[0] += 1
    await there.tokens.look_again()
    assert there.takes(token)


async def test_a_stolen_key_proves_nothing_after_the_next_reading_and_another_signs(
    ring: KeyRing, empty: Database, clock: HandClock
) -> None:
    stolen = await made(ring)
    here = await process(empty, clock)
    token, _ = here.signed_by()
    assert here.takes(token)
    assert here.tokens.has_key(stolen.kid)
    outcome = await ring.retire("ana", stolen.kid, at_once=True)
    assert isinstance(outcome, KeyRetired)
    assert outcome.successor is not None
    assert here.takes(token)
    await here.reads()
    assert not here.takes(token)
    assert not here.tokens.has_key(stolen.kid)
    assert here.signed_by()[1] == outcome.successor.kid
    assert here.published() == {outcome.successor.kid}
    assert await ring.retire("ana", stolen.kid, at_once=True) == KeyRetired(stolen.kid, None)
    # The next time one is announced: it comes to its turn at once.
    announced = await made(ring)
    again = await ring.retire("ana", outcome.successor.kid, at_once=True)
    assert isinstance(again, KeyRetired)
    assert again.successor is not None
    assert again.successor.kid == announced.kid
    await here.reads()
    assert here.signed_by()[1] == announced.kid


async def test_what_may_be_retired_without_haste(ring: KeyRing, clock: HandClock) -> None:
    first = await made(ring)
    assert await ring.retire("ana", first.kid) == KeyNeeded()
    assert await ring.retire("ana", "nobody") == NoSuchKey()
    second = await made(ring)
    assert await ring.retire("ana", second.kid) == KeyRetired(second.kid, None)
    third = await made(ring)
    clock.at = third.signs_from - MARGIN  # some sign with it already, or will before they know
    assert await ring.retire("ana", third.kid) == KeyNeeded()
    clock.at = third.signs_from
    assert await ring.retire("ana", first.kid) == KeyRetiresItself(third.signs_from + LIFE + MARGIN)


async def test_who_does_what_with_keys_is_in_the_trail(ring: KeyRing, database: Database) -> None:
    key = await made(ring)
    await ring.retire("ana", key.kid, at_once=True)
    async with database.reading() as connection:
        rows = await connection.execute(
            select(audit_trail.c.action, audit_trail.c.after).where(audit_trail.c.subject_id == key.kid)
        )
        acts = {action: after["operator"] for action, after in rows}
    assert acts == {"identity.signing_key_made": "ana", "identity.signing_key_revoked": "ana"}


async def test_a_database_that_is_away_signs_nobody_out(
    ring: KeyRing, empty: Database, clock: HandClock, database_url: str
) -> None:
    await made(ring)
    here = await process(empty, clock)
    token, _ = here.signed_by()
    here.known._table = table_of(Database("postgresql://nobody@127.0.0.1:1/x"))
    with pytest.raises(Unavailable, match="signing keys"):
        await here.reads()
    assert here.takes(token)
    assert here.takes(here.signed_by()[0])
    # Who brings an unknown key is not told that it is a wrong one.
    with pytest.raises(Unavailable, match="signing keys"):
        await here.tokens.look_again()
    here.known._table = table_of(empty)
    await here.reads()
    assert here.takes(token)


async def test_an_emptied_table_signs_nobody_out(ring: KeyRing, empty: Database, clock: HandClock) -> None:
    await made(ring)
    here = await process(empty, clock)
    token, _ = here.signed_by()
    async with empty.begin() as transaction:
        await transaction.connection.execute(delete(signing_keys))
        await transaction.commit()
    await here.reads()
    assert here.takes(token)


async def test_without_a_key_nothing_is_issued_and_no_empty_set_is_published(
    empty: Database, clock: HandClock
) -> None:
    here = await process(empty, clock)
    assert not here.tokens.can_issue(clock.now())
    with pytest.raises(Unavailable):
        here.signed_by()
    with pytest.raises(Unavailable):
        here.published()


async def test_another_secret(
    ring: KeyRing, empty: Database, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    first = await made(ring)
    stranger = ring_of(empty, clock, OTHER)
    assert await stranger.make("ana") == KeysUnreadable((first.kid,))
    assert await stranger.rewrap("ana") == KeysUnreadable((first.kid,))
    assert await stranger.retire("ana", first.kid, at_once=True) == KeysUnreadable((first.kid,))
    blind = await process(empty, clock, OTHER)
    assert not blind.tokens.can_issue(clock.now())
    await blind.reads()
    assert caplog.text.count(f"cannot be unwrapped: {first.kid}") == 1
    assert OTHER not in caplog.text


async def test_secrets_change_one_after_the_other(ring: KeyRing, empty: Database, clock: HandClock) -> None:
    await made(ring)
    old, both = await process(empty, clock), await process(empty, clock, OTHER, SECRET)
    token, kid = old.signed_by()
    assert both.takes(token)
    assert await ring_of(empty, clock, OTHER, SECRET).rewrap("ana") == KeysRewrapped((kid,))
    assert await ring_of(empty, clock, OTHER, SECRET).rewrap("ana") == KeysRewrapped(())
    assert (await process(empty, clock, OTHER)).takes(token)
    await old.reads()  # it knows the key, however that is wrapped by now
    assert old.takes(old.signed_by()[0])
    assert not (await process(empty, clock)).tokens.can_issue(clock.now())


async def test_who_cannot_unwrap_the_key_that_signs_signs_with_no_other(
    ring: KeyRing, empty: Database, clock: HandClock
) -> None:
    first = await made(ring)
    second = await made(ring_of(empty, clock, OTHER, SECRET))
    here = await process(empty, clock)
    assert here.signed_by()[1] == first.kid
    clock.at = second.signs_from
    assert not here.tokens.can_issue(clock.now())


OF_AN_UNKNOWN_CURVE = b"""-----BEGIN EC PRIVATE KEY-----
MD4CAQEEDlmcswNFFaIRjZNW1Wx8oAcGBSuBBAAGoSADHgAEghjfQ0e2fJqhs5A3
h2VUqf2Su1+kntT46UF2KA==
-----END EC PRIVATE KEY-----
"""
"""secp112r1, which the library reads no keys of."""


async def test_keys_of_files_are_taken_in_once(ring: KeyRing, empty: Database, clock: HandClock) -> None:
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    old, new = (key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in keys)
    foreign = generate_private_key(SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    for wrong in (b"no key", foreign, OF_AN_UNKNOWN_CURVE):
        assert isinstance(await ring.take_in("ana", [(old, clock.now()), (wrong, clock.now())]), NotAKey)
    assert await ring.keys.all() == []
    taken = await ring.take_in(
        "ana", [(old, clock.now() - timedelta(minutes=5)), (new, clock.now() + timedelta(days=1))]
    )
    assert isinstance(taken, KeysImported)
    here = await process(empty, clock)
    assert here.published() == {SigningKey.of(key).kid for key in keys}
    assert here.signed_by()[1] == SigningKey.of(keys[1]).kid
    assert isinstance(await ring.take_in("ana", [(old, clock.now())]), KeysThere)
    assert isinstance(await ring.make("dev", only_first=True), KeyThere)


async def test_the_worker_deletes_what_is_over_and_never_what_signs(ring: KeyRing, empty: Database) -> None:
    first, second = await made(ring), await made(ring)
    await ring.retire("ana", second.kid)
    third = await made(ring)
    (rule,) = (each for each in OF_IDENTITY if each.table is signing_keys)

    async def left_when(kid: str, **days_ago: float) -> set[str]:
        values = {name: func.now() - timedelta(days=days) for name, days in days_ago.items()}
        async with empty.begin() as transaction:
            changed = update(signing_keys).where(signing_keys.c.kid == kid).values(values)
            await transaction.connection.execute(changed)
            await transaction.commit()
        await delete_expired(empty, rule)
        return {key.kid for key in await ring.keys.all()}

    assert await left_when(first.kid, signs_from=300) == {first.kid, second.kid, third.kid}
    assert await left_when(third.kid, signs_from=0.9) == {first.kid, second.kid, third.kid}
    # Withdrawn before its turn, the second has followed nobody.
    assert await left_when(second.kid, signs_from=1.1, revoked_at=1.2) == {first.kid, third.kid}
    assert await left_when(third.kid, signs_from=1.1) == {third.kid}
    assert await left_when(third.kid, signs_from=300) == {third.kid}
