"""Reading the audit trail in PostgreSQL."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, bindparam, func, select, tuple_

from contexts.shared.adapters.commit_order import number_of, place_of
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.query import Query
from contexts.shared.adapters.tables import audit_trail as trail
from contexts.shared.audit import Act, Actor, AuditFilter, Json, Recorded, Subject
from contexts.shared.pagination import InvalidPosition, Page, Position, Window, page_of

_COLUMNS = (
    trail.c.commit_order,
    trail.c.id,
    trail.c.at,
    trail.c.actor_id,
    trail.c.session_id,
    trail.c.request_id,
    trail.c.account_id,
    trail.c.action,
    trail.c.subject_type,
    trail.c.subject_id,
    trail.c.before,
    trail.c.after,
)
_KEYS = (trail.c.commit_order, trail.c.at, trail.c.id)
_PLACE = tuple_(*_KEYS)


def _bound(side: str) -> ColumnElement[Any]:
    return tuple_(*(bindparam(f"{side}_{key.name}", type_=key.type) for key in _KEYS))


_CONDITIONS: Mapping[str, ColumnElement[bool]] = {
    "actor_id": trail.c.actor_id == bindparam("actor_id"),
    "action": trail.c.action == bindparam("action"),
    "subject_type": trail.c.subject_type == bindparam("subject_type"),
    "subject_id": trail.c.subject_id == bindparam("subject_id"),
    "account_id": trail.c.account_id == bindparam("account_id"),
    "since": trail.c.at >= bindparam("since"),
    "until": trail.c.at < bindparam("until"),
    "after_at": _bound("after") > _PLACE,
    "before_at": _bound("before") < _PLACE,
}


_NUMBER = number_of(trail)


@cache
def _page(conditions: frozenset[str], backward: bool) -> Query[*tuple[Any, ...]]:
    """A few hundred texts at most: one for each set of filters and bounds."""
    page: Select[*tuple[Any, ...]] = select(*_COLUMNS).where(
        *(_CONDITIONS[name] for name in sorted(conditions))
    )
    order = (key.asc() if backward else key.desc() for key in _KEYS)
    return Query(page.order_by(*order).limit(bindparam("limit")))


@cache
def _count(conditions: frozenset[str]) -> Query[int]:
    counted = select(func.count()).select_from(trail)
    return Query(counted.where(*(_CONDITIONS[name] for name in sorted(conditions))))


@dataclass(frozen=True, slots=True)
class SqlAuditTrail:
    """The table `shared.audit_trail`, the latest to become visible first."""

    database: Database

    async def page(self, window: Window, filter: AuditFilter) -> Page[Recorded]:
        asked = _asked(filter)
        for side, position in (("after", window.after), ("before", window.before)):
            if position is not None:
                at, keys = _read(position)
                commit_order, id_ = await place_of(self.database, _NUMBER, keys)
                asked |= {f"{side}_commit_order": commit_order, f"{side}_at": at, f"{side}_id": id_}
        query = _page(frozenset(asked.keys() & _CONDITIONS.keys()), window.backward)
        rows = await self.database.fetch(query, {**asked, "limit": window.limit + 1})
        return page_of(window, [(_recorded(row[1:]), _position(*row[:3])) for row in rows])

    async def count(self, filter: AuditFilter) -> int:
        asked = _asked(filter)
        ((count,),) = await self.database.fetch(_count(frozenset(asked)), asked)
        return count


def _asked(filter: AuditFilter) -> dict[str, object]:
    """What is given of a filter, by the names of _CONDITIONS."""
    subject = filter.subject
    given = {
        "actor_id": filter.actor_id,
        "action": filter.action,
        "subject_type": None if subject is None else subject.type,
        "subject_id": None if subject is None or subject.id is None else str(subject.id),
        "account_id": filter.account_id,
        "since": filter.since,
        "until": filter.until,
    }
    return {name: value for name, value in given.items() if value is not None}


def _position(commit_order: int, id_: UUID, at: datetime) -> Position:
    return str(commit_order), at.isoformat(), str(id_)


def _read(position: Position) -> tuple[datetime, Position]:
    """The instant of an act, and the keys that it has in common with other listings by age."""
    try:
        *first, at, id_ = position
        instant = datetime.fromisoformat(at or "")
        if instant.tzinfo is None:
            raise ValueError
        # In UTC, as asyncpg will ask: an offset may lead beyond the calendar.
        return instant.astimezone(UTC), (*first, id_)
    except (TypeError, ValueError, OverflowError):
        raise InvalidPosition("not a position in the audit trail") from None


def _recorded(row: tuple[Any, ...]) -> Recorded:
    id_, at, actor_id, session_id, request_id, account_id, action, type_, subject_id, before, after = row
    return Recorded(
        id_,
        Act(
            by=Actor(actor_id, session_id, request_id),
            action=action,
            subject=Subject(type_, subject_id),
            at=at,
            account_id=account_id,
            before=_facts(before),
            after=_facts(after),
        ),
    )


def _facts(text: str | None) -> Mapping[str, Json] | None:
    """asyncpg leaves JSON as its text."""
    if text is None:
        return None
    facts: Mapping[str, Json] = orjson.loads(text)
    return facts
