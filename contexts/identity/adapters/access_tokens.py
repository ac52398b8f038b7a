"""Access tokens as JWTs in the profile of RFC 9068, signed with Ed25519."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

import jwt

from contexts.identity.adapters.known_signing_keys import Known, NoSigningKey
from contexts.identity.adapters.signing_keys import ALGORITHM
from contexts.identity.domain.user import Principal
from contexts.identity.ports import KeyUnknown, TokenRejected, TokenVerified
from contexts.shared.ids import new_id
from contexts.shared.unavailable import Unavailable

TYPE = "at+jwt"
MAX_TOKEN = 4096
LEEWAY = 30
"""Seconds that the clock of another process may be ahead; for `exp` there is no leeway."""

_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid", "jti", "scope", "roles"]


@dataclass(frozen=True, slots=True)
class _Signed:
    """A token whose signature and claims hold, from one second since 1970 until before another."""

    verified: TokenVerified
    valid_from: int
    expires: int


class Keys(Protocol):
    """The keys of this process."""

    @property
    def current(self) -> Known: ...

    async def look_again(self) -> None: ...


class _KeyUnknown(jwt.InvalidTokenError):
    """Carries the key's id."""


class JwtAccessTokens:
    """Issues and verifies access tokens. What was verified is remembered, up to 1024 tokens, without its time:
    that is looked at on every call."""

    def __init__(
        self, keys: Keys, issuer: str, audience: str, life: timedelta = timedelta(minutes=10)
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._life = life
        self._use(keys.current)

    def _use(self, known: Known) -> None:
        self._known = known
        # Exceptions are not cached, so forged tokens push no good one out.
        self._signed = lru_cache(maxsize=1024)(self._check)

    def issue(self, principal: Principal, at: datetime) -> tuple[str, datetime]:
        key = self._keys.current.signing(at)
        if key is None:
            raise Unavailable("signing keys", NoSigningKey())
        issued = int(at.timestamp())
        expires = issued + int(self._life.total_seconds())
        claims: dict[str, str | int | list[str]] = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": str(principal.user_id),
            "sid": str(principal.session_id),
            "iat": issued,
            "exp": expires,
            "jti": str(new_id()),
            "scope": " ".join(sorted(principal.scopes)),
            "roles": sorted(principal.roles),
        }
        if principal.account_id is not None:
            claims["account_id"] = str(principal.account_id)
        token = jwt.encode(claims, key.private, ALGORITHM, {"typ": TYPE, "kid": key.kid})
        return token, datetime.fromtimestamp(expires, UTC)

    def verify(self, token: str, at: datetime) -> TokenVerified | TokenRejected | KeyUnknown:
        # PyJWT would take a padded signature; RFC 7515 knows no padding, and one token has one spelling.
        if len(token) > MAX_TOKEN or not token.isascii() or "=" in token:
            return TokenRejected("oversized, or not base64url")
        if self._keys.current is not self._known:
            self._use(self._keys.current)
        try:
            signed = self._signed(token)
        except _KeyUnknown as unknown:
            return KeyUnknown(str(unknown))
        except jwt.PyJWTError as error:
            return TokenRejected(str(error))
        now = at.timestamp()
        if now >= signed.expires:
            return TokenRejected("expired")
        if now < signed.valid_from:
            return TokenRejected("not valid yet")
        return signed.verified

    async def look_again(self) -> None:
        await self._keys.look_again()

    def has_key(self, kid: str) -> bool:
        return kid in self._keys.current.keys

    def can_issue(self, at: datetime) -> bool:
        return self._keys.current.signing(at) is not None

    def jwks(self, at: datetime) -> Mapping[str, list[dict[str, str]]]:
        keys = self._keys.current.verifying(at)
        if not keys:
            # An empty set would be kept by caches.
            raise Unavailable("signing keys", NoSigningKey())
        return {"keys": [dict(key.jwk) for key in keys]}

    def _check(self, token: str) -> _Signed:
        """Raises PyJWTError; leaves the time to the caller."""
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        # Exactly the header we write: no other algorithm, and no key that the token brings itself.
        if not isinstance(kid, str) or header != {"alg": ALGORITHM, "typ": TYPE, "kid": kid}:
            raise jwt.InvalidTokenError("not the header of an access token")
        found = self._known.key(kid)
        if found is None:
            raise _KeyUnknown(kid)
        key, until = found
        claims = jwt.decode(
            token,
            key.private.public_key(),
            algorithms=[ALGORITHM],
            issuer=self._issuer,
            audience=self._audience,
            options={
                "require": _REQUIRED,
                "strict_aud": True,
                # By our clock, in `verify`.
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        return _read(claims, kid, until)


def _read(claims: Mapping[str, Any], kid: str, until: datetime | None) -> _Signed:
    """`until`: when the last token of this key is over. One that says otherwise was not made by us."""
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
    if until is not None:
        expires = min(expires, int(until.timestamp()))
    roles = claims["roles"]
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise jwt.InvalidTokenError("roles is not a list of strings")
    principal = Principal(
        user_id=_uuid(claims, "sub"),
        session_id=_uuid(claims, "sid"),
        account_id=_uuid(claims, "account_id") if "account_id" in claims else None,
        roles=frozenset(roles),
        scopes=frozenset(_string(claims, "scope").split()),
    )
    starts = max(issued, _seconds(claims, "nbf")) if "nbf" in claims else issued
    try:
        expires_at = datetime.fromtimestamp(expires, UTC)
    except (OverflowError, OSError, ValueError):
        raise jwt.InvalidTokenError("exp is beyond every calendar") from None
    return _Signed(TokenVerified(principal, expires_at, kid), valid_from=starts - LEEWAY, expires=expires)


def _string(claims: Mapping[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str):
        raise jwt.InvalidTokenError(f"{name} is not a string")
    return value


def _uuid(claims: Mapping[str, Any], name: str) -> UUID:
    text = _string(claims, name)
    try:
        value = UUID(text)
    except ValueError:
        raise jwt.InvalidTokenError(f"{name} is not a UUID") from None
    if str(value) != text:
        raise jwt.InvalidTokenError(f"{name} is not a UUID in its canonical spelling")
    return value


def _seconds(claims: Mapping[str, Any], name: str) -> int:
    value = claims[name]
    if type(value) is not int:  # a bool is an int, too
        raise jwt.InvalidTokenError(f"{name} is not a number of seconds")
    return value
