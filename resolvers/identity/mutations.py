"""Sessions: begin, renew, end."""

from typing import assert_never

import strawberry

from contexts.identity import api as identity
from resolvers.identity.types import EndedSession, Session
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import AUTHENTICATED, PUBLIC
from resolvers.vocabulary.errors import DomainError, ErrorCode
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.payload import Payload, done, refused


@strawberry.input(description="Who signs in.")
class SessionCreateInput:
    """E-mail and password."""

    email: str = strawberry.field(description="Case does not matter.")
    password: str = strawberry.field(description="Case matters.")


@strawberry.input(description="Which session to renew.")
class SessionRefreshInput:
    """A refresh token."""

    refresh_token: str = strawberry.field(description="The one given last; it is spent by this call.")


@strawberry.type(description="E-mail and password do not match an active user; which of them is not told.")
class InvalidCredentialsError(DomainError):
    """INVALID_CREDENTIALS."""


@strawberry.type(description="The refresh token cannot be used; sign in again.")
class TokenInvalidError(DomainError):
    """TOKEN_INVALID."""


@strawberry.type
class Mutation:
    """Merged into the root."""

    @root_field(type=Payload[Session], description="Sign in with e-mail and password.", guard=PUBLIC)
    async def session_create(self, info: Info, input: SessionCreateInput) -> Payload[identity.SignedIn]:
        outcome = await info.context.contexts.identity.sign_in(input.email, input.password)
        match outcome:
            case identity.SignedIn():
                return done(info, outcome)
            case identity.InvalidCredentials():
                message = "E-mail and password do not match."
                return refused(
                    info,
                    InvalidCredentialsError(code=ErrorCode.INVALID_CREDENTIALS, message=message, details=[]),
                )
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[Session],
        description="Exchange a refresh token for a new pair. Roles and scopes are read anew.",
        guard=PUBLIC,
    )
    async def session_refresh(self, info: Info, input: SessionRefreshInput) -> Payload[identity.SignedIn]:
        outcome = await info.context.contexts.identity.refresh(input.refresh_token)
        match outcome:
            case identity.SignedIn():
                return done(info, outcome)
            case identity.TokenInvalid():
                message = "This refresh token is unknown, spent, expired or revoked; sign in again."
                return refused(
                    info, TokenInvalidError(code=ErrorCode.TOKEN_INVALID, message=message, details=[])
                )
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[EndedSession] | None,
        description="Sign out: end the session of the token this call is made with.",
        guard=AUTHENTICATED,
    )
    async def session_revoke(self, info: Info) -> Payload[EndedSession]:
        revoked = await info.context.contexts.identity.revoke(info.context.signed_in())
        return done(info, EndedSession(ended_at=revoked.ended_at))
