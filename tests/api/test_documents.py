"""Documents by id, over POST, GET and WebSocket, in the three modes of PRUMO_DOCUMENTS."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.progress import CannotRun
from gateway.settings import Settings
from schema.accepted import AcceptedDocuments
from schema.manifest import id_of
from tests.api import serving
from tests.api import socket_client as sockets
from tests.api.shop import GRAPHQL_RESPONSE, OPERATIONS, SP, Json, Shop

CATEGORIES = (OPERATIONS / "portal/Categories.graphql").read_text()
ID = id_of(CATEGORIES)
OTHER = "{ categories { slug } }"
ACCEPT = {"accept": GRAPHQL_RESPONSE}


def hashed(text: str, **members: Json) -> Json:
    """As Apollo's and urql's links ask."""
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id_of(text)}}, **members}


@asynccontextmanager
async def served(settings: Settings, **changes: object) -> AsyncIterator[Shop]:
    app = create_app(settings.model_copy(update=changes))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http:
            yield Shop(http)


@pytest.mark.parametrize("id", [ID, f"sha256:{ID}"])
async def test_a_shipped_document_by_id(shop: Shop, id: str) -> None:
    posted = await shop.post({"documentId": id, "variables": {}, "operationName": "Categories"}, ACCEPT)
    assert posted.data["categories"]
    parameters = {"documentId": id, "operationName": "", "variables": "{}"}
    got = await shop.http.get("/graphql", params=parameters, headers=ACCEPT)
    # What is left to spend is the caller's own, so an answer that caches may keep does not tell it.
    assert got.json() == {"data": posted.data}
    assert (await shop.post(hashed(CATEGORIES), ACCEPT)).data == posted.data
    extensions = orjson.dumps(hashed(CATEGORIES)["extensions"]).decode()
    got = await shop.http.get("/graphql", params={"extensions": extensions}, headers=ACCEPT)
    assert got.json() == {"data": posted.data}


async def test_a_mutation_by_id_is_posted(shop: Shop) -> None:
    id = id_of((OPERATIONS / "portal/SignOut.graphql").read_text())
    got = await shop.http.get("/graphql", params={"documentId": id})
    assert (got.status_code, got.headers["allow"]) == (405, "POST")
    assert (await shop.post({"documentId": id}, ACCEPT)).codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_automatic_persisted_queries(settings: Settings, method: str) -> None:
    """Ask by hash, be told that it is unknown, send the text with it, ask by hash."""

    async def ask(shop: Shop, body: Json) -> Json:
        if method == "POST":
            return (await shop.http.post("/graphql", json=body)).json()
        extensions = orjson.dumps(body["extensions"]).decode()
        return (await shop.http.get("/graphql", params={**body, "extensions": extensions})).json()

    async with served(settings) as shop:
        (error,) = (await ask(shop, hashed(OTHER)))["errors"]
        assert error["message"] == "PersistedQueryNotFound"
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        first = await ask(shop, hashed(OTHER, query=OTHER))
        assert first["data"]["categories"]
        assert (await ask(shop, hashed(OTHER)))["data"] == first["data"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (hashed(CATEGORIES, query=OTHER), "PERSISTED_QUERY_MISMATCH"),
        ({"documentId": ID, "query": OTHER}, "BAD_REQUEST"),
        ({"documentId": "Categories"}, "BAD_REQUEST"),
        ({"documentId": ID.upper()}, "BAD_REQUEST"),
        ({"documentId": f"md5:{ID}"}, "BAD_REQUEST"),
        ({"documentId": ID[:-1]}, "BAD_REQUEST"),
        ({"documentId": 7}, "BAD_REQUEST"),
        ({"documentId": [ID]}, "BAD_REQUEST"),
        ({"documentId": ""}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": ID}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"version": 2, "sha256Hash": ID}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"version": 1}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": {"version": 1, "sha256Hash": None}}}, "BAD_REQUEST"),
        ({"extensions": {"persistedQuery": None}}, "BAD_REQUEST"),
        ({"extensions": {}}, "BAD_REQUEST"),
    ],
)
async def test_a_malformed_id_is_400_for_everybody(shop: Shop, body: Json, code: str) -> None:
    for accept in (ACCEPT, {}):
        answer = await shop.post(body, accept)
        assert (answer.status, answer.codes) == (400, [code])


@pytest.mark.parametrize("accepted", [AcceptedDocuments.PERSISTED, AcceptedDocuments.TRUSTED])
async def test_only_the_manifest(settings: Settings, accepted: AcceptedDocuments) -> None:
    async with served(settings, documents=accepted) as shop:
        by_id = await shop.post({"documentId": ID}, ACCEPT)
        assert by_id.data["categories"]
        by_text = await shop.post({"query": CATEGORIES}, ACCEPT)
        other = await shop.post({"query": OTHER}, ACCEPT)
        introspection = await shop.post({"query": "{ __schema { queryType { name } } }"}, ACCEPT)
        registering = await shop.post(hashed(OTHER, query=OTHER), ACCEPT)
        assert {each.status for each in (other, introspection, registering)} == {400}
        assert (
            await shop.post({"query": OTHER}, {})
        ).status == 200  # as for every error of a document in JSON
        if accepted is AcceptedDocuments.PERSISTED:
            assert by_text.data == by_id.data
            assert other.codes == introspection.codes == registering.codes == ["QUERY_NOT_IN_SAFELIST"]
            assert (await shop.operation("portal/Viewer", {}, SP)).data["viewer"]["user"]["email"] == SP
        else:
            assert by_text.codes == other.codes == introspection.codes == ["PERSISTED_QUERY_ID_REQUIRED"]
            assert registering.codes == ["PERSISTED_QUERY_NOT_IN_LIST"]


async def test_what_everybody_is_told_may_be_cached(shop: Shop) -> None:
    first = await shop.http.get("/graphql", params={"documentId": ID}, headers=ACCEPT)
    assert first.headers["cache-control"] == "public, max-age=30"
    assert {"Accept", "Authorization"} <= set(first.headers["vary"].split(", "))
    etag = first.headers["etag"]
    for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
        again = await shop.http.get(
            "/graphql", params={"documentId": ID}, headers={**ACCEPT, "if-none-match": known}
        )
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
        assert again.headers["cache-control"] == "public, max-age=30"
        assert "content-type" not in again.headers
    changed = await shop.http.get("/graphql", params={"documentId": ID}, headers={"if-none-match": '"other"'})
    assert changed.json() == first.json()


async def test_what_is_not_for_everybody_is_not_cached(shop: Shop, settings: Settings) -> None:
    token = {"authorization": f"Bearer {await shop.token(SP)}"}
    page = {"documentId": id_of((OPERATIONS / "portal/Products.graphql").read_text())}
    uncached: list[tuple[Json, Json]] = [
        ({"documentId": ID}, token),
        ({"documentId": ID}, {**token, "if-none-match": "*"}),
        (page, {}),  # an anonymous caller is denied the prices: that is an error
        ({**page, "variables": '{"first": 101}'}, {}),
        ({"documentId": ID, "variables": "["}, {}),
        ({"documentId": "0" * 64}, {}),
        ({"query": CATEGORIES}, {}),
    ]
    for parameters, headers in uncached:
        got = await shop.http.get("/graphql", params=parameters, headers=headers)
        assert (got.headers["cache-control"], "etag" in got.headers) == ("no-store", False), parameters
        assert got.headers["vary"] == "Accept, Authorization"
    posted = await shop.post({"documentId": ID}, ACCEPT)
    assert posted.headers["cache-control"] == "no-store"
    async with served(settings, public_cache_seconds=0) as uncaching:
        got = await uncaching.http.get("/graphql", params={"documentId": ID})
        assert got.headers["cache-control"] == "no-store"


async def test_by_id_over_the_websocket(settings: Settings) -> None:
    app = create_app(settings.model_copy(update={"documents": AcceptedDocuments.TRUSTED}))
    async with (
        app.router.lifespan_context(app),
        serving.served(app) as address,
        sockets.connected(address) as socket,
    ):
        for id, payload in (("1", {"documentId": ID}), ("2", hashed(CATEGORIES))):
            await sockets.send(socket, id=id, type="subscribe", payload=payload)
            assert (await sockets.receive(socket))["payload"]["data"]["categories"]
            assert await sockets.receive(socket) == {"id": id, "type": "complete"}
        await sockets.send(socket, id="3", type="subscribe", payload={"query": CATEGORIES})
        refused = await sockets.receive(socket)
        assert refused["type"] == "error"
        assert refused["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_ID_REQUIRED"


@pytest.mark.parametrize("client", ["portal", "backoffice"])
async def test_a_shipped_subscription_by_id(shop: Shop, settings: Settings, client: str) -> None:
    watch, viewer = (
        {"documentId": id_of((OPERATIONS / name).read_text())}
        for name in (f"{client}/OrderUpdated.graphql", "portal/Viewer.graphql")
    )
    app = create_app(settings.model_copy(update={"documents": AcceptedDocuments.TRUSTED}))
    async with (
        app.router.lifespan_context(app),
        serving.served(app) as address,
        sockets.connected(address, await sockets.bearer(shop, SP)) as socket,
    ):
        await sockets.send(socket, id="1", type="subscribe", payload=watch)
        await sockets.send(socket, id="2", type="subscribe", payload=viewer)
        assert [(await sockets.receive(socket))["id"] for _ in range(2)] == ["2", "2"]  # the first has begun
        placed = await shop.order(SP)
        message = await sockets.receive(socket)
        assert (message["id"], message["type"]) == ("1", "next")
        assert message["payload"]["data"]["orderUpdated"] == placed


def test_a_manifest_that_does_not_fit_stops_the_start(settings: Settings, tmp_path: Path) -> None:
    def start(content: bytes) -> Starlette:
        (tmp_path / "persisted.json").write_bytes(content)
        return create_app(settings.model_copy(update={"manifest": tmp_path / "persisted.json"}))

    good = Path("graphql/persisted.json").read_bytes()
    start(good)
    stale = "query Old { gone }"
    operation = {"id": id_of(stale), "name": "Old", "type": "query", "clientName": "portal", "body": stale}
    whole = {**orjson.loads(good), "operations": [operation]}
    for content, reason in (
        (b"{}", "not the JSON of a persisted manifest"),
        (orjson.dumps(whole), "portal/Old: Cannot query field 'gone'"),
    ):
        with pytest.raises(CannotRun, match=reason):
            start(content)
    with pytest.raises(CannotRun, match="PRUMO_MANIFEST"):
        create_app(settings.model_copy(update={"manifest": tmp_path / "absent.json"}))
