"""Signing in, refreshing, signing out, and what tokens are refused."""

import time
from base64 import urlsafe_b64encode
from uuid import uuid4

import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.seed.demo import DEMO_PASSWORD
from gateway.settings import Settings
from tests.api.shop import (
    ADMIN,
    GRAPHQL_RESPONSE,
    OPERATIONS,
    REP,
    SP,
    VENDAS,
    Answer,
    Json,
    Shop,
)
from tests.signing import keys_of

WHO = "{ viewer { user { email } } }"


async def sign_in(shop: Shop, email: str, password: str = DEMO_PASSWORD) -> Json:
    answer = await shop.operation("portal/SignIn", {"input": {"email": email, "password": password}})
    return answer.payload("sessionCreate")


async def asked_with(shop: Shop, *authorization: str) -> tuple[int, list[str]]:
    headers = [("accept", GRAPHQL_RESPONSE), *(("authorization", value) for value in authorization)]
    response = await shop.http.post("/graphql", json={"query": WHO}, headers=headers)
    return response.status_code, [error["extensions"]["code"] for error in response.json().get("errors", [])]


async def test_sign_in_tells_who_one_is(shop: Shop) -> None:
    session = (await sign_in(shop, "Comprador.SP@prumo.example"))["data"]
    assert session["viewer"]["user"]["email"] == SP
    account = session["viewer"]["account"]
    assert (account["state"], account["status"], len(account["cnpj"])) == ("SP", "APPROVED", 14)
    assert "cart:write" in session["viewer"]["scopes"]
    viewer = await shop.operation("portal/Viewer", None, SP)
    assert viewer.data["viewer"] == session["viewer"]
    assert viewer.statements == 1
    assert (await shop.operation("portal/Viewer", None, REP)).data["viewer"]["account"] is None
    assert (await shop.operation("portal/Viewer")).data["viewer"] is None


@pytest.mark.parametrize(
    ("email", "password"),
    [
        (SP, "wrong"),
        (SP, ""),
        ("nobody@prumo.example", DEMO_PASSWORD),
        ("", DEMO_PASSWORD),
        ("x" * 100_000, DEMO_PASSWORD),
        (SP, "x" * 100_000),
        ("' OR 1=1 --", "x"),
    ],
)
async def test_bad_credentials_are_all_answered_alike(shop: Shop, email: str, password: str) -> None:
    error = (await sign_in(shop, email, password))["error"]
    assert (error["code"], error["details"]) == ("INVALID_CREDENTIALS", [])
    assert error["message"] == (await sign_in(shop, SP, "wrong"))["error"]["message"]


async def refresh(shop: Shop, token: str) -> Answer:
    return await shop.operation("portal/RefreshSession", {"input": {"refreshToken": token}})


async def test_a_refresh_token_works_once_and_for_a_lost_answer(shop: Shop) -> None:
    session = (await sign_in(shop, ADMIN))["data"]
    await refresh(shop, session["refreshToken"])  # the answer is lost
    renewed = (await refresh(shop, session["refreshToken"])).done("sessionRefresh")
    assert await asked_with(shop, f"Bearer {renewed['accessToken']}") == (200, [])
    newest = (await refresh(shop, renewed["refreshToken"])).done("sessionRefresh")
    # Somebody uses a token whose successor has been used: the whole session is over, its newest tokens included.
    again = (await refresh(shop, session["refreshToken"])).refused("sessionRefresh")
    assert again["code"] == "TOKEN_INVALID"
    assert (await refresh(shop, newest["refreshToken"])).refused("sessionRefresh")
    for each in (session, renewed, newest):
        assert await asked_with(shop, f"Bearer {each['accessToken']}") == (401, ["UNAUTHENTICATED"])


async def test_signing_out_ends_the_session_at_once(shop: Shop) -> None:
    session = (await sign_in(shop, ADMIN))["data"]
    headers = {"authorization": f"Bearer {session['accessToken']}"}
    query = "mutation { sessionRevoke { data { endedAt count } error { code } } }"
    ended = (await shop.post({"query": query}, headers)).done("sessionRevoke")
    assert ended["count"] == 1
    again = await shop.post({"query": query}, headers)
    assert (again.status, again.codes) == (401, ["UNAUTHENTICATED"])
    refreshed = await refresh(shop, session["refreshToken"])
    assert refreshed.refused("sessionRefresh")["code"] == "TOKEN_INVALID"
    anonymous = await shop.operation("portal/SignOut")
    assert (anonymous.codes, anonymous.body["data"]) == (["UNAUTHENTICATED"], {"sessionRevoke": None})


