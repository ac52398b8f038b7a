"""Onboarding: a company registers, the sales team decides; the listing of accounts, and their addresses."""

from typing import Annotated, assert_never
from uuid import UUID

import strawberry

from contexts.identity import api as identity
from contexts.identity.api import ACCOUNT_APPROVE, ACCOUNT_MANAGE, ACCOUNT_READ, AccountStatus
from contexts.shared import rejections
from contexts.shared.codes import DetailCode
from contexts.shared.states import STATES
from resolvers.identity import errors
from resolvers.identity.accounts import BuyerAccount
from resolvers.identity.passwords import hashing
from resolvers.identity.personnel_errors import error_of
from resolvers.vocabulary.connections import Connection, Listing, listing, window
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import PUBLIC, requires
from resolvers.vocabulary.errors import BadUserInput
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.node import id_of
from resolvers.vocabulary.payload import Payload, done, refused

NEWEST_FIRST = "REGISTERED_AT"


@strawberry.input(description="Which buyer accounts; all that is given must fit.")
class BuyerAccountFilter:
    """Becomes `contexts.identity.api.AccountFilter`."""

    statuses: list[AccountStatus] | None = strawberry.field(default=None, description="Any of these.")
    search: str | None = strawberry.field(
        default=None, description="Part of the legal name, accents and case aside, or how a CNPJ begins."
    )
    state: str | None = strawberry.field(default=None, description='Of the main address: "SP".')
    rep_id: strawberry.ID | None = strawberry.field(
        default=None, description="In the portfolio of this sales rep."
    )
    cnpj_contested: bool = strawberry.field(
        default=False, description="Only those for whose CNPJ there are rivals: see `cnpjRivals`."
    )


@strawberry.input(description="A postal address in Brazil.")
class AddressInput:
    """Becomes `contexts.identity.api.Address`."""

    street: str = strawberry.field(description="Logradouro.")
    number: str = strawberry.field(description='Number, or "s/n".')
    complement: str | None = strawberry.field(default=None, description="Block, floor, gate.")
    district: str = strawberry.field(description="Bairro.")
    city: str = strawberry.field(description="City.")
    state: str = strawberry.field(description='The two-letter code: "SP".')
    postal_code: str = strawberry.field(
        description='CEP: "01310-100", with or without dash, dot and spaces. It must lie in the state.'
    )
    label: str | None = strawberry.field(default=None, description='What you call it: "Obra 12".')
    delivery: bool = strawberry.field(default=True, description="Whether goods may go there.")
    billing: bool = strawberry.field(default=True, description="Whether invoices may go there.")


@strawberry.input(description="The company's first user, who administers its account.")
class FirstUserInput:
    """Part of `BuyerAccountRegisterInput`."""

    name: str = strawberry.field(description="Their name.")
    email: str = strawberry.field(description="The address they will sign in with.")
    password: str = strawberry.field(
        description="At least 10 characters, and none of the common ones: `details` says TOO_SHORT or TOO_COMMON."
    )


@strawberry.input(description="A company that wants to buy.")
class BuyerAccountRegisterInput:
    """Becomes `contexts.identity.api.RegisterCommand`."""

    idempotency_key: str = strawberry.field(
        description="Made by the client at random, the same for every retry of this registration."
    )
    legal_name: str = strawberry.field(description="Razão social.")
    cnpj: str = strawberry.field(description="With or without punctuation; may hold letters.")
    state_registration: str | None = strawberry.field(
        default=None, description="Inscrição estadual, or ISENTO; may be left out."
    )
    addresses: list[AddressInput] = strawberry.field(
        description="The main one first: its state decides the prices."
    )
    user: FirstUserInput = strawberry.field(description="Who administers the account.")


@strawberry.input(description="An answer to what the sales team asked.")
class BuyerAccountInformationProvideInput:
    """Becomes `contexts.identity.api.MoveAccountCommand`."""

    account_id: strawberry.ID | None = strawberry.field(
        default=None, description="The account; one's own when absent."
    )
    information: str = strawberry.field(description="Up to 1000 characters.")


