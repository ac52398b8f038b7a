"""Buyer accounts: what everybody sees of one they may see, and the page that those work with who look after it."""

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter
from uuid import UUID

import strawberry

from contexts.identity import api as identity
from contexts.identity.api import ACCOUNT_MANAGE, ACCOUNT_READ, AccountStatus, AccountStep, CnpjStanding
from resolvers.identity.people import Invitation, ManagedUser, User, users_of
from resolvers.vocabulary.batch import batch
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import AUTHENTICATED, requires
from resolvers.vocabulary.enums import describe_enum
from resolvers.vocabulary.fields import computed
from resolvers.vocabulary.node import Node, identified_as, known_as, represents

describe_enum(
    AccountStatus,
    "Where a buyer account stands. Only an approved one sees prices and orders.",
    {
        AccountStatus.PENDING: "Registered, waiting for the sales team.",
        AccountStatus.APPROVED: "May see prices and order.",
        AccountStatus.REJECTED: "Refused by the sales team.",
        AccountStatus.SUSPENDED: "Approved once, stopped for now.",
    },
)
describe_enum(
    AccountStep,
    "What can happen to a buyer account.",
    {
        AccountStep.REGISTERED: "The company registered itself.",
        AccountStep.INFORMATION_REQUESTED: "The sales team asked for more; the account stays pending.",
        AccountStep.INFORMATION_PROVIDED: "The account answered.",
        AccountStep.APPROVED: "The sales team approved it.",
        AccountStep.REJECTED: "The sales team refused it.",
        AccountStep.SUSPENDED: "The sales team stopped it; everybody was signed out.",
        AccountStep.REACTIVATED: "A suspended account is approved again, a rejected one pending again.",
        AccountStep.TIER_SET: "The sales team gave an approved account another price tier.",
        AccountStep.CNPJ_RELEASED: "The sales team freed the CNPJ that it held.",
        AccountStep.CNPJ_HANDED_OVER: "The sales team gave the CNPJ that it held to another account.",
        AccountStep.CNPJ_RECEIVED: "The sales team gave it the CNPJ, which another account had held.",
    },
)
describe_enum(
    CnpjStanding,
    "Whether an account is the one that has its CNPJ: many may register with one, at most one holds it. A pending"
    " account holds it since its administrator proved their e-mail address, if nobody held it; an approved one always.",
    {
        CnpjStanding.HELD: "This account holds it.",
        CnpjStanding.HELD_BY_ANOTHER: "Another account holds it; this one cannot be approved.",
        CnpjStanding.FREE: "Nobody holds it; to approve an account gives it to that one.",
    },
)

LOOKS_AFTER = requires(ACCOUNT_MANAGE, ACCOUNT_READ)
STAFF = requires(ACCOUNT_READ)


@strawberry.type(description="An address of a buyer account.")
class AccountAddress:
    """Resolved from `contexts.identity.api.AccountAddress`."""

    id: strawberry.ID = known_as(
        "AccountAddress",
        "Opaque, for `buyerAccountAddressSet` and `…Remove`, and for caches. `node(id:)` does not find it.",
        attrgetter("id.bytes"),
    )
    label: str | None = computed(
        attrgetter("place.label"), description='What the account calls it: "Obra 12".'
    )
    street: str = computed(attrgetter("place.street"), description="Logradouro.")
    number: str = computed(attrgetter("place.number"), description='Number, or "s/n".')
    complement: str | None = computed(attrgetter("place.complement"), description="Block, floor, gate.")
    district: str = computed(attrgetter("place.district"), description="Bairro.")
    city: str = computed(attrgetter("place.city"), description="City.")
    state: str = computed(attrgetter("place.state"), description='The two-letter code: "SP".')
    postal_code: str = computed(attrgetter("place.postal_code"), description="CEP, 8 digits.")
    primary: bool = strawberry.field(description="The main one: its state decides the account's prices.")
    delivery: bool = strawberry.field(description="Whether goods may go there.")
    billing: bool = strawberry.field(description="Whether invoices may go there.")


@strawberry.type(description="What an account told about itself when it registered.")
class AccountRegistration:
    """Resolved from `contexts.identity.api.Registration`."""

    state_registration: str | None = strawberry.field(
        description="Inscrição estadual, ISENTO, or null when it told none."
    )
    registered_at: datetime = strawberry.field(description="When it came to us.")


@strawberry.type(description="One step of an account's history.")
class AccountChange:
    """Resolved from `contexts.identity.api.AccountChange`."""

    id: strawberry.ID = known_as(
        "AccountChange", "Opaque, for caches. `node(id:)` does not find it.", attrgetter("id.bytes")
    )
    step: AccountStep = strawberry.field(description="What happened.")
    status: AccountStatus = strawberry.field(description="Where the account stood afterwards.")
    reason: str | None = strawberry.field(description="Why, as the account was told.")
    at: datetime = strawberry.field(description="When.")
    note: str | None = strawberry.field(description="What the staff wrote for themselves.", directives=STAFF)

    @batch(graphql_type=User | None, description="Who did it.", guard=STAFF)
    async def by(changes: Sequence[identity.AccountChange], info: Info) -> Sequence[identity.User | None]:
        return await users_of(info, [change.by for change in changes])


