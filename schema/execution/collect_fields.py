"""CollectFields, for every value of the variables at once: compiles a validated operation into its plan.

What is asked of an interface or union is planned for each of its possible types, and below most of them the same is
asked again. So a selection is planned once for an object type and what is asked of it, wherever it stands: a plan
is a graph, not a tree, and nesting interfaces multiplies nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeGuard

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    GraphQLUnionType,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)
from graphql.execution.values import get_argument_values

from resolvers.vocabulary.directives import Public
from resolvers.vocabulary.fields import WORK
from schema.declarations import guard_of, strawberry_field
from schema.execution.coerce_result import Leaf, leaf
from schema.execution.plan import (
    Condition,
    Conditions,
    FieldPlan,
    GuardedField,
    Occurrence,
    OperationPlan,
    ResponsePath,
    Selection,
    Selections,
    Weight,
    WeightedField,
    Wrapping,
)
from schema.execution.resolve_field import AtRoot, Batch, PerObject, field_resolver
from schema.limits import Limits, TooComplex

MOST_SELECTIONS = Limits().selections

Composite = GraphQLObjectType | GraphQLInterfaceType | GraphQLUnionType


def plan_operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    weight: Weight | None = None,
    *,
    most_selections: int = MOST_SELECTIONS,
) -> OperationPlan:
    """The plan of a *validated* operation whose expanded size is within the limits.

    Raises TooComplex when it would have more than so many selections; `weight` then tells what was planned of it.
    """
    root = schema.get_root_type(operation.operation)
    assert root is not None
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    planner = _Planner(schema, fragments, most_selections, weight or Weight())
    selection = planner.selection(root, (_Asked(operation.selection_set, frozenset()),))
    guarded: list[GuardedField] = []
    weighted: list[WeightedField] = []
    for path, plan in _positions((selection,), ()):
        if plan.guard is not None:
            guarded.append(GuardedField(path, plan, plan.guard))
        declared = strawberry_field(plan.definition)
        if declared is not None and (work := declared.metadata.get(WORK)) is not None:
            weighted.append(WeightedField(plan, work))
    return OperationPlan(
        operation,
        selection,
        tuple(guarded),
        tuple(weighted),
        frozenset(planner.condition_variables),
        len(planner.planned),
        planner.weight,
    )


def _positions(
    selections: Iterable[Selection], above: ResponsePath
) -> Iterator[tuple[ResponsePath, FieldPlan]]:
    """Each field at each response path it can stand at, once, in the order of the document.

    The selections are those that can stand at one path. Walked by path, for there are as many ways through a plan
    as there are combinations of types, and only as many paths as the document has fields.
    """
    by_key: dict[str, list[FieldPlan]] = {}
    for selection in selections:
        for plan in selection.fields:
            by_key.setdefault(plan.key, []).append(plan)
    for key, plans in by_key.items():
        path = (*above, key)
        below: dict[Selection, None] = {}
        for plan in plans:
            yield path, plan
            below.update(dict.fromkeys(plan.selections))
        if below:
            yield from _positions(below, path)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A selection set, and the conditions under which it is asked for."""

    selection_set: SelectionSetNode
    conditions: Conditions


_Key = tuple[str, tuple[tuple[int, Conditions], ...]]
"""A type, and what is asked of it: which selection sets of the document, under which conditions."""


def _key(type_: Composite, asked: Sequence[_Asked]) -> _Key:
    # By identity: two selection sets of the same text are two places of the document.
    return type_.name, tuple((id(each.selection_set), each.conditions) for each in asked)


@dataclass(slots=True)
class _Collected:
    """The occurrences of each response key on one object type, in the order they were met."""

    by_key: dict[str, list[Occurrence]] = field(default_factory=dict)
    spread: set[tuple[str, Conditions]] = field(default_factory=set)
    met: int = 0

    def add(self, node: FieldNode, conditions: Conditions) -> None:
        key = node.alias.value if node.alias else node.name.value
        self.by_key.setdefault(key, []).append(Occurrence(node, conditions, self.met))
        self.met += 1


