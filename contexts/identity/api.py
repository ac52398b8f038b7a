"""The door of identity: buyer accounts, users, sessions and access tokens."""

from dataclasses import dataclass

from contexts.identity.domain.account import Account, AccountStatus, Address
from contexts.identity.domain.scopes import (
    ALL_ACCOUNTS,
    AUDIT_READ,
    CART_WRITE,
    ORDER_READ,
    PRICE_READ,
    PRICE_WRITE,
    ROLES,
    SCOPES,
)
from contexts.identity.domain.user import Principal, User, Viewer
from contexts.identity.ports import AccessTokens, Accounts, TokenRejected, TokenVerified, Viewers
from contexts.identity.use_cases.add_user import AddUser, UserAdded
from contexts.identity.use_cases.open_account import AccountOpened, OpenAccount
from contexts.identity.use_cases.refresh_session import RefreshSession, TokenInvalid
from contexts.identity.use_cases.revoke_session import Revoked, RevokeSession
from contexts.identity.use_cases.sign_in import InvalidCredentials, SignedIn, SignIn

__all__ = [
    "ALL_ACCOUNTS",
    "AUDIT_READ",
    "CART_WRITE",
    "ORDER_READ",
    "PRICE_READ",
    "PRICE_WRITE",
    "ROLES",
    "SCOPES",
    "AccessTokens",
    "Account",
    "AccountOpened",
    "AccountStatus",
    "Accounts",
    "AddUser",
    "Address",
    "Identity",
    "InvalidCredentials",
    "OpenAccount",
    "Principal",
    "RefreshSession",
    "RevokeSession",
    "Revoked",
    "SignIn",
    "SignedIn",
    "TokenInvalid",
    "TokenRejected",
    "TokenVerified",
    "User",
    "UserAdded",
    "Viewer",
    "Viewers",
]


@dataclass(frozen=True, slots=True)
class Identity:
    """What the other contexts and the edge may ask of identity."""

    accounts: Accounts
    viewers: Viewers
    access_tokens: AccessTokens
    sign_in: SignIn
    refresh: RefreshSession
    revoke: RevokeSession
    open_account: OpenAccount
    add_user: AddUser
