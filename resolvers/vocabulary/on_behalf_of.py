"""`onBehalfOf`: the buyer account through whose eyes the staff look, on a listing or on one field."""

from contexts.identity.api import PRICE_READ, Account
from resolvers.vocabulary.context import RequestContext
from resolvers.vocabulary.errors import BadUserInput, Denied
from resolvers.vocabulary.node import id_of

LOOKING_UP = 2
"""Points of a field with the argument: the account is read, and what the account sees."""


async def on_behalf_of(context: RequestContext, account_id: str) -> Account:
    """The buyer account a caller asks prices for, when they may."""
    principal = context.principal
    if principal is None:
        raise Denied.unauthenticated("Sign in to see an account's prices.")
    if PRICE_READ not in principal.scopes:
        raise Denied.forbidden("Your role does not see prices.")
    if principal.account_id is not None:
        raise Denied.forbidden("`onBehalfOf` is for staff; you see your own account's prices without it.")
    if (id := id_of("BuyerAccount", account_id)) is None:
        raise BadUserInput("`onBehalfOf` is not the id of a buyer account.")
    if (account := await context.account(id)) is None:
        raise Denied.forbidden("`onBehalfOf` is not a buyer account you look after.")
    return account
