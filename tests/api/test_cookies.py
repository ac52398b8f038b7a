"""Browsers keep their refresh token in a cookie that no script reads and no other site sends."""

from collections.abc import AsyncIterator
from http.cookies import Morsel, SimpleCookie

import httpx
import pytest
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.settings import Settings
from tests.api.serving import served
from tests.api.shop import OPERATIONS, SP, Json
from tests.api.socket_client import connected, receive, send

NAME, SECURE_NAME = "prumo-refresh", "__Host-prumo-refresh"


@pytest.fixture
async def browser(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A client with a cookie jar of its own."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http:
        yield http


async def send_operation(
    browser: httpx.AsyncClient, name: str, input: Json, **headers: str
) -> httpx.Response:
    query = (OPERATIONS / f"portal/{name}.graphql").read_text()
    return await browser.post(
        "/graphql", json={"query": query, "variables": {"input": input}}, headers=headers
    )


async def sign_in(browser: httpx.AsyncClient, **more: Json) -> httpx.Response:
    credentials = {"email": SP, "password": "prumo-demo", "refreshTokenIn": "COOKIE", **more}
    return await send_operation(browser, "SignIn", credentials)


async def refresh(browser: httpx.AsyncClient) -> Json:
    return (await send_operation(browser, "RefreshSession", {})).json()["data"]["sessionRefresh"]


def cookie_of(response: httpx.Response, name: str = NAME) -> "Morsel[str]":
    (header,) = response.headers.get_list("set-cookie")
    return SimpleCookie(header)[name]


async def test_the_token_goes_into_the_cookie_and_nowhere_else(browser: httpx.AsyncClient) -> None:
    response = await sign_in(browser)
    cookie = cookie_of(response)
    assert response.json()["data"]["sessionCreate"]["data"]["refreshToken"] == ""
    assert cookie.value not in response.text
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
    assert int(cookie["max-age"]) == 7 * 24 * 3600
    assert cookie["domain"] == ""


async def test_in_the_body_unless_asked_otherwise(browser: httpx.AsyncClient) -> None:
    response = await sign_in(browser, refreshTokenIn="BODY")
    assert len(response.json()["data"]["sessionCreate"]["data"]["refreshToken"]) == 43
    assert "set-cookie" not in response.headers


async def test_a_refresh_rotates_the_cookie(browser: httpx.AsyncClient) -> None:
    first = cookie_of(await sign_in(browser)).value
    renewed = await refresh(browser)
    assert renewed["data"]["refreshToken"] == ""
    second = browser.cookies[NAME]
    assert second != first
    assert (await refresh(browser))["error"] is None
    # A thief who has copied the first one ends the session.
    browser.cookies.clear()
    browser.cookies.set(NAME, first, domain="prumo.test", path="/")
    stolen = await send_operation(browser, "RefreshSession", {})
    assert stolen.json()["data"]["sessionRefresh"]["error"]["code"] == "TOKEN_INVALID"
    assert cookie_of(stolen)["max-age"] == "0"
    assert NAME not in browser.cookies


async def test_without_a_cookie_there_is_nothing_to_refresh(browser: httpx.AsyncClient) -> None:
    response = await send_operation(browser, "RefreshSession", {})
    assert response.json()["data"]["sessionRefresh"]["error"]["code"] == "TOKEN_INVALID"
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize(
    "cookie", ["", "x", f'{NAME}="', f"{NAME}=é", f"{NAME}=" + "x" * 5_000, "=;=;", ";" * 99]
)
async def test_a_senseless_cookie(browser: httpx.AsyncClient, cookie: str) -> None:
    query = (OPERATIONS / "portal/RefreshSession.graphql").read_text()
    body = {"query": query, "variables": {"input": {}}}
    response = await browser.post("/graphql", json=body, headers=[(b"cookie", cookie.encode("latin-1"))])
    assert response.json()["data"]["sessionRefresh"]["error"]["code"] == "TOKEN_INVALID"


@pytest.mark.parametrize(
    "before", ['prefs={"theme":"dark"}', "a b", "é=1", "x-prumo-refresh=y", '"', "=", ""]
)
async def test_other_cookies_are_not_in_the_way(browser: httpx.AsyncClient, before: str) -> None:
    token = cookie_of(await sign_in(browser)).value
    browser.cookies.clear()
    query = (OPERATIONS / "portal/RefreshSession.graphql").read_text()
    body = {"query": query, "variables": {"input": {}}}
    response = await browser.post(
        "/graphql", json=body, headers=[(b"cookie", f"{before}; {NAME}={token}".encode("latin-1"))]
    )
    assert response.json()["data"]["sessionRefresh"]["error"] is None


async def test_another_site_can_send_no_such_request(browser: httpx.AsyncClient) -> None:
    """What a page may send elsewhere without asking first: a form, plain text, a link, an image."""
    await sign_in(browser)
    query = "mutation { sessionRefresh(input: {}) { data { accessToken } } }"
    body = f'{{"query": "{query}"}}'
    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
    ):
        response = await browser.post("/graphql", content=body, headers={"content-type": content_type})
        assert response.status_code == 415
    assert (await browser.get("/graphql", params={"query": query})).status_code == 405
    preflight = await browser.options(
        "/graphql",
        headers={
            "origin": "https://evil.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        },
    )
    assert not [name for name in preflight.headers if name.startswith("access-control-")]
    assert (await refresh(browser))["error"] is None  # none of it has spent the cookie


async def test_the_cookie_is_no_sign_in_by_itself(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    response = await browser.post("/graphql", json={"query": "{ viewer { scopes } }"})
    assert response.json()["data"] == {"viewer": None}


async def test_signing_out_drops_the_cookie(browser: httpx.AsyncClient) -> None:
    token = (await sign_in(browser)).json()["data"]["sessionCreate"]["data"]["accessToken"]
    query = (OPERATIONS / "portal/SignOut.graphql").read_text()
    response = await browser.post(
        "/graphql", json={"query": query}, headers={"authorization": f"Bearer {token}"}
    )
    assert cookie_of(response)["max-age"] == "0"
    assert NAME not in browser.cookies


async def test_over_https_the_cookie_is_secure_and_bound_to_the_host(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"public_url": "https://prumo.test"}))
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="https://prumo.test") as browser,
    ):
        cookie = cookie_of(await sign_in(browser), SECURE_NAME)
        assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")
        assert (await refresh(browser))["error"] is None


