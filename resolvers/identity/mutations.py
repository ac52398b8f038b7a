"""What identity adds to Mutation."""

import strawberry

from resolvers.identity.onboarding import OnboardingMutation
from resolvers.identity.passwords import PasswordMutation
from resolvers.identity.personnel import PersonnelMutation
from resolvers.identity.roles import RoleMutation
from resolvers.identity.sessions import SessionMutation


@strawberry.type
class Mutation(SessionMutation, PasswordMutation, RoleMutation, OnboardingMutation, PersonnelMutation):
    """Merged into the root."""