@strawberry.input
class DecisionInput:
    """Becomes `contexts.identity.api.MoveAccountCommand`. Each decision has an input of its own name."""

    id: strawberry.ID = strawberry.field(description="The account.")
    reason: str = strawberry.field(description="Mailed to the account; up to 1000 characters.")
    note: str | None = strawberry.field(default=None, description="For the staff only.")


@strawberry.input(description="A question to a pending account.")
class BuyerAccountInformationRequestInput(DecisionInput):
    """The reason says what is missing."""


@strawberry.input(description="The refusal of a pending account.")
class BuyerAccountRejectInput(DecisionInput):
    """Why not."""


@strawberry.input(description="The suspension of an approved account.")
class BuyerAccountSuspendInput(DecisionInput):
    """Why it is stopped."""


@strawberry.input(description="The return of a suspended or rejected account.")
class BuyerAccountReactivateInput(DecisionInput):
    """Why it is back."""


@strawberry.input(description="The approval of a pending account.")
class BuyerAccountApproveInput(DecisionInput):
    """The only decision on a pending account that may set the tier."""

    tier: str | None = strawberry.field(default=None, description="The price tier it gets; absent: as it is.")


@strawberry.input(description="Another price tier for an approved account.")
class BuyerAccountTierSetInput(DecisionInput):
    """Why it changes."""

    tier: str = strawberry.field(description="The price tier it gets.")


@strawberry.input(description="The release of a CNPJ that a pending or suspended account holds.")
class BuyerAccountCnpjReleaseInput(DecisionInput):
    """Why it does not hold it any more."""


@strawberry.input(description="A CNPJ that goes from one account to another which registered with it.")
class BuyerAccountCnpjHandOverInput:
    """Becomes `contexts.identity.api.HandOverCnpjCommand`."""

    id: strawberry.ID = strawberry.field(
        description="The account that holds it, pending or suspended. If another does by now, this is refused."
    )
    to_id: strawberry.ID = strawberry.field(
        description="The account that gets it: pending or suspended, with a proved e-mail address."
    )
    reason: str = strawberry.field(description="Mailed to both accounts; up to 1000 characters.")
    note: str | None = strawberry.field(default=None, description="For the staff only.")


@strawberry.input(description="An address as it shall be.")
class BuyerAccountAddressSetInput:
    """Becomes `contexts.identity.api.AddressCommand`."""

    account_id: strawberry.ID | None = strawberry.field(
        default=None, description="The account; one's own when absent."
    )
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The address to replace; absent: a new one."
    )
    address: AddressInput = strawberry.field(description="All of it.")
    primary: bool = strawberry.field(
        default=False,
        description="Make it the main one. To another state only the sales team may, once it is approved.",
    )


@strawberry.input(description="An address to remove.")
class BuyerAccountAddressRemoveInput:
    """Which."""

    account_id: strawberry.ID | None = strawberry.field(
        default=None, description="The account; one's own when absent."
    )
    id: strawberry.ID = strawberry.field(description="The address; not the main one.")


@strawberry.type(
    description=(
        "A registration that was taken in. What becomes of it is told by mail to the address given, and to"
        " nobody else."
    )
)
class AccountRequest:
    """Resolved from `contexts.identity.api.Registered`."""

    legal_name: str = strawberry.field(description="The company.")
    cnpj: str = strawberry.field(description="Its CNPJ without punctuation.")
    email: str = strawberry.field(description="Where the answer goes.")


