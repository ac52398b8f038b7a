"""Identity over the module's own database, put together as the gateway does, with hashes that cost little."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from contexts.identity.adapters.access_tokens import JwtAccessTokens
from contexts.identity.adapters.accounts import SqlAccounts
from contexts.identity.adapters.ended_sessions import ListenedEndedSessions
from contexts.identity.adapters.mailed_tokens import SqlMailedTokens
from contexts.identity.adapters.passwords import Argon2Passwords
from contexts.identity.adapters.repetitions import SqlRepetitions
from contexts.identity.adapters.roles import SqlRoles
from contexts.identity.adapters.sessions import SqlSessions
from contexts.identity.adapters.throttle import SqlThrottle
from contexts.identity.adapters.users import SqlUsers
from contexts.identity.api import (
    Account,
    AccountOpened,
    AccountStatus,
    Address,
    AddUser,
    AskEmailVerification,
    AskPasswordReset,
    ChangePassword,
    EndSessions,
    Identity,
    MailPerson,
    OpenAccount,
    ProveEmail,
    RefreshSession,
    ResetPassword,
    SetRoleScopes,
    SignIn,
    User,
    UserAdded,
    VerifyEmail,
)
from contexts.shared.adapters.database import Database
from contexts.shared.clock import Clock
from contexts.shared.mail import Mail, Mailer
from gateway.bootstrap import identity as identity_parts
from tests.contexts.identity.clock import HandClock
from tests.signing import LIFE, FixedKeys, fixed, table_of

PASSWORD = "prumo-demo"
PORTAL = "https://portal.example"
SP_ADDRESS = Address("Rua Augusta", "1500", "Consolação", "São Paulo", "SP", "01304-001")
PA_ADDRESS = Address("Avenida Nazaré", "s/n", "Nazaré", "Belém", "PA", "66035170")


@dataclass(frozen=True, slots=True)
class People:
    """Who the tests are about: two accounts, the SP one in the rep's portfolio, and their people."""

    rep: User
    manager: User
    buyer_sp: User
    buyer_pa: User
    sp: Account
    pa: Account


@pytest.fixture(scope="module")
def clock() -> HandClock:
    return HandClock(datetime(2026, 3, 2, 12, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A mailer that keeps what it is given; refuses when told to."""

    mails: list[Mail] = field(default_factory=list)
    refusing: list[bool] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        if self.refusing:
            raise OSError("451 try again later")
        self.mails.append(mail)


@pytest.fixture(scope="module")
def mail() -> KeptMail:
    return KeptMail()


@asynccontextmanager
async def identity_on(
    database: Database, clock: Clock, mailer: Mailer, keys: FixedKeys
) -> AsyncIterator[Identity]:
    """One process's identity."""
    accounts, users, roles = SqlAccounts(database), SqlUsers(database), SqlRoles(database)
    passwords = Argon2Passwords(time_cost=1, memory_kib=8)
    tokens = JwtAccessTokens(keys, "https://prumo.example", "prumo")
    async with ListenedEndedSessions(database, clock, timedelta(minutes=10)) as ended:
        sessions, mailed, throttle, repetitions = (
            SqlSessions(database, ended),
            SqlMailedTokens(database),
            SqlThrottle(database, clock),
            SqlRepetitions(database),
        )
        prove = ProveEmail(users, accounts)
        yield Identity(
            accounts=accounts,
            viewers=users,
            roles=roles,
            sessions=sessions,
            ended_sessions=ended,
            access_tokens=tokens,
            key_ring=identity_parts.key_ring(
                table=table_of(database), database=database, clock=clock, life=LIFE
            ),
            repetitions=repetitions,
            sign_in=SignIn(users, passwords, throttle, sessions, repetitions, tokens, database, clock),
            refresh=RefreshSession(users, sessions, repetitions, tokens, database, clock),
            end_sessions=EndSessions(sessions, repetitions, database, clock),
            change_password=ChangePassword(
                users, mailed, passwords, throttle, sessions, repetitions, database, clock
            ),
            ask_password_reset=AskPasswordReset(throttle, database, clock),
            reset_password=ResetPassword(
                users, mailed, prove, passwords, throttle, sessions, database, clock
            ),
            ask_email_verification=AskEmailVerification(users, throttle, database, clock),
            verify_email=VerifyEmail(users, mailed, prove, database, clock),
            set_role_scopes=SetRoleScopes(roles, users, database, clock),
            open_account=OpenAccount(accounts, users, database, clock),
            add_user=AddUser(users, accounts, passwords, database, clock),
            mail_person=MailPerson(users, mailed, database, mailer, clock, PORTAL),
            onboarding=identity_parts.onboarding(
                database=database,
                users=users,
                accounts=accounts,
                sessions=sessions,
                passwords=passwords,
                throttle=throttle,
                mailer=mailer,
                clock=clock,
                portal=PORTAL,
            ),
            personnel=identity_parts.personnel(
                database=database,
                users=users,
                accounts=accounts,
                sessions=sessions,
                passwords=passwords,
                mailer=mailer,
                clock=clock,
                portal=PORTAL,
            ),
        )
    passwords.close()


@pytest.fixture(scope="module")
def keys() -> FixedKeys:
    return fixed()


@pytest.fixture(scope="module")
async def identity(
    database: Database, clock: HandClock, mail: KeptMail, keys: FixedKeys
) -> AsyncIterator[Identity]:
    async with identity_on(database, clock, mail, keys) as identity:
        yield identity


@pytest.fixture(scope="module")
async def people(identity: Identity) -> People:
    async def user(email: str, name: str, role: str, account: Account | None = None) -> User:
        added = await identity.add_user(
            email=email,
            name=name,
            password=PASSWORD,
            roles=[role],
            account_id=account.id if account else None,
        )
        assert isinstance(added, UserAdded)
        return added.user

    rep = await user("rep@prumo.example", "Rita Representante", "sales_rep")
    sp = await identity.open_account(
        legal_name="Construtora Paulista Ltda.",
        cnpj="16.727.230/0001-97",
        address=SP_ADDRESS,
        tier="OURO",
        status=AccountStatus.APPROVED,
        rep_ids=[rep.id],
    )
    pa = await identity.open_account(
        legal_name="Casa do Construtor Belém", cnpj="12abc34501de35", address=PA_ADDRESS
    )
    assert isinstance(sp, AccountOpened)
    assert isinstance(pa, AccountOpened)
    return People(
        rep=rep,
        manager=await user("vendas@prumo.example", "Vera Vendas", "sales_manager"),
        buyer_sp=await user("Comprador.SP@prumo.example", "Caio Comprador", "buyer", sp.account),
        buyer_pa=await user("comprador.pa@prumo.example", "Paula Compradora", "buyer", pa.account),
        sp=sp.account,
        pa=pa.account,
    )
