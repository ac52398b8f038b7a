"""Reading a GraphQL request out of HTTP, and refusing what is none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request

from gateway.http.media_types import is_json

# A NUL as itself or as an escape of JSON or of GraphQL. PostgreSQL has none in text: what a read compares with
# is not looked at again, what a use case keeps is. The document is searched decoded as well: JSON may have
# spelled its backslash \u005c.
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
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _bad("The body is not JSON in UTF-8.")
    if isinstance(decoded, list):
        return _bad("Batches are not accepted: send one request at a time.")
    if not isinstance(decoded, dict):
        return _bad('The body must be a JSON object: {"query": "…", "variables": {…}}.')
    return read_members(decoded, body)


def read_get(request: Request) -> GraphQLRequest | HttpRefusal:
    """The request in a GET's query string."""
    parameters = request.query_params
    decoded: dict[str, object] = {
        "query": parameters.get("query"),
        "operationName": parameters.get("operationName") or None,
    }
    for name in ("variables", "extensions"):
        if text := parameters.get(name):
            try:
                decoded[name] = orjson.loads(text)
            except (orjson.JSONDecodeError, UnicodeEncodeError):
                return _bad(f"`{name}` is not JSON.")
    return read_members(decoded, "".join(parameters.values()).encode(errors="replace"))


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


def read_members(members: Mapping[str, object], sent: bytes) -> GraphQLRequest | HttpRefusal:
    """The request in a decoded JSON object; `sent` is the text it came in, over whichever transport."""
    query, operation_name = members.get("query"), members.get("operationName")
    variables, extensions = members.get("variables"), members.get("extensions")
    if not isinstance(query, str) or not query.strip():
        return _bad("`query` is missing: it is the GraphQL document, a string.")
    if operation_name is not None and not isinstance(operation_name, str):
        return _bad("`operationName` must be a string.")
    if variables is not None and not isinstance(variables, dict):
        return _bad("`variables` must be a JSON object.")
    if extensions is not None and not isinstance(extensions, dict):
        return _bad("`extensions` must be a JSON object.")
    if _NUL.search(sent) or _NUL.search(query.encode(errors="replace")):
        return HttpRefusal(400, "BAD_USER_INPUT", "NUL characters are not accepted.")
    return GraphQLRequest(query, operation_name, variables or {})


def _bad(message: str) -> HttpRefusal:
    return HttpRefusal(400, "BAD_REQUEST", message)
