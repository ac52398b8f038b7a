"""Authority by directive, decided once per operation and before it runs.

When a document is prepared, the positions it guards are collected: which response path, on which type, asks for
what, under which `@skip`/`@include` variables. Per request the caller's scopes and variables decide which of
them are denied; a denied position is null and is one error, whatever number of objects it would have had.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeGuard

from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from contexts.identity.api import Principal
from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
)
from resolvers.vocabulary.directives import Authenticated, Guard, Public, RequiresScopes

ResponsePath = tuple[str, ...]
"""Response keys from the root, without list indexes."""

Position = tuple[ResponsePath, str]
"""A response path and the name of the object type the field is asked of."""

Condition = tuple[str, bool]
"""A variable and the value it must have."""

Conditions = frozenset[Condition]


@dataclass(frozen=True, slots=True)
class GuardedPosition:
    """A position of an operation that needs authority."""

    position: Position
    guard: Guard
    present: tuple[Conditions, ...]
    """The position is asked for when all conditions of any one of these hold."""
    nodes: tuple[FieldNode, ...]


def definition_of(thing: GraphQLField | GraphQLObjectType) -> StrawberryField | StrawberryObjectDefinition:
    """Strawberry's declaration behind a type or field of graphql-core's."""
    found = (thing.extensions or {}).get("strawberry-definition")
    assert isinstance(found, StrawberryField | StrawberryObjectDefinition)
    return found


def guard_of(thing: GraphQLField | GraphQLObjectType) -> Guard | None:
    """The directive a field or type carries; None when it carries none."""
    if "strawberry-definition" not in (thing.extensions or {}):
        return None  # introspection's own fields
    guards = [d for d in definition_of(thing).directives or () if isinstance(d, Guard)]
    if len(guards) > 1:
        raise ValueError(f"more than one guard: {guards}")
    return guards[0] if guards else None


def grants(guard: Guard, principal: Principal | None) -> bool:
    """Whether the caller satisfies the guard."""
    match guard:
        case Public():
            return True
        case Authenticated():
            return principal is not None
        case RequiresScopes():
            return principal is not None and any(principal.scopes.issuperset(s) for s in guard.scopes)


def guarded_positions(
    schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode
) -> tuple[GuardedPosition, ...]:
    """Every guarded position of a *validated* operation whose size is within the limits."""
    root = schema.get_root_type(operation.operation)
    assert root is not None
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    collector = _Collector(schema, fragments)
    return tuple(collector.positions((), [_Selections(root, operation.selection_set, frozenset())]))


def denied(
    positions: tuple[GuardedPosition, ...],
    principal: Principal | None,
    variables: Mapping[str, object],
) -> tuple[frozenset[Position], list[GraphQLError]]:
    """The denied positions, and one error for each path; nothing is said about what lies below a denied one."""
    refused: dict[Position, GuardedPosition] = {
        guarded.position: guarded
        for guarded in positions
        if not grants(guarded.guard, principal) and _is_present(guarded, variables)
    }
    paths = {path for path, _ in refused}
    errors: dict[ResponsePath, GraphQLError] = {}
    for (path, _), guarded in refused.items():
        below = any(path[:length] in paths for length in range(1, len(path)))
        if not below and path not in errors:
            errors[path] = _denial(path, guarded, principal)
    return frozenset(refused), list(errors.values())


def _is_present(guarded: GuardedPosition, variables: Mapping[str, object]) -> bool:
    return any(all(variables.get(name) is value for name, value in ways) for ways in guarded.present)


def _denial(path: ResponsePath, guarded: GuardedPosition, principal: Principal | None) -> GraphQLError:
    if principal is None:
        message, code = "Sign in to see this field.", "UNAUTHENTICATED"
    else:
        message, code = "Your role does not include this field.", "FORBIDDEN"
    return GraphQLError(message, nodes=list(guarded.nodes), path=list(path), extensions={"code": code})


@dataclass(frozen=True, slots=True)
class _Selections:
    """A selection set asked of a type, under conditions."""

    parent: GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
    selection_set: SelectionSetNode
    conditions: Conditions


@dataclass(slots=True)
class _Occurrences:
    """All the places of an operation that ask for one response key of one object type."""

    definition: GraphQLField
    nodes: list[FieldNode] = field(default_factory=list)
    conditions: list[Conditions] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Collector:
    """The specification's CollectFields, for every possible object type and for every value of the variables."""

    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]

    def positions(self, path: ResponsePath, selections: list[_Selections]) -> Iterator[GuardedPosition]:
        grouped: dict[tuple[str, str], _Occurrences] = {}
        for each in selections:
            self._collect(each, grouped, set())
        below: dict[str, list[_Selections]] = {}
        for (type_name, key), found in grouped.items():
            guard = guard_of(found.definition)
            if guard is None:
                parent = self.schema.type_map[type_name]
                guard = guard_of(parent) if isinstance(parent, GraphQLObjectType) else None
            if guard is not None and not isinstance(guard, Public):
                yield GuardedPosition(
                    ((*path, key), type_name), guard, tuple(found.conditions), tuple(found.nodes)
                )
            named = get_named_type(found.definition.type)
            if _is_selectable(named):
                for node, conditions in zip(found.nodes, found.conditions, strict=True):
                    if node.selection_set is not None:
                        selected = _Selections(named, node.selection_set, conditions)
                        if selected not in (others := below.setdefault(key, [])):
                            others.append(selected)
        for key, inner in below.items():
            yield from self.positions((*path, key), inner)

    def _collect(
        self,
        given: _Selections,
        grouped: dict[tuple[str, str], _Occurrences],
        spread: set[tuple[str, Conditions]],
    ) -> None:
        for selection in given.selection_set.selections:
            conditions = _conditions(selection.directives or ())
            if conditions is None:
                continue
            conditions |= given.conditions
            match selection:
                case FieldNode():
                    key = selection.alias.value if selection.alias else selection.name.value
                    for type_ in self._object_types(given.parent):
                        if (definition := type_.fields.get(selection.name.value)) is not None:
                            found = grouped.setdefault((type_.name, key), _Occurrences(definition))
                            found.nodes.append(selection)
                            found.conditions.append(conditions)
                case InlineFragmentNode():
                    name = selection.type_condition.name.value if selection.type_condition else None
                    self._collect_fragment(given, name, selection.selection_set, conditions, grouped, spread)
                case FragmentSpreadNode():
                    name = selection.name.value
                    if (name, conditions) in spread:
                        continue
                    spread.add((name, conditions))
                    fragment = self.fragments[name]
                    condition = fragment.type_condition.name.value
                    self._collect_fragment(
                        given, condition, fragment.selection_set, conditions, grouped, spread
                    )
                case _:
                    raise AssertionError(f"not a selection: {selection.kind}")

    def _collect_fragment(
        self,
        given: _Selections,
        type_condition: str | None,
        selection_set: SelectionSetNode,
        conditions: Conditions,
        grouped: dict[tuple[str, str], _Occurrences],
        spread: set[tuple[str, Conditions]],
    ) -> None:
        narrowed = self.schema.type_map[type_condition] if type_condition else given.parent
        assert _is_selectable(narrowed)
        possible = {type_.name for type_ in self._object_types(given.parent)}
        for type_ in self._object_types(narrowed):
            if type_.name in possible:
                self._collect(_Selections(type_, selection_set, conditions), grouped, set(spread))

    def _object_types(
        self, type_: GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType
    ) -> tuple[GraphQLObjectType, ...]:
        if isinstance(type_, GraphQLObjectType):
            return (type_,)
        assert is_abstract_type(type_)
        return tuple(self.schema.get_possible_types(type_))


def _is_selectable(
    type_: object,
) -> TypeGuard[GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType]:
    return is_composite_type(type_)


def _conditions(directives: tuple[DirectiveNode, ...]) -> Conditions | None:
    """What @skip and @include ask of the variables; None when a literal leaves the selection out for good."""
    found: set[Condition] = set()
    for directive in directives:
        if directive.name.value not in {"skip", "include"}:
            continue
        wanted = directive.name.value == "include"
        value = directive.arguments[0].value if directive.arguments else None
        if isinstance(value, VariableNode):
            found.add((value.name.value, wanted))
        elif isinstance(value, BooleanValueNode) and value.value is not wanted:
            return None
    return frozenset(found)