@dataclass(frozen=True, slots=True)
class _Planner:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    most_selections: int
    weight: Weight
    condition_variables: set[str] = field(default_factory=set)
    planned: dict[_Key, Selection] = field(default_factory=dict)
    planned_abstract: dict[_Key, Selections] = field(default_factory=dict)

    def selection(self, type_: GraphQLObjectType, asked: Sequence[_Asked]) -> Selection:
        """What the selection sets ask of one object type, merged; planned when it is asked for the first time."""
        key = _key(type_, asked)
        if (known := self.planned.get(key)) is None:
            if len(self.planned) >= self.most_selections:
                raise TooComplex("combinations of types and selections", self.most_selections)
            known = self.planned[key] = self._selection(type_, asked)
        return known

    def _selections(self, type_: GraphQLInterfaceType | GraphQLUnionType, asked: list[_Asked]) -> Selections:
        key = _key(type_, asked)
        if (known := self.planned_abstract.get(key)) is None:
            of = {each.name: self.selection(each, asked) for each in self.schema.get_possible_types(type_)}
            known = self.planned_abstract[key] = Selections(
                type_,
                of,
                awaits=any(each.awaits for each in of.values()),
                settled=all(each.settled for each in of.values()),
            )
        return known

    def _selection(self, type_: GraphQLObjectType, asked: Sequence[_Asked]) -> Selection:
        collected = _Collected()
        for each in asked:
            self._collect(type_, each.selection_set, each.conditions, collected)
        fields = [self._field(type_, key, found) for key, found in collected.by_key.items()]
        varies = any(occurrence.conditions for plan in fields for occurrence in plan.occurrences)
        made = Selection(
            type_,
            fields,
            varies,
            any(plan.awaits for plan in fields),
            below=[plan for plan in fields if not isinstance(plan.named, Leaf)],
            settled=not varies and all(map(_settled, fields)),
        )
        self.weight.add(made)
        return made

    def _collect(
        self,
        type_: GraphQLObjectType,
        selection_set: SelectionSetNode,
        given: Conditions,
        collected: _Collected,
    ) -> None:
        for selection in selection_set.selections:
            conditions = _conditions(selection.directives or ())
            if conditions is None:
                continue
            self.condition_variables.update(name for name, _ in conditions)
            conditions |= given
            match selection:
                case FieldNode():
                    collected.add(selection, conditions)
                case InlineFragmentNode(type_condition=condition):
                    if condition is None or self._applies(condition.name.value, type_):
                        self._collect(type_, selection.selection_set, conditions, collected)
                case FragmentSpreadNode():
                    name = selection.name.value
                    fragment = self.fragments[name]
                    if (name, conditions) not in collected.spread:
                        collected.spread.add((name, conditions))
                        if self._applies(fragment.type_condition.name.value, type_):
                            self._collect(type_, fragment.selection_set, conditions, collected)
                case _:
                    raise AssertionError(f"not a selection: {selection.kind}")

    def _applies(self, condition: str, type_: GraphQLObjectType) -> bool:
        """DoesFragmentTypeApply."""
        conditional = self.schema.type_map[condition]
        if conditional is type_:
            return True
        return is_abstract_type(conditional) and self.schema.is_sub_type(conditional, type_)

    def _field(self, parent: GraphQLObjectType, key: str, found: list[Occurrence]) -> FieldPlan:
        name = found[0].node.name.value
        definition = self.schema.get_field(parent, name)
        assert definition is not None
        named = self._named(definition.type, found)
        resolver = field_resolver(parent, name, definition)
        guard = guard_of(definition) or guard_of(parent)
        return FieldPlan(
            key=key,
            parent=parent,
            definition=definition,
            occurrences=tuple(found),
            resolver=resolver,
            wrapping=_wrapping(definition.type),
            named=named,
            guard=None if isinstance(guard, Public) else guard,
            awaits=isinstance(resolver, Batch | AtRoot)
            or (isinstance(resolver, PerObject) and resolver.awaits)
            or (not isinstance(named, Leaf) and named.awaits),
            arguments=_constant_arguments(definition, found[0].node),
            paged="first" in definition.args or "last" in definition.args,
        )

    def _named(self, type_: GraphQLOutputType, found: list[Occurrence]) -> Leaf | Selection | Selections:
        named = get_named_type(type_)
        if is_leaf_type(named):
            return leaf(named)
        asked = [
            _Asked(each.node.selection_set, each.conditions)
            for each in found
            if each.node.selection_set is not None
        ]
        assert _is_composite(named)
        if isinstance(named, GraphQLObjectType):
            return self.selection(named, asked)
        return self._selections(named, asked)


def _is_composite(type_: object) -> TypeGuard[Composite]:
    return is_composite_type(type_)


def _wrapping(type_: GraphQLOutputType) -> Wrapping:
    lists: list[bool] = []
    while True:
        nullable = not is_non_null_type(type_)
        inner = type_.of_type if is_non_null_type(type_) else type_
        if not is_list_type(inner):
            return Wrapping(tuple(lists), nullable)
        lists.append(nullable)
        type_ = inner.of_type


def _conditions(directives: Sequence[DirectiveNode]) -> Conditions | None:
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


def _constant_arguments(definition: GraphQLField, node: FieldNode) -> Mapping[str, object] | None:
    """The coerced arguments, unless variables are in them.

    Arguments that cannot be coerced are nobody's here: what validation let through is an error of the field, and
    it is coerced again where the field is resolved.
    """
    if any(_has_variable(argument.value) for argument in node.arguments or ()):
        return None
    try:
        return get_argument_values(definition, node, hide_suggestions=True)
    except Exception:
        return None


def _has_variable(value: ValueNode) -> bool:
    match value:
        case VariableNode():
            return True
        case ListValueNode(values=values):
            return any(map(_has_variable, values))
        case ObjectValueNode(fields=fields):
            return any(_has_variable(each.value) for each in fields)
        case _:
            return False


def _settled(plan: FieldPlan) -> bool:
    if isinstance(plan.named, Leaf):
        return True
    if plan.guard is not None or (plan.paged and plan.arguments is None):
        return False
    return plan.named.settled
