"""Errors as data: what a mutation answers instead of its result, and the few errors a query can raise."""

from enum import Enum

import strawberry
from graphql import GraphQLError

from contexts.shared import rejections
from contexts.shared.codes import DetailCode
from resolvers.vocabulary.extension_codes import ExtensionCode, coded


@strawberry.enum(description="Why a mutation was refused. Clients branch on this, never on the message.")
class ErrorCode(Enum):
    """The closed list of refusals."""

    INVALID_INPUT = strawberry.enum_value(
        "INVALID_INPUT", description="A value breaks a rule; see `details`."
    )
    NOT_FOUND = strawberry.enum_value(
        "NOT_FOUND", description="No such thing, or it is not yours to know of."
    )
    FORBIDDEN = strawberry.enum_value("FORBIDDEN", description="You may do this, but not to this object.")
    CONFLICT = strawberry.enum_value(
        "CONFLICT", description="It clashes with what there is already; the error's type says with what."
    )
    INVALID_CREDENTIALS = strawberry.enum_value(
        "INVALID_CREDENTIALS", description="E-mail and password do not match an active user."
    )
    ACCOUNT_NOT_APPROVED = strawberry.enum_value(
        "ACCOUNT_NOT_APPROVED", description="The buyer account may not order yet, or no longer."
    )
    TOO_MANY_ATTEMPTS = strawberry.enum_value(
        "TOO_MANY_ATTEMPTS", description="Too many failed attempts; wait before the next one."
    )
    TOKEN_INVALID = strawberry.enum_value(
        "TOKEN_INVALID", description="The token or link is unknown, spent, expired or revoked; get a new one."
    )
    OUT_OF_STOCK = strawberry.enum_value(
        "OUT_OF_STOCK", description="There is less in stock than the cart asks for."
    )
    PRICE_CHANGED = strawberry.enum_value(
        "PRICE_CHANGED", description="The total is no longer the expected one; show the new total and ask."
    )
    PRICE_ON_REQUEST = strawberry.enum_value(
        "PRICE_ON_REQUEST", description="A product in the cart has no price for this account."
    )
    APPROVAL_REQUIRED = strawberry.enum_value(
        "APPROVAL_REQUIRED", description="The order is more than you may place without an approval."
    )
    EMPTY_CART = strawberry.enum_value("EMPTY_CART", description="There is nothing in the cart.")
    INVALID_TRANSITION = strawberry.enum_value(
        "INVALID_TRANSITION", description="The order's or account's status does not allow this step."
    )
    IDEMPOTENCY_KEY_REUSED = strawberry.enum_value(
        "IDEMPOTENCY_KEY_REUSED", description="The same key came before with another input."
    )
    VERSION_CONFLICT = strawberry.enum_value(
        "VERSION_CONFLICT", description="It changed since it was read; read it again."
    )


@strawberry.type(description="What is wrong with one piece of the input.")
class ErrorDetail:
    """Where and what."""

    path: list[str] = strawberry.field(
        description=(
            'Where in the arguments, e.g. `["input", "quantity"]`. Of a checkout it may lead into the cart instead:'
            ' `["cart", "lines", "0", "quantity"]`.'
        )
    )
    code: DetailCode = strawberry.field(
        graphql_type=str,
        description=(
            "A stable word for the rule that was broken, the same in every input: one of the list in"
            " `docs/error-codes.md`, to which more are added."
        ),
    )
    message: str = strawberry.field(
        description="The same in English, for developers; people read `graphql/messages`."
    )


@strawberry.interface(description="Why a mutation was refused. Nothing was changed.")
class DomainError:
    """The envelope's error; implementations add typed facts."""

    code: ErrorCode = strawberry.field(description="What kind of refusal this is.")
    message: str = strawberry.field(
        description="The same in English, for developers; people read `graphql/messages`."
    )
    details: list[ErrorDetail] = strawberry.field(
        description="The pieces of the input that are to blame; empty when none is."
    )


@strawberry.type(description="A value in the input breaks a rule; `details` says which and how.")
class InvalidInputError(DomainError):
    """INVALID_INPUT."""


@strawberry.type(description="What the input names does not exist, or not for you.")
class NotFoundError(DomainError):
    """NOT_FOUND."""


@strawberry.type(description="The operation is allowed to you, but not on this object.")
class ForbiddenError(DomainError):
    """FORBIDDEN in the envelope is about rows; about fields it is a top-level error."""


@strawberry.type(description="A refusal that is about the state of things rather than about the input.")
class ConflictError(DomainError):
    """IDEMPOTENCY_KEY_REUSED: the fact is in the code."""


@strawberry.type(description="It changed since the client read it: read it again and decide anew.")
class VersionConflictError(DomainError):
    """VERSION_CONFLICT."""

    expected: int = strawberry.field(description="The version the client sent.")
    actual: int = strawberry.field(description="The version it has now.")


SharedRejection = (
    rejections.InvalidInput | rejections.NotFound | rejections.Forbidden | rejections.IdempotencyKeyReused
)


def shared_error(rejection: SharedRejection) -> DomainError:
    """The error of a rejection that means the same in every context."""
    match rejection:
        case rejections.InvalidInput(details):
            return InvalidInputError(
                code=ErrorCode.INVALID_INPUT,
                message="; ".join(map(_sentence, details)),
                details=[ErrorDetail(path=list(d.path), code=d.code, message=d.message) for d in details],
            )
        case rejections.NotFound(what, path):
            message = f"There is no such {what}."
            return NotFoundError(
                code=ErrorCode.NOT_FOUND,
                message=message,
                details=[ErrorDetail(path=list(path), code=DetailCode.NOT_FOUND, message=message)],
            )
        case rejections.Forbidden(message):
            return ForbiddenError(code=ErrorCode.FORBIDDEN, message=message, details=[])
        case rejections.IdempotencyKeyReused():
            message = "This idempotency key was used before with another input; send a new key."
            return ConflictError(
                code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
                message=message,
                details=[
                    ErrorDetail(path=["input", "idempotencyKey"], code=DetailCode.REUSED, message=message),
                ],
            )


def _sentence(detail: rejections.Detail) -> str:
    """What is wrong, and with what: the field's path without the argument's name."""
    return f"{'.'.join(detail.path[1:])}: {detail.message}"


class RefusedArgument(GraphQLError):
    """What an argument asks for is not given.

    A batch resolver that raises it refuses the field: one error for its position in the document, however many
    objects are there. As a value it is one object's error.
    """

    of_every_object = False


class BadUserInput(RefusedArgument):
    """An argument of a query that no type can rule out: a malformed id or cursor, `first: 0`."""

    def __init__(self, message: str) -> None:
        super().__init__(message, extensions=coded(ExtensionCode.BAD_USER_INPUT))


class Denied(RefusedArgument):
    """An argument asks for more than the caller may have; fields are refused by directive, before execution."""

    @classmethod
    def unauthenticated(cls, message: str) -> "Denied":
        """The caller has to sign in first."""
        return cls(message, extensions=coded(ExtensionCode.UNAUTHENTICATED))

    @classmethod
    def forbidden(cls, message: str) -> "Denied":
        """The caller is known, and may not."""
        return cls(message, extensions=coded(ExtensionCode.FORBIDDEN))
