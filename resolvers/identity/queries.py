"""`viewer`, and identity's nodes."""

from uuid import UUID

import strawberry

from contexts.identity import api as identity
from resolvers.identity.audit import AuditQuery
from resolvers.identity.onboarding import OnboardingQuery
from resolvers.identity.personnel import PersonnelQuery
from resolvers.identity.roles import RoleQuery
from resolvers.identity.sessions import SessionQuery
from resolvers.identity.types import Viewer
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import PUBLIC
from resolvers.vocabulary.fields import root_field


@strawberry.type
class Query(SessionQuery, RoleQuery, AuditQuery, OnboardingQuery, PersonnelQuery):
    """Merged into the root."""

    @root_field(type=Viewer | None, description="The signed-in caller; null when anonymous.", guard=PUBLIC)
    async def viewer(self, info: Info) -> identity.Viewer | None:
        principal = info.context.principal
        return None if principal is None else await info.context.contexts.identity.viewers.of(principal)


async def find_user(info: Info, id: UUID) -> identity.User | None:
    """`node` for users: oneself, and the people one administers or looks after."""
    principal = info.context.principal
    if principal is None:
        return None
    return (await info.context.contexts.identity.personnel.directory.visible(principal, [id])).get(id)


async def find_account(info: Info, id: UUID) -> identity.Account | None:
    """`node` for buyer accounts: one's own, those of one's portfolio, or all of them."""
    return None if info.context.principal is None else await info.context.account(id)
