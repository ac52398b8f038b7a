"""Relay's Node: opaque, type-checked ids."""

import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

import strawberry
from graphql import GraphQLResolveInfo

from resolvers.vocabulary.fields import computed

_LONGEST = 120


class Identified(Protocol):
    """A model with an id."""

    @property
    def id(self) -> UUID: ...


def node_id(type_name: str, id: UUID) -> str:
    """The opaque id of one object of a type."""
    return _opaque(f"{type_name}:".encode() + id.bytes)


def _opaque(identity: bytes) -> str:
    """The text of an id. It begins with the type's name and a colon: ids are unique over all types."""
    return binascii.b2a_base64(identity, newline=False).decode()


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
        type_name, _, id = binascii.a2b_base64(text, strict_mode=True).partition(b":")
        found = NodeId(type_name.decode("ascii"), UUID(bytes=id))
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
    prefix = f"{type_name}:".encode()

    def id(root: object) -> str:
        return _opaque(prefix + by(root).bytes)

    return computed(id, description=f"Opaque, stable id of the {type_name}, for `node(id:)` and caches.")


def known_as(
    type_name: str, description: str, by: Callable[[Any], bytes]
) -> Any:  # Any: it stands in the place of an annotated attribute, and any model may stand behind the type
    """The `id` field of a type that caches know by it and `node(id:)` does not find; `by`: what sets one apart."""
    prefix = f"{type_name}:".encode()

    def id(root: object) -> str:
        return _opaque(prefix + by(root))

    return computed(id, description=description)


class Represents:
    """`is_type_of` of a type whose objects are instances of a context's read models."""

    def __init__(self, *models: type) -> None:
        self.models = models

    def __call__(self, value: object, info: GraphQLResolveInfo[Any]) -> bool:
        return isinstance(value, self.models)


def represents(*models: type) -> Represents:
    """Declare what stands behind a type: `is_type_of = represents(catalog.Product)`."""
    return Represents(*models)
