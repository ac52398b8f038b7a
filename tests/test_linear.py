"""Time per byte: twice the input takes at most about twice the CPU, wherever a stranger's input is read."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import orjson
import pytest
from starlette.requests import Request

from contexts.catalog.domain.images import is_image_key
from contexts.catalog.domain.search import search_text
from contexts.catalog.domain.slugs import kebab
from contexts.identity.domain.account import Cnpj, parse_state_registration
from contexts.identity.domain.address import parse_postal_code
from contexts.identity.domain.password import may_be_password, password_malformed
from contexts.identity.domain.user import parse_email
from contexts.orders.domain.number import read_order_number
from contexts.shared.network import network
from contexts.shared.text import one_line
from gateway.authentication import client_address
from gateway.http.caching import unchanged
from gateway.http.client import HttpClient
from gateway.http.forwarded import Networks, client_of
from gateway.http.graphql_request import read_get, read_members, read_post
from gateway.http.media_types import JSON, _is_json, _liked_best
from gateway.http.origins import Origins
from gateway.importer.words import folded
from resolvers.vocabulary.connections import _position
from resolvers.vocabulary.node import parse_node_id
from resolvers.vocabulary.scalars import SCALARS
from schema.documents import Documents
from schema.limits import Limits
from schema.stitching import stitch
from schema.wording import of_document, of_variables
from tests.cpu import super_linear

pytestmark = pytest.mark.thorough

HOSTILE = {
    "backslashes": "\\",
    "escaped backslashes": "\\\\",
    "half escapes": "\\u",
    "half NULs": "\\u000",
    "open braces of escapes": "\\u{",
    "zeros in braces": "\\u{0",
    "zeros": "0",
    "digits": "7",
    "minus signs": "-",
    "points": ".",
    "quotes": '"',
    "apostrophes": "'",
    "open braces": "{",
    "fields in fields": "{a",
    "open brackets": "[",
    "objects in lists": '[{"a":',
    "closing brackets": "]",
    "spaces": " ",
    "lines": "\n",
    "returns": "\r\n",
    "tabs": "\t",
    "commas": ",",
    "semicolons": ";",
    "parameters": ";q=",
    "ranges": "a/*,",
    "comments": "#\n",
    "block strings": '"""',
    "spreads": "...A ",
    "inline fragments": "...{",
    "fragments": "fragment A on B{a}",
    "operations": "query A{a}",
    "aliases": "a:a ",
    "arguments": "a(a:",
    "directives": "@a ",
    "variables": "$a:A ",
    "letters": "a",
    "words": "a ",
    "labels": "a.",
    "hyphens": "a-",
    "ats": "@",
    "atoms": "a@a",
    "slashes": "/",
    "folders": "a/",
    "percents": "%",
    "escapes of percent": "%25",
    "ampersands": "&a=",
    "messages": ", found: ",
    "values": " value: ",
    "suggestions": " Did you mean ",
    "accents": "e\u0301",
    "combining": "\u0301",
    "combining of two classes": "\u0301\u0323",
    "ligatures": "\ufdfa",
    "Hangul": "\u1100\u1161\u11a8",
    "beyond the first plane": "\U0001d4b3",
    "zero width": "\u200d",
    "NULs": "\0",
}

Reader = Callable[[str], object]
AT = datetime(2026, 1, 1, tzinfo=UTC)


def _scope(**headers: str) -> dict[str, object]:
    pairs = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    return {"type": "http", "method": "GET", "headers": pairs, "query_string": b"", "client": None}


def _variable(text: str) -> object:
    return read_post(orjson.dumps({"query": "{a}", "variables": {"a": text}}))


def _document(text: str) -> object:
    return read_post(orjson.dumps({"query": text}))


def _query_string(name: str, text: str) -> object:
    raw = f"query={{a}}&{name}={text}".encode()
    return read_get(Request({**_scope(), "query_string": raw}))


def _frame(text: str) -> object:
    sent = orjson.dumps(
        {"id": "1", "type": "subscribe", "payload": {"query": "{a}", "variables": {"a": text}}}
    )
    return read_members(orjson.loads(sent)["payload"], sent)


