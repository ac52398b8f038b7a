"""docs/error-codes.md: every code that an answer or a closed socket may carry, as the lists in the code say."""

from collections.abc import Iterable

from graphql import GraphQLEnumType, GraphQLSchema

from contexts.shared.codes import DetailCode, WarningCode
from gateway.http.close_codes import SocketClose
from resolvers.vocabulary.extension_codes import FACTS, ExtensionCode
from schema.messages import facts

_INTRODUCTION = """\
# Codes

What clients branch on. A code keeps its meaning; new ones are added, so show something for one that you do not know.
What people are shown for each is in [`graphql/messages/`](../graphql/messages), by language. This page is written by
`make schema`, from the lists in the code.
"""

_EXTENSIONS = """\
`extensions.code` of a top-level error, over HTTP and WebSockets. Beside it stands `requestId`, but where HTTP is
broken, and the facts named here.
"""

_ERRORS = """\
`error.code` of a mutation. The texts are by `__typename` where there is one, else by code; the facts are fields of the
type.
"""

_DETAILS = """\
`error.details[].code`: what is wrong with one piece of the input. The same mistake has the same code everywhere.
"""
_WARNINGS = "`meta.warnings[].code`: it is done, but somebody should know.\n"
_CLOSES = "How a WebSocket is closed, and the code above whose text says it to people.\n"


def error_codes(schema: GraphQLSchema) -> str:
    """The page, in Markdown."""
    codes = schema.type_map["ErrorCode"]
    assert isinstance(codes, GraphQLEnumType)
    told = facts(schema)["errors"]
    by_code = {code: value.description or "" for code, value in codes.values.items()}
    by_type = {name: schema.type_map[name].description or "" for name in told if name not in by_code}
    errors = [
        (name, meaning, _names(told[name])) for name, meaning in [*sorted(by_code.items()), *by_type.items()]
    ]
    parts = [
        _INTRODUCTION,
        "## Top-level errors\n",
        _EXTENSIONS,
        _table(
            ("code", "when", "facts"),
            [(code, code.meaning, _names(FACTS.get(code, ()))) for code in sorted(ExtensionCode)],
        ),
        "## Refusals\n",
        _ERRORS,
        _table(("code or type", "when", "facts"), errors),
        "## Details\n",
        _DETAILS,
        _table(("code", "when"), [(code, code.meaning) for code in sorted(DetailCode)]),
        "## Warnings\n",
        _WARNINGS,
        _table(("code", "when"), [(code, code.meaning) for code in sorted(WarningCode)])
        if list(WarningCode)
        else "There is none yet.\n",
        "## Closed sockets\n",
        _CLOSES,
        _table(
            ("code", "when", "text"),
            [(str(int(close)), close.meaning, f"`{close.shown}`") for close in SocketClose],
        ),
    ]
    return "\n".join(parts)


def _names(names: Iterable[str]) -> str:
    return " ".join(f"`{name}`" for name in sorted(names))


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *((f"`{first}`", *rest) for first, *rest in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
