"""The door of identity: buyer accounts, users, roles, sessions and access tokens."""

from dataclasses import dataclass

from contexts.identity.domain.account import Account, AccountStatus, Address
from contexts.identity.domain.role import Role
from contexts.identity.domain.scopes import (
    ALL_ACCOUNTS,
    AUDIT_READ,
    CART_WRITE,
    ORDER_READ,
    PRICE_READ,
    PRICE_WRITE,
    ROLE_MANAGE,
    ROLES,
    SCOPES,
)
from contexts.identity.domain.session import Device, Session
from contexts.identity.domain.user import Principal, User, Viewer
from contexts.identity.ports import (
    AccessTokens,
    Accounts,
    EndedSessions,
    KeyInUse,
    KeyRing,
    Roles,
    Sessions,
    TokenRejected,
    TokenVerified,
    TooManyAttempts,
    Viewers,
)
from contexts.identity.use_cases.add_user import AddUser, UserAdded
from contexts.identity.use_cases.change_password import ChangePassword, PasswordChanged
from contexts.identity.use_cases.end_sessions import EndSessions, SessionsEnded
from contexts.identity.use_cases.mail_person import PERSON_TOPICS, MailPerson
from contexts.identity.use_cases.open_account import AccountOpened, OpenAccount
from contexts.identity.use_cases.refresh_session import RefreshSession, TokenInvalid
from contexts.identity.use_cases.reset_password import AskPasswordReset, MailPromised, ResetPassword
from contexts.identity.use_cases.set_role_scopes import (
    LockedOut,
    RoleScopesSet,
    RoleVersionConflict,
    SetRoleScopes,
)
from contexts.identity.use_cases.sign_in import InvalidCredentials, SignedIn, SignIn
from contexts.identity.use_cases.verify_email import AskEmailVerification, EmailVerified, VerifyEmail

__all__ = [
    "ALL_ACCOUNTS",
    "AUDIT_READ",
    "CART_WRITE",
    "ORDER_READ",
    "PERSON_TOPICS",
    "PRICE_READ",
    "PRICE_WRITE",
    "ROLES",
    "ROLE_MANAGE",
    "SCOPES",
    "AccessTokens",
    "Account",
    "AccountOpened",
    "AccountStatus",
    "Accounts",
    "AddUser",
    "Address",
    "AskEmailVerification",
    "AskPasswordReset",
    "ChangePassword",
    "Device",
    "EmailVerified",
    "EndSessions",
    "EndedSessions",
    "Identity",
    "InvalidCredentials",
    "KeyInUse",
    "KeyRing",
    "LockedOut",
    "MailPerson",
    "MailPromised",
    "OpenAccount",
    "PasswordChanged",
    "Principal",
    "RefreshSession",
    "ResetPassword",
    "Role",
    "RoleScopesSet",
    "RoleVersionConflict",
    "Roles",
    "Session",
    "Sessions",
    "SessionsEnded",
    "SetRoleScopes",
    "SignIn",
    "SignedIn",
    "TokenInvalid",
    "TokenRejected",
    "TokenVerified",
    "TooManyAttempts",
    "User",
    "UserAdded",
    "VerifyEmail",
    "Viewer",
    "Viewers",
]


@dataclass(frozen=True, slots=True)
class Identity:
    """What the other contexts and the edge may ask of identity."""

    accounts: Accounts
    viewers: Viewers
    roles: Roles
    sessions: Sessions
    ended_sessions: EndedSessions
    access_tokens: AccessTokens
    key_ring: KeyRing
    sign_in: SignIn
    refresh: RefreshSession
    end_sessions: EndSessions
    change_password: ChangePassword
    ask_password_reset: AskPasswordReset
    reset_password: ResetPassword
    ask_email_verification: AskEmailVerification
    verify_email: VerifyEmail
    set_role_scopes: SetRoleScopes
    open_account: OpenAccount
    add_user: AddUser
    mail_person: MailPerson
