"""CoerceResult: how a leaf type's values are shown, prepared once for each type."""

import builtins
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import cache
from operator import attrgetter

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)
from graphql.pyutils import inspect

Show = Callable[[object], object]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar or enum. `coerce` is the whole of CoerceResult: it raises for a value that cannot be shown.

    `shows` are short cuts: for values of exactly this Python type, a function that gives what `coerce` would
    and cannot fail; None: they are shown as they are.
    """

    type: GraphQLLeafType
    coerce: Show
    shows: Mapping[builtins.type, Show | None]

    def shown(self, values: list[object]) -> list[object] | None:
        """The values as the response shows them, when a short cut leads there."""
        kinds = set(map(type, values))
        if len(kinds) != 1:
            return None
        (kind,) = kinds
        if kind not in self.shows:
            return None
        show = self.shows[kind]
        return values if show is None else list(map(show, values))


@cache
def leaf(type_: GraphQLLeafType) -> Leaf:
    """The leaf type, prepared."""

    def coerce(value: object) -> object:
        coerced = type_.coerce_output_value(value)
        if coerced is Undefined or coerced is None:
            raise TypeError(
                f"Expected `{inspect(type_)}.coerce_output_value({inspect(value)})` to return"
                f" non-nullable value, returned: {inspect(coerced)}"
            )
        return coerced

    return Leaf(type_, coerce, _shows(type_))


def _shows(type_: GraphQLLeafType) -> dict[type, Show | None]:
    if type_ in {GraphQLString, GraphQLID}:
        return {str: None}
    if type_ is GraphQLBoolean:
        return {bool: None}
    if type_.name == "Decimal":
        return {Decimal: type_.coerce_output_value, str: None}
    model = getattr(type_, "wrapped_cls", None)
    if not isinstance(type_, GraphQLEnumType) or not isinstance(model, type) or not issubclass(model, Enum):
        return {}
    # The type would search through all its values for each one shown.
    own_names = all(type_.coerce_output_value(member) == member.name for member in model)
    return {model: attrgetter("_name_")} if own_names else {}
