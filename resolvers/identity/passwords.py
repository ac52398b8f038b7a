"""Passwords and e-mail addresses: change, reset by mail, prove by mail."""

from collections.abc import Callable
from typing import assert_never

import strawberry

from contexts.identity import api as identity
from contexts.shared import rejections
from resolvers.identity.errors import error_of
from resolvers.identity.types import MailPromise, PasswordChange, VerifiedEmail
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import AUTHENTICATED, PUBLIC
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.payload import Payload, done, refused

NEW_PASSWORD = "At least 10 characters, and none of the common ones: `details` says TOO_SHORT or TOO_COMMON."  # noqa: S105 - a description


@strawberry.input(description="One's own password, old and new.")
class PasswordChangeInput:
    """For who is signed in."""

    current_password: str = strawberry.field(description="The one that is good now.")
    new_password: str = strawberry.field(description=NEW_PASSWORD)


@strawberry.input(description="Whose password to reset.")
class PasswordResetRequestInput:
    """An address, anybody's or nobody's."""

    email: str = strawberry.field(description="Where the link is mailed, if a user signs in with it.")


@strawberry.input(description="A new password for who has the mailed link.")
class PasswordResetInput:
    """The link's token is the proof."""

    token: str = strawberry.field(description="What follows `#token=` in the mailed link.")
    new_password: str = strawberry.field(description=NEW_PASSWORD)


@strawberry.input(description="Which address is proved.")
class EmailVerifyInput:
    """The link's token is the proof."""

    token: str = strawberry.field(description="What follows `#token=` in the mailed link.")


HASHING = 50
"""Points for working out the hash of a password: it is made to take as long as a listing of hundreds of products."""


def hashing(argument: Callable[[str], object]) -> int:
    """Of a mutation that is given a password."""
    return HASHING


@strawberry.type
class PasswordMutation:
    """Merged into the root."""

    @root_field(
        type=Payload[PasswordChange] | None,
        description="Change one's own password. All other sessions end.",
        guard=AUTHENTICATED,
        work=hashing,
    )
    async def password_change(self, info: Info, input: PasswordChangeInput) -> Payload[PasswordChange]:
        context = info.context
        outcome = await context.contexts.identity.change_password(
            context.signed_in(), input.current_password, input.new_password, context.device, context.actor
        )
        match outcome:
            case identity.PasswordChanged(at):
                return done(info, PasswordChange(changed_at=at))
            case identity.InvalidCredentials() | identity.TooManyAttempts() | rejections.InvalidInput():
                return refused(info, error_of(outcome, context.at))
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[MailPromise],
        description="Have a link mailed that sets a new password. The answer is the same for every address.",
        guard=PUBLIC,
    )
    async def password_reset_request(
        self, info: Info, input: PasswordResetRequestInput
    ) -> Payload[MailPromise]:
        context = info.context
        outcome = await context.contexts.identity.ask_password_reset(input.email, context.device)
        match outcome:
            case identity.MailPromised(at):
                return done(info, MailPromise(promised_at=at))
            case identity.TooManyAttempts() | rejections.InvalidInput():
                return refused(info, error_of(outcome, context.at))
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[PasswordChange],
        description="Set a new password with the token of a mailed link, once. All sessions end.",
        guard=PUBLIC,
        work=hashing,
    )
    async def password_reset(self, info: Info, input: PasswordResetInput) -> Payload[PasswordChange]:
        context = info.context
        outcome = await context.contexts.identity.reset_password(
            input.token, input.new_password, context.device, context.actor
        )
        match outcome:
            case identity.PasswordChanged(at):
                return done(info, PasswordChange(changed_at=at))
            case identity.TokenInvalid() | rejections.InvalidInput():
                return refused(info, error_of(outcome, context.at))
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[MailPromise] | None,
        description="Have a link mailed (again) that proves the caller's e-mail address.",
        guard=AUTHENTICATED,
    )
    async def email_verification_request(self, info: Info) -> Payload[MailPromise]:
        context = info.context
        outcome = await context.contexts.identity.ask_email_verification(context.signed_in(), context.device)
        match outcome:
            case identity.MailPromised(at):
                return done(info, MailPromise(promised_at=at))
            case identity.TooManyAttempts():
                return refused(info, error_of(outcome, context.at))
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[VerifiedEmail],
        description="Prove an e-mail address with the token of a mailed link, once.",
        guard=PUBLIC,
    )
    async def email_verify(self, info: Info, input: EmailVerifyInput) -> Payload[VerifiedEmail]:
        context = info.context
        outcome = await context.contexts.identity.verify_email(input.token, context.actor)
        match outcome:
            case identity.EmailVerified(at):
                return done(info, VerifiedEmail(verified_at=at))
            case identity.TokenInvalid():
                return refused(info, error_of(outcome, context.at))
            case _:
                assert_never(outcome)
