"""Why an order operation was refused, with the facts a client needs to help its user."""

from decimal import Decimal
from typing import assert_never

import strawberry

from contexts.orders import api as ordering
from contexts.orders.api import OrderStatus
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
from resolvers.vocabulary.money import Money, plain


@strawberry.type(description="There is nothing in the cart.")
class EmptyCartError(DomainError):
    """EMPTY_CART."""


@strawberry.type(description="The buyer account may not order yet, or no longer.")
class AccountNotApprovedError(DomainError):
    """ACCOUNT_NOT_APPROVED."""


@strawberry.type(
    description=(
        "Products in the cart have vanished from the catalog: take their lines out with `cartLineSet`, quantity"
        ' "0". `details` has a PRODUCT_GONE for each.'
    )
)
class ProductGoneError(DomainError):
    """NOT_FOUND, of what the cart names."""

    skus: list[str] = strawberry.field(description="The products that are gone, by the SKU of their lines.")


@strawberry.type(description="Products in the cart have no price for this account; ask the sales team.")
class PriceOnRequestError(DomainError):
    """PRICE_ON_REQUEST."""

    skus: list[str] = strawberry.field(description="The products without a price.")


@strawberry.type(description="The cart's total is not the one the client expected.")
class PriceChangedError(DomainError):
    """PRICE_CHANGED."""

    expected: Money = strawberry.field(description="The total the client sent.")
    actual: Money = strawberry.field(description="The total now.")


@strawberry.type(
    description=(
        "The cart's total is more than the user's approval limit. An administrator of the account can place this"
        " order, or raise the limit with `userRoleSet`."
    )
)
class ApprovalRequiredError(DomainError):
    """APPROVAL_REQUIRED."""

    limit: Money = strawberry.field(description="What the user may order without asking.")
    total: Money = strawberry.field(description="What this order comes to.")


@strawberry.type(description="What is missing of one product.")
class StockShortage:
    """Resolved from `contexts.orders.api.ShortLine`."""

    sku: str = strawberry.field(description="The product.")
    requested: Decimal = strawberry.field(description="What the cart asks for, in the product's unit.")
    available: Decimal = strawberry.field(description="What can be had now.")


@strawberry.type(description="There is less in stock than the cart asks for.")
class OutOfStockError(DomainError):
    """OUT_OF_STOCK."""

    shortages: list[StockShortage] = strawberry.field(description="Every product that is short.")


@strawberry.type(description="The order's status does not allow this step.")
class InvalidTransitionError(DomainError):
    """INVALID_TRANSITION."""

    from_: OrderStatus = strawberry.field(name="from", description="The status it has.")
    to: OrderStatus = strawberry.field(description="The status that was asked for.")


TYPES = [
    EmptyCartError,
    AccountNotApprovedError,
    ProductGoneError,
    PriceOnRequestError,
    PriceChangedError,
    ApprovalRequiredError,
    OutOfStockError,
    InvalidTransitionError,
]

Rejection = (
    SharedRejection
    | ordering.EmptyCart
    | ordering.AccountNotApproved
    | ordering.VersionConflict
    | ordering.ProductGone
    | ordering.PriceOnRequest
    | ordering.PriceChanged
    | ordering.ApprovalRequired
    | ordering.OutOfStock
    | ordering.InvalidTransition
)


def error_of(rejection: Rejection) -> DomainError:
    """The GraphQL error of any refusal of this context."""
    match rejection:
        case ordering.EmptyCart():
            return EmptyCartError(
                code=ErrorCode.EMPTY_CART, message="The cart is empty; put something in.", details=[]
            )
        case ordering.AccountNotApproved():
            message = "This buyer account may not order; ask the sales team."
            return AccountNotApprovedError(code=ErrorCode.ACCOUNT_NOT_APPROVED, message=message, details=[])
        case ordering.VersionConflict(expected, actual):
            message = f"The cart is at version {actual}, not {expected}; read it again."
            return VersionConflictError(
                code=ErrorCode.VERSION_CONFLICT,
                message=message,
                details=[_detail("cartVersion", DetailCode.STALE, message)],
                expected=expected,
                actual=actual,
            )
        case ordering.ProductGone(skus):
            return ProductGoneError(
                code=ErrorCode.NOT_FOUND,
                message=f"{', '.join(skus)}: not sold any more; take it out of the cart.",
                details=[
                    # The cart is to blame, of which the input names the version.
                    _detail("cartVersion", DetailCode.PRODUCT_GONE, f"{sku} is not sold any more.")
                    for sku in skus
                ],
                skus=list(skus),
            )
        case ordering.PriceOnRequest(skus):
            message = f"No price for {', '.join(skus)}; ask the sales team for a quote."
            return PriceOnRequestError(
                code=ErrorCode.PRICE_ON_REQUEST, message=message, details=[], skus=list(skus)
            )
        case ordering.PriceChanged(expected_total, actual_total):
            message = f"The total is {actual_total.amount}, not {expected_total.amount}; look at it and order again."
            return PriceChangedError(
                code=ErrorCode.PRICE_CHANGED,
                message=message,
                details=[_detail("expectedTotal", DetailCode.STALE, message)],
                expected=expected_total,  # type: ignore[arg-type]  # resolved from the context's own Money
                actual=actual_total,  # type: ignore[arg-type]  # resolved from the context's own Money
            )
        case ordering.ApprovalRequired(limit, total):
            message = (
                f"This order is {total.currency} {total.amount}, and you may order up to {limit.amount} without"
                " asking. Have an administrator of your account place it or raise your limit."
            )
            return ApprovalRequiredError(
                code=ErrorCode.APPROVAL_REQUIRED,
                message=message,
                details=[],
                limit=limit,  # type: ignore[arg-type]  # resolved from the context's own Money
                total=total,  # type: ignore[arg-type]  # resolved from the context's own Money
            )
        case ordering.OutOfStock(lines):
            return OutOfStockError(
                code=ErrorCode.OUT_OF_STOCK,
                message="Ask for less of "
                + "; ".join(
                    f"{line.sku}: {plain(line.available)} of {plain(line.requested)} available"
                    for line in lines
                ),
                details=[],
                shortages=[
                    StockShortage(
                        sku=line.sku,
                        requested=line.requested.normalize(),
                        available=line.available.normalize(),
                    )
                    for line in lines
                ],
            )
        case ordering.InvalidTransition(from_status, to_status):
            return InvalidTransitionError(
                code=ErrorCode.INVALID_TRANSITION,
                message=f"An order that is {from_status.name} cannot become {to_status.name}.",
                details=[],
                from_=from_status,
                to=to_status,
            )
        case (
            rejections.InvalidInput()
            | rejections.NotFound()
            | rejections.Forbidden()
            | rejections.IdempotencyKeyReused()
        ):
            return shared_error(rejection)
        case _:
            assert_never(rejection)


def _detail(field: str, code: DetailCode, message: str) -> ErrorDetail:
    return ErrorDetail(path=["input", field], code=code, message=message)
