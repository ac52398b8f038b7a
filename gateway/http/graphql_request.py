"""Reading a GraphQL request out of HTTP, and refusing what is none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request

from gateway.http.media_types import is_json

_NUL = re.compile(rb"\\+u0000|\\+u\{0+\}|\x00")


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A document, which of its operations, and its variables."""

    query: str
    operation_name: str | None
    variables: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class HttpRefusal:
    """The request is refused before GraphQL comes into it."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()


async def read_post(request: Request, max_bytes: int) -> GraphQLRequest | HttpRefusal:
    """The request in a POST body."""
    if not is_json(request.headers.get("content-type")):
        message = "Send the request as JSON: `Content-Type: application/json`, in UTF-8."
        return HttpRefusal(415, "UNSUPPORTED_MEDIA_TYPE", message)
    if "content-encoding" in request.headers:
        return HttpRefusal(415, "UNSUPPORTED_MEDIA_TYPE", "Send the body without a content encoding.")
    body = await _body(request, max_bytes)
    if body is None:
        return HttpRefusal(
            413,
            "PAYLOAD_TOO_LARGE",
            f"The body is larger than {max_bytes} bytes.",
            (("Connection", "close"),),
        )
    if _NUL.search(body):
        return _no_nul()
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _bad("The body is not JSON in UTF-8.")
    if isinstance(decoded, list):
        return _bad("Batches are not accepted: send one request at a time.")
    if not isinstance(decoded, dict):
        return _bad('The body must be a JSON object: {"query": "…", "variables": {…}}.')
    return _request(
        decoded.get("query"),
        decoded.get("operationName"),
        decoded.get("variables"),
        decoded.get("extensions"),
    )


def read_get(request: Request) -> GraphQLRequest | HttpRefusal:
    """The request in a GET's query string."""
    parameters = request.query_params
    if any(_NUL.search(value.encode(errors="replace")) for value in parameters.values()):
        return _no_nul()
    decoded: dict[str, object] = {}
    for name in ("variables", "extensions"):
        if text := parameters.get(name):
            try:
                decoded[name] = orjson.loads(text)
            except (orjson.JSONDecodeError, UnicodeEncodeError):
                return _bad(f"`{name}` is not JSON.")
    return _request(
        parameters.get("query"),
        parameters.get("operationName") or None,
        decoded.get("variables"),
        decoded.get("extensions"),
    )


async def _body(request: Request, max_bytes: int) -> bytes | None:
    """The body; None as soon as it is known to be too large."""
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length[:18]) > max_bytes:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            return None
    return bytes(body)


def _request(
    query: object, operation_name: object, variables: object, extensions: object
) -> GraphQLRequest | HttpRefusal:
    if not isinstance(query, str) or not query.strip():
        return _bad("`query` is missing: it is the GraphQL document, a string.")
    if operation_name is not None and not isinstance(operation_name, str):
        return _bad("`operationName` must be a string.")
    if variables is not None and not isinstance(variables, dict):
        return _bad("`variables` must be a JSON object.")
    if extensions is not None and not isinstance(extensions, dict):
        return _bad("`extensions` must be a JSON object.")
    return GraphQLRequest(query, operation_name, variables or {})


def _bad(message: str) -> HttpRefusal:
    return HttpRefusal(400, "BAD_REQUEST", message)


def _no_nul() -> HttpRefusal:
    # PostgreSQL has no NUL in text; refused here once instead of at every argument.
    return HttpRefusal(400, "BAD_USER_INPUT", "NUL characters are not accepted.")
