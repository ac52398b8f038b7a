"""Buyer accounts in PostgreSQL."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, Uuid, and_, any_, bindparam, exists, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from contexts.identity.adapters.tables import account_addresses, buyer_accounts, portfolio
from contexts.identity.domain.account import Account, AccountStatus, Address
from contexts.identity.domain.scopes import ALL_ACCOUNTS
from contexts.identity.domain.user import Principal
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
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

AccountRow = tuple[UUID, str, str, str, str | None, str]

_accounts: Select[*AccountRow] = (
    select(*ACCOUNT_COLUMNS)
    .select_from(ACCOUNT_WITH_STATE)
    # One array instead of a list of parameters: one prepared statement, however many ids.
    .where(buyer_accounts.c.id == any_(bindparam("ids", type_=ARRAY(Uuid))))
)
_BY_IDS = Query(_accounts)
_OWN = Query(_accounts.where(buyer_accounts.c.id == bindparam("account_id")))
_IN_PORTFOLIO = Query(
    _accounts.where(
        exists().where(
            portfolio.c.rep_id == bindparam("user_id"), portfolio.c.account_id == buyer_accounts.c.id
        )
    )
)
_PORTFOLIO_OF = Query(select(portfolio.c.account_id).where(portfolio.c.rep_id == bindparam("rep_id")))

_STATUSES = {status.value: status for status in AccountStatus}


def account_of(row: AccountRow) -> Account:
    """The account in the values of ACCOUNT_COLUMNS."""
    account_id, legal_name, cnpj, state, tier, status = row
    return Account(account_id, legal_name, cnpj, state, tier, _STATUSES[status])


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
        if principal.account_id is not None:
            return await self._read(_OWN, ids, within, account_id=principal.account_id)
        return await self._read(_IN_PORTFOLIO, ids, within, user_id=principal.user_id)

    async def portfolio_of(self, rep_id: UUID, *, within: Transaction | None = None) -> frozenset[UUID]:
        rows = await self.database.fetch(_PORTFOLIO_OF, {"rep_id": rep_id}, within)
        return frozenset(account_id for (account_id,) in rows)

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
        self,
        query: Query[*AccountRow],
        ids: Collection[UUID],
        within: Transaction | None,
        **reach: UUID,
    ) -> dict[UUID, Account]:
        if not ids:
            return {}
        rows = await self.database.fetch(query, {"ids": list(ids), **reach}, within)
        return {row[0]: account_of(row) for row in rows}