@strawberry.type
class OnboardingQuery:
    """Merged into the root."""

    @root_field(
        type=Connection[BuyerAccount] | None,
        description="Buyer accounts, newest first, by when they became visible: one's portfolio, or all, by who asks.",
        guard=requires(ACCOUNT_READ),
    )
    async def buyer_accounts(
        self,
        info: Info,
        first: Annotated[int | None, strawberry.argument(description="1 to 100; 24 when absent.")] = None,
        after: Annotated[str | None, strawberry.argument(description="Start after this cursor.")] = None,
        last: Annotated[int | None, strawberry.argument(description="1 to 100, from the end.")] = None,
        before: Annotated[str | None, strawberry.argument(description="End before this cursor.")] = None,
        filter: Annotated[
            BuyerAccountFilter | None, strawberry.argument(description="Which accounts.")
        ] = None,
    ) -> Listing[identity.Account]:
        cut = window(NEWEST_FIRST, first, after, last, before)
        wanted, principal = _filter(filter), info.context.signed_in()
        files = info.context.contexts.identity.onboarding.files
        page = files.page(principal, wanted, cut)
        return await listing(NEWEST_FIRST, page, lambda: files.count(principal, wanted))

    @root_field(
        type=BuyerAccount | None,
        description="One buyer account; null when there is none that the caller may see.",
        guard=requires(ACCOUNT_READ, ACCOUNT_MANAGE),
    )
    async def buyer_account(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="Its node id.")]
    ) -> identity.Account | None:
        if (decoded := id_of("BuyerAccount", id)) is None:
            raise BadUserInput("`id` is not the id of a buyer account.")
        return await info.context.account(decoded)


