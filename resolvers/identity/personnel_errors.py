"""Why onboarding and the management of people were refused."""

from typing import assert_never

import strawberry

from contexts.identity import api as identity
from contexts.identity.api import AccountStatus, AccountStep, InvitationStatus
from contexts.shared import rejections
from contexts.shared.codes import DetailCode
from resolvers.vocabulary.errors import DomainError, ErrorCode, ErrorDetail, SharedRejection, shared_error


@strawberry.type(
    description="Another account holds the CNPJ of this one; `cnpjRivals` tells the staff which."
)
class CnpjTakenError(DomainError):
    """CONFLICT."""


@strawberry.type(description="The account does not hold the CNPJ that it was to release or to give away.")
class CnpjNotHeldError(DomainError):
    """CONFLICT."""


@strawberry.type(description="The account does not allow this step as it stands.")
class AccountTransitionError(DomainError):
    """INVALID_TRANSITION."""

    status: AccountStatus = strawberry.field(description="The status it has.")
    step: AccountStep = strawberry.field(description="The step that was asked for.")


@strawberry.type(description="Nobody else could administer the account, or the staff, any more.")
class LastAdministratorError(DomainError):
    """CONFLICT."""


@strawberry.type(description="The invitation was accepted or taken back.")
class InvitationClosedError(DomainError):
    """CONFLICT."""

    status: InvitationStatus = strawberry.field(description="What has become of it.")


@strawberry.type(
    description="The link of the invitation opens nothing: unknown, used, expired or taken back."
)
class InvitationInvalidError(DomainError):
    """TOKEN_INVALID."""


@strawberry.type(description="The invited e-mail address has a user by now.")
class EmailTakenError(DomainError):
    """CONFLICT."""


TYPES = [
    CnpjTakenError,
    CnpjNotHeldError,
    AccountTransitionError,
    LastAdministratorError,
    InvitationClosedError,
    InvitationInvalidError,
    EmailTakenError,
]

Rejection = (
    SharedRejection
    | identity.CnpjTaken
    | identity.CnpjNotHeld
    | identity.AccountStepRefused
    | identity.NobodyProved
    | identity.LastAdministrator
    | identity.InvitationClosed
    | identity.InvitationInvalid
    | identity.AddressTaken
)


def error_of(rejection: Rejection) -> DomainError:
    """The GraphQL error of a refusal."""
    match rejection:
        case identity.CnpjTaken():
            message = (
                "Another account holds this CNPJ: find out whose it is, then hand it over, or let the other one"
                " release it."
            )
            return CnpjTakenError(
                code=ErrorCode.CONFLICT, message=message, details=[_detail("id", DetailCode.TAKEN, message)]
            )
        case identity.CnpjNotHeld():
            message = "This account does not hold its CNPJ, or no longer; look at both accounts again."
            return CnpjNotHeldError(
                code=ErrorCode.CONFLICT,
                message=message,
                details=[_detail("id", DetailCode.NOT_HELD, message)],
            )
        case identity.AccountStepRefused(AccountStatus.PENDING, AccountStep.INFORMATION_PROVIDED):
            return _not_possible(
                AccountStatus.PENDING,
                AccountStep.INFORMATION_PROVIDED,
                "Nothing was asked, or it is answered already; our sales team decides next.",
            )
        case identity.AccountStepRefused(status, step):
            message = f"{step.name} is not possible for an account that is {status.name}."
            return _not_possible(status, step, message)
        case identity.NobodyProved(step):
            return _not_possible(
                AccountStatus.PENDING,
                step,
                "No administrator of this account has proved their e-mail address yet; ask them to follow the"
                " link that was mailed to them.",
            )
        case identity.LastAdministrator():
            message = "This is the last active administrator; make somebody else one first."
            return LastAdministratorError(
                code=ErrorCode.CONFLICT, message=message, details=[_detail("id", DetailCode.LAST, message)]
            )
        case identity.InvitationClosed(status):
            return InvitationClosedError(
                code=ErrorCode.CONFLICT,
                message=f"This invitation is {status.name}; send a new one.",
                details=[],
                status=status,
            )
        case identity.InvitationInvalid():
            message = (
                "This link was used, has expired or was taken back; ask for a new invitation, or sign in."
            )
            return InvitationInvalidError(code=ErrorCode.TOKEN_INVALID, message=message, details=[])
        case identity.AddressTaken():
            message = "Your e-mail address has a user already; sign in, or ask for an invitation to another address."
            return EmailTakenError(code=ErrorCode.CONFLICT, message=message, details=[])
        case (
            rejections.InvalidInput()
            | rejections.NotFound()
            | rejections.Forbidden()
            | rejections.IdempotencyKeyReused()
        ):
            return shared_error(rejection)
        case _:
            assert_never(rejection)


def _not_possible(status: AccountStatus, step: AccountStep, message: str) -> AccountTransitionError:
    return AccountTransitionError(
        code=ErrorCode.INVALID_TRANSITION, message=message, details=[], status=status, step=step
    )


def _detail(field: str, code: DetailCode, message: str) -> ErrorDetail:
    return ErrorDetail(path=["input", field], code=code, message=message)
