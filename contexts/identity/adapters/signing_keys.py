"""The Ed25519 keys that sign access tokens: a folder of PEM files."""

import fcntl
import hashlib
import json
import os
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from contexts.shared.ids import new_id


class SigningKeysError(Exception):
    """A file in the folder is not an Ed25519 private key; the message names it."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key pair; `kid` is the RFC 7638 thumbprint of the public one."""

    private: Ed25519PrivateKey
    kid: str
    jwk: dict[str, str]


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """All verify, the last one signs. A new key is put in use by adding a file, an old one retired by removing
    its file when the last token it signed has expired."""

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
        lock = os.open(folder, os.O_RDONLY)
        try:
            # Processes that start together must not each make a key of their own.
            fcntl.flock(lock, fcntl.LOCK_EX)
            files = sorted(folder.glob("*.pem")) or [add_key(folder)]
        finally:
            os.close(lock)
        return cls(tuple(_load(file) for file in files))


def add_key(folder: Path) -> Path:
    """Make a key, readable by its owner only; it signs from the next `load_or_create` on."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / f"{new_id()}.pem"
    unfinished = file.with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(pem)
    return unfinished.rename(file)


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
    return SigningKey(private, kid, {**required, "kid": kid, "alg": "EdDSA", "use": "sig"})


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
