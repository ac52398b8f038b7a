"""No code but those of the lists leaves the server, and none of the lists is idle."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from graphql import GraphQLError

from contexts.shared.codes import Code, DetailCode, WarningCode
from gateway.http.close_codes import SocketClose
from resolvers.vocabulary.errors import ErrorCode
from resolvers.vocabulary.extension_codes import ExtensionCode, code_of, coded, give, told
from schema.operations import formatted

FLOORS = ("contexts", "resolvers", "schema", "gateway")
LISTS: tuple[type[Code], ...] = (DetailCode, ExtensionCode, WarningCode)
WRITERS = {"resolvers/vocabulary/extension_codes.py", "gateway/http/websocket_protocol.py"}
"""The one place that writes `code`; and frames of ASGI, whose `code` is a number."""


def _sources() -> Iterator[tuple[str, ast.Module]]:
    for floor in FLOORS:
        for path in sorted(Path(floor).rglob("*.py")):
            yield str(path), ast.parse(path.read_text())


def codes_written(module: ast.AST) -> list[int]:
    """The lines that put a `code` into a dictionary."""
    found = []
    for node in ast.walk(module):
        match node:
            case ast.Dict(keys=keys) if any(isinstance(k, ast.Constant) and k.value == "code" for k in keys):
                found.append(node.lineno)
            case ast.Subscript(slice=ast.Constant(value="code"), ctx=ast.Store()):
                found.append(node.lineno)
            case ast.Call(func=ast.Name(id="dict"), keywords=given) if any(k.arg == "code" for k in given):
                found.append(node.lineno)
            case _:
                pass
    return sorted(found)


def test_a_code_is_written_in_one_place_only() -> None:
    found = [
        f"{path}:{line}"
        for path, module in _sources()
        if path not in WRITERS
        for line in codes_written(module)
    ]
    assert found == [], "write it with `coded`, `give` or `told` of resolvers.vocabulary.extension_codes"


def test_the_rule_finds_what_it_forbids() -> None:
    assert codes_written(ast.parse('{"code": x}\ny["code"] = x\ndict(code=x)\nz["code"]\n{"codes": x}')) == [
        1,
        2,
        3,
    ]


@pytest.mark.parametrize("code", ["FORBIDDEN", "SOMETHING_ELSE", 7, None])
def test_an_error_with_another_code_is_a_bug(code: object) -> None:
    shown = formatted(GraphQLError("from a library", extensions={"code": code}), "request-1")
    assert shown["extensions"] == {"code": "INTERNAL_SERVER_ERROR", "requestId": "request-1"}
    assert "library" not in shown["message"]


def test_a_code_is_sent_as_plain_text() -> None:
    error = give(GraphQLError("no", extensions={"more": 1}), ExtensionCode.FORBIDDEN)
    assert (code_of(error), error.extensions) == (ExtensionCode.FORBIDDEN, {"more": 1, "code": "FORBIDDEN"})
    assert code_of(GraphQLError("no", extensions=coded(ExtensionCode.TIMEOUT))) is ExtensionCode.TIMEOUT
    assert type(told(ExtensionCode.FORBIDDEN)["code"]) is str
    assert type(formatted(error, "request-1")["extensions"]["code"]) is str


def test_the_lists_say_when_each_code_is_said() -> None:
    for codes in LISTS:
        for name, code in codes.__members__.items():
            assert code.value == name, f"{name} travels as {code.value}, or its value stands twice"
            assert code.meaning.endswith("."), name
    for close in SocketClose.__members__.values():
        assert close.meaning.endswith("."), close.name


def test_every_code_is_used() -> None:
    used = {
        (node.value.id, node.attr)
        for _, module in _sources()
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    listed = {(codes.__name__, code.name) for codes in LISTS for code in codes}
    listed |= {("ErrorCode", code.name) for code in ErrorCode}
    assert listed - used == set(), "take it off the list, or use it"
