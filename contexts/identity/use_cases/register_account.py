"""A company registers itself, with its first user; the sales team decides what becomes of it."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from contexts.identity.domain.account import (
    NOT_A_CNPJ,
    Account,
    AccountStatus,
    Cnpj,
    parse_state_registration,
)
from contexts.identity.domain.address import (
    MAX_ADDRESSES,
    TOO_MANY_ADDRESSES,
    AccountAddress,
    Address,
    parse_address,
)
from contexts.identity.domain.onboarding import AccountChange, AccountStep
from contexts.identity.domain.password import password_malformed
from contexts.identity.domain.user import MAX_NAME, NOT_AN_EMAIL, ROLE_NAMES, AccountRole, User, parse_email
from contexts.identity.ports import (
    AccountRegister,
    Passwords,
    Throttle,
    TooManyAttempts,
    Users,
)
from contexts.identity.use_cases.move_account import ACCOUNT_CHANGED
from contexts.identity.use_cases.verify_email import VERIFICATION_ASKED
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.ids import new_id
from contexts.shared.rejections import NONE_GIVEN, Detail, InvalidInput, Wrong
from contexts.shared.text import key_problem, one_line, unless_blank
from contexts.shared.transaction import Event, Transaction, Transactions

REGISTERED_AGAIN = "identity.registered_again"


@dataclass(frozen=True, slots=True)
class AddressDraft:
    """An address as typed, and what it is for."""

    place: Address
    delivery: bool = True
    billing: bool = True


@dataclass(frozen=True, slots=True)
class RegisterCommand:
    """As typed. The first address is the primary one: its state decides the prices. The key is new for every
    registration and the same for every retry of it."""

    idempotency_key: str = field(repr=False)
    legal_name: str
    cnpj: str
    state_registration: str | None
    addresses: Sequence[AddressDraft]
    name: str
    email: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Registered:
    """The registration was taken in, and whoever owns the e-mail address is written to. Nothing here tells
    whether there was a user with that address before, or an account with that CNPJ."""

    legal_name: str
    cnpj: str
    email: str
    replayed: bool


@dataclass(frozen=True, slots=True)
class _Draft:
    account: Account
    state_registration: str | None
    places: Sequence[tuple[Address, AddressDraft]]
    user: User


@dataclass(frozen=True, slots=True)
class RegisterAccount:
    """Makes a PENDING account and its administrator, both or neither. It holds nothing: any number may register with
    one CNPJ, and who of them has it is seen when an e-mail address is proved, and by the sales team.

    A CNPJ that somebody has is answered like any other. So is an e-mail address that somebody signs in with; its
    owner is told by mail, and no account is made. All of these cost the same hash and as many statements, however
    many addresses were typed: time tells only to who can measure below the variation of the hash. Whose the e-mail
    address is, the worker finds out.
    """

    accounts: AccountRegister
    users: Users
    passwords: Passwords
    throttle: Throttle
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, by: Actor, address: str | None, command: RegisterCommand
    ) -> Registered | TooManyAttempts | InvalidInput:
        """`address` is where the request comes from; few registrations an hour are taken from one."""
        draft = _parse(command)
        if not isinstance(draft, _Draft):
            return InvalidInput(tuple(draft))
        email = draft.user.email
        async with self.throttle.attempt("register", email, address, seen_here=False) as attempt:
            if isinstance(attempt, TooManyAttempts):
                return attempt
            # Judging takes time, so it is counted like a registration: who asks for too many waits.
            personal = (draft.user.name, email, draft.account.legal_name)
            if problem := await self.passwords.problem(command.password, "password", *personal):
                return InvalidInput((replace(problem, path=("input", "user", "password")),))
            return await self._register(by, command, draft)

    async def _register(self, by: Actor, command: RegisterCommand, draft: _Draft) -> Registered:
        password_hash = await self.passwords.hash(command.password)
        account, user = draft.account, draft.user
        done = Registered(account.legal_name, account.cnpj, user.email, replayed=False)
        registration = _fingerprint(command, account.cnpj, user.email)
        now = self.clock.now()
        addresses = [
            AccountAddress(new_id(), place, primary=index == 0, delivery=use.delivery, billing=use.billing)
            for index, (place, use) in enumerate(draft.places)
        ]
        async with self.transactions.begin() as transaction:
            if not await self.accounts.remember(transaction, account.cnpj, registration, now):
                return replace(done, replayed=True)
            await self.accounts.add(
                transaction, account, addresses, (), now, state_registration=draft.state_registration
            )
            roles = [ROLE_NAMES[AccountRole.ADMINISTRATOR]]
            if await self.users.add(transaction, user, password_hash, roles, account.id, now):
                await self._complete(transaction, by, draft)
                await transaction.commit()
                return done
            # As many statements as what is done for an address that is new.
            await self.accounts.remove(transaction, account.id)
            await transaction.record(
                Act(
                    by,
                    "identity.registered_again",
                    Subject("BuyerAccount"),
                    now,
                    after={"legalName": account.legal_name, "cnpj": account.cnpj, "email": user.email},
                )
            )
            await transaction.publish(Event(REGISTERED_AGAIN, {"email": user.email}))
            await transaction.commit()
        return done

    async def _complete(self, transaction: Transaction, by: Actor, draft: _Draft) -> None:
        """The first line of the history, the audit and the mail."""
        account, user, now = draft.account, draft.user, self.clock.now()
        change = AccountChange(
            new_id(), account.id, AccountStep.REGISTERED, account.status, None, None, user.id, now
        )
        await self.accounts.change(transaction, change)
        await transaction.record(
            Act(
                by,
                "identity.account_registered",
                Subject("BuyerAccount", account.id),
                now,
                account_id=account.id,
                after={
                    "legalName": account.legal_name,
                    "cnpj": account.cnpj,
                    "status": account.status.value,
                    "administrator": str(user.id),
                },
            )
        )
        await transaction.publish(
            Event(ACCOUNT_CHANGED, {"change_id": str(change.id), "user_id": str(user.id)})
        )
        await transaction.publish(Event(VERIFICATION_ASKED, {"user_id": str(user.id)}))


def _parse(command: RegisterCommand) -> _Draft | list[Detail]:
    details: list[Detail] = []

    if (unfit := key_problem(command.idempotency_key)) is not None:
        details.append(unfit.at("input", "idempotencyKey"))
    legal_name = one_line(command.legal_name, MAX_NAME)
    if isinstance(legal_name, Wrong):
        details.append(legal_name.at("input", "legalName"))
    cnpj = Cnpj.parse(command.cnpj)
    if cnpj is None:
        details.append(unless_blank(command.cnpj, NOT_A_CNPJ).at("input", "cnpj"))
    state_registration: str | None = None
    if command.state_registration is not None and command.state_registration.strip():
        state_registration = parse_state_registration(command.state_registration)
        if state_registration is None:
            message = "must be 7 to 14 digits, or ISENTO, or absent"
            details.append(
                Detail(("input", "stateRegistration"), DetailCode.INVALID_STATE_REGISTRATION, message)
            )
    places: list[tuple[Address, AddressDraft]] = []
    if not command.addresses:
        details.append(NONE_GIVEN.at("input", "addresses"))
    if len(command.addresses) > MAX_ADDRESSES:
        details.append(TOO_MANY_ADDRESSES.at("input", "addresses"))
    for index, draft in enumerate(command.addresses[:MAX_ADDRESSES]):
        place = parse_address(draft.place, ("input", "addresses", str(index)))
        if isinstance(place, Address):
            places.append((place, draft))
        else:
            details += place
    name = one_line(command.name, MAX_NAME)
    if isinstance(name, Wrong):
        details.append(name.at("input", "user", "name"))
    email = parse_email(command.email)
    if email is None:
        details.append(unless_blank(command.email, NOT_AN_EMAIL).at("input", "user", "email"))
    if problem := password_malformed(command.password, "password"):
        details.append(replace(problem, path=("input", "user", "password")))
    if details or isinstance(legal_name, Wrong) or cnpj is None or isinstance(name, Wrong) or email is None:
        return details
    account = Account(new_id(), legal_name, cnpj.value, places[0][0].state, None, AccountStatus.PENDING)
    return _Draft(account, state_registration, places, User(new_id(), name, email))


def _fingerprint(command: RegisterCommand, cnpj: str, email: str) -> bytes:
    """Who does not know the key, which a client makes at random, cannot ask for somebody else's registration."""
    told = "\0".join([command.idempotency_key, cnpj, email.lower()])
    return hashlib.sha256(told.encode()).digest()
