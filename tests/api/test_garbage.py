"""What a request makes is freed when it is answered: nothing waits for the cycle collector, which runs rarely."""

import gc
from collections.abc import Iterator, MutableMapping
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette

from tests.api.shop import OPERATIONS, SP, Json, Shop

REQUESTS = 5


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No automatic collection, and nothing of before counts."""
    gc.collect()
    gc.freeze()
    gc.disable()
    yield
    gc.enable()
    gc.unfreeze()


async def sent(app: Starlette, token: str, operation: str, variables: Json) -> int:
    """One request, without an HTTP client, which leaves garbage of its own."""
    document = (OPERATIONS / f"{operation}.graphql").read_text()
    body = orjson.dumps({"query": document, "variables": variables})
    status = 0

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:  # Any: ASGI's
        nonlocal status
        status = message.get("status", status)

    headers = [(b"content-type", b"application/json"), (b"authorization", f"Bearer {token}".encode())]
    scope = {"type": "http", "method": "POST", "path": "/graphql", "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    return status


@pytest.mark.parametrize(
    ("operation", "variables"),
    [
        ("portal/Products", {"first": 24}),
        ("portal/Cart", {}),
        ("portal/Orders", {"first": 5}),
        ("portal/Viewer", {}),
    ],
)
async def test_requests_leave_no_garbage(
    app: Starlette, shop: Shop, operation: str, variables: Json, uncollected: None
) -> None:
    token = await shop.token(SP)
    assert await sent(app, token, operation, variables) == 200  # plans are made, connections opened
    gc.collect()
    for _ in range(REQUESTS):
        assert await sent(app, token, operation, variables) == 200
    assert gc.collect() < REQUESTS
