"""What identity adds to Mutation."""

import strawberry

from resolvers.identity.passwords import PasswordMutation
from resolvers.identity.roles import RoleMutation
from resolvers.identity.sessions import SessionMutation


@strawberry.type
class Mutation(SessionMutation, PasswordMutation, RoleMutation):
    """Merged into the root."""
