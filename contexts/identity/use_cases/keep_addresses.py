"""The addresses of a buyer account: its administrators keep them; what decides prices, only the sales team."""

from dataclasses import dataclass
from uuid import UUID

from contexts.identity.domain.account import Account, AccountStatus
from contexts.identity.domain.address import (
    MAX_ADDRESSES,
    TOO_MANY_ADDRESSES,
    AccountAddress,
    Address,
    parse_address,
)
from contexts.identity.domain.scopes import ACCOUNT_APPROVE
from contexts.identity.domain.user import Principal
from contexts.identity.ports import AccountRegister, Accounts, AddressBook
from contexts.shared.audit import Act, Actor, Json, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.ids import new_id
from contexts.shared.rejections import Forbidden, InvalidInput, NotFound
from contexts.shared.transaction import Transaction, Transactions

PRICED_BY_STATE = Forbidden(
    "The state of the main address decides the account's prices; ask the sales team to change it."
)


@dataclass(frozen=True, slots=True)
class AddressCommand:
    """An address as typed. `address_id`: of the one it replaces; None: it is a new one."""

    account_id: UUID
    address_id: UUID | None
    place: Address
    primary: bool
    delivery: bool
    billing: bool


@dataclass(frozen=True, slots=True)
class AddressesKept:
    """The account with its addresses as they are now. `replayed`: they were so before."""

    account: Account
    replayed: bool


@dataclass(frozen=True, slots=True)
class PutAddress:
    """Adds an address or replaces one. The same once more changes nothing: a new address that is equal to one
    the account has, is that one."""

    accounts: Accounts
    register: AccountRegister
    addresses: AddressBook
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, command: AddressCommand
    ) -> AddressesKept | InvalidInput | NotFound | Forbidden:
        place = parse_address(command.place, ("input",))
        if not isinstance(place, Address):
            return InvalidInput(tuple(place))
        async with self.transactions.begin() as transaction:
            account = await reached(transaction, principal, command.account_id, self.accounts, self.register)
            if isinstance(account, NotFound):
                return account
            present = (await self.addresses.of([account.id], within=transaction))[account.id]
            before = next((each for each in present if each.id == command.address_id), None)
            if command.address_id is not None and before is None:
                return NotFound("address", ("input", "id"))
            if before is None:
                before = next((each for each in present if each.place == place), None)
            after = AccountAddress(
                id=before.id if before else new_id(),
                place=place,
                primary=command.primary or bool(before and before.primary),
                delivery=command.delivery,
                billing=command.billing,
            )
            if after == before:
                return AddressesKept(account, replayed=True)
            if before is None and len(present) >= MAX_ADDRESSES:
                return InvalidInput((TOO_MANY_ADDRESSES.at("input", "accountId"),))
            if after.primary and place.state != account.state and not _decides_prices(principal, account):
                return PRICED_BY_STATE
            await self.addresses.put(transaction, account.id, after)
            await transaction.record(
                Act(
                    by,
                    "identity.address_changed" if before else "identity.address_added",
                    Subject("BuyerAccount", account.id),
                    self.clock.now(),
                    account_id=account.id,
                    before=_facts(before) if before else None,
                    after=_facts(after),
                )
            )
            kept = (await self.accounts.by_ids([account.id], within=transaction))[account.id]
            await transaction.commit()
        return AddressesKept(kept, replayed=False)


@dataclass(frozen=True, slots=True)
class RemoveAddress:
    """Removes an address; one that is gone already is gone. The primary one stays: another takes its place first."""

    accounts: Accounts
    register: AccountRegister
    addresses: AddressBook
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, account_id: UUID, address_id: UUID
    ) -> AddressesKept | InvalidInput | NotFound:
        async with self.transactions.begin() as transaction:
            account = await reached(transaction, principal, account_id, self.accounts, self.register)
            if isinstance(account, NotFound):
                return account
            present = (await self.addresses.of([account.id], within=transaction))[account.id]
            gone = next((each for each in present if each.id == address_id), None)
            if gone is None:
                return AddressesKept(account, replayed=True)
            if gone.primary:
                return InvalidInput.at(
                    "id",
                    DetailCode.PRIMARY,
                    "make another address the main one first; an account has always one",
                )
            await self.addresses.remove(transaction, gone.id)
            await transaction.record(
                Act(
                    by,
                    "identity.address_removed",
                    Subject("BuyerAccount", account.id),
                    self.clock.now(),
                    account_id=account.id,
                    before=_facts(gone),
                )
            )
            await transaction.commit()
        return AddressesKept(account, replayed=False)


async def reached(
    transaction: Transaction,
    principal: Principal,
    account_id: UUID,
    accounts: Accounts,
    register: AccountRegister,
) -> Account | NotFound:
    """The account, locked; not found when the principal does not reach it."""
    absent = NotFound("buyer account", ("input", "accountId"))
    if not await accounts.visible(principal, [account_id], within=transaction):
        return absent
    return await register.lock(transaction, account_id) or absent


def _decides_prices(principal: Principal, account: Account) -> bool:
    """While nobody has looked at the account, what it says of itself is what will be looked at."""
    return ACCOUNT_APPROVE in principal.scopes or account.status is AccountStatus.PENDING


def _facts(address: AccountAddress) -> dict[str, Json]:
    place = address.place
    return {
        "id": str(address.id),
        "street": place.street,
        "number": place.number,
        "complement": place.complement,
        "district": place.district,
        "city": place.city,
        "state": place.state,
        "postalCode": place.postal_code,
        "label": place.label,
        "primary": address.primary,
        "delivery": address.delivery,
        "billing": address.billing,
    }
