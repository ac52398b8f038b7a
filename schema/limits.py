"""Structural limits: how much a document may ask for, decided before validation in one linear pass.

Every fragment is measured once, however often it is spread, so a document cannot make measuring it expensive;
its *expanded* size is what is limited. It is counted over the whole document, for all of it is validated: over every
operation, and every fragment that nothing spreads.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from resolvers.vocabulary.extension_codes import ExtensionCode, coded


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a document may have. The defaults are several times what the largest shipped operation needs."""

    characters: int = 50_000
    tokens: int = 4_000
    depth: int = 18
    aliases: int = 60
    operations: int = 10
    root_fields: int = 20
    """Of each operation."""
    fields: int = 1_000
    directives: int = 100
    fragments: int = 50
    spreads: int = 500
    """Fragments spread, inline ones too, each as often as it stands there: fields are not all that can be many."""
    selections: int = 2_000
    """Selections that the plan may have. One is planned for each object type and what is asked of it, so that a
    document needs many only if different things are asked for many combinations of nested types."""
    cost: int = 5_000
    """In points, see schema.cost; this and the next depend on the request."""
    values: int = 10_000
    """In the variables that the operation declares: each element of a list, each member of an object."""
    repetitions: int = 20
    """How often one position may be asked for: merging the repetitions is quadratic work for the validation."""


@dataclass(slots=True)
class _Size:
    """The expanded size of selection sets."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    directives: int = 0
    spreads: int = 0

    def add(self, other: "_Size", deeper: int = 0) -> None:
        """Count the other one too; it stands so many levels deeper."""
        self.depth = max(self.depth, other.depth + deeper)
        self.aliases += other.aliases
        self.fields += other.fields
        self.directives += other.directives
        self.spreads += other.spreads


class TooComplex(GraphQLError):
    """The document asks for more than a limit allows."""

    def __init__(self, what: str, limit: int, where: str = "document") -> None:
        super().__init__(
            f"The {where} has too many {what}: at most {limit} are allowed. Ask for less, or in several requests.",
            extensions=coded(ExtensionCode.QUERY_TOO_COMPLEX),
        )


class CyclicFragments(GraphQLError):
    """A fragment spreads itself; refused here because nothing after this pass could bear it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Fragment '{name}' spreads itself.", extensions=coded(ExtensionCode.GRAPHQL_VALIDATION_FAILED)
        )


def check_limits(document: DocumentNode, limits: Limits) -> GraphQLError | None:
    """The first limit the document breaks, or None."""
    operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    if len(operations) > limits.operations:
        return TooComplex("operations", limits.operations)
    if len(fragments) > limits.fragments:
        return TooComplex("fragments", limits.fragments)
    measuring = _Measuring(fragments)
    try:
        # Fragments first, for cycles show here; those that no operation reaches are validated all the same.
        for name in fragments:
            measuring.fragment(name)
        total = _Size()
        for operation in operations:
            total.add(measuring.selection_set(operation.selection_set))
            total.directives += len(operation.directives or ())
        unspread = [name for name in fragments if name not in measuring.spread]
        for name in unspread:
            total.add(measuring.fragment(name))
        for what, value, limit in (
            ("levels of nesting", total.depth, limits.depth),
            ("aliases", total.aliases, limits.aliases),
            ("fields", total.fields, limits.fields),
            ("spreads of fragments", total.spreads, limits.spreads),
            ("directives", total.directives, limits.directives),
        ):
            if value > limit:
                return TooComplex(what, limit)
        for operation in operations:
            if _root_fields(operation.selection_set, fragments, set()) > limits.root_fields:
                return TooComplex("root fields", limits.root_fields)
        for each in (*operations, *(fragments[name] for name in unspread)):
            if _most_repetitions([each.selection_set], fragments) > limits.repetitions:
                return TooComplex("repetitions of one field", limits.repetitions)
    except CyclicFragments as error:
        return error
    except RecursionError:
        return TooComplex("levels of nesting", limits.depth)
    return None


@dataclass(frozen=True, slots=True)
class _Measuring:
    """Measures the definitions of one document. `spread`: the fragments met in what was measured so far."""

    fragments: Mapping[str, FragmentDefinitionNode]
    measured: dict[str, _Size] = field(default_factory=dict)
    spread: set[str] = field(default_factory=set)

    def selection_set(self, selection_set: SelectionSetNode | None, spreading: tuple[str, ...] = ()) -> _Size:
        size = _Size()
        for selection in selection_set.selections if selection_set is not None else ():
            size.directives += len(selection.directives or ())
            match selection:
                case FieldNode():
                    size.add(self.selection_set(selection.selection_set, spreading), deeper=1)
                    size.fields += 1
                    size.aliases += selection.alias is not None
                case InlineFragmentNode():
                    size.add(self.selection_set(selection.selection_set, spreading))
                    size.spreads += 1
                case FragmentSpreadNode():
                    self.spread.add(selection.name.value)
                    size.add(self.fragment(selection.name.value, spreading))
                    size.spreads += 1
                case _:
                    continue
        return size

    def fragment(self, name: str, spreading: tuple[str, ...] = ()) -> _Size:
        if name in spreading:
            raise CyclicFragments(name)
        if (known := self.measured.get(name)) is not None:
            return known
        if (fragment := self.fragments.get(name)) is None:
            return _Size()  # which validation refuses
        size = self.selection_set(fragment.selection_set, (*spreading, name))
        size.directives += len(fragment.directives or ())
        self.measured[name] = size
        return size


def _root_fields(
    selection_set: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode], seen: set[str]
) -> int:
    """Root fields, those inside fragments included; a fragment counts each time only until it is seen."""
    total = 0
    for selection in selection_set.selections:
        match selection:
            case FieldNode():
                total += 1
            case InlineFragmentNode():
                total += _root_fields(selection.selection_set, fragments, seen)
            case FragmentSpreadNode() if selection.name.value not in seen:
                seen.add(selection.name.value)
                if (fragment := fragments.get(selection.name.value)) is not None:
                    total += _root_fields(fragment.selection_set, fragments, seen)
    return total


def _most_repetitions(
    selection_sets: list[SelectionSetNode], fragments: dict[str, FragmentDefinitionNode]
) -> int:
    """How often the most repeated response position is asked for; fields and spreads are few by now."""
    by_key: dict[str, list[SelectionSetNode | None]] = {}
    for selection_set in selection_sets:
        _collect_by_key(selection_set, fragments, by_key)
    return max(
        (
            max(len(found), _most_repetitions([each for each in found if each is not None], fragments))
            for found in by_key.values()
        ),
        default=0,
    )


def _collect_by_key(
    selection_set: SelectionSetNode,
    fragments: dict[str, FragmentDefinitionNode],
    by_key: dict[str, list[SelectionSetNode | None]],
) -> None:
    for selection in selection_set.selections:
        match selection:
            case FieldNode():
                key = selection.alias.value if selection.alias else selection.name.value
                by_key.setdefault(key, []).append(selection.selection_set)
            case InlineFragmentNode():
                _collect_by_key(selection.selection_set, fragments, by_key)
            case FragmentSpreadNode():
                if (fragment := fragments.get(selection.name.value)) is not None:
                    _collect_by_key(fragment.selection_set, fragments, by_key)
            case _:
                continue
