"""Identity over the module's own database, wired as the gateway does, with hashes that cost little."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from contexts.identity.adapters.access_tokens import JwtAccessTokens
from contexts.identity.adapters.accounts import SqlAccounts
from contexts.identity.adapters.passwords import Argon2Passwords
from contexts.identity.adapters.sessions import SqlSessions
from contexts.identity.adapters.signing_keys import SigningKeys
from contexts.identity.adapters.users import SqlUsers
from contexts.identity.api import (
    Account,
    AccountOpened,
    AccountStatus,
    Address,
    AddUser,
    Identity,
    OpenAccount,
    RefreshSession,
    RevokeSession,
    SignIn,
    User,
    UserAdded,
)
from contexts.shared.adapters.database import Database
from tests.contexts.identity.clock import HandClock

PASSWORD = "prumo-demo"
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


@pytest.fixture(scope="module")
async def identity(
    database: Database, clock: HandClock, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Identity]:
    accounts, users, sessions = SqlAccounts(database), SqlUsers(database), SqlSessions()
    passwords = Argon2Passwords(time_cost=1, memory_kib=8)
    keys = SigningKeys.load_or_create(tmp_path_factory.mktemp("keys"))
    tokens = JwtAccessTokens(keys, "https://prumo.example", "prumo")
    yield Identity(
        accounts=accounts,
        viewers=users,
        access_tokens=tokens,
        sign_in=SignIn(users, passwords, sessions, tokens, database, clock),
        refresh=RefreshSession(users, sessions, tokens, database, clock),
        revoke=RevokeSession(sessions, database, clock),
        open_account=OpenAccount(accounts, users, database, clock),
        add_user=AddUser(users, accounts, passwords, database, clock),
    )
    passwords.close()


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
