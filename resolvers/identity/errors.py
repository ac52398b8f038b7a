"""Why a person was not let in, or a role was not changed."""

import math
from datetime import datetime
from typing import assert_never

import strawberry

from contexts.identity import api as identity
from contexts.shared import rejections
from contexts.shared.codes import DetailCode
from resolvers.vocabulary.errors import (
    DomainError,
    ErrorCode,
    ErrorDetail,
    SharedRejection,
    VersionConflictError,
    shared_error,
)


@strawberry.type(description="E-mail and password do not match an active user; which of them is not told.")
class InvalidCredentialsError(DomainError):
    """INVALID_CREDENTIALS."""


@strawberry.type(description="The token cannot be used; sign in, or ask for another link.")
class TokenInvalidError(DomainError):
    """TOKEN_INVALID."""


@strawberry.type(description="Too many attempts have failed. Even what is right is refused for a while.")
class TooManyAttemptsError(DomainError):
    """TOO_MANY_ATTEMPTS."""

    retry_after: int = strawberry.field(description="Seconds to wait before the next attempt.")


TYPES = [InvalidCredentialsError, TokenInvalidError, TooManyAttemptsError]

Rejection = (
    SharedRejection
    | identity.InvalidCredentials
    | identity.TokenInvalid
    | identity.TooManyAttempts
    | identity.RoleVersionConflict
    | identity.LockedOut
)


def error_of(rejection: Rejection, at: datetime) -> DomainError:
    """The GraphQL error of any refusal of this context."""
    match rejection:
        case identity.InvalidCredentials():
            message = "E-mail and password do not match."
            return InvalidCredentialsError(code=ErrorCode.INVALID_CREDENTIALS, message=message, details=[])
        case identity.TokenInvalid():
            message = "This token is unknown, spent, expired or revoked; sign in again, or ask for another."
            return TokenInvalidError(code=ErrorCode.TOKEN_INVALID, message=message, details=[])
        case identity.TooManyAttempts(retry_at):
            seconds = max(1, math.ceil((retry_at - at).total_seconds()))
            return TooManyAttemptsError(
                code=ErrorCode.TOO_MANY_ATTEMPTS,
                message=f"Too many attempts; try again in {seconds} seconds, or reset the password.",
                details=[],
                retry_after=seconds,
            )
        case identity.RoleVersionConflict(expected, actual):
            message = f"The role is at version {actual}, not {expected}; read it again."
            return VersionConflictError(
                code=ErrorCode.VERSION_CONFLICT,
                message=message,
                details=[ErrorDetail(path=["input", "version"], code=DetailCode.STALE, message=message)],
                expected=expected,
                actual=actual,
            )
        case identity.LockedOut():
            message = (
                f"must leave {identity.ROLE_MANAGE} to somebody active, or nobody could edit roles any more"
            )
            return shared_error(rejections.InvalidInput.at("scopes", DetailCode.LOCKED_OUT, message))
        case (
            rejections.InvalidInput()
            | rejections.NotFound()
            | rejections.Forbidden()
            | rejections.IdempotencyKeyReused()
        ):
            return shared_error(rejection)
        case _:
            assert_never(rejection)
