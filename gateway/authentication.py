"""Who is calling: the bearer token of a request, verified, and the address it came from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contexts.identity.api import Identity, KeyUnknown, TokenVerified
from contexts.shared.network import address


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """There is a token, and it is not good; never treated as if there were none."""

    message: str


async def authenticate(
    authorization: Sequence[str], identity: Identity, at: datetime
) -> TokenVerified | Unauthenticated | None:
    """The caller that the Authorization header(s) prove; None when there is none: an anonymous caller."""
    if not authorization:
        return None
    scheme, _, token = authorization[0].partition(" ")
    if len(authorization) > 1 or scheme.lower() != "bearer" or not token.strip():
        return Unauthenticated("Send exactly one `Authorization: Bearer <access token>`.")
    verified = identity.access_tokens.verify(token.strip(), at)
    if isinstance(verified, KeyUnknown):
        await identity.access_tokens.look_again()
        verified = identity.access_tokens.verify(token.strip(), at)
    if not isinstance(verified, TokenVerified):
        return Unauthenticated("The access token is not valid, or no longer; refresh the session or sign in.")
    if await identity.ended_sessions.has(verified.principal.session_id):
        return Unauthenticated("The session of this access token is over; sign in.")
    return verified


def client_address(scope: Mapping[str, Any]) -> str:  # Any: an ASGI scope
    """Where the request came from, proxies that the settings trust left aside; empty when the server cannot tell.

    In the one spelling by which addresses are kept and compared.
    """
    client = scope.get("client")
    return address(client[0]) if client else ""
