"""The plan of an operation: what CollectFields and the types say, worked out once per document.

A plan depends on the document and the schema alone. Variables, scopes and values come with each request.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from sys import getsizeof

from graphql import FieldNode, GraphQLField, GraphQLObjectType, OperationDefinitionNode
from graphql.type import GraphQLAbstractType

from resolvers.vocabulary.directives import Guard
from resolvers.vocabulary.fields import Work
from schema.execution.coerce_result import Leaf
from schema.execution.resolve_field import FieldResolver

Condition = tuple[str, bool]
"""A variable of @skip or @include, and the value it must have."""

Conditions = frozenset[Condition]
"""All of them must hold; none: always."""

Variables = Mapping[str, object]

ResponsePath = tuple[str, ...]
"""Response keys from the root, without list indexes."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One place of the document that asks for a field, with all the conditions on the way to it.

    `order` is the place's rank in its selection set, fragments spread.
    """

    node: FieldNode
    conditions: Conditions
    order: int

    def holds(self, variables: Variables) -> bool:
        """Whether this request goes by this place."""
        return all(variables.get(name) is value for name, value in self.conditions)


AsRow = Callable[..., dict[str, object]]


def row_maker(keys: Sequence[str]) -> AsRow:
    """A function of one value for each key, in their order, that makes the dict of them.

    Written out as `lambda a0, a1: {'sku': a0, 'name': a1}` and compiled, for a page has hundreds of objects and
    `dict(zip(keys, values))` takes three times as long. The keys are names of the GraphQL grammar.
    """
    names = [f"a{index}" for index in range(len(keys))]
    entries = ", ".join(f"{key!r}: {name}" for key, name in zip(keys, names, strict=True))
    made: AsRow = eval(f"lambda {', '.join(names)}: {{{entries}}}", {})  # noqa: S307 - of keys that the parser let through
    return made


@dataclass(frozen=True, slots=True)
class Wrapping:
    """The List and NonNull around a named type: whether each list may be null, outermost first, and the item."""

    lists: tuple[bool, ...]
    item: bool


@dataclass(slots=True, eq=False)
class FieldPlan:
    """A field of a selection set; fields of one response key are merged. Compared by identity.

    `awaits`: this field or one below it does I/O; the others never touch the event loop.
    """

    key: str
    parent: GraphQLObjectType
    definition: GraphQLField
    occurrences: tuple[Occurrence, ...]
    resolver: FieldResolver
    wrapping: Wrapping
    named: "Leaf | Selection | Selections"
    guard: Guard | None
    awaits: bool
    arguments: Mapping[str, object] | None
    """Its coerced arguments where the document alone decides them; None: they have variables."""
    paged: bool
    """Whether it takes page arguments, so that the lists below it are as long as those say."""

    @property
    def selections(self) -> "Sequence[Selection]":
        """What is asked of the objects it answers with: one selection for each type they can have."""
        match self.named:
            case Selection():
                return (self.named,)
            case Selections():
                return tuple(self.named.of.values())
            case Leaf():
                return ()

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return self.occurrences[0].node.name.value

    def is_asked(self, variables: Variables) -> bool:
        """Whether this request asks for it, its parents left aside."""
        return any(each.holds(variables) for each in self.occurrences)

    def nodes(self, variables: Variables) -> list[FieldNode]:
        """The places that ask for it in this request, each once though several spreads may lead to it."""
        return list({id(each.node): each.node for each in self.occurrences if each.holds(variables)}.values())


@dataclass(slots=True, eq=False)
class Selection:
    """A selection set on one object type. `varies`: variables decide which fields it has, or in which order."""

    type: GraphQLObjectType
    fields: Sequence[FieldPlan]
    varies: bool
    awaits: bool
    below: Sequence[FieldPlan]
    """The fields that have selections of their own."""
    settled: bool
    """Whether no request can change what it costs: no guard, no condition and no variable page below."""
    costs: dict[int, int] = field(default_factory=dict)
    """What it costs when settled, by the length of the lists directly below; filled by schema.cost."""
    _as_row: AsRow | None = None

    @property
    def as_row(self) -> AsRow:
        """Makes a response object of the values of all its fields. Made for the first one: few types are ever met."""
        if self._as_row is None:
            self._as_row = row_maker([plan.key for plan in self.fields])
        return self._as_row

    def present(self, variables: Variables) -> Sequence[FieldPlan]:
        """The fields this request asks for, each where the first place that asks for it stands."""
        if not self.varies:
            return self.fields
        ranked = [
            (min(orders), plan)
            for plan in self.fields
            if (orders := [each.order for each in plan.occurrences if each.holds(variables)])
        ]
        ranked.sort(key=lambda each: each[0])
        return [plan for _, plan in ranked]


@dataclass(slots=True, eq=False)
class Selections:
    """The selection sets of an interface's or union's possible types, by type name."""

    type: GraphQLAbstractType
    of: Mapping[str, Selection]
    awaits: bool
    settled: bool
    """Whether no request can change what any of them costs."""


@dataclass(frozen=True, slots=True)
class GuardedField:
    """A field that needs authority, and where it stands in the response."""

    path: ResponsePath
    plan: FieldPlan
    guard: Guard


@dataclass(frozen=True, slots=True)
class WeightedField:
    """A field that costs more than the objects it answers with."""

    plan: FieldPlan
    work: Work


@dataclass(slots=True)
class Weight:
    """About how many bytes a plan holds by now; rather too many than too few."""

    bytes: int = 0

    def add(self, selection: Selection) -> None:
        """Count the selection and its fields, without what is below them."""
        self.bytes += _SELECTION + _FIELD * len(selection.fields)
        for plan in selection.fields:
            self.bytes += _OCCURRENCE * len(plan.occurrences)
            self.bytes += _held(plan.arguments or {})


# In bytes, measured: a selection with the function that makes its rows, and an occurrence with its conditions.
_SELECTION, _FIELD, _OCCURRENCE = 1_700, 700, 350


def _held(value: object) -> int:
    """How many bytes a coerced argument holds."""
    match value:
        case dict():
            return getsizeof(value) + sum(map(_held, value.values()))
        case list():
            return getsizeof(value) + sum(map(_held, value))
        case _:
            return getsizeof(value)


@dataclass(frozen=True, slots=True)
class OperationPlan:
    """One operation of a document, ready to be executed again and again."""

    operation: OperationDefinitionNode
    root: Selection
    guarded: tuple[GuardedField, ...]
    weighted: tuple["WeightedField", ...]
    condition_variables: frozenset[str]
    """The variables that @skip and @include ask."""
    selections: int
    """How many were planned: what planning took, and what the plan weighs, goes by that."""
    weight: Weight
