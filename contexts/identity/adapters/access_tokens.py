"""Access tokens as JWTs in the profile of RFC 9068, signed with Ed25519."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from time import monotonic
from typing import Any
from uuid import UUID

import jwt

from contexts.identity.adapters.signing_keys import SigningKeys, SigningKeysError
from contexts.identity.domain.user import Principal
from contexts.identity.ports import TokenRejected, TokenVerified
from contexts.shared.ids import new_id

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
MAX_TOKEN = 4096
LEEWAY = 30
"""Seconds that the clock of another process may be ahead; for `exp` there is no leeway."""

AT_ONCE, SOON = 1.0, 5.0
"""Seconds: how often the folder of keys is looked at when there is a reason to, and how often without one."""

log = logging.getLogger(__name__)

_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid", "jti", "scope", "roles"]


@dataclass(frozen=True, slots=True)
class _Signed:
    """A token whose signature and claims hold, from one second since 1970 until before another."""

    verified: TokenVerified
    valid_from: int
    expires: int


class JwtAccessTokens:
    """Issues and verifies access tokens. What was verified is remembered, up to 1024 tokens, without its time:
    that is looked at on every call."""

    def __init__(
        self, keys: SigningKeys, issuer: str, audience: str, life: timedelta = timedelta(minutes=10)
    ) -> None:
        self._issuer = issuer
        self._audience = audience
        self._life = life
        self._looked_at = monotonic()
        self._use(keys)

    def _use(self, keys: SigningKeys) -> None:
        self._keys = keys
        self._public = {key.kid: key.private.public_key() for key in keys.keys}
        # Exceptions are not cached, so forged tokens push no good one out.
        self._signed = lru_cache(maxsize=1024)(self._check)

    def _look_again(self, after: float) -> None:
        """Notice what was added to the folder or removed, when it was looked at longer than `after` seconds ago."""
        if monotonic() - self._looked_at < after:
            return
        self._looked_at = monotonic()
        try:
            keys = self._keys.reloaded()
        except (OSError, SigningKeysError) as error:
            log.error("signing keys cannot be read again, the old ones stay: %s", error)
            return
        if keys is not self._keys:
            self._use(keys)

    def issue(self, principal: Principal, at: datetime) -> tuple[str, datetime]:
        self._look_again(AT_ONCE)
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
        headers = {"typ": TYPE, "kid": self._keys.signing.kid}
        token = jwt.encode(claims, self._keys.signing.private, ALGORITHM, headers)
        return token, datetime.fromtimestamp(expires, UTC)

    def verify(self, token: str, at: datetime) -> TokenVerified | TokenRejected:
        # PyJWT would take a padded signature; RFC 7515 knows no padding, and one token has one spelling.
        if len(token) > MAX_TOKEN or not token.isascii() or "=" in token:
            return TokenRejected("oversized, or not base64url")
        self._look_again(SOON)
        try:
            signed = self._signed(token)
        except jwt.PyJWTError as error:
            return TokenRejected(str(error))
        now = at.timestamp()
        if now >= signed.expires:
            return TokenRejected("expired")
        if now < signed.valid_from:
            return TokenRejected("not valid yet")
        return signed.verified

    def jwks(self) -> Mapping[str, list[dict[str, str]]]:
        self._look_again(AT_ONCE)
        return {"keys": [key.jwk for key in self._keys.keys]}

    def _check(self, token: str) -> _Signed:
        """Raises PyJWTError; leaves the time to the caller."""
        header = jwt.get_unverified_header(token)
        kid = header.get("kid")
        # Exactly the header we write: no other algorithm, and no key that the token brings itself.
        if not isinstance(kid, str) or header != {"alg": ALGORITHM, "typ": TYPE, "kid": kid}:
            raise jwt.InvalidTokenError("not the header of an access token")
        key = self._public.get(kid)
        if key is None:
            # Signed by a process that has noticed a new key before this one.
            self._look_again(AT_ONCE)
            key = self._public.get(kid)
        if key is None:
            raise jwt.InvalidTokenError("unknown key")
        claims = jwt.decode(
            token,
            key,
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
        return _read(claims)


def _read(claims: Mapping[str, Any]) -> _Signed:
    issued, expires = _seconds(claims, "iat"), _seconds(claims, "exp")
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
    return _Signed(TokenVerified(principal, expires_at), valid_from=starts - LEEWAY, expires=expires)


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
