"""Exactly-once writes: what makes a key acceptable, and two inputs the same."""

import hashlib
import json
from decimal import Decimal
from uuid import UUID

from contexts.shared.rejections import InvalidInput
from contexts.shared.text import key_problem


def malformed_key(key: str) -> InvalidInput | None:
    """The rejection of a key that is none; None for a good one."""
    wrong = key_problem(key)
    return None if wrong is None else InvalidInput((wrong.at("input", "idempotencyKey"),))


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
