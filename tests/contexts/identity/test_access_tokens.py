"""Access tokens: what is issued is verified, and nothing else is."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st

from contexts.identity.adapters.access_tokens import LEEWAY, JwtAccessTokens
from contexts.identity.adapters.signing_keys import SigningKey
from contexts.identity.api import KeyUnknown, Principal, TokenRejected, TokenVerified
from contexts.shared.ids import new_id
from tests.signing import FixedKeys, fixed

Claims = dict[str, object]

NOW = datetime(2026, 3, 2, 12, 0, 0, 700_000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LIFE = timedelta(minutes=10)
ISSUER = "https://prumo.example"
AUDIENCE = "prumo"
# Fixed: ids appear in the names of parametrized tests, which every test process has to agree on.
USER, SESSION, ACCOUNT = (UUID(f"0190aaaa-0000-7000-8000-00000000000{letter}") for letter in "abc")
BUYER = Principal(USER, SESSION, ACCOUNT, frozenset({"buyer"}), frozenset({"price:read", "cart:write"}))
STAFF = Principal(USER, SESSION, None, frozenset({"catalog"}), frozenset())


@pytest.fixture(scope="module")
def keys() -> FixedKeys:
    return fixed()


@pytest.fixture(scope="module")
def tokens(keys: FixedKeys) -> JwtAccessTokens:
    return JwtAccessTokens(keys, ISSUER, AUDIENCE)


def good_claims(**changed: object) -> Claims:
    seconds = int(NOW.timestamp())
    claims: Claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(BUYER.user_id),
        "sid": str(BUYER.session_id),
        "account_id": str(BUYER.account_id),
        "iat": seconds,
        "exp": seconds + 600,
        "jti": str(new_id()),
        "scope": "price:read cart:write",
        "roles": ["buyer"],
    }
    return {**claims, **changed}


def segment(value: object) -> str:
    return base64url(json.dumps(value).encode())


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forge(keys: FixedKeys, claims: object, **header: object) -> str:
    """A token with a true signature of ours over anything; a header member of None is left out."""
    whole = {"alg": "EdDSA", "typ": "at+jwt", "kid": keys.signing.kid, **header}
    signed = segment({k: v for k, v in whole.items() if v is not None}) + "." + segment(claims)
    return signed + "." + base64url(keys.signing.private.sign(signed.encode()))


def proved(tokens: JwtAccessTokens, token: str, at: datetime = NOW) -> Principal:
    verified = tokens.verify(token, at)
    assert isinstance(verified, TokenVerified), verified
    return verified.principal


def rejected(tokens: JwtAccessTokens, token: str, at: datetime = NOW) -> bool:
    return isinstance(tokens.verify(token, at), TokenRejected | KeyUnknown)


@pytest.mark.parametrize("principal", [BUYER, STAFF])
def test_an_issued_token_proves_its_principal(
    tokens: JwtAccessTokens, keys: FixedKeys, principal: Principal
) -> None:
    token, expires_at = tokens.issue(principal, NOW)
    assert expires_at == NOW.replace(microsecond=0) + LIFE
    assert tokens.verify(token, NOW) == TokenVerified(principal, expires_at, keys.signing.kid)
    assert tokens.verify(token, NOW) == TokenVerified(principal, expires_at, keys.signing.kid)  # remembered


def test_header_and_claims_are_those_of_rfc_9068(tokens: JwtAccessTokens, keys: FixedKeys) -> None:
    token, expires_at = tokens.issue(BUYER, NOW)
    assert jwt.get_unverified_header(token) == {"alg": "EdDSA", "typ": "at+jwt", "kid": keys.signing.kid}
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims == {**good_claims(scope="cart:write price:read"), "jti": claims["jti"]}
    assert claims["exp"] == expires_at.timestamp()


def test_the_hand_made_token_is_good_so_that_the_bad_ones_are_bad_for_one_reason(
    tokens: JwtAccessTokens, keys: FixedKeys
) -> None:
    assert proved(tokens, forge(keys, good_claims())) == BUYER


def test_a_token_ends_when_it_says_even_if_remembered(tokens: JwtAccessTokens) -> None:
    token, expires_at = tokens.issue(BUYER, NOW)
    assert proved(tokens, token, expires_at - SECOND / 1000) == BUYER
    assert tokens.verify(token, expires_at) == TokenRejected("expired")
    assert tokens.verify(token, expires_at + 365 * LIFE) == TokenRejected("expired")


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_of_the_future_is_rejected_beyond_the_leeway(
    tokens: JwtAccessTokens, keys: FixedKeys, claim: str
) -> None:
    starts = int(NOW.timestamp()) + 60
    token = forge(keys, good_claims(**{claim: starts}))
    begin = datetime.fromtimestamp(starts - LEEWAY, UTC)
    assert proved(tokens, token, begin) == BUYER
    assert tokens.verify(token, begin - SECOND / 1000) == TokenRejected("not valid yet")


@pytest.mark.parametrize("claim", ["exp", "iat", "iss", "aud", "sub", "sid", "jti", "scope", "roles"])
def test_a_missing_claim(tokens: JwtAccessTokens, keys: FixedKeys, claim: str) -> None:
    claims = good_claims()
    del claims[claim]
    assert rejected(tokens, forge(keys, claims))


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        ("aud", "another"),
        ("aud", ["prumo", "another"]),
        ("aud", ["prumo"]),
        ("aud", 1),
        ("iss", "https://elsewhere.example"),
        ("iss", [ISSUER]),
        ("iss", None),
        ("sub", 1),
        ("sub", "1"),
        ("sub", "{" + str(BUYER.user_id) + "}"),
        ("sub", BUYER.user_id.hex),
        ("sub", None),
        ("sid", ["x"]),
        ("sid", str(BUYER.session_id).upper() + "\n"),
        ("account_id", None),
        ("account_id", 7),
        ("account_id", ""),
        ("jti", 5),
        ("scope", ["price:read"]),
        ("scope", None),
        ("roles", "admin"),
        ("roles", ["admin", 1]),
        ("roles", {"admin": True}),
        ("exp", "4102444800"),
        ("exp", 4102444800.5),
        ("exp", True),
        ("exp", float("inf")),
        ("exp", 10**30),
        ("exp", None),
        ("iat", True),
        ("iat", "now"),
        ("iat", None),
        ("nbf", "now"),
        ("nbf", None),
    ],
)
def test_a_claim_of_another_value_or_type(
    tokens: JwtAccessTokens, keys: FixedKeys, claim: str, value: object
) -> None:
    assert rejected(tokens, forge(keys, good_claims(**{claim: value})))


@pytest.mark.parametrize("payload", [[], "claims", 1, None])
def test_claims_that_are_no_object(tokens: JwtAccessTokens, keys: FixedKeys, payload: object) -> None:
    assert rejected(tokens, forge(keys, payload))


@pytest.mark.parametrize(
    "header",
    [
        {"kid": None},
        {"kid": "unknown"},
        {"kid": 1},
        {"kid": ""},
        {"kid": ["a"]},
        {"typ": None},
        {"typ": "JWT"},
        {"typ": "at+JWT"},
        {"alg": None},
        {"alg": "none"},
        {"alg": "eddsa"},
        {"alg": "Ed25519"},
        {"alg": "ES256"},
        {"alg": ["EdDSA"]},
        {"crit": ["exp"]},
        {"b64": False},
        {"jku": "https://elsewhere.example/jwks.json"},
        {"jwk": {"kty": "OKP"}},
    ],
)
def test_a_header_other_than_ours(
    tokens: JwtAccessTokens, keys: FixedKeys, header: dict[str, object]
) -> None:
    assert rejected(tokens, forge(keys, good_claims(), **header))


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "EdDSA"])
def test_no_signature(tokens: JwtAccessTokens, keys: FixedKeys, alg: str) -> None:
    unsigned = segment({"alg": alg, "typ": "at+jwt", "kid": keys.signing.kid}) + "." + segment(good_claims())
    assert rejected(tokens, unsigned + ".")
    assert rejected(tokens, unsigned)


def test_hs256_with_the_public_key_as_the_secret(tokens: JwtAccessTokens, keys: FixedKeys) -> None:
    public = keys.signing.private.public_key()
    secrets = [
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.Raw, PublicFormat.Raw),
        keys.signing.jwk["x"].encode(),
    ]
    for alg in ("HS256", "EdDSA"):
        signed = (
            segment({"alg": alg, "typ": "at+jwt", "kid": keys.signing.kid}) + "." + segment(good_claims())
        )
        for secret in secrets:
            signature = hmac.digest(secret, signed.encode(), "sha256")
            assert rejected(tokens, f"{signed}.{base64url(signature)}")


def test_a_stranger_s_signature_under_our_kid(tokens: JwtAccessTokens, keys: FixedKeys) -> None:
    stranger = Ed25519PrivateKey.generate()
    headers = {"typ": "at+jwt", "kid": keys.signing.kid}
    assert rejected(tokens, jwt.encode(good_claims(), stranger, "EdDSA", headers))
    assert rejected(tokens, jwt.encode(good_claims(), generate_private_key(SECP256R1()), "ES256", headers))


def test_every_changed_character_breaks_the_token(tokens: JwtAccessTokens) -> None:
    """The last one too, which has bits that no decoder looks at."""
    token, _ = tokens.issue(BUYER, NOW)
    for index, character in enumerate(token):
        for other in ("A", "B", "-", ".", " ", "="):
            if other != character:
                assert rejected(tokens, token[:index] + other + token[index + 1 :]), index
    assert proved(tokens, token) == BUYER


@pytest.mark.parametrize(
    "wrap", ["{} ", " {}", "{}=", "{}==", "{}.", ".{}", "{}\n", "{}\0", "Bearer {}", "{}é", "{}\ud800"]
)
def test_a_token_with_something_around_it(tokens: JwtAccessTokens, wrap: str) -> None:
    token, _ = tokens.issue(BUYER, NOW)
    assert rejected(tokens, wrap.format(token))


def test_an_oversized_token(tokens: JwtAccessTokens, keys: FixedKeys) -> None:
    def of_scopes(count: int) -> str:
        return forge(keys, good_claims(scope=" ".join(f"scope:{n:04}" for n in range(count))))

    assert len(of_scopes(200)) <= 4096 < len(of_scopes(260))
    assert not rejected(tokens, of_scopes(200))
    assert rejected(tokens, of_scopes(260))


def test_json_nested_too_deep_to_parse(tokens: JwtAccessTokens, keys: FixedKeys) -> None:
    deep = base64url(b"[" * 2000)
    assert rejected(tokens, f"{deep}.{segment(good_claims())}.{base64url(b'x' * 64)}")
    signed = segment({"alg": "EdDSA", "typ": "at+jwt", "kid": keys.signing.kid}) + "." + deep
    assert rejected(tokens, f"{signed}.{base64url(b'x' * 64)}")


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True)))
def test_any_text_is_rejected_and_nothing_is_raised(tokens: JwtAccessTokens, text: str) -> None:
    assert rejected(tokens, text)


@given(header=st.binary(max_size=40), payload=st.binary(max_size=40))
def test_any_bytes_in_the_segments_are_rejected(
    tokens: JwtAccessTokens, keys: FixedKeys, header: bytes, payload: bytes
) -> None:
    signed = f"{base64url(header)}.{base64url(payload)}"
    assert rejected(tokens, signed + "." + base64url(keys.signing.private.sign(signed.encode())))


def test_anybody_can_verify_with_the_published_keys(tokens: JwtAccessTokens) -> None:
    token, _ = tokens.issue(BUYER, NOW)
    published = json.loads(json.dumps(tokens.jwks(NOW)))
    key = jwt.PyJWKSet.from_dict(published)[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(
        token,
        key,
        ["EdDSA"],
        {"verify_exp": False, "verify_iat": False},
        audience=AUDIENCE,
        issuer=ISSUER,
    )
    assert claims["sub"] == str(BUYER.user_id)
    assert published["keys"][0].keys() == {"kty", "crv", "x", "kid", "alg", "use"}


def test_the_kid_is_the_thumbprint_of_rfc_8037() -> None:
    """The example key of RFC 8037, appendix A."""
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    private = Ed25519PrivateKey.from_private_bytes(seed)
    assert SigningKey.of(private).kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
