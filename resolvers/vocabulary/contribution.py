"""What one context adds to the schema; `schema.stitching` puts the contributions together."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from resolvers.vocabulary.context import Info

NodeFinder = Callable[[Info, UUID], Awaitable[object | None]]
"""Finds one object by id *for this caller*: None when it is not theirs to see, whatever the reason."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """Root fields, fields added to another context's types, types only reached through interfaces, nodes."""

    query: type | None = None
    mutation: type | None = None
    subscription: type | None = None
    extensions: Mapping[type, type] = field(default_factory=dict)
    """Type of a context further down → class whose fields are added to it (federation's `extend type`)."""
    types: Sequence[type] = ()
    nodes: Mapping[str, NodeFinder] = field(default_factory=dict)
