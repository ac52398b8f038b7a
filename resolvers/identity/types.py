"""Who is asking: the caller and their session."""

from datetime import datetime

import strawberry

from contexts.identity import api as identity
from resolvers.identity.accounts import BuyerAccount
from resolvers.identity.people import User
from resolvers.vocabulary.fields import computed
from resolvers.vocabulary.node import known_as


@strawberry.type(description="The signed-in caller.")
class Viewer:
    """Resolved from `contexts.identity.api.Viewer`."""

    id: strawberry.ID = known_as(
        "Viewer",
        "Opaque, for caches: the same whenever this person signs in, and another than the User's. `node(id:)` does not"
        " find it.",
        lambda root: root.user.id.bytes,
    )
    user: User = strawberry.field(description="The person.")
    account: BuyerAccount | None = strawberry.field(description="The company they buy for; null for staff.")
    scopes: list[str] = strawberry.field(description="What they may do, sorted; see `@requiresScopes`.")
    email_verified: bool = strawberry.field(
        description="Whether they have shown that they read the mail of their address; see `emailVerify`."
    )


@strawberry.type(description="A session that has just begun or been renewed.")
class Session:
    """Resolved from `contexts.identity.api.SignedIn`."""

    access_token: str = strawberry.field(
        description="Send it as `Authorization: Bearer …`. Lives for minutes."
    )
    refresh_token: str = strawberry.field(
        description=(
            "For `sessionRefresh`, once. Keep it secret. Empty when it went into a cookie, out of reach of scripts."
        )
    )
    expires_at: datetime = strawberry.field(description="When the access token expires.")
    viewer: Viewer = strawberry.field(description="Who signed in.")


@strawberry.type(description="One place where a person is signed in.")
class UserSession:
    """Made from `contexts.identity.api.Session`."""

    id: strawberry.ID = strawberry.field(description="For `userSessionRevoke`, and for caches.")
    user_agent: str | None = strawberry.field(
        description="What the browser or app called itself at sign-in; shown, and trusted for nothing."
    )
    address: str | None = strawberry.field(description="The network address of the sign-in.")
    created_at: datetime = strawberry.field(description="When it began.")
    last_used_at: datetime = strawberry.field(description="When it was renewed last.")
    expires_at: datetime = strawberry.field(description="When it ends, however often it is renewed.")
    current: bool = strawberry.field(description="Whether it is the one that asks.")


@strawberry.type(description="Sessions that have ended.")
class EndedSession:
    """Made from `contexts.identity.api.SessionsEnded`."""

    ended_at: datetime = strawberry.field(
        description="Since when its tokens are refused, access tokens included."
    )
    count: int = strawberry.field(description="How many sessions ended.")


@strawberry.type(description="A password that is another now. Other sessions have ended.")
class PasswordChange:
    """Made from `contexts.identity.api.PasswordChanged`."""

    changed_at: datetime = strawberry.field(description="Since when the old one is wrong.")


@strawberry.type(description="A mail that is under way, if there is somebody to write to.")
class MailPromise:
    """Made from `contexts.identity.api.MailPromised`: the same for every address."""

    promised_at: datetime = strawberry.field(description="When it was asked for.")


@strawberry.type(description="An e-mail address that is proved now.")
class VerifiedEmail:
    """Made from `contexts.identity.api.EmailVerified`."""

    verified_at: datetime = strawberry.field(description="When its token was presented.")


def _sorted_scopes(root: identity.Role) -> list[str]:
    return sorted(root.scopes)


def _assignable(root: identity.Role) -> list[str]:
    return sorted(root.assignable)


@strawberry.type(description="A named bundle of scopes.")
class Role:
    """Resolved from `contexts.identity.api.Role`."""

    id: strawberry.ID = known_as(
        "Role",
        "Opaque, for caches: of the role of this name. `node(id:)` does not find it.",
        lambda root: root.name.encode(),
    )
    name: str = strawberry.field(description="Its name, as in tokens.")
    description: str = strawberry.field(description="What people with it do.")
    scopes: list[str] = computed(_sorted_scopes, description="What it may, sorted.")
    assignable_scopes: list[str] = computed(
        _assignable,
        description="The scopes it may be given, sorted: the catalogue, or what a buyer's role is for.",
    )
    version: int = strawberry.field(description="Grows with every change; for `roleScopesSet`.")
