"""Buyer accounts in PostgreSQL."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Uuid, and_, any_, bindparam, exists, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from contexts.identity.adapters.tables import account_addresses, buyer_accounts, portfolio
from contexts.identity.domain.account import Account, AccountStatus, Address
from contexts.identity.domain.scopes import ALL_ACCOUNTS
from contexts.identity.domain.user import Principal
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.ids import new_id
from contexts.shared.transaction import Transaction

ACCOUNT_COLUMNS = (
    buyer_accounts.c.id.label("account_id"),
    buyer_accounts.c.legal_name,
    buyer_accounts.c.cnpj,
    account_addresses.c.state,
    buyer_accounts.c.tier,
    buyer_accounts.c.status,
)
ACCOUNT_WITH_STATE = buyer_accounts.join(
    account_addresses,
    and_(account_addresses.c.account_id == buyer_accounts.c.id, account_addresses.c.is_primary),
)

_BY_IDS = (
    select(*ACCOUNT_COLUMNS)
    .select_from(ACCOUNT_WITH_STATE)
    # One array instead of a list of parameters: one prepared statement, however many ids.
    .where(buyer_accounts.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
)
_PORTFOLIO_OF = select(portfolio.c.account_id).where(portfolio.c.rep_id == bindparam("rep_id"))


def account_of(row: Row[*tuple[Any, ...]]) -> Account:
    """The account in a row that has ACCOUNT_COLUMNS."""
    return Account(
        id=row.account_id,
        legal_name=row.legal_name,
        cnpj=row.cnpj,
        state=row.state,
        tier=row.tier,
        status=AccountStatus(row.status),
    )


@dataclass(frozen=True, slots=True)
class SqlAccounts:
    """Reads and adds buyer accounts."""

    database: Database

    async def by_ids(
        self, ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, Account]:
        return await self._read(_BY_IDS, ids, within)

    async def visible(
        self, principal: Principal, ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, Account]:
        if ALL_ACCOUNTS in principal.scopes:
            return await self._read(_BY_IDS, ids, within)
        return await self._read(_BY_IDS.where(_in_reach_of(principal)), ids, within)

    async def portfolio_of(self, rep_id: UUID, *, within: Transaction | None = None) -> frozenset[UUID]:
        async with self.database.reading(within) as connection:
            return frozenset(await connection.scalars(_PORTFOLIO_OF, {"rep_id": rep_id}))

    async def add(
        self,
        transaction: Transaction,
        account: Account,
        address: Address,
        rep_ids: Collection[UUID],
        at: datetime,
    ) -> bool:
        connection = connection_of(transaction)
        added = await connection.scalar(
            insert(buyer_accounts)
            .values(
                id=account.id,
                legal_name=account.legal_name,
                cnpj=account.cnpj,
                tier=account.tier,
                status=account.status.value,
                created_at=at,
            )
            .on_conflict_do_nothing(index_elements=["cnpj"])
            .returning(buyer_accounts.c.id)
        )
        if added is None:
            return False
        await connection.execute(
            insert(account_addresses).values(
                id=new_id(), account_id=account.id, is_primary=True, **asdict(address)
            )
        )
        if rep_ids:
            await connection.execute(
                insert(portfolio),
                [{"rep_id": rep_id, "account_id": account.id} for rep_id in set(rep_ids)],
            )
        return True

    async def _read(
        self, statement: Select[*tuple[Any, ...]], ids: Collection[UUID], within: Transaction | None
    ) -> dict[UUID, Account]:
        if not ids:
            return {}
        async with self.database.reading(within) as connection:
            rows = await connection.execute(statement, {"ids": list(ids)})
            return {row.account_id: account_of(row) for row in rows}


def _in_reach_of(principal: Principal) -> ColumnElement[bool]:
    if principal.account_id is not None:
        return buyer_accounts.c.id == principal.account_id
    return exists().where(
        portfolio.c.rep_id == principal.user_id, portfolio.c.account_id == buyer_accounts.c.id
    )
