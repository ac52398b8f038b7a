"""The contexts' enums as GraphQL enums, described without the contexts knowing."""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

Member = TypeVar("Member", bound=Enum)


def describe_enum(model: type[Member], description: str, values: Mapping[Member, str]) -> None:
    """Register `model` as the GraphQL enum of its name; every member needs a description."""
    if missing := set(model) - set(values):
        raise ValueError(f"no description for {sorted(member.name for member in missing)}")
    # Strawberry registers an enum by itself where an annotation names it first; it is the same definition then.
    if not hasattr(model, "__strawberry_definition__"):
        strawberry.enum(model)
    definition = getattr(model, "__strawberry_definition__", None)
    assert isinstance(definition, StrawberryEnumDefinition)
    definition.description = description
    for value in definition.values:
        value.description = values[model[value.name]]
