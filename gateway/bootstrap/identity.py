"""Identity on its adapters."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

from contexts.identity.adapters.access_tokens import JwtAccessTokens
from contexts.identity.adapters.account_files import SqlAccountFiles
from contexts.identity.adapters.accounts import SqlAccounts
from contexts.identity.adapters.address_book import SqlAddressBook
from contexts.identity.adapters.directory import SqlDirectory, SqlPortfolios
from contexts.identity.adapters.ended_sessions import ListenedEndedSessions
from contexts.identity.adapters.invitations import SqlInvitations
from contexts.identity.adapters.known_signing_keys import KnownSigningKeys
from contexts.identity.adapters.mailed_tokens import SqlMailedTokens
from contexts.identity.adapters.passwords import Argon2Passwords
from contexts.identity.adapters.repetitions import SqlRepetitions
from contexts.identity.adapters.roles import SqlRoles
from contexts.identity.adapters.sessions import SqlSessions
from contexts.identity.adapters.signing_keys import SqlSigningKeys, Wrapping
from contexts.identity.adapters.throttle import SqlThrottle
from contexts.identity.adapters.users import SqlUsers
from contexts.identity.api import (
    AcceptInvitation,
    AccountStep,
    AddUser,
    AskEmailVerification,
    AskPasswordReset,
    ChangePassword,
    ChangePortfolio,
    ChangeRole,
    ChangeStaffRoles,
    EndSessions,
    HandOverCnpj,
    Identity,
    ImportSigningKeys,
    InviteByOperator,
    InviteStaff,
    InviteUser,
    KeyRing,
    MailAccountChange,
    MailInvitation,
    MailPerson,
    MailRegisteredAgain,
    MakeSigningKey,
    MoveAccount,
    Onboarding,
    OpenAccount,
    People,
    Personnel,
    ProveEmail,
    PutAddress,
    RefreshSession,
    RegisterAccount,
    RemoveAddress,
    ResendInvitation,
    ResetPassword,
    RetireSigningKey,
    RevokeInvitation,
    RewrapSigningKeys,
    SetActive,
    SetRoleScopes,
    SignIn,
    TransferPortfolio,
    VerifyEmail,
)
from contexts.shared.adapters.database import Database
from contexts.shared.clock import Clock
from contexts.shared.mail import Mailer
from gateway.bootstrap.mail import mailer_of
from gateway.settings import AUDIENCE, ISSUER, Settings
from gateway.signing_secrets import secrets_of


@asynccontextmanager
async def bootstrap_identity(
    *, settings: Settings, database: Database, clock: Clock, listening: bool
) -> AsyncIterator[Identity]:
    """Ended sessions are listened for and signing keys read inside the block, unless nobody asks for either."""
    passwords, life = Argon2Passwords(), settings.access_token_life
    ended_sessions = ListenedEndedSessions(database=database, clock=clock, life=life)
    table = signing_keys(settings=settings, database=database)
    known = KnownSigningKeys(table=table, life=life)
    users, accounts, roles = SqlUsers(database), SqlAccounts(database), SqlRoles(database)
    sessions, mailed = SqlSessions(database=database, ended=ended_sessions), SqlMailedTokens(database)
    throttle, repetitions = SqlThrottle(database=database, clock=clock), SqlRepetitions(database)
    prove = ProveEmail(users=users, accounts=accounts)
    mailer, portal = mailer_of(settings), settings.links_url
    tokens = JwtAccessTokens(keys=known, issuer=ISSUER, audience=AUDIENCE, life=life)
    identity = Identity(
        accounts=accounts,
        viewers=users,
        roles=roles,
        sessions=sessions,
        ended_sessions=ended_sessions,
        access_tokens=tokens,
        key_ring=key_ring(table=table, database=database, clock=clock, life=life),
        repetitions=repetitions,
        sign_in=SignIn(
            users=users,
            passwords=passwords,
            throttle=throttle,
            sessions=sessions,
            repetitions=repetitions,
            tokens=tokens,
            transactions=database,
            clock=clock,
            most_sessions=settings.sessions_per_user,
        ),
        refresh=RefreshSession(
            users=users,
            sessions=sessions,
            repetitions=repetitions,
            tokens=tokens,
            transactions=database,
            clock=clock,
        ),
        end_sessions=EndSessions(
            sessions=sessions, repetitions=repetitions, transactions=database, clock=clock
        ),
        change_password=ChangePassword(
            users=users,
            tokens=mailed,
            passwords=passwords,
            throttle=throttle,
            sessions=sessions,
            repetitions=repetitions,
            transactions=database,
            clock=clock,
        ),
        ask_password_reset=AskPasswordReset(throttle=throttle, transactions=database, clock=clock),
        reset_password=ResetPassword(
            users=users,
            tokens=mailed,
            prove=prove,
            passwords=passwords,
            throttle=throttle,
            sessions=sessions,
            transactions=database,
            clock=clock,
        ),
        ask_email_verification=AskEmailVerification(
            users=users, throttle=throttle, transactions=database, clock=clock
        ),
        verify_email=VerifyEmail(users=users, tokens=mailed, prove=prove, transactions=database, clock=clock),
        set_role_scopes=SetRoleScopes(roles=roles, users=users, transactions=database, clock=clock),
        open_account=OpenAccount(accounts=accounts, users=users, transactions=database, clock=clock),
        add_user=AddUser(
            users=users, accounts=accounts, passwords=passwords, transactions=database, clock=clock
        ),
        mail_person=MailPerson(
            users=users, tokens=mailed, transactions=database, mailer=mailer, clock=clock, portal_url=portal
        ),
        onboarding=onboarding(
            database=database,
            users=users,
            accounts=accounts,
            sessions=sessions,
            passwords=passwords,
            throttle=throttle,
            mailer=mailer,
            clock=clock,
            portal=portal,
        ),
        personnel=personnel(
            database=database,
            users=users,
            accounts=accounts,
            sessions=sessions,
            passwords=passwords,
            mailer=mailer,
            clock=clock,
            portal=portal,
        ),
    )
    async with AsyncExitStack() as stack:
        stack.callback(passwords.close)
        if listening:
            await stack.enter_async_context(ended_sessions)
            await stack.enter_async_context(known)
        yield identity


def onboarding(
    *,
    database: Database,
    users: SqlUsers,
    accounts: SqlAccounts,
    sessions: SqlSessions,
    passwords: Argon2Passwords,
    throttle: SqlThrottle,
    mailer: Mailer,
    clock: Clock,
    portal: str,
) -> Onboarding:
    """Identity's onboarding of accounts."""
    files, addresses, directory = SqlAccountFiles(database), SqlAddressBook(database), SqlDirectory(database)

    def step(step: AccountStep) -> MoveAccount:
        return MoveAccount(
            step=step,
            accounts=accounts,
            register=accounts,
            directory=directory,
            sessions=sessions,
            transactions=database,
            clock=clock,
        )

    return Onboarding(
        files=files,
        addresses=addresses,
        register=RegisterAccount(
            accounts=accounts,
            users=users,
            passwords=passwords,
            throttle=throttle,
            transactions=database,
            clock=clock,
        ),
        request_information=step(AccountStep.INFORMATION_REQUESTED),
        provide_information=step(AccountStep.INFORMATION_PROVIDED),
        approve=step(AccountStep.APPROVED),
        reject=step(AccountStep.REJECTED),
        suspend=step(AccountStep.SUSPENDED),
        reactivate=step(AccountStep.REACTIVATED),
        set_tier=step(AccountStep.TIER_SET),
        release_cnpj=step(AccountStep.CNPJ_RELEASED),
        hand_over_cnpj=HandOverCnpj(
            accounts=accounts, register=accounts, directory=directory, transactions=database, clock=clock
        ),
        put_address=PutAddress(
            accounts=accounts, register=accounts, addresses=addresses, transactions=database, clock=clock
        ),
        remove_address=RemoveAddress(
            accounts=accounts, register=accounts, addresses=addresses, transactions=database, clock=clock
        ),
        mail_change=MailAccountChange(
            files=files, accounts=accounts, users=users, mailer=mailer, portal=portal
        ),
        mail_registered_again=MailRegisteredAgain(users=users, mailer=mailer, portal=portal),
    )


