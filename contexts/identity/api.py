"""The door of identity: buyer accounts and their onboarding, people, roles, sessions and access tokens."""

from dataclasses import dataclass

from contexts.identity.domain.account import (
    Account,
    AccountStatus,
)
from contexts.identity.domain.address import (
    AccountAddress,
    Address,
)
from contexts.identity.domain.invitation import (
    Invitation,
    InvitationStatus,
)
from contexts.identity.domain.onboarding import (
    AccountChange,
    AccountStep,
    AccountStepRefused,
    CnpjStanding,
)
from contexts.identity.domain.role import (
    Role,
)
from contexts.identity.domain.scopes import (
    ACCOUNT_APPROVE,
    ACCOUNT_MANAGE,
    ACCOUNT_READ,
    ALL_ACCOUNTS,
    AUDIT_READ,
    BUYER_ROLES,
    CART_WRITE,
    ORDER_READ,
    PORTFOLIO_MANAGE,
    PRICE_READ,
    PRICE_WRITE,
    ROLE_MANAGE,
    ROLES,
    SCOPES,
    USER_MANAGE,
)
from contexts.identity.domain.session import (
    MOST_SESSIONS,
    Device,
    Session,
)
from contexts.identity.domain.signing_key import (
    KEY_SET_CACHED,
    KeyState,
    SigningKeyTimes,
    Succession,
)
from contexts.identity.domain.user import (
    ROLE_NAMES,
    AccountMember,
    AccountRole,
    Principal,
    StaffMember,
    User,
    Viewer,
)
from contexts.identity.ports import (
    AccessTokens,
    AccountFiles,
    AccountFilter,
    Accounts,
    AddressBook,
    Directory,
    EndedSessions,
    Invitations,
    KeyUnknown,
    NotAKey,
    Registration,
    Repetitions,
    Roles,
    Sessions,
    SigningKeys,
    TokenRejected,
    TokenVerified,
    TooManyAttempts,
    Viewers,
)
from contexts.identity.use_cases.accept_invitation import (
    AcceptInvitation,
    AddressTaken,
    InvitationAccepted,
    InvitationInvalid,
)
from contexts.identity.use_cases.add_user import (
    AddUser,
    UserAdded,
)
from contexts.identity.use_cases.change_password import (
    ChangePassword,
    PasswordChanged,
)
from contexts.identity.use_cases.end_sessions import (
    EndSessions,
    SessionsEnded,
)
from contexts.identity.use_cases.hand_over_cnpj import (
    HandOverCnpj,
    HandOverCnpjCommand,
)
from contexts.identity.use_cases.invite import (
    USER_INVITED,
    InvitationClosed,
    InviteByOperator,
    Invited,
    InvitedByOperator,
    InviteStaff,
    InviteUser,
    InviteUserCommand,
    ResendInvitation,
    RevokeInvitation,
)
from contexts.identity.use_cases.keep_addresses import (
    AddressCommand,
    AddressesKept,
    PutAddress,
    RemoveAddress,
)
from contexts.identity.use_cases.keep_signing_keys import (
    ImportSigningKeys,
    KeyMade,
    KeyNeeded,
    KeyRetired,
    KeyRetiresItself,
    KeysImported,
    KeysRewrapped,
    KeysThere,
    KeysUnreadable,
    KeyThere,
    MakeSigningKey,
    NoSuchKey,
    RetireSigningKey,
    RewrapSigningKeys,
)
from contexts.identity.use_cases.mail_people import (
    MailAccountChange,
    MailInvitation,
    MailRegisteredAgain,
)
from contexts.identity.use_cases.mail_person import (
    PERSON_TOPICS,
    MailPerson,
)
from contexts.identity.use_cases.manage_users import (
    ChangeRole,
    ChangeStaffRoles,
    LastAdministrator,
    MemberChanged,
    People,
    SetActive,
    StaffChanged,
)
from contexts.identity.use_cases.move_account import (
    ACCOUNT_CHANGED,
    AccountMoved,
    CnpjNotHeld,
    CnpjTaken,
    MoveAccount,
    MoveAccountCommand,
    NobodyProved,
)
from contexts.identity.use_cases.open_account import (
    AccountOpened,
    OpenAccount,
)
from contexts.identity.use_cases.portfolios import (
    ChangePortfolio,
    PortfolioChanged,
    TransferPortfolio,
)
from contexts.identity.use_cases.prove_email import (
    ProveEmail,
)
from contexts.identity.use_cases.refresh_session import (
    RefreshSession,
    TokenInvalid,
)
from contexts.identity.use_cases.register_account import (
    REGISTERED_AGAIN,
    AddressDraft,
    RegisterAccount,
    RegisterCommand,
    Registered,
)
from contexts.identity.use_cases.reset_password import (
    AskPasswordReset,
    MailPromised,
    ResetPassword,
)
from contexts.identity.use_cases.set_role_scopes import (
    LockedOut,
    RoleScopesSet,
    RoleVersionConflict,
    SetRoleScopes,
)
from contexts.identity.use_cases.sign_in import (
    InvalidCredentials,
    SignedIn,
    SignIn,
)
from contexts.identity.use_cases.verify_email import (
    AskEmailVerification,
    EmailVerified,
    VerifyEmail,
)

