"""Relay's Node: opaque, type-checked ids."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import strawberry

from graphql import GraphQLResolveInfo

_LONGEST = 120


class Identified(Protocol):
    """A model with an id."""

    @property
    def id(self) -> UUID: ...


def node_id(type_name: str, id: UUID) -> str:
    """The opaque id of one object of a type."""
    return urlsafe_b64encode(f"{type_name}:{id}".encode()).decode().rstrip("=")


@dataclass(frozen=True, slots=True)
class NodeId:
    """A decoded id."""

    type_name: str
    id: UUID


def parse_node_id(text: str) -> NodeId | None:
    """The type and id inside an opaque id; None for anything this server never gave out."""
    if len(text) > _LONGEST:
        return None
    try:
        type_name, _, id = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").partition(":")
        found = NodeId(type_name, UUID(id))
    except (binascii.Error, ValueError):
        return None
    # One spelling per object: caches key on it.
    return found if node_id(found.type_name, found.id) == text else None


def id_of(type_name: str, text: str) -> UUID | None:
    """The id inside an opaque id that must be of one type; None when it is not."""
    found = parse_node_id(text)
    return found.id if found is not None and found.type_name == type_name else None


@strawberry.interface(description="An object with an id that is unique over the whole schema.")
class Node:
    """Everything that `node(id:)` can find."""

    id: strawberry.ID = strawberry.field(description="Opaque, stable, unique over all types.")


def _own_id(model: Identified) -> UUID:
    return model.id


def identified_as(
    type_name: str, by: Callable[[Any], UUID] = _own_id
) -> Any:  # Any: it stands in the place of an annotated attribute, and any model may stand behind the type
    """The `id` field of a node type; `by` finds the model's id."""

    def id(root: object) -> strawberry.ID:
        return strawberry.ID(node_id(type_name, by(root)))

    return strawberry.field(
        resolver=id, description=f"Opaque, stable id of the {type_name}, for `node(id:)` and caches."
    )


def represents(*models: type) -> Callable[[object, GraphQLResolveInfo[Any]], bool]:
    """`is_type_of` of a type whose objects are instances of a context's read model."""

    def is_type_of(value: object, info: GraphQLResolveInfo[Any]) -> bool:
        return isinstance(value, models)

    return is_type_of
