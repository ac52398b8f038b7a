"""Roles: what each may do, and administrators changing that."""

from typing import assert_never

import strawberry

from contexts.identity import api as identity
from contexts.identity.api import ROLE_MANAGE
from contexts.shared import rejections
from resolvers.identity.errors import error_of
from resolvers.identity.types import Role
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import requires
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.payload import Payload, done, refused


@strawberry.input(description="What a role may do from now on.")
class RoleScopesSetInput:
    """Replaces all of its scopes."""

    role: str = strawberry.field(description="Its name.")
    scopes: list[str] = strawberry.field(description="All of them, each one of `assignableScopes`.")
    version: int = strawberry.field(description="The version the administrator saw.")


@strawberry.type
class RoleQuery:
    """Merged into the root."""

    @root_field(type=list[Role] | None, description="Every role, by name.", guard=requires(ROLE_MANAGE))
    async def roles(self, info: Info) -> list[identity.Role]:
        return await info.context.contexts.identity.roles.all()


@strawberry.type
class RoleMutation:
    """Merged into the root."""

    @root_field(
        type=Payload[Role] | None,
        description=(
            "Say what a role may do. Sessions get its scopes when they are renewed, within minutes. Refused when"
            " nobody could edit roles any more."
        ),
        guard=requires(ROLE_MANAGE),
    )
    async def role_scopes_set(self, info: Info, input: RoleScopesSetInput) -> Payload[identity.Role]:
        context = info.context
        outcome = await context.contexts.identity.set_role_scopes(
            context.signed_in(), context.actor, input.role, input.scopes, input.version
        )
        match outcome:
            case identity.RoleScopesSet(role):
                return done(info, role)
            case (
                rejections.InvalidInput()
                | rejections.NotFound()
                | rejections.Forbidden()
                | identity.RoleVersionConflict()
                | identity.LockedOut()
            ):
                return refused(info, error_of(outcome, context.at))
            case _:
                assert_never(outcome)
