"""Exactly-once writes: what makes a key acceptable, and two inputs the same."""

import hashlib
import json
from decimal import Decimal
from uuid import UUID

from contexts.shared.rejections import InvalidInput

MAX_KEY_LENGTH = 128


def malformed_key(key: str) -> InvalidInput | None:
    """The rejection of a key that is blank, or not 1 to 128 printable characters; None for a good one."""
    if len(key) <= MAX_KEY_LENGTH and key.isprintable() and key.strip():
        return None
    return InvalidInput.at(
        "idempotencyKey",
        "MALFORMED",
        f"The key must have 1 to {MAX_KEY_LENGTH} printable characters, not only spaces.",
    )


def fingerprint(operation: str, **facts: str | int | Decimal | UUID | None) -> bytes:
    """SHA-256 of an operation and its input, alike for inputs that mean the same: 10.5 and 10.50 do."""
    canonical = json.dumps([operation, {name: _canonical(fact) for name, fact in facts.items()}])
    return hashlib.sha256(canonical.encode()).digest()


def _canonical(fact: str | int | Decimal | UUID | None) -> str | int | None:
    match fact:
        case Decimal():
            # `+ 0` because minus zero is zero too.
            return str(fact.normalize() + 0)
        case UUID():
            return str(fact)
        case _:
            return fact
