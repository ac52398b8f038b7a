"""Sessions: begin, renew, list, end."""

from dataclasses import replace
from enum import Enum
from typing import assert_never
from uuid import UUID

import strawberry

from contexts.identity import api as identity
from contexts.shared import rejections
from contexts.shared.codes import DetailCode
from resolvers.identity.errors import error_of
from resolvers.identity.passwords import hashing
from resolvers.identity.types import EndedSession, Session, UserSession
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import AUTHENTICATED, PUBLIC
from resolvers.vocabulary.errors import BadUserInput
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.node import id_of, node_id
from resolvers.vocabulary.payload import Payload, done, refused


@strawberry.enum(description="Where a client keeps its refresh token.")
class RefreshTokenPlace(Enum):
    """In the answer, or in a cookie."""

    BODY = strawberry.enum_value(
        "BODY", description="In the answer: for apps, which have a safe of their own."
    )
    COOKIE = strawberry.enum_value(
        "COOKIE",
        description="In a cookie that scripts cannot read and other sites cannot send: for browsers.",
    )


@strawberry.input(description="Who signs in.")
class SessionCreateInput:
    """E-mail and password."""

    email: str = strawberry.field(description="Case does not matter.")
    password: str = strawberry.field(description="Case matters.")
    refresh_token_in: RefreshTokenPlace = strawberry.field(
        default=RefreshTokenPlace.BODY, description="Where the refresh token goes."
    )


@strawberry.input(description="Which session to renew.")
class SessionRefreshInput:
    """A refresh token."""

    refresh_token: str | None = strawberry.field(
        default=None,
        description="The one given last; it is spent by this call. Absent: the one in the cookie, and so is its"
        " successor.",
    )


@strawberry.input(description="Which session to end.")
class UserSessionRevokeInput:
    """One of the caller's own."""

    id: strawberry.ID = strawberry.field(description="A session of `sessions`.")


@strawberry.input(description="Which sessions to end.")
class SessionRevokeAllInput:
    """Everything that belongs to the caller."""

    except_current: bool = strawberry.field(
        default=True, description="Keep the session this call is made with."
    )


@strawberry.type
class SessionQuery:
    """Merged into the root."""

    @root_field(
        type=list[UserSession] | None,
        description="Where the caller is signed in, the place used last first.",
        guard=AUTHENTICATED,
    )
    async def sessions(self, info: Info) -> list[UserSession]:
        principal = info.context.signed_in()
        live = await info.context.contexts.identity.sessions.live(principal.user_id, info.context.at)
        return [
            UserSession(
                id=strawberry.ID(node_id("UserSession", session.id)),
                user_agent=session.device.user_agent,
                address=session.device.address,
                created_at=session.created_at,
                last_used_at=session.last_used_at,
                expires_at=session.expires_at,
                current=session.id == principal.session_id,
            )
            for session in live
        ]


@strawberry.type
class SessionMutation:
    """Merged into the root."""

    @root_field(
        type=Payload[Session],
        description="Sign in with e-mail and password.",
        guard=PUBLIC,
        work=hashing,
    )
    async def session_create(self, info: Info, input: SessionCreateInput) -> Payload[identity.SignedIn]:
        context = info.context
        if input.refresh_token_in is RefreshTokenPlace.COOKIE and not context.client.keeps_cookies:
            raise BadUserInput("Cookies are set over HTTP only; ask for the refresh token in the body.")
        outcome = await context.contexts.identity.sign_in(
            input.email, input.password, context.device, context.actor
        )
        match outcome:
            case identity.SignedIn():
                return _begun(info, outcome, input.refresh_token_in)
            case identity.InvalidCredentials() | identity.TooManyAttempts():
                return refused(info, error_of(outcome, context.at))
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[Session],
        description=(
            "Exchange a refresh token for a new pair. Roles and scopes are read anew. A lost answer may be asked for"
            " again with the same token, until its successor is used; any other use of a spent token ends the"
            " session."
        ),
        guard=PUBLIC,
    )
    async def session_refresh(self, info: Info, input: SessionRefreshInput) -> Payload[identity.SignedIn]:
        context = info.context
        place, token = RefreshTokenPlace.BODY, input.refresh_token
        if token is None:
            place, token = RefreshTokenPlace.COOKIE, context.client.refresh_token
        outcome = await context.contexts.identity.refresh(token or "", context.device, context.actor)
        match outcome:
            case identity.SignedIn():
                return _begun(info, outcome, place)
            case identity.TokenInvalid():
                if place is RefreshTokenPlace.COOKIE:
                    context.client.forget_refresh_token()
                return refused(info, error_of(outcome, context.at))
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[EndedSession] | None,
        description="Sign out: end the session this call is made with. Its tokens are refused at once.",
        guard=AUTHENTICATED,
    )
    async def session_revoke(self, info: Info) -> Payload[EndedSession]:
        return await _end(info, info.context.signed_in().session_id)

    @root_field(
        type=Payload[EndedSession] | None,
        description="Sign out on another device. Its tokens are refused at once.",
        guard=AUTHENTICATED,
    )
    async def user_session_revoke(self, info: Info, input: UserSessionRevokeInput) -> Payload[EndedSession]:
        session_id = id_of("UserSession", input.id)
        if session_id is None:
            malformed = rejections.InvalidInput.at("id", DetailCode.NOT_AN_ID, "must be the id of a session")
            return refused(info, error_of(malformed, info.context.at))
        return await _end(info, session_id)

    @root_field(
        type=Payload[EndedSession] | None,
        description="Sign out everywhere, or everywhere else.",
        guard=AUTHENTICATED,
    )
    async def session_revoke_all(self, info: Info, input: SessionRevokeAllInput) -> Payload[EndedSession]:
        context = info.context
        ended = await context.contexts.identity.end_sessions.all(
            context.signed_in(), context.actor, but_this=input.except_current
        )
        if not input.except_current:
            context.client.forget_refresh_token()
        return done(info, EndedSession(ended_at=ended.at, count=ended.count))


def _begun(info: Info, session: identity.SignedIn, place: RefreshTokenPlace) -> Payload[identity.SignedIn]:
    if place is RefreshTokenPlace.COOKIE:
        info.context.client.keep_refresh_token(session.refresh_token)
        session = replace(session, refresh_token="")
    return done(info, session)


async def _end(info: Info, session_id: UUID) -> Payload[EndedSession]:
    context = info.context
    principal = context.signed_in()
    outcome = await context.contexts.identity.end_sessions.one(principal, session_id, context.actor)
    match outcome:
        case identity.SessionsEnded(at, count):
            if session_id == principal.session_id:
                context.client.forget_refresh_token()
            return done(info, EndedSession(ended_at=at, count=count))
        case rejections.NotFound():
            return refused(info, error_of(outcome, context.at))
        case _:
            assert_never(outcome)
