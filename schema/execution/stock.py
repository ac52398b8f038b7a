"""graphql-core's executor, taught that a denied position is null without being resolved."""

from typing import Any

from graphql.execution import Executor
from graphql.pyutils import AwaitableOrValue, Path, UndefinedType

from graphql import GraphQLError, GraphQLObjectType
from schema.authorization import Position


class GuardedExecutor(Executor[Any]):
    """Made from a plain executor, only for operations with denied positions: the others pay nothing."""

    denied: frozenset[Position]
    denials: list[GraphQLError]

    @classmethod
    def over(
        cls, executor: Executor[Any], denied: frozenset[Position], denials: list[GraphQLError]
    ) -> "GuardedExecutor":
        """The same operation with these positions denied."""
        guarded = cls.__new__(cls)
        guarded.__dict__.update(executor.__dict__)
        guarded.denied = denied
        guarded.denials = denials
        return guarded

    def denies_root(self) -> bool:
        """Whether a root field is denied, so that a subscription has nothing to wait for."""
        return any(len(path) == 1 for path, _ in self.denied)

    def execute_field(
        self,
        parent_type: GraphQLObjectType,
        source: Any,
        field_details_list: Any,
        path: Path,
        position_context: Any,
    ) -> AwaitableOrValue[Any] | UndefinedType:
        keys = tuple(key for key in path.as_list() if isinstance(key, str))
        if (keys, parent_type.name) in self.denied:
            return None
        return super().execute_field(parent_type, source, field_details_list, path, position_context)
