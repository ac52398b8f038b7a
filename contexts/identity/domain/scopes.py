"""The catalogue of scopes, and the roles that bundle them. A directive asks for scopes, never for a role."""

from typing import Final

# Those that are asked for in more than one place.
ACCOUNT_APPROVE: Final = "account:approve"
ACCOUNT_MANAGE: Final = "account:manage"
ACCOUNT_READ: Final = "account:read"
ALL_ACCOUNTS: Final = "account:all"
AUDIT_READ: Final = "audit:read"
CART_WRITE: Final = "cart:write"
ORDER_READ: Final = "order:read"
PRICE_READ: Final = "price:read"
PRICE_WRITE: Final = "price:write"
ROLE_MANAGE: Final = "role:manage"
PORTFOLIO_MANAGE: Final = "portfolio:manage"
USER_MANAGE: Final = "user:manage"

SCOPES: Final = frozenset(
    {
        CART_WRITE,
        "order:place",
        ORDER_READ,
        "order:cancel",
        "order:manage",
        PRICE_READ,
        "price:explain",
        PRICE_WRITE,
        "catalog:write",
        ALL_ACCOUNTS,
        AUDIT_READ,
        ROLE_MANAGE,
        ACCOUNT_READ,
        ACCOUNT_APPROVE,
        ACCOUNT_MANAGE,
        PORTFOLIO_MANAGE,
        USER_MANAGE,
    }
)

BUYER: Final = frozenset({CART_WRITE, "order:place", ORDER_READ, "order:cancel", PRICE_READ})
SALES_REP: Final = frozenset({ORDER_READ, "order:manage", PRICE_READ, "price:explain", ACCOUNT_READ})

# As the migrations leave them in the database, which is what a session reads; a test holds both together.
ROLES: Final = {
    "buyer": BUYER,
    "account_admin": BUYER | {ACCOUNT_MANAGE},
    "account_viewer": frozenset({ORDER_READ, PRICE_READ}),
    "sales_rep": SALES_REP,
    "sales_manager": SALES_REP | {ALL_ACCOUNTS, ACCOUNT_APPROVE, PORTFOLIO_MANAGE},
    "pricing": frozenset({PRICE_READ, "price:explain", PRICE_WRITE, ALL_ACCOUNTS, ACCOUNT_READ}),
    "catalog": frozenset({"catalog:write"}),
    # A cart and an order belong to a buyer account, which an admin has not.
    "admin": SCOPES - {CART_WRITE, "order:place"},
}

BUYER_ROLES: Final = frozenset({"buyer", "account_admin", "account_viewer"})
"""Roles of people who belong to a buyer account; every other role is for staff, who belong to none. They may have less
than in ROLES, and never more: all of it ends at their own account."""
