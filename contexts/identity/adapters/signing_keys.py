"""The Ed25519 keys that sign access tokens, wrapped in PostgreSQL (docs/adr/0030-signing-keys.md)."""

import hashlib
import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Self

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from sqlalchemy import func, insert, select, update

from contexts.identity.adapters.tables import signing_keys
from contexts.identity.domain.signing_key import SigningKeyTimes
from contexts.identity.ports import NotAKey
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
from contexts.shared.transaction import Transaction

ALGORITHM: Final = "EdDSA"
_NONCE: Final = 12


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair; `kid` is the RFC 7638 thumbprint of the public one."""

    private: Ed25519PrivateKey = field(repr=False)
    kid: str
    jwk: Mapping[str, str]

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> Self:
        public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        # RFC 7638: the required members only, sorted, without white space.
        required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public)}
        canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
        kid = _base64url(hashlib.sha256(canonical).digest())
        return cls(private, kid, {**required, "kid": kid, "alg": ALGORITHM, "use": "sig"})

    @classmethod
    def of_pem(cls, pem: bytes) -> "Self | NotAKey":
        try:
            private = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return NotAKey("not a private key in PEM form without a password")
        return cls.of(private) if isinstance(private, Ed25519PrivateKey) else NotAKey("not an Ed25519 key")


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A private key as it is kept: `wrapped` by the secret that `wrapped_by` names."""

    times: SigningKeyTimes
    wrapped_by: str
    wrapped: bytes = field(repr=False)


class Wrapping:
    """AES-256-GCM, by keys derived from secrets. All unwrap, the first one wraps.

    Id, algorithm, time of making and secret are associated data: a row whose key was exchanged for that of another
    does not unwrap, and nobody adds a key who can write the table and does not have the secret.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._ciphers = {_name(secret): AESGCM(_derived(secret, b"wrap", 32)) for secret in secrets}

    @property
    def by(self) -> str:
        """The secret that wraps, by its name. Raises ValueError where none was given."""
        if not self._ciphers:
            raise ValueError("a key cannot be wrapped without a secret")
        return next(iter(self._ciphers))

    def wrap(self, key: SigningKey, created_at: datetime) -> tuple[str, bytes]:
        """The name of the secret, and the wrapped key."""
        nonce, by = os.urandom(_NONCE), self.by
        context = _context(key.kid, created_at, by)
        return by, nonce + self._ciphers[by].encrypt(nonce, key.private.private_bytes_raw(), context)

    def unwrap(self, kept: WrappedKey) -> SigningKey | None:
        """None: by another secret than ours, or not what was wrapped."""
        cipher = self._ciphers.get(kept.wrapped_by)
        if cipher is None:
            return None
        times, nonce = kept.times, kept.wrapped[:_NONCE]
        context = _context(times.kid, times.created_at, kept.wrapped_by)
        try:
            raw = cipher.decrypt(nonce, kept.wrapped[_NONCE:], context)
        except InvalidTag:
            return None
        key = SigningKey.of(Ed25519PrivateKey.from_private_bytes(raw))
        return key if key.kid == times.kid else None


_KEYS = signing_keys.c
_TIMES = (_KEYS.kid, _KEYS.created_at, _KEYS.signs_from, _KEYS.revoked_at)
_ALL = Query(select(*_TIMES, _KEYS.wrapped_by, _KEYS.wrapped))
_LOCK = select(func.pg_advisory_xact_lock(func.hashtextextended("identity.signing_keys", 0)))


@dataclass(frozen=True, slots=True)
class SqlSigningKeys:
    """The table `identity.signing_keys`."""

    database: Database
    wrapping: Wrapping

    async def kept(self, within: Transaction | None = None) -> list[WrappedKey]:
        """With the wrapped keys. Outside a transaction it waits behind no request: a stolen key is to be heard of."""
        if within is None:
            rows = await self.database.fetch_apart(_ALL)
        else:
            rows = await self.database.fetch(_ALL, within=within)
        return [
            WrappedKey(SigningKeyTimes(kid, created_at, signs_from, revoked_at), wrapped_by, wrapped)
            for kid, created_at, signs_from, revoked_at, wrapped_by, wrapped in rows
        ]

    async def all(self) -> list[SigningKeyTimes]:
        return [each.times for each in await self.kept()]

    async def locked(self, transaction: Transaction) -> list[SigningKeyTimes]:
        # Locked first, read after: what one waited for is seen by the next statement only.
        await connection_of(transaction).execute(_LOCK)
        return [each.times for each in await self.kept(transaction)]

    async def unreadable(self, kids: Collection[str], within: Transaction | None = None) -> list[str]:
        return [
            each.times.kid
            for each in await self.kept(within)
            if each.times.kid in kids and self.wrapping.unwrap(each) is None
        ]

    async def make(
        self, transaction: Transaction, created_at: datetime, signs_from: datetime
    ) -> SigningKeyTimes:
        key = SigningKey.of(Ed25519PrivateKey.generate())
        return await self._add(transaction, key, SigningKeyTimes(key.kid, created_at, signs_from))

    async def take_in(
        self, transaction: Transaction, pem: bytes, born: datetime
    ) -> SigningKeyTimes | NotAKey:
        key = SigningKey.of_pem(pem)
        if isinstance(key, NotAKey):
            return key
        return await self._add(transaction, key, SigningKeyTimes(key.kid, born, born))

    async def sign_from(self, transaction: Transaction, kid: str, at: datetime) -> None:
        await connection_of(transaction).execute(
            update(signing_keys).where(_KEYS.kid == kid).values(signs_from=at)
        )

    async def revoke(self, transaction: Transaction, kid: str, at: datetime) -> None:
        await connection_of(transaction).execute(
            update(signing_keys).where(_KEYS.kid == kid).values(revoked_at=at)
        )

    async def rewrap(self, transaction: Transaction) -> list[str]:
        rewrapped = []
        for each in await self.kept(transaction):
            if each.wrapped_by != self.wrapping.by and (key := self.wrapping.unwrap(each)) is not None:
                by, wrapped = self.wrapping.wrap(key, each.times.created_at)
                await connection_of(transaction).execute(
                    update(signing_keys)
                    .where(_KEYS.kid == each.times.kid)
                    .values(wrapped_by=by, wrapped=wrapped)
                )
                rewrapped.append(each.times.kid)
        return rewrapped

    async def _add(
        self, transaction: Transaction, key: SigningKey, times: SigningKeyTimes
    ) -> SigningKeyTimes:
        by, wrapped = self.wrapping.wrap(key, times.created_at)
        await connection_of(transaction).execute(
            insert(signing_keys).values(
                kid=key.kid,
                algorithm=ALGORITHM,
                created_at=times.created_at,
                signs_from=times.signs_from,
                wrapped_by=by,
                wrapped=wrapped,
            )
        )
        return times


def _context(kid: str, created_at: datetime, by: str) -> bytes:
    made = created_at.astimezone(UTC).isoformat(timespec="microseconds")
    return "\n".join(("prumo signing key 1", kid, ALGORITHM, made, by)).encode()


def _derived(secret: str, purpose: bytes, length: int) -> bytes:
    # No salt and no stretching: a secret is random, and long enough to be (gateway.settings).
    return HKDF(SHA256(), length, None, b"prumo signing keys: " + purpose).derive(secret.encode())


def _name(secret: str) -> str:
    """Tells which secret it is, and nothing of it."""
    return _derived(secret, b"name", 8).hex()


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