def _cookie(text: str) -> object:
    return HttpClient(_scope(cookie=text), secure=False).refresh_token


def _scalar(name: str) -> Reader:
    definition = next(each for each in SCALARS.values() if each.name == name)

    def read(text: str) -> object:
        try:
            assert definition.parse_value is not None
            return definition.parse_value(text)
        except Exception as refused:
            return refused

    return read


READERS: dict[str, Reader] = {
    "the body of a POST": lambda text: read_post(text.encode()),
    "a variable": _variable,
    "a document in JSON": _document,
    "a query string": lambda text: read_get(Request({**_scope(), "query_string": text.encode()})),
    "variables in a query string": partial(_query_string, "variables"),
    "extensions in a query string": partial(_query_string, "extensions"),
    "a socket's frame": _frame,
    "Accept": lambda text: _liked_best.__wrapped__(text, (JSON,)),
    "Content-Type": lambda text: _is_json.__wrapped__(text),
    "Content-Type's charset": lambda text: _is_json.__wrapped__(JSON + "; charset=" + text),
    "Cookie": _cookie,
    "If-None-Match": lambda text: unchanged(text, 'W/"a"'),
    "Origin": lambda text: Origins(frozenset({"https://a"})).admit_socket(text, text),
    "X-Forwarded-For": lambda text: client_of(
        "127.0.0.1", [(b"x-forwarded-for", text.encode("latin-1", "replace"))], Networks("*")
    ),
    "an order's number": read_order_number,
    "the address": lambda text: network.__wrapped__(client_address({"client": (text, 0)})),
    "a cursor": lambda text: _quietly(lambda cursor: _position(cursor, "NAME"), text),
    "a node's id": parse_node_id,
    "a Decimal": _scalar("Decimal"),
    "a DateTime": _scalar("DateTime"),
    "an e-mail address": parse_email,
    "a CNPJ": Cnpj.parse,
    "a state registration": parse_state_registration,
    "a CEP": parse_postal_code,
    "a line": lambda text: one_line(text, 200),
    "a password": lambda text: (may_be_password(text), password_malformed(text, "password")),
    "a slug": kebab,
    "words to search for": search_text,
    "a heading of a sheet": folded,
    "an image's key": lambda text: is_image_key("products/" + text),
    "a message about a document": of_document,
    "a message about variables": of_variables,
}


def _quietly(read: Callable[[str], object], text: str) -> object:
    try:
        return read(text)
    except Exception as refused:
        return refused


@pytest.mark.parametrize("entry", READERS)
def test_twice_the_input_takes_twice_the_cpu(entry: str) -> None:
    slow = {
        name: why for name, unit in HOSTILE.items() if (why := super_linear(READERS[entry], unit, 64_000))
    }
    assert slow == {}


@pytest.fixture(scope="module")
def documents() -> Documents:
    wide = Limits(characters=10**9, tokens=64_000)
    return Documents(stitch()._schema, wide, heaviest_kept=0)


AROUND = {
    "alone": ("", ""),
    "inside a selection": ("{ viewer { scopes ", " } }"),
    "inside a string": ('{ node(id: "', '") { id } }'),
    "inside a block string": ('{ node(id: """', '""") { id } }'),
    "inside a list": ("{ products(filter: { skus: [", "] }) { nodes { id } } }"),
}


FEW = ("alone", "inside a list")


@pytest.mark.parametrize(
    "place", [*FEW, *(pytest.param(each, marks=pytest.mark.exhaustive) for each in AROUND if each not in FEW)]
)
def test_twice_the_document_takes_twice_the_cpu(documents: Documents, place: str) -> None:
    """Beyond the limits of length, so that they hide nothing."""
    before, behind = AROUND[place]

    def read(text: str) -> object:
        return documents.prepare(before + text + behind)

    slow = {name: why for name, unit in HOSTILE.items() if (why := super_linear(read, unit, 64_000))}
    assert slow == {}
