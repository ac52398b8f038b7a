"""Buyer accounts in bulk, for data of a benchmark or a first load."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from contexts.identity.adapters.tables import account_addresses, buyer_accounts, cnpj_holds
from contexts.identity.domain.account import AccountStatus
from contexts.identity.domain.address import Address
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.query import Query
from contexts.shared.ids import new_id

_BY_CNPJ = Query(
    select(cnpj_holds.c.cnpj, cnpj_holds.c.account_id).where(
        cnpj_holds.c.cnpj == any_(bindparam("cnpjs", type_=ARRAY(Text)))
    )
)


@dataclass(frozen=True, slots=True)
class AccountDraft:
    """An approved buyer account with its primary address, checked by who made it; `cnpj` is its 14 characters."""

    cnpj: str
    legal_name: str
    tier: str | None
    address: Address


@dataclass(frozen=True, slots=True)
class AccountCopy:
    """Opens many accounts at once, without users."""

    database: Database

    async def by_cnpj(self, cnpjs: Collection[str]) -> dict[str, UUID]:
        """The ids of the accounts that hold these, by their 14 characters."""
        return dict(await self.database.fetch(_BY_CNPJ, {"cnpjs": list(cnpjs)}))

    async def __call__(self, drafts: Sequence[AccountDraft]) -> int:
        """Open those whose CNPJ nobody holds, all or none; how many that were."""
        if not drafts:
            return 0
        async with self.database.begin() as transaction:
            made = [
                {
                    "id": new_id(),
                    "cnpj": draft.cnpj,
                    "legal_name": draft.legal_name,
                    "tier": draft.tier,
                    "status": AccountStatus.APPROVED.value,
                }
                for draft in drafts
            ]
            await transaction.connection.execute(insert(buyer_accounts).values(created_at=func.now()), made)
            rows = await transaction.connection.execute(
                insert(cnpj_holds)
                .values(at=func.now())
                .on_conflict_do_nothing(index_elements=["cnpj"])
                .returning(cnpj_holds.c.cnpj, cnpj_holds.c.account_id),
                [{"cnpj": each["cnpj"], "account_id": each["id"]} for each in made],
            )
            opened = {row.cnpj: row.account_id for row in rows}
            too_many = [each["id"] for each in made if each["id"] not in opened.values()]
            if too_many:
                await transaction.connection.execute(
                    delete(buyer_accounts).where(
                        buyer_accounts.c.id == any_(bindparam("ids", too_many, type_=ARRAY(Uuid)))
                    )
                )
            addresses = [
                {
                    "id": new_id(),
                    "account_id": opened[draft.cnpj],
                    "is_primary": True,
                    **asdict(draft.address),
                }
                for draft in drafts
                if draft.cnpj in opened
            ]
            if addresses:
                await transaction.connection.execute(insert(account_addresses), addresses)
            await transaction.commit()
        return len(opened)
