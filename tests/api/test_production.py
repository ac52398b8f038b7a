"""What `prumo serve` does not show unless it is told to: the schema and the IDE."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.settings import Settings
from schema.accepted import AcceptedDocuments
from schema.manifest import id_of
from tests.api.serving import served
from tests.api.shop import GRAPHQL_RESPONSE, Json
from tests.api.socket_client import connected, receive, send

SCHEMA = "{ __schema { queryType { name } } }"
TYPE = '{ __type(name: "Product") { name } }'
TYPENAME = "{ viewer { __typename } }"
PAGE = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module", params=list(AcceptedDocuments))
async def app(request: pytest.FixtureRequest, settings: Settings) -> AsyncIterator[Starlette]:
    """The application with neither switched on, whatever documents it accepts."""
    production = {"introspection": None, "ide": None, "documents": request.param}
    app = create_app(settings.model_copy(update=production))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def http(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    """A client of it."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http:
        yield http


@pytest.mark.parametrize("document", [SCHEMA, TYPE])
async def test_the_schema_is_not_shown(app: Starlette, http: httpx.AsyncClient, document: str) -> None:
    hashed = {"persistedQuery": {"version": 1, "sha256Hash": id_of(document)}}
    asked: list[Json] = [{"query": document}, {"query": document, "extensions": hashed}]
    for body in asked:
        answer = (await http.post("/graphql", json=body, headers={"accept": GRAPHQL_RESPONSE})).json()
        assert (set(answer), len(answer["errors"]) > 0) == ({"errors", "extensions"}, True)
    assert "data" not in (await http.get("/graphql", params={"query": document})).json()
    async with served(app) as address, connected(address) as socket:
        for id, body in enumerate(asked):
            await send(socket, id=str(id), type="subscribe", payload=body)
            assert (await receive(socket))["type"] == "error"


async def test_type_names_are_no_introspection(http: httpx.AsyncClient, app: Starlette) -> None:
    answer = (await http.post("/graphql", json={"query": TYPENAME})).json()
    codes = [error["extensions"]["code"] for error in answer.get("errors", [])]
    assert codes in ([], ["QUERY_NOT_IN_SAFELIST"], ["PERSISTED_QUERY_ID_REQUIRED"])


async def test_there_is_no_ide(http: httpx.AsyncClient) -> None:
    page = await http.get("/graphql", headers=PAGE)
    assert (page.status_code, page.headers["content-type"]) == (400, "application/json; charset=utf-8")
    assert "graphiql" not in page.text.lower()
    assert (await http.get("/", headers=PAGE)).status_code == 404
