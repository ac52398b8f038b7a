"""The Ed25519 keys that sign access tokens: a folder of PEM files."""

import fcntl
import hashlib
import json
import os
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from contexts.identity.ports import KeyInUse
from contexts.shared.ids import new_id

MARGIN: Final = timedelta(minutes=2)
"""For the clocks of processes, and for those that take a moment to notice a new key."""


class SigningKeysError(Exception):
    """A file in the folder is not an Ed25519 private key; the message names it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair; `kid` is the RFC 7638 thumbprint of the public one. `file` is its file's name."""

    file: str
    private: Ed25519PrivateKey
    kid: str
    jwk: dict[str, str]


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """All verify, the last one signs. A new key is put in use by adding a file, an old one retired by removing
    its file when the last token it signed has expired: `SigningKeyRing` does both."""

    folder: Path
    keys: tuple[SigningKey, ...]

    @property
    def signing(self) -> SigningKey:
        return self.keys[-1]

    @classmethod
    def load_or_create(cls, folder: Path) -> "SigningKeys":
        """The keys of `*.pem` in the folder, oldest first; in an empty or missing folder one is made.

        Age is told by the file's name, which `add_key` makes of a UUIDv7: a copied folder loses its times.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(folder):
            return cls._of(folder)

    @classmethod
    def _of(cls, folder: Path) -> "SigningKeys":
        """Needs the folder's lock: processes that start together must not each make a key of their own, and
        none may remove a file between its listing and its reading."""
        files = sorted(folder.glob("*.pem")) or [add_key(folder)]
        return cls(folder, tuple(_load(file) for file in files))

    def reloaded(self) -> "SigningKeys":
        """The keys as they are in the folder now: these very ones when nothing was added or removed.

        A folder without a key is no reason to refuse everybody; then these stay as well.
        """
        files = sorted(self.folder.glob("*.pem"))
        if not files or [file.name for file in files] == [key.file for key in self.keys]:
            return self
        return SigningKeys(self.folder, tuple(_load(file) for file in files))


@dataclass(frozen=True, slots=True)
class SigningKeyRing:
    """The keys as operators see and change them; running processes notice by themselves."""

    folder: Path
    token_life: timedelta

    def in_use(self) -> list[KeyInUse]:
        return self._in_use(SigningKeys.load_or_create(self.folder).keys)

    def _in_use(self, keys: Sequence[SigningKey]) -> list[KeyInUse]:
        born = [_born(self.folder / key.file) for key in keys]
        # A key has signed its last token when its successor came.
        ends = [*(at + self.token_life + MARGIN for at in born[1:]), None]
        return [KeyInUse(key.kid, since, until) for key, since, until in zip(keys, born, ends, strict=True)]

    def rotate(self, at: datetime) -> list[KeyInUse]:
        SigningKeys.load_or_create(self.folder)
        add_key(self.folder)
        self.retire(at)
        return self.in_use()

    def retire(self, at: datetime) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(self.folder):
            keys = SigningKeys._of(self.folder).keys
            for key, use in zip(keys, self._in_use(keys), strict=True):
                if use.verifies_until is not None and use.verifies_until <= at:
                    (self.folder / key.file).unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """No other process adds the first key or removes one."""
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def add_key(folder: Path) -> Path:
    """Make a key, readable by its owner only; it signs from the next `load_or_create` on."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / f"{new_id()}.pem"
    # Ids of one millisecond have no order, and the last key by name signs.
    while any(_born(file) == _born(each) for each in folder.glob("*.pem")):
        file = folder / f"{new_id()}.pem"
    unfinished = file.with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)
    return unfinished.rename(file)


def _born(file: Path) -> datetime:
    """By the UUIDv7 in its name; a file that an operator has named otherwise tells its own time."""
    try:
        seconds = (UUID(file.stem).int >> 80) / 1000
    except ValueError:
        seconds = file.stat().st_mtime
    return datetime.fromtimestamp(seconds, UTC)


def _load(file: Path) -> SigningKey:
    try:
        private = load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise SigningKeysError(f"{file} is not a private key in PEM form without a password") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise SigningKeysError(f"{file} is not an Ed25519 key")
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    # RFC 7638: the required members only, sorted, without white space.
    required = {"crv": "Ed25519", "kty": "OKP", "x": _base64url(public)}
    canonical = json.dumps(required, sort_keys=True, separators=(",", ":")).encode()
    kid = _base64url(hashlib.sha256(canonical).digest())
    return SigningKey(file.name, private, kid, {**required, "kid": kid, "alg": "EdDSA", "use": "sig"})


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
