"""Whatever bytes come: hypothesis makes up bodies and frames, the served application answers each in kind, and goes on.

Examples are drawn one by one and sent in this event loop, where the application runs; the seed is fixed.
"""

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import httpx
import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.api.serving import served
from tests.api.shop import SP, Json, Shop
from tests.api.socket_client import WATCH, bearer, opening, receive, send

JSON = "application/json"
QUERY = "{ viewer { scopes } }"
CODES = {
    "BAD_REQUEST",
    "BAD_USER_INPUT",
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "NOT_ACCEPTABLE",
    "OPERATION_RESOLUTION_FAILURE",
    "PERSISTED_QUERY_MISMATCH",
    "PERSISTED_QUERY_NOT_FOUND",
    "QUERY_TOO_COMPLEX",
    "UNAUTHENTICATED",
    "UNSUPPORTED_MEDIA_TYPE",
}
CLOSES = {1000, 1002, 1007, 1008, 1009, 4400, 4401, 4403, 4409, 4429}

Example = TypeVar("Example")

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
queries = st.sampled_from(
    [
        QUERY,
        WATCH,
        "{",
        "",
        "query A{__typename} query B{__typename}",
        "query($n:Int){products(first:$n){totalCount}}",
    ]
)
persisted = st.fixed_dictionaries({"version": st.just(1) | values, "sha256Hash": st.just("0" * 64) | values})
requests = st.fixed_dictionaries(
    {"query": queries | values},
    optional={
        "variables": st.dictionaries(st.sampled_from(["n", "x"]), values) | values,
        "operationName": st.sampled_from(["A", "C", ""]) | values,
        "extensions": st.fixed_dictionaries({"persistedQuery": persisted | values}) | values,
        "documentId": values,
        "id": values,
    },
)


def dumped(value: Json) -> bytes:
    """JSON as lenient writers write it: NaN, huge numbers and lone surrogates included."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def mangled(value: bytes, at: int, how: int) -> bytes:
    """Cut off, with a byte changed, or in another encoding."""
    at %= len(value) + 1
    match how:
        case 0:
            return value[:at]
        case 1:
            return value[:at] + b"\xff" + value[at:]
        case _:
            return value.decode("utf-8", "replace").encode("utf-16")


encoded = (requests | values).map(dumped)
bodies = (
    st.binary(max_size=200)
    | encoded
    | st.builds(mangled, encoded, st.integers(0, 10_000), st.integers(0, 2))
    | st.builds(
        lambda opening, n: opening * n,
        st.sampled_from([b"[", b'{"a":', b"9", b'"\\ud800']),
        st.integers(1, 60_000),
    )
)
content_types = st.sampled_from(
    [JSON] * 6
    + ["", "text/plain", f"{JSON}; charset=utf-16", f"{JSON}; charset", "application/*", "\xff", "a;" * 500]
)
accepts = st.sampled_from(
    ["", "*/*", JSON, "application/graphql-response+json", "text/html", ";q=", "*/*;q=nan"]
)

messages = st.fixed_dictionaries(
    {"type": st.sampled_from(["ping", "pong", "subscribe", "complete", "connection_init", "next"]) | values},
    optional={"id": st.sampled_from(["1", "2"]) | values, "payload": requests | values},
)
frames = (
    (messages | messages | requests | values).map(dumped).map(partial(bytes.decode, errors="replace"))
    | messages.map(dumped)  # a binary frame
    | st.text(max_size=50)
    | bodies
)


def drawn(strategy: st.SearchStrategy[Example], many: int) -> list[Example]:
    """So many examples, the same ones each time."""
    found: list[Example] = []

    @seed(20261123)
    @settings(
        max_examples=many,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(example: Example) -> None:
        found.append(example)

    collect()
    return found


@pytest.fixture(scope="module")
async def address(app: Starlette) -> AsyncIterator[str]:
    """The application behind a real socket."""
    async with served(app) as address:
        yield address


@contextmanager
def nothing_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No error is logged: what a client sends is none."""
    caplog.clear()
    yield
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_every_body_gets_a_typed_answer(address: str, caplog: pytest.LogCaptureFixture) -> None:
    sent = drawn(st.tuples(bodies, content_types, accepts), 250)
    statuses = set()
    async with httpx.AsyncClient(base_url=f"http://{address}") as http:
        with nothing_logged(caplog):
            for body, content_type, accept in sent:
                headers = {b"content-type": content_type.encode("latin-1"), b"accept": accept.encode()}
                response = await http.post("/graphql", content=body, headers=headers)
                answer = response.json()
                statuses.add(response.status_code)
                assert response.status_code in {200, 400, 406, 415}, (body, answer)
                for error in answer.get("errors", ()):
                    assert error["extensions"]["code"] in CODES, (body, answer)
                    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
                assert ("data" in answer) != ("errors" in answer), (body, answer)
            good = await http.post("/graphql", json={"query": QUERY})
            assert good.json()["data"] == {"viewer": None}
    assert statuses == {200, 400, 406, 415}


async def test_every_frame_is_answered_or_closes_with_a_code(
    address: str, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    init = orjson.dumps({"type": "connection_init", "payload": await bearer(shop, SP)}).decode()
    ends = set()
    with nothing_logged(caplog):
        for begun, sequence in drawn(st.tuples(st.booleans(), st.lists(frames, max_size=6)), 150):
            async with opening(address) as socket:
                end = await end_of(socket, [init] * begun + sequence)
            assert end in CLOSES, sequence
            ends.add(end)
        async with opening(address) as socket:
            assert await end_of(socket, [init]) == 1000
    assert ends >= {1000, 4400, 4401}


async def end_of(socket: ClientConnection, sent: Sequence[str | bytes]) -> int | None:
    """With which code the server closes after these frames; 1000 when it still answers a good one."""
    try:
        for frame in sent:
            await socket.send(frame)
        await send(socket, id="last", type="subscribe", payload={"query": QUERY})
        while True:
            message = await receive(socket)
            payload = message.get("payload")
            for error in payload if message["type"] == "error" else (payload or {}).get("errors", ()):
                assert error["extensions"]["code"] in CODES, sent
                assert error["extensions"]["requestId"]
            if message == {"id": "last", "type": "complete"}:
                return 1000
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
