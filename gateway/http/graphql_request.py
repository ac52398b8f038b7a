"""Reading a GraphQL request out of HTTP, and refusing what is none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import orjson
from starlette.requests import Request

from gateway.http.media_types import is_json
from resolvers.vocabulary.extension_codes import ExtensionCode
from schema.documents import ById
from schema.manifest import id_of

_BRACED_NUL = re.compile(rb"\\u\{0+\}")

MOST_PARAMETERS = 20
"""Of a query string; GraphQL has five. Its bytes cost next to no points, and as many parameters much CPU."""

_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"(sha256:)?[0-9a-f]{64}")
_SHA256 = "the SHA-256 of the document in lower-case hexadecimal"


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A document (its text, or how to find it), which of its operations, and its variables."""

    document: str | ById
    operation_name: str | None
    variables: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class HttpRefusal:
    """The request is refused before GraphQL comes into it."""

    status: int
    code: ExtensionCode
    message: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Unread:
    """The body of a POST is refused, after so many bytes of it."""

    refusal: HttpRefusal
    bytes: int = 0


async def read_body(request: Request, max_bytes: int) -> bytes | Unread:
    """The body of a POST, which the headers say is one that can be read."""
    if not is_json(request.headers.get("content-type")):
        message = "Send the request as JSON: `Content-Type: application/json`, in UTF-8."
        return Unread(HttpRefusal(415, ExtensionCode.UNSUPPORTED_MEDIA_TYPE, message))
    if "content-encoding" in request.headers:
        message = "Send the body without a content encoding."
        return Unread(HttpRefusal(415, ExtensionCode.UNSUPPORTED_MEDIA_TYPE, message))
    message = f"The body is larger than {max_bytes} bytes."
    too_large = HttpRefusal(413, ExtensionCode.PAYLOAD_TOO_LARGE, message, (("Connection", "close"),))
    length = request.headers.get("content-length", "0")
    if length.isdigit() and int(length[:18]) > max_bytes:
        return Unread(too_large)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            return Unread(too_large, len(body))
    return bytes(body)


def read_post(body: bytes) -> GraphQLRequest | HttpRefusal:
    """The request in a POST's body."""
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
    if request.scope["query_string"].count(b"&") >= MOST_PARAMETERS:
        return _bad(f"The query string has more than {MOST_PARAMETERS} parameters.")
    parameters = request.query_params
    decoded: dict[str, object] = {
        "query": parameters.get("query"),
        "documentId": parameters.get("documentId"),
        "operationName": parameters.get("operationName") or None,
    }
    for name in ("variables", "extensions"):
        if text := parameters.get(name):
            try:
                decoded[name] = orjson.loads(text)
            except (orjson.JSONDecodeError, UnicodeEncodeError):
                return _bad(f"`{name}` is not JSON.")
    return read_members(decoded, "".join(parameters.values()).encode(errors="replace"))


def read_members(members: Mapping[str, object], sent: bytes) -> GraphQLRequest | HttpRefusal:
    """The request in a decoded JSON object; `sent` is the text it came in, over whichever transport."""
    query, operation_name = members.get("query"), members.get("operationName")
    variables, extensions = members.get("variables"), members.get("extensions")
    if operation_name is not None and not isinstance(operation_name, str):
        return _bad("`operationName` must be a string.")
    if variables is not None and not isinstance(variables, dict):
        return _bad("`variables` must be a JSON object.")
    if extensions is not None and not isinstance(extensions, dict):
        return _bad("`extensions` must be a JSON object.")
    if query is not None and not isinstance(query, str):
        return _bad("`query` must be a string: the GraphQL document.")
    # PostgreSQL has no NUL in text: what a read compares with is not looked at again. The document is searched
    # decoded as well: JSON may have spelled its backslash \\u005c.
    if has_nul(sent) or (query and has_nul(query.encode(errors="replace"))):
        return HttpRefusal(400, ExtensionCode.BAD_USER_INPUT, "NUL characters are not accepted.")
    document: str | ById | HttpRefusal | None = query
    if members.get("documentId") is not None:
        document = _by_document_id(members["documentId"], query)
    elif extensions and extensions.get("persistedQuery") is not None:
        document = _by_hash(extensions["persistedQuery"], query)
    if isinstance(document, HttpRefusal):
        return document
    if not document or (isinstance(document, str) and not document.strip()):
        return _bad("There is no document: send `query`, the GraphQL document, or `documentId`.")
    return GraphQLRequest(document, operation_name, variables or {})


def has_nul(sent: bytes) -> bool:
    """Whether there is a NUL in it, as itself or as an escape of JSON or of GraphQL."""
    if b"\0" in sent or b"\\u0000" in sent:
        return True
    # Linear: a search that fails has read no zero that another one reads. Most requests have nothing to be searched.
    return b"\\u{" in sent and _BRACED_NUL.search(sent) is not None


def _by_document_id(id: object, query: str | None) -> ById | HttpRefusal:
    """The persisted document request of the GraphQL over HTTP draft (appendix A)."""
    if not isinstance(id, str) or not _ID.fullmatch(id):
        return _bad(f"`documentId` must be {_SHA256}, with or without the prefix `sha256:`.")
    if query:
        return _bad("Send either `query` or `documentId`.")
    return ById(id.removeprefix("sha256:"))


def _by_hash(persisted: object, query: str | None) -> ById | HttpRefusal:
    """Apollo's automatic persisted queries: the hash alone, or with the text to remember for it."""
    if not isinstance(persisted, dict) or persisted.get("version") != 1:
        return _bad('`extensions.persistedQuery` must be {"version": 1, "sha256Hash": "…"}.')
    id = persisted.get("sha256Hash")
    if not isinstance(id, str) or not _HASH.fullmatch(id):
        return _bad(f"`extensions.persistedQuery.sha256Hash` must be {_SHA256}.")
    if query and id_of(query) != id:
        message = "`sha256Hash` is not the SHA-256 of `query`: hash the text exactly as it is sent, in UTF-8."
        return HttpRefusal(400, ExtensionCode.PERSISTED_QUERY_MISMATCH, message)
    return ById(id, query or None, automatic=True)


def _bad(message: str) -> HttpRefusal:
    return HttpRefusal(400, ExtensionCode.BAD_REQUEST, message)
