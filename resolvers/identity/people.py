"""People: who signs in, who belongs to an account or to the staff, who is invited."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import strawberry

from contexts.identity import api as identity
from contexts.identity.api import AccountRole, InvitationStatus
from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.enums import describe_enum
from resolvers.vocabulary.fields import computed
from resolvers.vocabulary.money import Money
from resolvers.vocabulary.node import Node, identified_as, known_as, represents

describe_enum(
    AccountRole,
    "What a user of a buyer account is there for.",
    {
        AccountRole.ADMINISTRATOR: "Buys without a limit, and keeps the account's people and addresses.",
        AccountRole.BUYER: "Buys, up to the approval limit if there is one; more is refused.",
        AccountRole.VIEWER: "Sees prices and orders, and changes nothing.",
    },
)
describe_enum(
    InvitationStatus,
    "What has become of an invitation.",
    {
        InvitationStatus.OPEN: "Sent; its link can be used.",
        InvitationStatus.EXPIRED: "Its week is over; send it again.",
        InvitationStatus.ACCEPTED: "There is a user now.",
        InvitationStatus.REVOKED: "Taken back; its links open nothing.",
    },
)


@strawberry.type(description="A person who signs in.")
class User(Node):
    """Resolved from `contexts.identity.api.User`."""

    is_type_of = represents(identity.User)

    id: strawberry.ID = identified_as("User")
    name: str = strawberry.field(description="Their name.")
    email: str = strawberry.field(description="The address they sign in with.")


def _role(root: identity.AccountMember | identity.StaffMember) -> AccountRole | None:
    return root.role if isinstance(root, identity.AccountMember) else None


def _staff_roles(root: identity.AccountMember | identity.StaffMember) -> tuple[str, ...]:
    return root.roles if isinstance(root, identity.StaffMember) else ()


def _limit(root: identity.AccountMember | identity.StaffMember) -> object:
    return root.approval_limit if isinstance(root, identity.AccountMember) else None


@strawberry.type(description="A person as those see them who manage people.")
class ManagedUser:
    """Resolved from `contexts.identity.api.AccountMember` and `StaffMember`."""

    id: strawberry.ID = known_as(
        "ManagedUser",
        "Opaque, for caches: of the person as they are managed, and another than the User's. `node(id:)` does not find"
        " it; for mutations, `user { id }` says who.",
        lambda root: root.user.id.bytes,
    )
    user: User = strawberry.field(description="The person.")
    active: bool = strawberry.field(description="Whether they can sign in.")
    role: AccountRole | None = computed(_role, description="In their buyer account; null for staff.")
    staff_roles: list[str] = computed(
        _staff_roles, description="Of one of the staff, by name; empty for others."
    )
    approval_limit: Money | None = computed(
        _limit, description="What a buyer may order without asking; null: no limit."
    )
    since: datetime = strawberry.field(description="When they became a user.")
    email_verified: bool = strawberry.field(
        description="Whether they have proved that the address is theirs."
    )


def _invited_role(root: identity.Invitation) -> AccountRole | None:
    names = {name: role for role, name in identity.ROLE_NAMES.items()}
    return None if root.account_id is None else names[root.roles[0]]


def _invited_staff_roles(root: identity.Invitation) -> tuple[str, ...]:
    return root.roles if root.account_id is None else ()


@strawberry.type(description="An invitation by mail to become a user. Its link works once.")
class Invitation(Node):
    """Resolved from `contexts.identity.api.Invitation`."""

    is_type_of = represents(identity.Invitation)

    id: strawberry.ID = identified_as("Invitation")
    email: str = strawberry.field(description="Where it was sent, and what they will sign in with.")
    role: AccountRole | None = computed(
        _invited_role, description="What they will be in the account; null for staff."
    )
    staff_roles: list[str] = computed(
        _invited_staff_roles, description="What they will be on the staff; empty for others."
    )
    approval_limit: Money | None = strawberry.field(
        description="What they may order without asking; null: no limit."
    )
    created_at: datetime = strawberry.field(description="When they were invited.")
    expires_at: datetime = strawberry.field(description="Until when the links work.")

    @batch(graphql_type=InvitationStatus, description="What has become of it.")
    async def status(invitations: Sequence[identity.Invitation], info: Info) -> Sequence[InvitationStatus]:
        return [invitation.status(info.context.at) for invitation in invitations]

    @batch(graphql_type=User | None, description="Who invited them; null: the operators of this server.")
    async def invited_by(
        invitations: Sequence[identity.Invitation], info: Info
    ) -> Sequence[identity.User | None]:
        return await users_of(info, [invitation.invited_by for invitation in invitations])


async def users_of(info: Info, ids: Sequence[UUID | None]) -> Sequence[identity.User | None]:
    """The users of these ids, in one read."""
    found = await info.context.contexts.identity.viewers.users({id for id in ids if id is not None})
    return [None if id is None else found.get(id) for id in ids]
