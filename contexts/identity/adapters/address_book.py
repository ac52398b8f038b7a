"""The addresses of buyer accounts in PostgreSQL."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy import Uuid, and_, any_, bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import ARRAY, insert

from contexts.identity.adapters.tables import account_addresses
from contexts.identity.domain.address import AccountAddress, Address
from contexts.shared.adapters.database import Database, connection_of
from contexts.shared.adapters.query import Query
from contexts.shared.transaction import Transaction

_OF = Query(
    select(
        account_addresses.c.account_id,
        account_addresses.c.id,
        account_addresses.c.is_primary,
        account_addresses.c.delivery,
        account_addresses.c.billing,
        account_addresses.c.street,
        account_addresses.c.number,
        account_addresses.c.district,
        account_addresses.c.city,
        account_addresses.c.state,
        account_addresses.c.postal_code,
        account_addresses.c.complement,
        account_addresses.c.label,
    )
    .where(account_addresses.c.account_id == any_(bindparam("ids", type_=ARRAY(Uuid))))
    .order_by(account_addresses.c.is_primary.desc(), account_addresses.c.id)
)


@dataclass(frozen=True, slots=True)
class SqlAddressBook:
    """Reads and writes addresses; ids are UUIDv7, so they tell the order of adding."""

    database: Database

    async def of(
        self, account_ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, list[AccountAddress]]:
        found: dict[UUID, list[AccountAddress]] = {account_id: [] for account_id in account_ids}
        if not found:
            return found
        for account_id, id_, primary, delivery, billing, *place in await self.database.fetch(
            _OF, {"ids": list(found)}, within
        ):
            found[account_id].append(AccountAddress(id_, Address(*place), primary, delivery, billing))
        return found

    async def put(self, transaction: Transaction, account_id: UUID, address: AccountAddress) -> None:
        connection = connection_of(transaction)
        if address.primary:
            # First, because there is never more than one.
            await connection.execute(
                update(account_addresses)
                .where(and_(account_addresses.c.account_id == account_id, account_addresses.c.is_primary))
                .values(is_primary=False)
            )
        values = {
            **asdict(address.place),
            "is_primary": address.primary,
            "delivery": address.delivery,
            "billing": address.billing,
        }
        await connection.execute(
            insert(account_addresses)
            .values(id=address.id, account_id=account_id, **values)
            .on_conflict_do_update(index_elements=["id"], set_=values)
        )

    async def remove(self, transaction: Transaction, address_id: UUID) -> None:
        await connection_of(transaction).execute(
            delete(account_addresses).where(account_addresses.c.id == address_id)
        )
