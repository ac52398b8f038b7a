"""A mailed token is good once, for one thing, for a while."""

import asyncio
from datetime import timedelta

from contexts.identity.adapters.mailed_tokens import SqlMailedTokens
from contexts.identity.domain.mailed_token import LIFE, MailedToken, Purpose, mailed_token
from contexts.identity.domain.session import digest, new_secret
from contexts.shared.adapters.database import Database
from tests.contexts.identity.clock import HandClock
from tests.contexts.identity.conftest import People

RESET, PROOF = Purpose.PASSWORD_RESET, Purpose.EMAIL_VERIFICATION


async def mailed(database: Database, people: People, clock: HandClock, purpose: Purpose = RESET) -> bytes:
    """The digest of a token that has just been mailed to the rep."""
    secret = new_secret()
    token = mailed_token(purpose, secret, people.rep.id, people.rep.email, clock.now())
    assert digest(secret) == token.digest
    async with database.begin() as transaction:
        await SqlMailedTokens(database).add(transaction, token)
        await transaction.commit()
    return token.digest


async def take(
    database: Database,
    presented: bytes,
    clock: HandClock,
    purpose: Purpose = RESET,
    together: asyncio.Barrier | None = None,
) -> MailedToken | None:
    """`together`: those that must all have begun before one of them takes it."""
    async with database.begin() as transaction:
        if together is not None:
            await together.wait()
        taken = await SqlMailedTokens(database).take(transaction, presented, purpose, clock.now())
        await transaction.commit()
        return taken


async def test_of_ten_at_once_one_gets_it(database: Database, people: People, clock: HandClock) -> None:
    for _ in range(5):
        presented = await mailed(database, people, clock)
        together = asyncio.Barrier(10)
        taken = await asyncio.gather(
            *(take(database, presented, clock, together=together) for _ in range(10))
        )
        assert [each is not None for each in taken].count(True) == 1


async def test_using_one_ends_the_others_for_the_same_purpose(
    database: Database, people: People, clock: HandClock
) -> None:
    earlier, later = [await mailed(database, people, clock) for _ in range(2)]
    proof = await mailed(database, people, clock, PROOF)
    assert await take(database, earlier, clock) is not None
    assert await take(database, later, clock) is None
    assert await take(database, proof, clock) is None  # not for this
    assert await take(database, proof, clock, PROOF) is not None


async def test_a_token_expires(database: Database, people: People, clock: HandClock) -> None:
    tokens = SqlMailedTokens(database)
    for purpose, life in LIFE.items():
        presented = await mailed(database, people, clock, purpose)
        clock.advance(life - timedelta(seconds=1))
        assert await tokens.find(presented, purpose, clock.now()) is not None
        clock.advance(timedelta(seconds=1))
        assert await tokens.find(presented, purpose, clock.now()) is None
        assert await take(database, presented, clock, purpose) is None


async def test_a_rollback_gives_it_back(database: Database, people: People, clock: HandClock) -> None:
    presented = await mailed(database, people, clock)
    async with database.begin() as transaction:
        assert await SqlMailedTokens(database).take(transaction, presented, RESET, clock.now()) is not None
    assert await take(database, presented, clock) is not None