@strawberry.type(description="A company that buys.")
class BuyerAccount(Node):
    """Resolved from `contexts.identity.api.Account`. Whoever has one in hand may see it: row scope is before it."""

    is_type_of = represents(identity.Account)

    id: strawberry.ID = identified_as("BuyerAccount")
    legal_name: str = strawberry.field(description="Razão social.")
    cnpj: str = strawberry.field(description="CNPJ, 14 characters without punctuation; may hold letters.")
    state: str = strawberry.field(description="The state whose prices it gets: that of its main address.")
    tier: str | None = strawberry.field(description="Its price tier; null when it has none.")
    status: AccountStatus = strawberry.field(description="Where it stands with the sales team.")

    @batch(
        graphql_type=str | None,
        description="What the account was told last about where it stands; null when nothing.",
        guard=AUTHENTICATED,
    )
    async def status_reason(accounts: Sequence[identity.Account], info: Info) -> Sequence[str | None]:
        found = await info.context.contexts.identity.onboarding.files.reasons(_ids(accounts))
        return [found.get(account.id) for account in accounts]

    @batch(
        graphql_type=AccountRegistration | None,
        description="What it told about itself.",
        guard=LOOKS_AFTER,
    )
    async def registration(
        accounts: Sequence[identity.Account], info: Info
    ) -> Sequence[identity.Registration | None]:
        found = await info.context.contexts.identity.onboarding.files.registrations(_ids(accounts))
        return [found.get(account.id) for account in accounts]

    @batch(
        graphql_type=list[AccountAddress] | None,
        description="Its addresses, the main one first.",
        guard=AUTHENTICATED,
    )
    async def addresses(
        accounts: Sequence[identity.Account], info: Info
    ) -> Sequence[list[identity.AccountAddress] | None]:
        found = await info.context.contexts.identity.onboarding.addresses.of(_ids(accounts))
        return [found.get(account.id) for account in accounts]

    @batch(
        graphql_type=list[AccountChange] | None,
        description="What happened to it, oldest first; of an account that the staff opened, since then.",
        guard=LOOKS_AFTER,
    )
    async def history(
        accounts: Sequence[identity.Account], info: Info
    ) -> Sequence[list[identity.AccountChange] | None]:
        found = await info.context.contexts.identity.onboarding.files.histories(_ids(accounts))
        return [found.get(account.id) for account in accounts]

    @batch(
        graphql_type=list[ManagedUser] | None,
        description="Its people, active or not, oldest first.",
        guard=LOOKS_AFTER,
    )
    async def users(
        accounts: Sequence[identity.Account], info: Info
    ) -> Sequence[list[identity.AccountMember] | None]:
        found = await info.context.contexts.identity.personnel.directory.of_accounts(_ids(accounts))
        return [found.get(account.id) for account in accounts]

    @batch(
        graphql_type=list[Invitation] | None,
        description="The invitations that are neither accepted nor taken back, newest first.",
        guard=LOOKS_AFTER,
    )
    async def invitations(
        accounts: Sequence[identity.Account], info: Info
    ) -> Sequence[list[identity.Invitation] | None]:
        found = await info.context.contexts.identity.personnel.invitations.open_of(_ids(accounts))
        return [found.get(account.id) for account in accounts]

    @batch(
        graphql_type=CnpjStanding | None,
        description="Whether it holds its CNPJ. Never told to the account: it would tell who else is a customer.",
        guard=STAFF,
    )
    async def cnpj_standing(
        accounts: Sequence[identity.Account], info: Info
    ) -> Sequence[CnpjStanding | None]:
        found = await info.context.contexts.identity.onboarding.files.standings(_ids(accounts))
        return [found.get(account.id) for account in accounts]

    @batch(
        graphql_type=list["BuyerAccount"] | None,
        description=(
            "The other accounts with its CNPJ that the caller may see and that count: the holder first, then those"
            " with a proved e-mail address that nobody rejected, oldest first. At most 20."
        ),
        guard=STAFF,
    )
    async def cnpj_rivals(
        accounts: Sequence[identity.Account], info: Info
    ) -> Sequence[list[identity.Account] | None]:
        files = info.context.contexts.identity.onboarding.files
        found = await files.rivals(info.context.signed_in(), _ids(accounts))
        return [found.get(account.id) for account in accounts]

    @batch(
        graphql_type=list[User] | None,
        description="The sales reps who look after it.",
        guard=AUTHENTICATED,
    )
    async def reps(accounts: Sequence[identity.Account], info: Info) -> Sequence[list[identity.User] | None]:
        found = await info.context.contexts.identity.onboarding.files.reps(_ids(accounts))
        return [found.get(account.id) for account in accounts]


def _ids(accounts: Sequence[identity.Account]) -> set[UUID]:
    return {account.id for account in accounts}
