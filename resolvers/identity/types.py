"""Who is asking: users, buyer accounts, sessions."""

from datetime import datetime

import strawberry

from contexts.identity import api as identity
from contexts.identity.api import AccountStatus
from resolvers.vocabulary.enums import describe_enum
from resolvers.vocabulary.node import Node, identified_as, represents

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


@strawberry.type(description="A person who signs in.")
class User(Node):
    """Resolved from `contexts.identity.api.User`."""

    is_type_of = represents(identity.User)

    id: strawberry.ID = identified_as("User")
    name: str = strawberry.field(description="Their name.")
    email: str = strawberry.field(description="The address they sign in with.")


@strawberry.type(description="A company that buys.")
class BuyerAccount(Node):
    """Resolved from `contexts.identity.api.Account`."""

    is_type_of = represents(identity.Account)

    id: strawberry.ID = identified_as("BuyerAccount")
    legal_name: str = strawberry.field(description="Razão social.")
    cnpj: str = strawberry.field(description="CNPJ, 14 characters without punctuation; may hold letters.")
    state: str = strawberry.field(description="The state whose prices it gets: that of its main address.")
    tier: str | None = strawberry.field(description="Its price tier; null when it has none.")
    status: AccountStatus = strawberry.field(description="Where it stands with the sales team.")


@strawberry.type(description="The signed-in caller.")
class Viewer:
    """Resolved from `contexts.identity.api.Viewer`."""

    user: User = strawberry.field(description="The person.")
    account: BuyerAccount | None = strawberry.field(description="The company they buy for; null for staff.")
    scopes: list[str] = strawberry.field(description="What they may do, sorted; see `@requiresScopes`.")


@strawberry.type(description="A session that has just begun or been renewed.")
class Session:
    """Resolved from `contexts.identity.api.SignedIn`."""

    access_token: str = strawberry.field(
        description="Send it as `Authorization: Bearer …`. Lives for minutes."
    )
    refresh_token: str = strawberry.field(description="For `sessionRefresh`, once. Keep it secret.")
    expires_at: datetime = strawberry.field(description="When the access token expires.")
    viewer: Viewer = strawberry.field(description="Who signed in.")


@strawberry.type(description="A session that has ended.")
class EndedSession:
    """Made by `sessionRevoke`."""

    ended_at: datetime = strawberry.field(description="Since when its refresh token is refused.")