async def test_a_socket_neither_reads_nor_sets_cookies(app: Starlette, browser: httpx.AsyncClient) -> None:
    token = cookie_of(await sign_in(browser)).value
    given = f'{{email: "{SP}", password: "prumo-demo", refreshTokenIn: COOKIE}}'
    sign = f"mutation {{ sessionCreate(input: {given}) {{ error {{ code }} }} }}"
    refreshing = "mutation { sessionRefresh(input: {}) { error { code } } }"
    async with (
        served(app) as address,
        connected(address, additional_headers={"Cookie": f"{NAME}={token}"}) as socket,
    ):
        await send(socket, id="1", type="subscribe", payload={"query": refreshing})
        answer = (await receive(socket))["payload"]["data"]
        assert answer["sessionRefresh"]["error"]["code"] == "TOKEN_INVALID"
        await receive(socket)
        await send(socket, id="2", type="subscribe", payload={"query": sign})
        (error,) = (await receive(socket))["payload"]["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        await receive(socket)
        # It is asked first: no session begins that nobody holds the token of, no password is looked at.
        wrong = sign.replace("prumo-demo", "prumo-nada")
        await send(socket, id="3", type="subscribe", payload={"query": wrong})
        (error,) = (await receive(socket))["payload"]["errors"]
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert (await refresh(browser))["error"] is None