__all__ = [
    "ACCOUNT_APPROVE",
    "ACCOUNT_CHANGED",
    "ACCOUNT_MANAGE",
    "ACCOUNT_READ",
    "ALL_ACCOUNTS",
    "AUDIT_READ",
    "BUYER_ROLES",
    "CART_WRITE",
    "KEY_SET_CACHED",
    "MOST_SESSIONS",
    "ORDER_READ",
    "PERSON_TOPICS",
    "PORTFOLIO_MANAGE",
    "PRICE_READ",
    "PRICE_WRITE",
    "REGISTERED_AGAIN",
    "ROLES",
    "ROLE_MANAGE",
    "ROLE_NAMES",
    "SCOPES",
    "USER_INVITED",
    "USER_MANAGE",
    "AcceptInvitation",
    "AccessTokens",
    "Account",
    "AccountAddress",
    "AccountChange",
    "AccountFiles",
    "AccountFilter",
    "AccountMember",
    "AccountMoved",
    "AccountOpened",
    "AccountRole",
    "AccountStatus",
    "AccountStep",
    "AccountStepRefused",
    "Accounts",
    "AddUser",
    "Address",
    "AddressBook",
    "AddressCommand",
    "AddressDraft",
    "AddressTaken",
    "AddressesKept",
    "AskEmailVerification",
    "AskPasswordReset",
    "ChangePassword",
    "ChangePortfolio",
    "ChangeRole",
    "ChangeStaffRoles",
    "CnpjNotHeld",
    "CnpjStanding",
    "CnpjTaken",
    "Device",
    "Directory",
    "EmailVerified",
    "EndSessions",
    "EndedSessions",
    "HandOverCnpj",
    "HandOverCnpjCommand",
    "Identity",
    "ImportSigningKeys",
    "InvalidCredentials",
    "Invitation",
    "InvitationAccepted",
    "InvitationClosed",
    "InvitationInvalid",
    "InvitationStatus",
    "Invitations",
    "InviteByOperator",
    "InviteStaff",
    "InviteUser",
    "InviteUserCommand",
    "Invited",
    "InvitedByOperator",
    "KeyMade",
    "KeyNeeded",
    "KeyRetired",
    "KeyRetiresItself",
    "KeyRing",
    "KeyState",
    "KeyThere",
    "KeyUnknown",
    "KeysImported",
    "KeysRewrapped",
    "KeysThere",
    "KeysUnreadable",
    "LastAdministrator",
    "LockedOut",
    "MailAccountChange",
    "MailInvitation",
    "MailPerson",
    "MailPromised",
    "MailRegisteredAgain",
    "MakeSigningKey",
    "MemberChanged",
    "MoveAccount",
    "MoveAccountCommand",
    "NoSuchKey",
    "NobodyProved",
    "NotAKey",
    "Onboarding",
    "OpenAccount",
    "PasswordChanged",
    "People",
    "Personnel",
    "PortfolioChanged",
    "Principal",
    "ProveEmail",
    "PutAddress",
    "RefreshSession",
    "RegisterAccount",
    "RegisterCommand",
    "Registered",
    "Registration",
    "RemoveAddress",
    "Repetitions",
    "ResendInvitation",
    "ResetPassword",
    "RetireSigningKey",
    "RevokeInvitation",
    "RewrapSigningKeys",
    "Role",
    "RoleScopesSet",
    "RoleVersionConflict",
    "Roles",
    "Session",
    "Sessions",
    "SessionsEnded",
    "SetActive",
    "SetRoleScopes",
    "SignIn",
    "SignedIn",
    "SigningKeyTimes",
    "SigningKeys",
    "StaffChanged",
    "StaffMember",
    "Succession",
    "TokenInvalid",
    "TokenRejected",
    "TokenVerified",
    "TooManyAttempts",
    "TransferPortfolio",
    "User",
    "UserAdded",
    "VerifyEmail",
    "Viewer",
    "Viewers",
]


@dataclass(frozen=True, slots=True)
class Onboarding:
    """How a company becomes a buyer account, and what its account page shows and changes."""

    files: AccountFiles
    addresses: AddressBook
    register: RegisterAccount
    request_information: MoveAccount
    provide_information: MoveAccount
    approve: MoveAccount
    reject: MoveAccount
    suspend: MoveAccount
    reactivate: MoveAccount
    set_tier: MoveAccount
    release_cnpj: MoveAccount
    hand_over_cnpj: HandOverCnpj
    put_address: PutAddress
    remove_address: RemoveAddress
    mail_change: MailAccountChange
    mail_registered_again: MailRegisteredAgain


@dataclass(frozen=True, slots=True)
class Personnel:
    """Who belongs to an account or to the staff, what they may do, and which rep looks after whom."""

    directory: Directory
    invitations: Invitations
    invite_user: InviteUser
    invite_staff: InviteStaff
    invite_by_operator: InviteByOperator
    resend_invitation: ResendInvitation
    revoke_invitation: RevokeInvitation
    accept_invitation: AcceptInvitation
    change_role: ChangeRole
    change_staff_roles: ChangeStaffRoles
    deactivate: SetActive
    reactivate: SetActive
    assign_portfolio: ChangePortfolio
    unassign_portfolio: ChangePortfolio
    transfer_portfolio: TransferPortfolio
    mail_invitation: MailInvitation


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys that sign access tokens, as operators see and change them; running processes notice by themselves."""

    keys: SigningKeys
    make: MakeSigningKey
    retire: RetireSigningKey
    rewrap: RewrapSigningKeys
    take_in: ImportSigningKeys


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
    repetitions: Repetitions
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
    onboarding: Onboarding
    personnel: Personnel
