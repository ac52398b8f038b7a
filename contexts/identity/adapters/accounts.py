"""Buyer accounts in PostgreSQL."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from contexts.identity.adapters.tables import (
    account_addresses,
    account_changes,
    buyer_accounts,
    cnpj_holds,
    portfolio,
    registrations,
)
from contexts.identity.domain.account import Account, AccountStatus
from contexts.identity.domain.address import AccountAddress
from contexts.identity.domain.onboarding import AccountChange, AccountStep
from contexts.identity.domain.scopes import ALL_ACCOUNTS
from contexts.identity.domain.user import Principal
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
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
_REPS_OF = Query(select(portfolio.c.rep_id).where(portfolio.c.account_id == bindparam("account_id")))

CALLED = or_(
    func.unaccent(func.lower(buyer_accounts.c.legal_name)).like(
        func.unaccent(func.lower(bindparam("name", type_=Text))), escape="\\"
    ),
    buyer_accounts.c.cnpj.like(bindparam("cnpj", type_=Text)),
)
"""Accounts by part of the legal name or the beginning of the CNPJ; `called` has the values."""
_called = select(buyer_accounts.c.id).where(CALLED).limit(bindparam("most", type_=Integer))
_NAMED = Query(_called)
_NAMED_AMONG = Query(_called.where(buyer_accounts.c.id == any_(bindparam("ids", type_=ARRAY(Uuid)))))

_STATUSES = {status.value: status for status in AccountStatus}


def called(text: str) -> dict[str, object]:
    """What CALLED compares with. A text without letters and digits begins no CNPJ."""
    number = "".join(character for character in text.upper() if character.isalnum())
    literal = text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return {"name": f"%{literal}%", "cnpj": f"{number}%" if number else None}


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

    async def named(self, text: str, *, among: Collection[UUID] | None, most: int) -> frozenset[UUID]:
        values = {**called(text), "most": most}
        if among is None:
            rows = await self.database.fetch(_NAMED, values)
        else:
            rows = await self.database.fetch(_NAMED_AMONG, {**values, "ids": list(among)})
        return frozenset(account_id for (account_id,) in rows)

    async def reps_of(self, account_id: UUID) -> frozenset[UUID]:
        rows = await self.database.fetch(_REPS_OF, {"account_id": account_id})
        return frozenset(rep_id for (rep_id,) in rows)

    async def add(
        self,
        transaction: Transaction,
        account: Account,
        addresses: Sequence[AccountAddress],
        rep_ids: Collection[UUID],
        at: datetime,
        *,
        state_registration: str | None = None,
    ) -> None:
        connection = connection_of(transaction)
        await connection.execute(
            insert(buyer_accounts).values(
                id=account.id,
                legal_name=account.legal_name,
                cnpj=account.cnpj,
                tier=account.tier,
                status=account.status.value,
                created_at=at,
                state_registration=state_registration,
            )
        )
        await connection.execute(
            insert(account_addresses).values(
                [
                    {
                        "id": address.id,
                        "account_id": account.id,
                        "is_primary": address.primary,
                        "delivery": address.delivery,
                        "billing": address.billing,
                        **asdict(address.place),
                    }
                    for address in addresses
                ]
            )
        )
        if rep_ids:
            await connection.execute(
                insert(portfolio),
                [{"rep_id": rep_id, "account_id": account.id} for rep_id in set(rep_ids)],
            )

    async def remove(self, transaction: Transaction, account_id: UUID) -> None:
        connection = connection_of(transaction)
        await connection.execute(
            delete(account_addresses).where(account_addresses.c.account_id == account_id)
        )
        await connection.execute(delete(buyer_accounts).where(buyer_accounts.c.id == account_id))

    async def remember(self, transaction: Transaction, cnpj: str, digest: bytes, at: datetime) -> bool:
        kept = await connection_of(transaction).scalar(
            insert(registrations)
            .values(cnpj=cnpj, digest=digest, at=at)
            .on_conflict_do_nothing(index_elements=["digest"])
            .returning(registrations.c.cnpj)
        )
        return kept is not None

    async def hold(self, transaction: Transaction, account: Account, at: datetime) -> bool:
        # An approved account always holds its CNPJ, also if code that knew no holds has approved it.
        approved = (
            select(buyer_accounts.c.id)
            .where(
                buyer_accounts.c.cnpj == account.cnpj,
                buyer_accounts.c.status == AccountStatus.APPROVED.value,
            )
            .order_by(buyer_accounts.c.id)
            .limit(1)
            .scalar_subquery()
        )
        # Of two at once the second waits here. An update that changes nothing has the holder returned, whoever it is;
        # one that such code has approved beside the holder takes its place, or two accounts would come to be approved.
        held = insert(cnpj_holds).values(
            cnpj=account.cnpj, account_id=func.coalesce(approved, account.id), at=at
        )
        another = held.excluded.account_id
        stays = case((another != account.id, another), else_=cnpj_holds.c.account_id)
        holder: UUID | None = await connection_of(transaction).scalar(
            held.on_conflict_do_update(index_elements=["cnpj"], set_={"account_id": stays}).returning(
                cnpj_holds.c.account_id
            )
        )
        return holder == account.id

    async def release(self, transaction: Transaction, account_id: UUID) -> bool:
        released = await connection_of(transaction).execute(
            delete(cnpj_holds).where(cnpj_holds.c.account_id == account_id)
        )
        return released.rowcount == 1

    async def hand_over(self, transaction: Transaction, giver: Account, taker: Account, at: datetime) -> bool:
        moved = await connection_of(transaction).execute(
            update(cnpj_holds)
            .where(cnpj_holds.c.cnpj == taker.cnpj, cnpj_holds.c.account_id == giver.id)
            .values(account_id=taker.id, at=at)
        )
        return moved.rowcount == 1

    async def lock(self, transaction: Transaction, account_id: UUID) -> Account | None:
        # Its key is left to others: a foreign key to the account does not wait.
        row = (
            await connection_of(transaction).execute(
                select(*ACCOUNT_COLUMNS)
                .select_from(ACCOUNT_WITH_STATE)
                .where(buyer_accounts.c.id == account_id)
                .with_for_update(of=buyer_accounts, key_share=True)
            )
        ).one_or_none()
        return None if row is None else account_of(tuple(row))

    async def change(self, transaction: Transaction, change: AccountChange, tier: str | None = None) -> None:
        values = {"status": change.status.value} | ({} if tier is None else {"tier": tier})
        moved = update(buyer_accounts).where(buyer_accounts.c.id == change.account_id).values(values)
        await connection_of(transaction).execute(
            insert(account_changes)
            .add_cte(moved.cte("moved"))
            .values(
                id=change.id,
                account_id=change.account_id,
                step=change.step.value,
                status=change.status.value,
                reason=change.reason,
                note=change.note,
                by=change.by,
                at=change.at,
            )
        )

    async def last_change(self, transaction: Transaction, account_id: UUID) -> AccountChange | None:
        changes = account_changes.c
        row = (
            await connection_of(transaction).execute(
                select(account_changes)
                .where(changes.account_id == account_id)
                .order_by(changes.id.desc())
                .limit(1)
            )
        ).one_or_none()
        if row is None:
            return None
        return AccountChange(
            id=row.id,
            account_id=row.account_id,
            step=AccountStep(row.step),
            status=AccountStatus(row.status),
            reason=row.reason,
            note=row.note,
            by=row.by,
            at=row.at,
        )

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
