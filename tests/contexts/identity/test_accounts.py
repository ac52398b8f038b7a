"""Buyer accounts and users on the real PostgreSQL: what is stored, who sees what."""

from dataclasses import replace
from uuid import UUID

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select

from contexts.identity.adapters.tables import buyer_accounts, metadata, role_scopes, user_roles, users
from contexts.identity.api import (
    ROLES,
    Account,
    AccountOpened,
    AccountStatus,
    Identity,
    Principal,
    User,
    UserAdded,
    Viewer,
)
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.ids import new_id
from contexts.shared.rejections import Detail, InvalidInput, NotFound
from tests.contexts.identity.conftest import PASSWORD, SP_ADDRESS, People


def principal(user: User, role: str, account: Account | None = None) -> Principal:
    return Principal(user.id, new_id(), account.id if account else None, frozenset({role}), ROLES[role])


async def count(database: Database) -> tuple[int, ...]:
    async with database.reading() as connection:
        tables = (buyer_accounts, users, user_roles)
        return tuple([await connection.scalar(select(func.count()).select_from(t)) or 0 for t in tables])


async def test_the_migration_and_the_tables_agree(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, parents: kind != "schema" or name == "identity",
            "compare_server_default": True,
        }
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_migration_seeds_the_catalogued_roles(database: Database) -> None:
    async with database.reading() as connection:
        rows = await connection.execute(select(role_scopes.c.role, role_scopes.c.scope))
        assert {(row.role, row.scope) for row in rows} == {
            (role, scope) for role, scopes in ROLES.items() for scope in scopes
        }


async def test_accounts_come_back_with_state_and_normalised_cnpj(identity: Identity, people: People) -> None:
    found = await identity.accounts.by_ids([people.sp.id, people.pa.id, new_id()])
    assert found == {people.sp.id: people.sp, people.pa.id: people.pa}
    assert (people.sp.cnpj, people.sp.state, people.sp.tier) == ("16727230000197", "SP", "OURO")
    assert people.sp.status is AccountStatus.APPROVED
    assert (people.pa.cnpj, people.pa.state, people.pa.tier) == ("12ABC34501DE35", "PA", None)
    assert people.pa.status is AccountStatus.PENDING


async def test_who_sees_which_accounts_in_one_statement(identity: Identity, people: People) -> None:
    sp, pa = people.sp, people.pa
    expected: list[tuple[Principal, set[UUID]]] = [
        (principal(people.buyer_sp, "buyer", sp), {sp.id}),
        (principal(people.buyer_pa, "buyer", pa), {pa.id}),
        (principal(people.rep, "sales_rep"), {sp.id}),
        (principal(people.manager, "sales_manager"), {sp.id, pa.id}),
        (principal(people.manager, "catalog"), set()),
        # A buyer's reach is their account, even if somebody put them into the portfolio table.
        (replace(principal(people.rep, "buyer"), account_id=pa.id), {pa.id}),
    ]
    for who, ids in expected:
        with counting_statements() as counted:
            seen = await identity.accounts.visible(who, [sp.id, pa.id, new_id()])
        assert (set(seen), counted.statements) == (ids, 1), who
        assert await identity.accounts.visible(who, []) == {}


async def test_a_portfolio_is_the_rep_s(identity: Identity, people: People) -> None:
    assert await identity.accounts.portfolio_of(people.rep.id) == {people.sp.id}
    assert await identity.accounts.portfolio_of(people.manager.id) == frozenset()


async def test_reads_inside_a_transaction_see_it(
    identity: Identity, people: People, database: Database
) -> None:
    async with database.begin() as transaction:
        await transaction.connection.execute(
            buyer_accounts.update().where(buyer_accounts.c.id == people.sp.id).values(tier="PRATA")
        )
        seen = await identity.accounts.by_ids([people.sp.id], within=transaction)
        assert seen[people.sp.id].tier == "PRATA"
        assert (await identity.accounts.by_ids([people.sp.id]))[people.sp.id].tier == "OURO"


async def test_viewers(identity: Identity, people: People, database: Database) -> None:
    buyer = principal(people.buyer_sp, "buyer", people.sp)
    with counting_statements() as counted:
        viewer = await identity.viewers.of(buyer)
    assert viewer == Viewer(people.buyer_sp, people.sp, tuple(sorted(ROLES["buyer"])))
    assert counted.statements == 1
    staff = await identity.viewers.of(principal(people.rep, "sales_rep"))
    assert staff == Viewer(people.rep, None, tuple(sorted(ROLES["sales_rep"])))
    assert await identity.viewers.of(replace(buyer, user_id=new_id())) is None
    assert await identity.viewers.users([people.rep.id, new_id()]) == {people.rep.id: people.rep}