@strawberry.type
class OnboardingMutation:
    """Merged into the root."""

    @root_field(
        type=Payload[AccountRequest] | None,
        description=(
            "Register a company with its first user. It can browse at once, and sees prices when the sales team has"
            " approved it. A CNPJ that has an account is answered alike; so is an e-mail address that has a user,"
            " which is told by mail. A registration is deleted after 7 days unless its e-mail address is proved."
        ),
        guard=PUBLIC,
        work=hashing,
    )
    async def buyer_account_register(
        self, info: Info, input: BuyerAccountRegisterInput
    ) -> Payload[identity.Registered]:
        outcome = await info.context.contexts.identity.onboarding.register(
            info.context.actor,
            info.context.address or None,
            identity.RegisterCommand(
                idempotency_key=input.idempotency_key,
                legal_name=input.legal_name,
                cnpj=input.cnpj,
                state_registration=input.state_registration,
                addresses=[
                    identity.AddressDraft(_place(typed), typed.delivery, typed.billing)
                    for typed in input.addresses
                ],
                name=input.user.name,
                email=input.user.email,
                password=input.user.password,
            ),
        )
        match outcome:
            case identity.Registered():
                return done(info, outcome, replayed=outcome.replayed)
            case identity.TooManyAttempts():
                return refused(info, errors.error_of(outcome, info.context.at))
            case rejections.InvalidInput():
                return refused(info, error_of(outcome))
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[BuyerAccount] | None,
        description="Ask a pending account for more; it stays pending, and is written to.",
        guard=requires(ACCOUNT_APPROVE),
    )
    async def buyer_account_information_request(
        self, info: Info, input: BuyerAccountInformationRequestInput
    ) -> Payload[identity.Account]:
        return await _decide(info, info.context.contexts.identity.onboarding.request_information, input)

    @root_field(
        type=Payload[BuyerAccount] | None,
        description="Answer what the sales team asked.",
        guard=requires(ACCOUNT_MANAGE),
    )
    async def buyer_account_information_provide(
        self, info: Info, input: BuyerAccountInformationProvideInput
    ) -> Payload[identity.Account]:
        account_id = account_of(info, input.account_id)
        if not isinstance(account_id, UUID):
            return refused(info, error_of(account_id))
        command = identity.MoveAccountCommand(account_id, input.information)
        step = info.context.contexts.identity.onboarding.provide_information
        return await _move(info, step, command)

    @root_field(
        type=Payload[BuyerAccount] | None,
        description=(
            "Approve a pending account: it sees prices and orders from now on. It holds its CNPJ then; while another"
            " account does, it cannot be approved."
        ),
        guard=requires(ACCOUNT_APPROVE),
    )
    async def buyer_account_approve(
        self, info: Info, input: BuyerAccountApproveInput
    ) -> Payload[identity.Account]:
        step = info.context.contexts.identity.onboarding.approve
        return await _decide(info, step, input, input.tier)

    @root_field(
        type=Payload[BuyerAccount] | None,
        description="Refuse a pending account; if it held its CNPJ, that is free again.",
        guard=requires(ACCOUNT_APPROVE),
    )
    async def buyer_account_reject(
        self, info: Info, input: BuyerAccountRejectInput
    ) -> Payload[identity.Account]:
        return await _decide(info, info.context.contexts.identity.onboarding.reject, input)

    @root_field(
        type=Payload[BuyerAccount] | None,
        description=(
            "Stop an approved account: no prices, no orders. Everybody is signed out; they may sign in again and"
            " see why."
        ),
        guard=requires(ACCOUNT_APPROVE),
    )
    async def buyer_account_suspend(
        self, info: Info, input: BuyerAccountSuspendInput
    ) -> Payload[identity.Account]:
        return await _decide(info, info.context.contexts.identity.onboarding.suspend, input)

    @root_field(
        type=Payload[BuyerAccount] | None,
        description="Approve a suspended account again, or consider a rejected one again.",
        guard=requires(ACCOUNT_APPROVE),
    )
    async def buyer_account_reactivate(
        self, info: Info, input: BuyerAccountReactivateInput
    ) -> Payload[identity.Account]:
        return await _decide(info, info.context.contexts.identity.onboarding.reactivate, input)

    @root_field(
        type=Payload[BuyerAccount] | None,
        description="Give an approved account another price tier; its administrators are written to.",
        guard=requires(ACCOUNT_APPROVE),
    )
    async def buyer_account_tier_set(
        self, info: Info, input: BuyerAccountTierSetInput
    ) -> Payload[identity.Account]:
        step = info.context.contexts.identity.onboarding.set_tier
        return await _decide(info, step, input, input.tier)

    @root_field(
        type=Payload[BuyerAccount] | None,
        description=(
            "Free the CNPJ that a pending or suspended account holds: the next one that proves its e-mail address, or"
            " is approved, gets it. An approved account is suspended first."
        ),
        guard=requires(ACCOUNT_APPROVE),
    )
    async def buyer_account_cnpj_release(
        self, info: Info, input: BuyerAccountCnpjReleaseInput
    ) -> Payload[identity.Account]:
        return await _decide(info, info.context.contexts.identity.onboarding.release_cnpj, input)

    @root_field(
        type=Payload[BuyerAccount] | None,
        description=(
            "Give the CNPJ that an account holds to another which registered with it; both are written to. `data` is"
            " the one that has it now."
        ),
        guard=requires(ACCOUNT_APPROVE),
    )
    async def buyer_account_cnpj_hand_over(
        self, info: Info, input: BuyerAccountCnpjHandOverInput
    ) -> Payload[identity.Account]:
        giver_id, taker_id = id_of("BuyerAccount", input.id), id_of("BuyerAccount", input.to_id)
        if giver_id is None or taker_id is None:
            field = "id" if giver_id is None else "toId"
            return refused(info, error_of(not_an_id(field, "a buyer account")))
        outcome = await info.context.contexts.identity.onboarding.hand_over_cnpj(
            info.context.signed_in(),
            info.context.actor,
            identity.HandOverCnpjCommand(giver_id, taker_id, input.reason, input.note),
        )
        match outcome:
            case identity.AccountMoved(account, replayed):
                return done(info, account, replayed=replayed)
            case _:
                return refused(info, error_of(outcome))

    @root_field(
        type=Payload[BuyerAccount] | None,
        description="Add an address, or replace one. Safe to repeat: an equal address is the same one.",
        guard=requires(ACCOUNT_MANAGE, ACCOUNT_APPROVE),
    )
    async def buyer_account_address_set(
        self, info: Info, input: BuyerAccountAddressSetInput
    ) -> Payload[identity.Account]:
        account_id = account_of(info, input.account_id)
        if not isinstance(account_id, UUID):
            return refused(info, error_of(account_id))
        address_id: UUID | None = None
        if input.id is not None and (address_id := id_of("AccountAddress", input.id)) is None:
            return refused(info, error_of(not_an_id("id", "an address")))
        outcome = await info.context.contexts.identity.onboarding.put_address(
            info.context.signed_in(),
            info.context.actor,
            identity.AddressCommand(
                account_id=account_id,
                address_id=address_id,
                place=_place(input.address),
                primary=input.primary,
                delivery=input.address.delivery,
                billing=input.address.billing,
            ),
        )
        match outcome:
            case identity.AddressesKept(account, replayed):
                return done(info, account, replayed=replayed)
            case _:
                return refused(info, error_of(outcome))

    @root_field(
        type=Payload[BuyerAccount] | None,
        description="Remove an address; not the main one.",
        guard=requires(ACCOUNT_MANAGE, ACCOUNT_APPROVE),
    )
    async def buyer_account_address_remove(
        self, info: Info, input: BuyerAccountAddressRemoveInput
    ) -> Payload[identity.Account]:
        account_id = account_of(info, input.account_id)
        if not isinstance(account_id, UUID):
            return refused(info, error_of(account_id))
        if (address_id := id_of("AccountAddress", input.id)) is None:
            return refused(info, error_of(not_an_id("id", "an address")))
        outcome = await info.context.contexts.identity.onboarding.remove_address(
            info.context.signed_in(), info.context.actor, account_id, address_id
        )
        match outcome:
            case identity.AddressesKept(account, replayed):
                return done(info, account, replayed=replayed)
            case _:
                return refused(info, error_of(outcome))


