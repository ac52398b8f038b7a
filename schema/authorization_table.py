"""Which role may ask for which field, read from the SDL: for docs/authorization.md and for the tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphql import (
    DirectiveNode,
    FieldDefinitionNode,
    ListValueNode,
    ObjectTypeDefinitionNode,
    StringValueNode,
    parse,
)

ROOTS = ("Query", "Mutation", "Subscription")

_PREFACE = """\
# Who may ask for what

Generated from the SDL and the roles as they are shipped, by `prumo authorization`; a test asks a running server for
every cell. Administrators can give a role other scopes; the directives in the SDL say which scopes a field asks for.

● the role may ask. Blank: the field is null, with one error `FORBIDDEN`, or `UNAUTHENTICATED` for a visitor. A field
that is not listed is as open as the object it is on.

The people of an account that is pending, rejected or suspended have the roles they have: prices are null for them, and
checkout is refused.

Which *rows* one reaches is decided besides: buyers their own account's, reps their portfolio's, `account:all` every
account's; carts are their user's alone. What lies outside is as if it did not exist, by id too.
"""


@dataclass(frozen=True, slots=True)
class GuardedField:
    """A field that carries a directive, or whose type does. `alternatives`: sets of scopes of which one is
    needed; the empty set is any signed-in user; None: everybody, signed in or not."""

    type_name: str
    name: str
    alternatives: tuple[frozenset[str], ...] | None

    def allows(self, scopes: frozenset[str] | None) -> bool:
        """Whether a caller with these scopes may ask for it; None is a visitor."""
        if self.alternatives is None:
            return True
        return scopes is not None and any(each <= scopes for each in self.alternatives)


def guarded_fields(sdl: str) -> list[GuardedField]:
    """Every guarded field of the schema, in the order of the SDL, the roots first."""
    types = [node for node in parse(sdl).definitions if isinstance(node, ObjectTypeDefinitionNode)]
    types.sort(key=lambda node: _rank(node.name.value))
    return [
        found
        for type_ in types
        for field in type_.fields or ()
        if (found := _guarded(type_, field)) is not None
    ]


def table(sdl: str, roles: Mapping[str, frozenset[str]]) -> str:
    """The page docs/authorization.md."""
    sections: dict[str, list[GuardedField]] = {}
    for field in guarded_fields(sdl):
        sections.setdefault(field.type_name, []).append(field)
    parts = [_section(name, fields, roles) for name, fields in sections.items()]
    return "\n".join([_PREFACE, *parts])


def _section(name: str, fields: Sequence[GuardedField], roles: Mapping[str, frozenset[str]]) -> str:
    callers: dict[str, frozenset[str] | None] = {"visitor": None, **roles}
    head = f"| {name} | {' | '.join(callers)} |"
    line = f"| --- |{' :-: |' * len(callers)}"
    rows = [
        f"| `{field.name}` | {' | '.join('●' if field.allows(scopes) else ' ' for scopes in callers.values())} |"
        for field in fields
    ]
    return "\n".join([f"## {name}", "", head, line, *rows, ""])


def _rank(name: str) -> tuple[int, str]:
    return (ROOTS.index(name), "") if name in ROOTS else (len(ROOTS), name)


def _guarded(type_: ObjectTypeDefinitionNode, field: FieldDefinitionNode) -> GuardedField | None:
    for directive in (*(field.directives or ()), *(type_.directives or ())):
        match directive.name.value:
            case "public":
                return GuardedField(type_.name.value, field.name.value, None)
            case "authenticated":
                return GuardedField(type_.name.value, field.name.value, (frozenset(),))
            case "requiresScopes":
                return GuardedField(type_.name.value, field.name.value, _alternatives(directive))
            case _:
                pass
    return None


def _alternatives(directive: DirectiveNode) -> tuple[frozenset[str], ...]:
    (scopes,) = directive.arguments or ()
    assert isinstance(scopes.value, ListValueNode)
    found = []
    for together in scopes.value.values:
        assert isinstance(together, ListValueNode)
        found.append(frozenset(each.value for each in together.values if isinstance(each, StringValueNode)))
    return tuple(found)