async def test_the_viewer_of_an_inactive_user_is_none(
    identity: Identity, people: People, database: Database
) -> None:
    gone = await identity.add_user(
        email="gone@prumo.example", name="Gone", password=PASSWORD, roles=["catalog"]
    )
    assert isinstance(gone, UserAdded)
    async with database.begin() as transaction:
        await transaction.connection.execute(
            users.update().where(users.c.id == gone.user.id).values(active=False)
        )
        await transaction.commit()
    assert await identity.viewers.of(principal(gone.user, "catalog")) is None
    assert await identity.viewers.users([gone.user.id]) == {gone.user.id: gone.user}


async def test_an_account_with_every_mistake_names_them_all(
    identity: Identity, people: People, database: Database
) -> None:
    before = await count(database)
    nowhere = replace(SP_ADDRESS, street=" ", city="x\0", state="XX", postal_code="1")
    outcome = await identity.open_account(legal_name="", cnpj="123", address=nowhere, tier="\n")
    assert isinstance(outcome, InvalidInput)
    assert [detail.path[1:] for detail in outcome.details] == [
        ("legalName",),
        ("cnpj",),
        ("tier",),
        ("address", "street"),
        ("address", "city"),
        ("address", "state"),
        ("address", "postalCode"),
    ]
    assert await count(database) == before


@pytest.mark.parametrize("cnpj", ["16.727.230/0001-97", "16727230000197", "12abc34501de35"])
async def test_a_cnpj_is_taken_once(
    identity: Identity, people: People, database: Database, cnpj: str
) -> None:
    before = await count(database)
    outcome = await identity.open_account(legal_name="Outra", cnpj=cnpj, address=SP_ADDRESS)
    assert isinstance(outcome, InvalidInput)
    assert (outcome.details[0].path, outcome.details[0].code) == (("input", "cnpj"), "TAKEN")
    assert await count(database) == before


async def test_a_portfolio_is_a_sales_rep_s(identity: Identity, people: People, database: Database) -> None:
    before = await count(database)
    for stranger in (people.manager.id, people.buyer_sp.id, new_id()):
        outcome = await identity.open_account(
            legal_name="Outra",
            cnpj="11.222.333/0001-81",
            address=SP_ADDRESS,
            rep_ids=[people.rep.id, stranger],
        )
        assert isinstance(outcome, InvalidInput)
        assert outcome.details[0].code == "NOT_A_REP"
    assert await count(database) == before
    twice = await identity.open_account(
        legal_name="Outra", cnpj="11222333000181", address=SP_ADDRESS, rep_ids=[people.rep.id] * 2
    )
    assert isinstance(twice, AccountOpened)


async def test_an_email_is_taken_once_in_any_case(
    identity: Identity, people: People, database: Database
) -> None:
    before = await count(database)
    outcome = await identity.add_user(
        email=" COMPRADOR.sp@Prumo.example", name="Outro", password=PASSWORD, roles=["catalog"]
    )
    assert isinstance(outcome, InvalidInput)
    assert (outcome.details[0].path, outcome.details[0].code) == (("input", "email"), "TAKEN")
    assert await count(database) == before


async def test_a_user_with_mistakes(identity: Identity, people: People, database: Database) -> None:
    before = await count(database)
    outcome = await identity.add_user(email="x", name="\0", password="short", roles=["king"])
    assert isinstance(outcome, InvalidInput)
    assert [detail.path for detail in outcome.details] == [
        ("input", "email"),
        ("input", "name"),
        ("input", "password"),
        ("input", "roles"),
    ]
    assert await count(database) == before


async def test_roles_fit_whom_they_are_given_to(identity: Identity, people: People) -> None:
    async def problem(roles: list[str], account: Account | None) -> Detail:
        outcome = await identity.add_user(
            email="novo@prumo.example",
            name="Novo",
            password=PASSWORD,
            roles=roles,
            account_id=account.id if account else None,
        )
        assert isinstance(outcome, InvalidInput)
        return outcome.details[0]

    assert (await problem([], None)).code == "REQUIRED"
    assert (await problem(["king"], None)).code == "UNKNOWN_ROLE"
    assert (await problem(["buyer"], None)).code == "NEEDS_ACCOUNT"
    assert (await problem(["catalog", "account_admin"], None)).code == "NEEDS_ACCOUNT"
    assert (await problem(["buyer", "admin"], people.sp)).code == "STAFF_ROLE"


async def test_a_buyer_of_an_unknown_account(identity: Identity, people: People) -> None:
    outcome = await identity.add_user(
        email="novo@prumo.example", name="Novo", password=PASSWORD, roles=["buyer"], account_id=new_id()
    )
    assert outcome == NotFound("buyer account", ("input", "accountId"))
