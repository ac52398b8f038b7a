"""Operators make the keys that sign access tokens, and take them out of use (docs/adr/0030-signing-keys.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from contexts.identity.domain.signing_key import (
    ANNOUNCED,
    MARGIN,
    NOTICED,
    KeyState,
    SigningKeyTimes,
    Succession,
)
from contexts.identity.ports import NotAKey, SigningKeys
from contexts.shared.audit import SYSTEM, Act, Subject
from contexts.shared.clock import Clock
from contexts.shared.transaction import Transaction, Transactions


@dataclass(frozen=True, slots=True)
class KeyMade:
    """A new key; it signs at once where there was none."""

    key: SigningKeyTimes


@dataclass(frozen=True, slots=True)
class KeyThere:
    """Nothing was made: this key is announced already, or, where only a first one was wanted, signs."""

    key: SigningKeyTimes


@dataclass(frozen=True, slots=True)
class KeysUnreadable:
    """Our secrets do not unwrap these keys, so that a process with their secret would not unwrap ours."""

    kids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeyRetired:
    """The key proves nothing any more. `successor`: the key that signs in its stead from now on."""

    kid: str
    successor: SigningKeyTimes | None


@dataclass(frozen=True, slots=True)
class KeyNeeded:
    """It signs, or will before every process has heard otherwise."""


@dataclass(frozen=True, slots=True)
class KeyRetiresItself:
    """Another key signs in its stead; its own tokens are good until then at the latest."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class NoSuchKey:
    """There is no key with this id, or not any more."""


@dataclass(frozen=True, slots=True)
class KeysRewrapped:
    kids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KeysImported:
    keys: tuple[SigningKeyTimes, ...]


@dataclass(frozen=True, slots=True)
class KeysThere:
    """Nothing is imported where a key is in use: its tokens would be refused by processes that know it not yet."""

    key: SigningKeyTimes


@dataclass(frozen=True, slots=True)
class MakeSigningKey:
    """Makes a key. It is announced first, unless there was none; while one is announced no other is made."""

    keys: SigningKeys
    transactions: Transactions
    clock: Clock
    life: timedelta

    async def __call__(
        self, operator: str, *, only_first: bool = False
    ) -> KeyMade | KeyThere | KeysUnreadable:
        now = self.clock.now()
        async with self.transactions.begin() as transaction:
            known = Succession(await self.keys.locked(transaction), self.life)
            if unreadable := await self.keys.unreadable(_kids(known.verifying(now)), transaction):
                return KeysUnreadable(tuple(unreadable))
            signing = known.signing(now)
            there = signing if only_first else known.announced(now)
            if there is not None:
                return KeyThere(there)
            key = await self.keys.make(transaction, now, now if signing is None else now + ANNOUNCED)
            await transaction.record(_made(key, operator, now))
            await transaction.commit()
        return KeyMade(key)


@dataclass(frozen=True, slots=True)
class RetireSigningKey:
    """Takes back a key that has not signed, or, `at_once`, any: what it has signed is refused by every process as
    soon as that notices. In place of a key that signs the next one does, or a new one."""

    keys: SigningKeys
    transactions: Transactions
    clock: Clock
    life: timedelta

    async def __call__(
        self, operator: str, kid: str, *, at_once: bool = False
    ) -> KeyRetired | KeyNeeded | KeyRetiresItself | NoSuchKey | KeysUnreadable:
        now = self.clock.now()
        async with self.transactions.begin() as transaction:
            known = Succession(await self.keys.locked(transaction), self.life)
            key = next((each for each in known.keys if each.kid == kid), None)
            if key is None:
                return NoSuchKey()
            state = known.state(key, now)
            if state is KeyState.REVOKED:
                return KeyRetired(kid, None)
            if not at_once:
                if state in (KeyState.VERIFIES, KeyState.OVER):
                    return KeyRetiresItself(known.verifies_until(key))
                if state is KeyState.SIGNS or key.signs_from <= now + NOTICED + MARGIN:
                    return KeyNeeded()
            if unreadable := await self.keys.unreadable(_kids(known.verifying(now)), transaction):
                return KeysUnreadable(tuple(unreadable))
            await self.keys.revoke(transaction, kid, now)
            successor = None
            if state is KeyState.SIGNS:
                successor = await self._succeed(transaction, known.announced(now), operator, now)
            await transaction.record(
                _act("identity.signing_key_revoked", kid, operator, now, {"state": state.value})
            )
            await transaction.commit()
        return KeyRetired(kid, successor)

    async def _succeed(
        self, transaction: Transaction, announced: SigningKeyTimes | None, operator: str, now: datetime
    ) -> SigningKeyTimes:
        """Have another key sign from now on, announced or not."""
        if announced is None:
            key = await self.keys.make(transaction, now, now)
            await transaction.record(_made(key, operator, now))
            return key
        await self.keys.sign_from(transaction, announced.kid, now)
        return announced


@dataclass(frozen=True, slots=True)
class RewrapSigningKeys:
    """Wraps all keys with the secret that wraps now, so that another need not be given any more."""

    keys: SigningKeys
    transactions: Transactions
    clock: Clock

    async def __call__(self, operator: str) -> KeysRewrapped | KeysUnreadable:
        async with self.transactions.begin() as transaction:
            every = await self.keys.locked(transaction)
            if unreadable := await self.keys.unreadable(_kids(every), transaction):
                return KeysUnreadable(tuple(unreadable))
            kids = await self.keys.rewrap(transaction)
            for kid in kids:
                await transaction.record(
                    _act("identity.signing_key_rewrapped", kid, operator, self.clock.now(), {})
                )
            await transaction.commit()
        return KeysRewrapped(tuple(kids))


@dataclass(frozen=True, slots=True)
class ImportSigningKeys:
    """Takes in keys that were files, before the first of ours is made: the youngest signs, all verify."""

    keys: SigningKeys
    transactions: Transactions
    clock: Clock
    life: timedelta

    async def __call__(
        self, operator: str, files: Sequence[tuple[bytes, datetime]]
    ) -> KeysImported | KeysThere | NotAKey:
        """`files`: each with the time from which it has signed."""
        now = self.clock.now()
        async with self.transactions.begin() as transaction:
            signing = Succession(await self.keys.locked(transaction), self.life).signing(now)
            if signing is not None:
                return KeysThere(signing)
            imported = []
            for pem, born in files:
                key = await self.keys.take_in(transaction, pem, min(born, now))
                if isinstance(key, NotAKey):
                    return key
                imported.append(key)
                await transaction.record(_made(key, operator, now))
            await transaction.commit()
        return KeysImported(tuple(imported))


def _kids(keys: Sequence[SigningKeyTimes]) -> list[str]:
    return [key.kid for key in keys]


def _made(key: SigningKeyTimes, operator: str, at: datetime) -> Act:
    facts = {"signsFrom": key.signs_from.isoformat()}
    return _act("identity.signing_key_made", key.kid, operator, at, facts)


def _act(action: str, kid: str, operator: str, at: datetime, facts: dict[str, str]) -> Act:
    return Act(SYSTEM, action, Subject("SigningKey", kid), at, after={**facts, "operator": operator})
