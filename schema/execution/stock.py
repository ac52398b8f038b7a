"""graphql-core's executor, taught that a denied position is null without being resolved."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLObjectType
from graphql.execution import Executor
from graphql.pyutils import AwaitableOrValue, Path, UndefinedType

from schema.authorization import Denials


class GuardedExecutor(Executor[Any]):
    """Made from a plain executor, only for operations with denied positions: the others pay nothing."""

    denials: Denials

    @classmethod
    def over(cls, executor: Executor[Any], denials: Denials) -> "GuardedExecutor":
        """The same operation with this denied."""
        guarded = cls.__new__(cls)
        guarded.__dict__.update(executor.__dict__)
        guarded.denials = denials
        return guarded

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: Any,
        path: Path,
        position_context: Any,
    ) -> AwaitableOrValue[Any] | UndefinedType:
        keys = tuple(key for key in path.as_list() if isinstance(key, str))
        if (keys, parent_type.name) in self.denials.positions:
            return None
        return super().execute_field(parent_type, source, field_details_list, path, position_context)


def objects_in(data: Mapping[str, object] | None) -> int:
    """How many objects a response has below its root; our executor counts them as it finds them."""
    return sum(map(_objects, (data or {}).values()))


def _objects(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_objects, value.values()))
    return sum(map(_objects, value)) if isinstance(value, list) else 0
