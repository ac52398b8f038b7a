"""Row scope from the token: whose orders a caller reaches, and who shops."""

from contexts.identity.api import ALL_ACCOUNTS, Principal
from contexts.orders.api import Customer, EveryAccount, OwnAccount, Portfolio, RowScope


def row_scope_of(principal: Principal) -> RowScope:
    """Buyers reach their own account; staff their portfolio, or everything with `account:all`."""
    if principal.account_id is not None:
        return OwnAccount(principal.account_id)
    return EveryAccount() if ALL_ACCOUNTS in principal.scopes else Portfolio(principal.user_id)


def customer_of(principal: Principal) -> Customer | None:
    """Who shops; None for staff, who have no account of their own."""
    return None if principal.account_id is None else Customer(principal.account_id, principal.user_id)
