"""The catalogue of scopes, and the roles that bundle them. A directive asks for scopes, never for a role."""

from typing import Final

ALL_ACCOUNTS: Final = "account:all"

SCOPES: Final = frozenset(
    {
        "cart:write",
        "order:place",
        "order:read",
        "order:cancel",
        "order:manage",
        "price:read",
        "price:explain",
        "price:write",
        "catalog:write",
        ALL_ACCOUNTS,
        "account:manage",
    }
)

BUYER: Final = frozenset({"cart:write", "order:place", "order:read", "order:cancel", "price:read"})
SALES_REP: Final = frozenset({"order:read", "order:manage", "price:read", "price:explain"})

# As the migrations leave them in the database, which is what a session reads; a test holds both together.
ROLES: Final = {
    "buyer": BUYER,
    "account_admin": BUYER | {"account:manage"},
    "sales_rep": SALES_REP,
    "sales_manager": SALES_REP | {ALL_ACCOUNTS},
    "pricing": frozenset({"price:read", "price:explain", "price:write", ALL_ACCOUNTS}),
    "catalog": frozenset({"catalog:write"}),
    # A cart and an order belong to a buyer account, which an admin has not.
    "admin": SCOPES - {"cart:write", "order:place"},
}

BUYER_ROLES: Final = frozenset({"buyer", "account_admin"})
"""Roles of people who belong to a buyer account; every other role is for staff, who belong to none."""
