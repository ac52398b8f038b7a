"""What browsers are told: which pages may call, and what not to do with an answer."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from websockets.exceptions import InvalidStatus

from gateway.app import create_app
from gateway.settings import Settings
from tests.api.serving import served
from tests.api.shop import Json, Shop
from tests.api.socket_client import opening

PORTAL, BACKOFFICE, STRANGER = (
    "https://portal.example",
    "https://backoffice.example:8443",
    "https://evil.example",
)
QUERY = {"query": "{ viewer { scopes } }"}
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-request-id",
}
FOR_ALL = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"


@asynccontextmanager
async def running(settings: Settings, **changes: object) -> AsyncIterator[Starlette]:
    app = create_app(settings.model_copy(update=changes))
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http:
        yield http


async def test_no_other_site_may_call_unless_it_is_named(shop: Shop) -> None:
    preflight = await shop.http.options("/graphql", headers={"origin": PORTAL, **PREFLIGHT})
    assert (preflight.status_code, preflight.headers["allow"]) == (405, "GET, POST")
    posted = await shop.http.post("/graphql", json=QUERY, headers={"origin": PORTAL})
    assert not [name for name in (*preflight.headers, *posted.headers) if name.startswith("access-control")]


async def test_the_named_sites_may_call(settings: Settings) -> None:
    async with running(settings, cors_origins=(PORTAL, BACKOFFICE)) as app, client(app) as http:
        for origin in (PORTAL, BACKOFFICE):
            preflight = await http.options("/graphql", headers={"origin": origin, **PREFLIGHT})
            assert preflight.status_code == 200
            assert preflight.headers["access-control-allow-origin"] == origin
            assert preflight.headers["access-control-allow-credentials"] == "true"
            assert preflight.headers["access-control-allow-methods"] == "GET, POST"
            assert preflight.headers["access-control-max-age"] == "7200"
            assert "authorization" in preflight.headers["access-control-allow-headers"]
            posted = await http.post("/graphql", json=QUERY, headers={"origin": origin})
            assert posted.headers["access-control-allow-origin"] == origin
            assert posted.headers["access-control-expose-headers"] == "X-Request-Id, Retry-After"
            assert posted.headers["vary"] == "Accept, Authorization, Origin"
        for origin in (STRANGER, "null", "http://portal.example", "https://portal.example.evil.example"):
            preflight = await http.options("/graphql", headers={"origin": origin, **PREFLIGHT})
            posted = await http.post("/graphql", json=QUERY, headers={"origin": origin})
            assert preflight.status_code == 400
            for answer in (preflight, posted):
                assert "access-control-allow-origin" not in answer.headers
                assert "Origin" in answer.headers["vary"]  # or a cache would give it to the portal
        plain = await http.get("/graphql", params=QUERY)
        assert plain.headers["vary"] == "Accept, Authorization, Origin"


async def test_any_site_may_call_without_credentials(settings: Settings) -> None:
    async with running(settings, cors_origins=("*",)) as app, client(app) as http:
        posted = await http.post("/graphql", json=QUERY, headers={"origin": STRANGER})
        assert posted.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in posted.headers


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/readyz", "/metrics", "/nothing", "/media/no.png"])
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_security_headers_are_on_every_answer(shop: Shop, method: str, path: str) -> None:
    headers = (await shop.http.request(method, path)).headers
    assert {name: headers.get_list(name) for name in FOR_ALL} == {
        name: [value] for name, value in FOR_ALL.items()
    }
    assert headers.get_list("content-security-policy") == [NOTHING]
    assert "strict-transport-security" not in headers


async def test_no_answer_names_the_server(settings: Settings) -> None:
    async with (
        running(settings) as app,
        served(app) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as http,
    ):
        for path in ("/graphql", "/healthz", "/nothing"):
            assert "server" not in (await http.get(path)).headers


async def test_security_headers_are_on_answers_nobody_meant_to_give(settings: Settings) -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("the inside")

    async with (
        running(settings, hsts_seconds=31_536_000, cors_origins=(PORTAL,)) as app,
        client(app) as http,
    ):
        app.router.routes.append(Route("/broken", broken))
        failed = await http.get("/broken", headers={"origin": PORTAL})
        preflight = await http.options("/graphql", headers={"origin": PORTAL, **PREFLIGHT})
        assert (failed.status_code, preflight.status_code) == (500, 200)
        assert "the inside" not in failed.text
        assert failed.headers["access-control-allow-origin"] == PORTAL
        for answer in (failed, preflight):
            assert answer.headers["content-security-policy"] == NOTHING
            assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_graphiql_has_a_policy_of_its_own(shop: Shop) -> None:
    """Each script of the page is named by it, each by its full address or its hash; nothing else is."""
    page = await shop.http.get("/graphql", headers={"accept": "text/html"})
    (policy,) = page.headers.get_list("content-security-policy")
    directives = dict(each.split(" ", 1) for each in policy.split("; "))
    scripts = directives.pop("script-src").split()
    sources = re.findall(r'src="([^"]+)"', page.text)
    assert len(sources) >= 3
    assert scripts[:-1] == sources
    assert scripts[-1].startswith("'sha256-")
    assert page.text.count("<script>") == 1
    assert directives["default-src"] == directives["frame-ancestors"] == "'none'"
    assert directives["connect-src"] == "'self'"
    assert page.headers["x-content-type-options"] == "nosniff"


async def handshake(address: str, headers: Json) -> int:
    """The status a handshake with these headers is answered with."""
    try:
        async with opening(address, additional_headers=headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


async def test_a_foreign_page_opens_no_socket(settings: Settings) -> None:
    async with (
        running(settings, cors_origins=(PORTAL,), public_url="https://prumo.example/") as app,
        served(app) as address,
    ):
        for origin in (PORTAL, f"http://{address}", f"https://{address}", "https://prumo.example"):
            assert await handshake(address, {"origin": origin}) == 101, origin
        assert await handshake(address, {}) == 101
        for origin in (STRANGER, "null", "", f"http://{address}.evil.example", "http://127.0.0.1", "file://"):
            assert await handshake(address, {"origin": origin}) == 403, origin
    async with running(settings, cors_origins=("*",)) as app, served(app) as address:
        assert await handshake(address, {"origin": STRANGER}) == 101
