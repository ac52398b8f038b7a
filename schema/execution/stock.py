"""graphql-core's executor, taught what ours knows: a denied position is null without being resolved, and an
exception that is returned is an error, whatever its kind."""

from collections.abc import Mapping
from typing import Any

from graphql import GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo
from graphql.execution import Executor
from graphql.pyutils import AwaitableOrValue, Path, UndefinedType

from resolvers.vocabulary.batch import as_error
from schema.authorization import Denials, Position


class StockExecutor(Executor[Any]):
    """A cancellation that is returned would be text for a String: graphql-core asks for Exception only."""

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: Any,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[Any]:
        if isinstance(result, BaseException):
            raise as_error(result)
        return super().complete_value(return_type, field_details_list, info, path, result, position_context)


class GuardedExecutor(StockExecutor):
    """Made from a plain executor, only for operations with denied positions: the others pay nothing."""

    denials: Denials
    met: set[Position]
    """Where objects have a denied field."""

    @classmethod
    def over(cls, executor: Executor[Any], denials: Denials) -> "GuardedExecutor":
        """The same operation with this denied."""
        guarded = cls.__new__(cls)
        guarded.__dict__.update(executor.__dict__)
        guarded.denials = denials
        guarded.met = set()
        return guarded

    def build_per_event_executor(self, payload: Any) -> "GuardedExecutor":
        """Each event is told of what it met itself."""
        each = super().build_per_event_executor(payload)
        assert isinstance(each, GuardedExecutor)
        each.met = set()
        return each

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
            self.met.add((keys, parent_type.name))
            return None
        return super().execute_field(parent_type, source, field_details_list, path, position_context)


def objects_in(data: Mapping[str, object] | None) -> int:
    """How many objects a response has below its root; our executor counts them as it finds them."""
    return sum(map(_objects, (data or {}).values()))


def _objects(value: object) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_objects, value.values()))
    return sum(map(_objects, value)) if isinstance(value, list) else 0
