"""The codes of top-level errors: `extensions.code`, over HTTP and WebSockets alike."""

from collections.abc import Mapping
from typing import Any, Final

from graphql import GraphQLError

from contexts.shared.codes import Code


class ExtensionCode(Code):
    """Why a request, or a field of it, has no answer. An error with any other code is taken for a bug and masked."""

    # The document.
    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED", "The document is no GraphQL."
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED", "The document does not fit the schema."
    OPERATION_RESOLUTION_FAILURE = (
        "OPERATION_RESOLUTION_FAILURE",
        "The document has no operation of that name, or several and none is named.",
    )
    QUERY_TOO_COMPLEX = "QUERY_TOO_COMPLEX", "The document, or what it asks for, is beyond a limit."
    QUERY_NOT_IN_SAFELIST = (
        "QUERY_NOT_IN_SAFELIST",
        "Only the documents of the persisted manifest are accepted, and this is none of them.",
    )
    PERSISTED_QUERY_ID_REQUIRED = "PERSISTED_QUERY_ID_REQUIRED", "Documents are accepted by their id only."
    PERSISTED_QUERY_NOT_FOUND = (
        "PERSISTED_QUERY_NOT_FOUND",
        "The hash is not known yet: send the text along (Apollo's automatic persisted queries).",
    )
    PERSISTED_QUERY_NOT_SUPPORTED = (
        "PERSISTED_QUERY_NOT_SUPPORTED",
        "No texts are registered here: send the text.",
    )
    PERSISTED_QUERY_NOT_IN_LIST = "PERSISTED_QUERY_NOT_IN_LIST", "No document has this id here."
    PERSISTED_QUERY_MISMATCH = "PERSISTED_QUERY_MISMATCH", "The hash is not the one of the text beside it."
    # Its variables and arguments.
    BAD_USER_INPUT = "BAD_USER_INPUT", "A variable or an argument is not what it has to be."
    # The caller.
    UNAUTHENTICATED = "UNAUTHENTICATED", "There is no session, or the access token is not good any more."
    FORBIDDEN = "FORBIDDEN", "The caller's role does not include it."
    THROTTLED = "THROTTLED", "The caller has spent their points, or has too much under way."
    # The server.
    UNAVAILABLE = "UNAVAILABLE", "A service that we lean on is away."
    OVERLOADED = "OVERLOADED", "The process answers as many requests as it may."
    TIMEOUT = "TIMEOUT", "It was not answered in time, and given up."
    INTERNAL_SERVER_ERROR = "INTERNAL_SERVER_ERROR", "A bug of ours; the request id finds it in the log."
    # HTTP, before GraphQL comes into it.
    BAD_REQUEST = "BAD_REQUEST", "It is no GraphQL request."
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED", "GraphQL is asked with POST, and queries with GET too."
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE", "None of the media types that the client accepts is ours."
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE", "The body is not said to be plain JSON."
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE", "The body is larger than it may be, or comes in too many pieces."
    HEADERS_TOO_LARGE = "HEADERS_TOO_LARGE", "The headers are larger or more than they may be."
    URI_TOO_LONG = "URI_TOO_LONG", "The address is longer than it may be."
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT", "The request did not arrive in time."


FACTS: Final[Mapping[ExtensionCode, tuple[str, ...]]] = {
    ExtensionCode.UNAVAILABLE: ("requestId", "retryAfter"),
    ExtensionCode.INTERNAL_SERVER_ERROR: ("requestId",),
}
"""What stands beside the code in `extensions`, every time. `retryAfter`: seconds."""


def coded(code: ExtensionCode) -> dict[str, Any]:  # Any: as graphql-core's type of extensions
    """The extensions of an error that is raised."""
    return {"code": code}


def give(error: GraphQLError, code: ExtensionCode) -> GraphQLError:
    """The same error, now with that code."""
    error.extensions = {**(error.extensions or {}), **coded(code)}
    return error


def code_of(error: GraphQLError) -> ExtensionCode | None:
    """The code that somebody gave the error on purpose."""
    code = (error.extensions or {}).get("code")
    return code if isinstance(code, ExtensionCode) else None


def told(code: ExtensionCode, **facts: object) -> dict[str, object]:
    """The extensions of an error as they are sent."""
    return {"code": code.value, **facts}