async def test_sessions_are_listed_and_ended_from_elsewhere(shop: Shop) -> None:
    here, there = [(await sign_in(shop, VENDAS))["data"]["accessToken"] for _ in range(2)]
    query = (OPERATIONS / "portal/Sessions.graphql").read_text()
    revoke = (OPERATIONS / "portal/RevokeSession.graphql").read_text()
    bearer = {"authorization": f"Bearer {here}", "user-agent": "Navegador/1.0"}

    answer = await shop.post({"query": query}, bearer)
    assert answer.statements == 1
    listed = answer.data["sessions"]
    (current,) = [session for session in listed if session["current"]]
    other = listed[0] if listed[1] == current else listed[1]
    assert {session["address"] for session in listed} == {"127.0.0.1"}
    stranger = await shop.operation("portal/RevokeSession", {"input": {"id": other["id"]}}, SP)
    assert stranger.refused("userSessionRevoke")["code"] == "NOT_FOUND"
    ending = {"query": revoke, "variables": {"input": {"id": other["id"]}}}
    assert (await shop.post(ending, bearer)).done("userSessionRevoke")["count"] == 1
    assert await asked_with(shop, f"Bearer {there}") == (401, ["UNAUTHENTICATED"])
    assert await asked_with(shop, f"Bearer {here}") == (200, [])
    ending["variables"] = {"input": {"id": "VXNlcjo="}}
    assert (await shop.post(ending, bearer)).refused("userSessionRevoke")["code"] == "INVALID_INPUT"

    everywhere = (OPERATIONS / "portal/RevokeAllSessions.graphql").read_text()
    for keep, codes in ((True, []), (False, ["UNAUTHENTICATED"])):
        body = {"query": everywhere, "variables": {"input": {"exceptCurrent": keep}}}
        (await shop.post(body, bearer)).done("sessionRevokeAll")
        assert (await asked_with(shop, f"Bearer {here}"))[1] == codes


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é", "null", "x" * 5_000, "."])
async def test_a_senseless_refresh_token(shop: Shop, token: str) -> None:
    answer = await shop.operation("portal/RefreshSession", {"input": {"refreshToken": token}})
    assert answer.refused("sessionRefresh")["code"] == "TOKEN_INVALID"


async def test_the_key_set_verifies_our_tokens(shop: Shop) -> None:
    token = await shop.token(SP)
    response = await shop.http.get("/.well-known/jwks.json")
    keys = jwt.PyJWKSet.from_dict(response.json())
    header = jwt.get_unverified_header(token)
    assert (header["alg"], header["typ"]) == ("EdDSA", "at+jwt")
    claims = jwt.decode(
        token, keys[header["kid"]].key, algorithms=["EdDSA"], audience="prumo", issuer="prumo"
    )
    assert claims["exp"] - claims["iat"] <= 900
    assert "state" not in claims
    assert b'"d"' not in response.content


def encoded(part: Json) -> str:
    return urlsafe_b64encode(orjson.dumps(part)).decode().rstrip("=")


async def forged(shop: Shop, settings: Settings) -> dict[str, str]:
    """Tokens that nobody should accept, by what is wrong with them."""
    good = await shop.token(SP)
    header = jwt.get_unverified_header(good)
    claims = jwt.decode(good, options={"verify_signature": False})
    stranger = Ed25519PrivateKey.generate()
    ours = (await keys_of(settings)).signing.private
    public = ours.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def signed(key: object, changes: Json, head: Json | None = None, algorithm: str = "EdDSA") -> str:
        return jwt.encode(
            {**claims, **changes},
            key,  # type: ignore[arg-type]  # whatever a forger has
            algorithm=algorithm,
            headers={"kid": header["kid"], "typ": "at+jwt", **(head or {})},
        )

    now = int(time.time())
    head, body, signature = good.split(".")
    none = encoded({"alg": "none", "typ": "at+jwt", "kid": header["kid"]})
    return {
        "a stranger's key": signed(stranger, {}),
        "expired": signed(ours, {"iat": now - 3600, "exp": now - 1800}),
        "not yet issued": signed(ours, {"iat": now + 3600, "exp": now + 7200}),
        "another audience": signed(ours, {"aud": "else"}),
        "another issuer": signed(ours, {"iss": "else"}),
        "unknown key id": signed(ours, {}, {"kid": "nope"}),
        "another type": signed(ours, {}, {"typ": "JWT"}),
        "alg none": f"{none}.{body}.",
        "alg HS256 with the public key": signed(public, {}, algorithm="HS256"),
        "a changed body": f"{head}.{encoded({**claims, 'sub': str(uuid4())})}.{signature}",
        "no signature": f"{head}.{body}.",
        "half a token": good[: len(good) // 2],
        "not a token": "token",
        "too long": "x" * 10_000,
    }


async def test_a_bad_token_is_401_and_never_anonymous(shop: Shop, settings: Settings) -> None:
    assert await asked_with(shop, f"Bearer {await shop.token(SP)}") == (200, [])
    for wrong, token in (await forged(shop, settings)).items():
        assert await asked_with(shop, f"Bearer {token}") == (401, ["UNAUTHENTICATED"]), wrong


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer ", "Basic eDp5", "Token x"])
async def test_another_scheme_is_401(shop: Shop, authorization: str) -> None:
    assert await asked_with(shop, authorization) == (401, ["UNAUTHENTICATED"])


async def test_two_tokens_are_401(shop: Shop) -> None:
    token = f"Bearer {await shop.token(SP)}"
    assert await asked_with(shop, token, token) == (401, ["UNAUTHENTICATED"])


async def test_others_are_not_found_by_id(shop: Shop) -> None:
    viewer = (await shop.operation("portal/Viewer", None, SP)).data["viewer"]
    for id in (viewer["user"]["id"], viewer["account"]["id"]):
        assert (await shop.operation("mobile/Node", {"id": id}, SP)).data["node"]["id"] == id
        assert (await shop.operation("mobile/Node", {"id": id}, "comprador.pa@prumo.example")).data[
            "node"
        ] is None
        # The rep looks after the account and its people.
        assert (await shop.operation("mobile/Node", {"id": id}, REP)).data["node"]["id"] == id
        assert (await shop.ask(f'{{ node(id: "{id}") {{ id }} }}')).data["node"] is None