def account_of(info: Info, account_id: str | None) -> UUID | rejections.InvalidInput:
    """The account an input names, or the caller's own."""
    if account_id is None:
        own = info.context.signed_in().account_id
        return own or rejections.InvalidInput.at(
            "accountId", DetailCode.REQUIRED, "must name the account: only a buyer has one of their own"
        )
    return id_of("BuyerAccount", account_id) or not_an_id("accountId", "a buyer account")


def not_an_id(field: str, of: str) -> rejections.InvalidInput:
    """The refusal of an id that is of something else, or of nothing."""
    return rejections.InvalidInput.at(field, DetailCode.NOT_AN_ID, f"must be the id of {of}")


async def _decide(
    info: Info, step: identity.MoveAccount, input: DecisionInput, tier: str | None = None
) -> Payload[identity.Account]:
    account_id = id_of("BuyerAccount", input.id)
    if account_id is None:
        return refused(info, error_of(not_an_id("id", "a buyer account")))
    command = identity.MoveAccountCommand(account_id, input.reason, input.note, tier)
    return await _move(info, step, command)


async def _move(
    info: Info, step: identity.MoveAccount, command: identity.MoveAccountCommand
) -> Payload[identity.Account]:
    outcome = await step(info.context.signed_in(), info.context.actor, command)
    match outcome:
        case identity.AccountMoved(account, replayed):
            return done(info, account, replayed=replayed)
        case _:
            return refused(info, error_of(outcome))


def _place(typed: AddressInput) -> identity.Address:
    return identity.Address(
        street=typed.street,
        number=typed.number,
        district=typed.district,
        city=typed.city,
        state=typed.state,
        postal_code=typed.postal_code,
        complement=typed.complement,
        label=typed.label,
    )


def _filter(given: BuyerAccountFilter | None) -> identity.AccountFilter:
    if given is None:
        return identity.AccountFilter()
    rep_id: UUID | None = None
    if given.rep_id is not None and (rep_id := id_of("User", given.rep_id)) is None:
        raise BadUserInput("`filter.repId` is not the id of a user.")
    if given.search is not None and (len(given.search) > 200 or not given.search.isprintable()):
        raise BadUserInput("`filter.search` is up to 200 printable characters.")
    if given.state is not None and given.state not in STATES:
        raise BadUserInput("`filter.state` is a state's two-letter code.")
    return identity.AccountFilter(
        statuses=None if given.statuses is None else frozenset(given.statuses),
        search=given.search,
        state=given.state,
        rep_id=rep_id,
        cnpj_contested=given.cnpj_contested,
    )
