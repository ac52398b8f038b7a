"""The audit trail: who did what to what, kept for good beside what it changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from contexts.shared.pagination import Page, Window

Json = str | int | bool | None | list["Json"] | Mapping[str, "Json"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and in which request. No user: an anonymous caller; no request either: a command."""

    user_id: UUID | None
    session_id: UUID | None
    request_id: str | None


SYSTEM = Actor(None, None, None)
"""A command of the operators, or the software itself."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What something was done to: a type by its name in the schema, and its id there (None: many at once).

    A UUID is a node's; what is known by its name, as a role is, has that for an id.
    """

    type: str
    id: UUID | str | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """Something that was done. `action` is `context.thing_done`; `account_id` is the buyer account it was done
    to or on behalf of. `before` and `after` hold the facts that changed, and never a secret: no password, no
    token, no hash of either."""

    by: Actor
    action: str
    subject: Subject
    at: datetime
    account_id: UUID | None = None
    before: Mapping[str, Json] | None = None
    after: Mapping[str, Json] | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An act as it stands in the trail."""

    id: UUID
    act: Act


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which acts: all that is given must hold. `since` is inclusive, `until` is not."""

    actor_id: UUID | None = None
    action: str | None = None
    subject: Subject | None = None
    account_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class AuditTrail(Protocol):
    """Reads the trail. It is written through `Transaction.record`, and nothing in it ever changes."""

    async def page(self, window: Window, filter: AuditFilter) -> Page[Recorded]:
        """Latest first, by when they became visible.

        Raises InvalidPosition for a position that is not one of this listing.
        """
        ...

    async def count(self, filter: AuditFilter) -> int: ...
