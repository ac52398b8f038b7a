"""The token check: as strict as Prumo's on a good token, and as forgetful."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from time import time
from typing import Any
from uuid import UUID

import jwt


@dataclass(frozen=True, slots=True)
class Caller:
    """What a verified token says."""

    user_id: UUID
    account_id: UUID
    scopes: frozenset[str]
    expires: int


class Tokens:
    """Verifies access tokens and remembers 1,024 of them; their time is looked at every time."""

    def __init__(self, jwks: Mapping[str, Any], issuer: str, audience: str) -> None:
        self._keys = {key["kid"]: jwt.PyJWK(key).key for key in jwks["keys"]}
        self._issuer, self._audience = issuer, audience
        self._verified = lru_cache(maxsize=1024)(self._verify)

    def caller(self, authorization: str | None, scope: str) -> Caller | None:
        """Who calls, if the header has a good token with the scope."""
        if authorization is None or not authorization.startswith("Bearer "):
            return None
        try:
            caller = self._verified(authorization[7:])
        except jwt.PyJWTError:
            return None
        return caller if time() < caller.expires and scope in caller.scopes else None

    def _verify(self, token: str) -> Caller:
        key = self._keys.get(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise jwt.InvalidTokenError("unknown key")
        claims = jwt.decode(token, key, ["EdDSA"], issuer=self._issuer, audience=self._audience)
        return Caller(
            UUID(claims["sub"]),
            UUID(claims["account_id"]),
            frozenset(claims["scope"].split()),
            claims["exp"],
        )
