"""`auditTrail`: who did what, for administrators."""

import json
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from typing import Annotated
from uuid import UUID

import strawberry

from contexts.identity import api as identity
from contexts.identity.api import AUDIT_READ
from contexts.shared.audit import AuditFilter, Json, Recorded, Subject
from resolvers.identity.accounts import BuyerAccount
from resolvers.identity.people import User
from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.connections import Connection, Listing, listing, window
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import requires
from resolvers.vocabulary.errors import BadUserInput
from resolvers.vocabulary.fields import computed, root_field
from resolvers.vocabulary.node import id_of, node_id, parse_node_id

LATEST_FIRST = "AT"


@strawberry.type(description="One fact about the subject, before and after.")
class AuditChange:
    """Made from an act's `before` and `after`."""

    field: str = strawberry.field(description="Which fact.")
    before: str | None = strawberry.field(
        description="What it was, as text or JSON; null: nothing, or not known."
    )
    after: str | None = strawberry.field(description="What it became; null: nothing.")


def _changes(root: Recorded) -> list[AuditChange]:
    before, after = root.act.before or {}, root.act.after or {}
    return [
        AuditChange(field=name, before=_text(before.get(name)), after=_text(after.get(name)))
        for name in {**before, **after}
    ]


def _text(value: Json) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _subject_id(root: Recorded) -> str | None:
    subject = root.act.subject
    try:
        return None if subject.id is None else node_id(subject.type, UUID(str(subject.id)))
    except ValueError:
        return str(subject.id)


def _id(root: Recorded) -> str:
    return node_id("AuditEntry", root.id)


@strawberry.type(description="Something that was done. It is kept for good, and nobody can change it.")
class AuditEntry:
    """Resolved from `contexts.shared.audit.Recorded`."""

    id: strawberry.ID = computed(_id, description="Opaque and stable, for lists and caches.")
    at: datetime = computed(attrgetter("act.at"), description="When it was done.")
    action: str = computed(
        attrgetter("act.action"), description="What was done: `context.thing_done`, as in `orders.confirmed`."
    )
    subject_type: str = computed(
        attrgetter("act.subject.type"), description="What it was done to: a type of this schema."
    )
    subject_id: strawberry.ID | None = computed(
        _subject_id, description="Which one: a node id, or a name where things go by one; null: many at once."
    )
    changes: list[AuditChange] = computed(_changes, description="The facts, before and after.")
    request_id: str | None = computed(
        attrgetter("act.by.request_id"), description="The request it was done in; null: a command's."
    )

    @batch(
        graphql_type=User | None,
        description="Who did it; null: an anonymous caller, or the software itself.",
    )
    async def actor(entries: Sequence[Recorded], info: Info) -> Sequence[identity.User | None]:
        wanted = {entry.act.by.user_id for entry in entries} - {None}
        found = await info.context.contexts.identity.viewers.users([id for id in wanted if id is not None])
        return [found.get(entry.act.by.user_id) if entry.act.by.user_id else None for entry in entries]

    @batch(
        graphql_type=BuyerAccount | None,
        description="The buyer account it was done to, or on behalf of; null: none, or none you may see.",
    )
    async def account(entries: Sequence[Recorded], info: Info) -> Sequence[identity.Account | None]:
        wanted = {entry.act.account_id for entry in entries if entry.act.account_id is not None}
        accounts = info.context.contexts.identity.accounts
        found = await accounts.visible(info.context.signed_in(), wanted)
        return [found.get(entry.act.account_id) if entry.act.account_id else None for entry in entries]


@strawberry.input(name="AuditFilter", description="Which acts to list. Every condition given must hold.")
class AuditFilterInput:
    """Becomes `contexts.shared.audit.AuditFilter`."""

    actor_id: strawberry.ID | None = strawberry.field(default=None, description="Done by this user.")
    action: str | None = strawberry.field(default=None, description="Exactly this action.")
    subject_type: str | None = strawberry.field(default=None, description="Done to things of this type.")
    subject_id: strawberry.ID | None = strawberry.field(
        default=None, description="Done to this one: a node id, or a name together with `subjectType`."
    )
    account_id: strawberry.ID | None = strawberry.field(
        default=None, description="Done to this buyer account or on its behalf."
    )
    from_: datetime | None = strawberry.field(default=None, name="from", description="Inclusive.")
    to: datetime | None = strawberry.field(default=None, description="Exclusive.")


def _filter(given: AuditFilterInput | None) -> AuditFilter:
    if given is None:
        return AuditFilter()
    return AuditFilter(
        actor_id=_node("User", "actorId", given.actor_id),
        action=given.action,
        subject=_subject(given.subject_type, given.subject_id),
        account_id=_node("BuyerAccount", "accountId", given.account_id),
        since=given.from_,
        until=given.to,
    )


def _node(type_name: str, field: str, id: str | None) -> UUID | None:
    if id is not None and (found := id_of(type_name, id)) is not None:
        return found
    if id is not None:
        raise BadUserInput(f"`filter.{field}` is not the id of a {type_name}.")
    return None


def _subject(type_name: str | None, id: str | None) -> Subject | None:
    if id is None:
        return None if type_name is None else Subject(type_name)
    if (node := parse_node_id(id)) is not None:
        if type_name not in {None, node.type_name}:
            raise BadUserInput(f"`filter.subjectId` is the id of a {node.type_name}, not of a {type_name}.")
        return Subject(node.type_name, node.id)
    if type_name is None:
        raise BadUserInput("`filter.subjectId` is not a node id; a name needs `subjectType` beside it.")
    return Subject(type_name, id)


@strawberry.type
class AuditQuery:
    """Merged into the root."""

    @root_field(
        type=Connection[AuditEntry] | None,
        description="Who did what, latest first: every act of staff, and what concerns security.",
        guard=requires(AUDIT_READ),
    )
    async def audit_trail(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="1 to 100; 24 when absent.")] = None,
        after: Annotated[str | None, strawberry.argument(description="Start after this cursor.")] = None,
        last: Annotated[int | None, strawberry.argument(description="1 to 100, from the end.")] = None,
        before: Annotated[str | None, strawberry.argument(description="End before this cursor.")] = None,
        filter: Annotated[AuditFilterInput | None, strawberry.argument(description="Which acts.")] = None,
    ) -> Listing[Recorded]:
        wanted = _filter(filter)
        cut = window(LATEST_FIRST, first, after, last, before)
        trail = info.context.contexts.audit_trail
        return await listing(LATEST_FIRST, trail.page(cut, wanted), lambda: trail.count(wanted))
