"""Structural limits: how much a document may ask for, decided before validation in one linear pass.

Every fragment is measured once, however often it is spread, so a document cannot make measuring it expensive;
its *expanded* size is what is limited.
"""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a document may have. The defaults are several times what the largest shipped operation needs."""

    characters: int = 50_000
    tokens: int = 4_000
    depth: int = 18
    aliases: int = 60
    root_fields: int = 20
    fields: int = 1_000
    directives: int = 100
    fragments: int = 50
    spreads: int = 500
    """Fragments spread, inline ones too, each as often as it stands there: fields are not all that can be many."""
    selections: int = 2_000
    """Selections that the plan may have. One is planned for each object type and what is asked of it, so that a
    document needs many only if different things are asked for many combinations of nested types."""
    cost: int = 5_000
    """In points, see schema.cost; the one limit that depends on the request."""
    repetitions: int = 20
    """How often one position may be asked for: merging the repetitions is quadratic work for the validation."""


@dataclass(frozen=True, slots=True)
class _Size:
    """The expanded size of a selection set."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    directives: int = 0
    spreads: int = 0


class TooComplex(GraphQLError):
    """The document asks for more than a limit allows."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            f"The document has too many {what}: at most {limit} are allowed. Ask for less, or in several requests.",
            extensions={"code": "QUERY_TOO_COMPLEX"},
        )


class CyclicFragments(GraphQLError):
    """A fragment spreads itself; refused here because nothing after this pass could bear it."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Fragment '{name}' spreads itself.", extensions={"code": "GRAPHQL_VALIDATION_FAILED"}
        )


def check_limits(document: DocumentNode, limits: Limits) -> GraphQLError | None:
    """The first limit the document breaks, or None."""
    fragments = {
        definition.name.value: definition
        for definition in document.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    if len(fragments) > limits.fragments:
        return TooComplex("fragments", limits.fragments)
    measured: dict[str, _Size] = {}
    try:
        # Fragments first, for cycles show here; those that no operation reaches are validated all the same.
        for name in fragments:
            _measure_fragment(name, fragments, measured, ())
        for definition in document.definitions:
            match definition:
                case OperationDefinitionNode():
                    roots = _root_fields(definition.selection_set, fragments, set())
                    if roots > limits.root_fields:
                        return TooComplex("root fields", limits.root_fields)
                case FragmentDefinitionNode():
                    pass
                case _:
                    continue
            size = _measure(definition.selection_set, fragments, measured, ())
            for what, value, limit in (
                ("levels of nesting", size.depth, limits.depth),
                ("aliases", size.aliases, limits.aliases),
                ("fields", size.fields, limits.fields),
                ("spreads of fragments", size.spreads, limits.spreads),
                ("directives", size.directives + len(definition.directives or ()), limits.directives),
            ):
                if value > limit:
                    return TooComplex(what, limit)
            repetitions = _most_repetitions([definition.selection_set], fragments)
            if repetitions > limits.repetitions:
                return TooComplex("repetitions of one field", limits.repetitions)
    except CyclicFragments as error:
        return error
    except RecursionError:
        return TooComplex("levels of nesting", limits.depth)
    return None


def _measure(
    selection_set: SelectionSetNode | None,
    fragments: dict[str, FragmentDefinitionNode],
    measured: dict[str, _Size],
    spreading: tuple[str, ...],
) -> _Size:
    depth = aliases = fields = directives = spreads = 0
    for selection in selection_set.selections if selection_set is not None else ():
        directives += len(selection.directives or ())
        match selection:
            case FieldNode():
                inner = _measure(selection.selection_set, fragments, measured, spreading)
                inner_depth = inner.depth + 1
                fields += 1
                aliases += selection.alias is not None
            case InlineFragmentNode():
                inner = _measure(selection.selection_set, fragments, measured, spreading)
                inner_depth = inner.depth
                spreads += 1
            case FragmentSpreadNode():
                inner = _measure_fragment(selection.name.value, fragments, measured, spreading)
                inner_depth = inner.depth
                spreads += 1
            case _:
                continue
        depth = max(depth, inner_depth)
        aliases += inner.aliases
        fields += inner.fields
        directives += inner.directives
        spreads += inner.spreads
    return _Size(depth, aliases, fields, directives, spreads)


def _measure_fragment(
    name: str,
    fragments: dict[str, FragmentDefinitionNode],
    measured: dict[str, _Size],
    spreading: tuple[str, ...],
) -> _Size:
    if name in spreading:
        raise CyclicFragments(name)
    if name not in measured:
        fragment = fragments.get(name)
        measured[name] = _measure(
            None if fragment is None else fragment.selection_set, fragments, measured, (*spreading, name)
        )
    return measured[name]


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