def personnel(
    *,
    database: Database,
    users: SqlUsers,
    accounts: SqlAccounts,
    sessions: SqlSessions,
    passwords: Argon2Passwords,
    mailer: Mailer,
    clock: Clock,
    portal: str,
) -> Personnel:
    """Identity's people."""
    directory, invitations, portfolios = SqlDirectory(database), SqlInvitations(database), SqlPortfolios()
    roles = SqlRoles(database)
    people = People(
        users=users,
        accounts=accounts,
        register=accounts,
        directory=directory,
        roles=roles,
        sessions=sessions,
        invitations=invitations,
    )
    return Personnel(
        directory=directory,
        invitations=invitations,
        invite_user=InviteUser(
            users=users,
            accounts=accounts,
            register=accounts,
            directory=directory,
            invitations=invitations,
            transactions=database,
            clock=clock,
        ),
        invite_staff=InviteStaff(
            users=users, directory=directory, invitations=invitations, transactions=database, clock=clock
        ),
        invite_by_operator=InviteByOperator(
            users=users,
            directory=directory,
            invitations=invitations,
            transactions=database,
            clock=clock,
            portal=portal,
        ),
        resend_invitation=ResendInvitation(
            users=users,
            accounts=accounts,
            register=accounts,
            invitations=invitations,
            transactions=database,
            clock=clock,
        ),
        revoke_invitation=RevokeInvitation(
            users=users, accounts=accounts, invitations=invitations, transactions=database, clock=clock
        ),
        accept_invitation=AcceptInvitation(
            invitations=invitations, users=users, passwords=passwords, transactions=database, clock=clock
        ),
        change_role=ChangeRole(people=people, directory=directory, transactions=database, clock=clock),
        change_staff_roles=ChangeStaffRoles(
            people=people, accounts=accounts, directory=directory, transactions=database, clock=clock
        ),
        deactivate=SetActive(
            active=False, people=people, directory=directory, transactions=database, clock=clock
        ),
        reactivate=SetActive(
            active=True, people=people, directory=directory, transactions=database, clock=clock
        ),
        assign_portfolio=ChangePortfolio(
            change="assign",
            accounts=accounts,
            users=users,
            portfolios=portfolios,
            transactions=database,
            clock=clock,
        ),
        unassign_portfolio=ChangePortfolio(
            change="unassign",
            accounts=accounts,
            users=users,
            portfolios=portfolios,
            transactions=database,
            clock=clock,
        ),
        transfer_portfolio=TransferPortfolio(
            accounts=accounts, users=users, portfolios=portfolios, transactions=database, clock=clock
        ),
        mail_invitation=MailInvitation(
            invitations=invitations,
            users=users,
            accounts=accounts,
            transactions=database,
            mailer=mailer,
            clock=clock,
            portal=portal,
        ),
    )


def signing_keys(*, settings: Settings, database: Database) -> SqlSigningKeys:
    """Those of the database, to be unwrapped by the secrets of the settings. Raises CannotRun."""
    return SqlSigningKeys(database=database, wrapping=Wrapping(secrets=secrets_of(settings)))


def key_ring(*, table: SqlSigningKeys, database: Database, clock: Clock, life: timedelta) -> KeyRing:
    """Identity's keys. `life`: of an access token."""
    return KeyRing(
        keys=table,
        make=MakeSigningKey(keys=table, transactions=database, clock=clock, life=life),
        retire=RetireSigningKey(keys=table, transactions=database, clock=clock, life=life),
        rewrap=RewrapSigningKeys(keys=table, transactions=database, clock=clock),
        take_in=ImportSigningKeys(keys=table, transactions=database, clock=clock, life=life),
    )
