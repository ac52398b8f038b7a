"""What is read before anybody is asked for points is short, however much was sent."""

from starlette.requests import Request

from gateway.http.graphql_request import MOST_PARAMETERS, GraphQLRequest, HttpRefusal, read_get
from gateway.http.media_types import GRAPHQL_RESPONSE, JSON, LONGEST, accepted, is_json


def asked(query_string: str) -> GraphQLRequest | HttpRefusal:
    return read_get(Request({"type": "http", "headers": [], "query_string": query_string.encode()}))


def test_an_accept_header_that_is_too_long_is_as_none() -> None:
    wish = "text/html;q=0.1," * (LONGEST // 16)
    assert accepted(wish, (JSON, GRAPHQL_RESPONSE)) is None
    assert accepted(wish + GRAPHQL_RESPONSE, (JSON, GRAPHQL_RESPONSE)) == JSON


def test_a_content_type_that_is_too_long_is_none() -> None:
    assert is_json(JSON + ";" * (LONGEST - len(JSON)))
    assert not is_json(JSON + ";" * LONGEST)


def test_a_query_string_has_so_many_parameters() -> None:
    assert isinstance(asked("query={a}" + "&a" * (MOST_PARAMETERS - 1)), GraphQLRequest)
    assert isinstance(asked("query={a}" + "&a" * MOST_PARAMETERS), HttpRefusal)
