"""Identifiers are UUIDv7: unguessable in their random part, ordered by creation in their first."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new UUIDv7."""
    return uuid7()
