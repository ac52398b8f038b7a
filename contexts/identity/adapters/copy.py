"""Buyer accounts in bulk, for data of a benchmark or a first load."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from contexts.identity.adapters.tables import account_addresses, buyer_accounts
from contexts.identity.domain.account import AccountStatus
from contexts.identity.domain.address import Address
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.query import Query
from contexts.shared.ids import new_id

_BY_CNPJ = Query(
    select(buyer_accounts.c.cnpj, buyer_accounts.c.id).where(
        buyer_accounts.c.cnpj == any_(bindparam("cnpjs", type_=ARRAY(Text)))
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
        """The ids of the accounts there are, by their 14 characters."""
        return dict(await self.database.fetch(_BY_CNPJ, {"cnpjs": list(cnpjs)}))

    async def __call__(self, drafts: Sequence[AccountDraft]) -> int:
        """Open those whose CNPJ is not taken, all or none; how many that were."""
        if not drafts:
            return 0
        async with self.database.begin() as transaction:
            rows = await transaction.connection.execute(
                insert(buyer_accounts)
                .values(created_at=func.now())
                .on_conflict_do_nothing(index_elements=["cnpj"])
                .returning(buyer_accounts.c.cnpj, buyer_accounts.c.id),
                [
                    {
                        "id": new_id(),
                        "cnpj": draft.cnpj,
                        "legal_name": draft.legal_name,
                        "tier": draft.tier,
                        "status": AccountStatus.APPROVED.value,
                    }
                    for draft in drafts
                ],
            )
            opened = {row.cnpj: row.id for row in rows}
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
