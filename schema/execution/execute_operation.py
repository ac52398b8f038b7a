"""ExecuteOperation, level by level: each field of a selection set once for all objects of the level.

What needs no I/O runs straight through. Where a field or one below it awaits, the fields of the level that do are
awaited together. Root fields of a mutation run one after the other.
"""

from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, TypeGuard

from graphql import GraphQLError, GraphQLResolveInfo, GraphQLSchema, OperationType, located_error
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Path
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.info import Info

from contexts.shared.unavailable import Unavailable
from resolvers.vocabulary.context import RequestContext
from schema.execution.coerce_result import Leaf
from schema.execution.complete_value import NULLED, OpenedLists, PresentItems, complete_leaves
from schema.execution.places import Field, Kept, Place, Root
from schema.execution.plan import FieldPlan, OperationPlan, ResponsePath, Selection, Selections
from schema.execution.resolve_field import (
    Arguments,
    AtRoot,
    Attribute,
    Batch,
    Column,
    Constant,
    PerObject,
    all_of,
)
from schema.execution.resolve_type import ensure_fits, fits_all, runtime_type

ROOT = Root()

Object = dict[str, Any]  # Any: the response has the shape its document gives it
Completed = tuple[Column, bool]
"""A completed column, and whether any entry of it is NULLED."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Objects of one type, executed together. `indexes`: their places among all; None: they are all."""

    selection: Selection
    objects: Sequence[object]
    indexes: Sequence[int] | None
    place: Place


@dataclass(slots=True)
class Execution:
    """One execution of a plan: for one caller, with one set of variables."""

    schema: GraphQLSchema
    converter: GraphQLCoreConverter
    plan: OperationPlan
    variables: VariableValues
    context: RequestContext
    denied: Collection[FieldPlan]
    errors: list[GraphQLError] = field(default_factory=list)
    met: set[tuple[ResponsePath, str]] = field(default_factory=set)
    """Where objects have a denied field: response path and type."""
    objects: int = 0
    """How many objects were found so far, whole columns at a time: what the operation cost."""

    async def run(self, event: object = None) -> Object | None:
        """The response's `data`; `errors`, `met` and `objects` are complete afterwards. `event`: of a subscription."""
        root = self.plan.root
        if self.plan.operation.operation is OperationType.SUBSCRIPTION:
            return await self._of_event(root, event)
        if self.plan.operation.operation is OperationType.MUTATION:
            return await self._serially(root)
        (data,), _ = await self._execute_awaiting(root, [None], ROOT)
        return None if data is NULLED else data

    async def _of_event(self, root: Selection, event: object) -> Object | None:
        """ExecuteSubscriptionEvent: the event is the value of the one root field, already resolved."""
        (plan,) = root.present(self.variables.coerced)
        (value,), _ = await self._complete_awaiting(plan, [event], Field(ROOT, plan.key))
        return None if value is NULLED else {plan.key: value}

    async def _serially(self, root: Selection) -> Object | None:
        data: Object = {}
        for plan in root.present(self.variables.coerced):
            (value,), _ = await self._field_awaiting(plan, [None], ROOT)
            if value is NULLED or self._met_outage():
                return None
            data[plan.key] = value
        return data

    def _met_outage(self) -> bool:
        """Whether a service is away: the response will be that, so no further mutation may take effect."""
        return any(isinstance(error.original_error, Unavailable) for error in self.errors)

    # ExecuteSelectionSet: without I/O, and with it.

    def _execute(self, selection: Selection, objects: Sequence[object], place: Place) -> Completed:
        fields = selection.present(self.variables.coerced)
        columns = [self._field(plan, objects, place) for plan in fields]
        return _rows(selection, fields, columns, len(objects))

    async def _execute_awaiting(
        self, selection: Selection, objects: Sequence[object], place: Place
    ) -> Completed:
        if not selection.awaits:
            return self._execute(selection, objects, place)
        fields = selection.present(self.variables.coerced)
        columns: list[Completed | None] = [None] * len(fields)
        waiting: list[int] = []
        for index, plan in enumerate(fields):
            if plan.awaits and plan not in self.denied:
                waiting.append(index)
            else:
                columns[index] = self._field(plan, objects, place)
        if len(waiting) == 1:
            columns[waiting[0]] = await self._field_awaiting(fields[waiting[0]], objects, place)
        elif waiting:
            together = (self._field_awaiting(fields[index], objects, place) for index in waiting)
            for index, column in zip(waiting, await all_of(together), strict=True):
                columns[index] = column
        done = [column for column in columns if column is not None]
        return _rows(selection, fields, done, len(objects))

    # ExecuteField: a column of values, completed.

    def _field(self, plan: FieldPlan, objects: Sequence[object], place: Place) -> Completed:
        if plan in self.denied:
            return self._denied(plan, objects, place)
        match plan.resolver:
            case Attribute() | Constant():
                values = plan.resolver.column(objects)
            case PerObject():
                values = self._per_object(plan, plan.resolver, objects, place)
            case Batch() | AtRoot():
                raise AssertionError(f"{plan.parent}.{plan.name} awaits")
        return self._complete(plan, values, Field(place, plan.key))

    async def _field_awaiting(self, plan: FieldPlan, objects: Sequence[object], place: Place) -> Completed:
        if plan in self.denied:
            return self._denied(plan, objects, place)
        match plan.resolver:
            case Attribute() | Constant():
                values = plan.resolver.column(objects)
            case PerObject():
                values = self._per_object(plan, plan.resolver, objects, place)
                if plan.resolver.awaits:
                    values = await plan.resolver.settled(values)
            case Batch() | AtRoot():
                values = await self._awaited(plan, plan.resolver, objects)
        return await self._complete_awaiting(plan, values, Field(place, plan.key))

    def _denied(self, plan: FieldPlan, objects: Sequence[object], place: Place) -> Completed:
        # One plan may stand at several paths, so the path is the objects' own.
        if objects:
            keys = tuple(key for key in place.path(0) if isinstance(key, str))
            self.met.add(((*keys, plan.key), plan.parent.name))
        return [None] * len(objects), False

    async def _awaited(self, plan: FieldPlan, resolver: Batch | AtRoot, objects: Sequence[object]) -> Column:
        if not objects:
            return []
        info = Info(_raw_info=self._info(plan, ROOT), _field=resolver.field)
        try:
            arguments = resolver.parameters.keywords(self._arguments(plan), self.converter, info)
        except Exception as error:
            return [error] * len(objects)
        return await resolver.column(objects, info, arguments)

    def _per_object(
        self, plan: FieldPlan, resolver: PerObject, objects: Sequence[object], place: Place
    ) -> Column:
        try:
            arguments = self._arguments(plan)
        except Exception as error:
            return [error] * len(objects)
        return resolver.column(objects, self._info(plan, place), arguments)

    def _arguments(self, plan: FieldPlan) -> Arguments:
        """CoerceArgumentValues, once for the level."""
        if plan.arguments is not None:
            return plan.arguments
        node = plan.nodes(self.variables.coerced)[0]
        return get_argument_values(plan.definition, node, self.variables, hide_suggestions=True)

    def _info(self, plan: FieldPlan, place: Place) -> GraphQLResolveInfo[RequestContext]:
        """What a resolver may ask about its field; the path has no list index, for it stands for all of them."""
        return GraphQLResolveInfo(
            plan.name,
            plan.nodes(self.variables.coerced),
            plan.definition.type,
            plan.parent,
            Path(None, plan.key, plan.parent.name),
            self.schema,
            {},
            None,
            self.plan.operation,
            self.variables,
            self.context,
            _is_awaitable,
            None,
            None,  # type: ignore[arg-type]  # helpers to track background work, which no resolver here starts
        )

    # CompleteValue: lists opened, objects executed or leaves coerced, lists closed.

    def _complete(self, plan: FieldPlan, values: Column, place: Place) -> Completed:
        if isinstance(plan.named, Leaf) and not plan.wrapping.lists:
            shown = plan.named.shown(values)
            if shown is not None:  # most fields of most operations: nothing to open, nothing missing
                return shown, False
        opened, present = self._open(plan, values, place)
        if isinstance(plan.named, Leaf):
            completed = complete_leaves(plan, plan.named, present.values, present.place, self._fail)
        else:
            groups = self._by_type(plan, plan.named, present)
            executed = [self._execute(group.selection, group.objects, group.place) for group in groups]
            completed = _merged(groups, executed, len(present.values))
        return _closed(opened, *present.put_back(*completed))

    async def _complete_awaiting(self, plan: FieldPlan, values: Column, place: Place) -> Completed:
        if isinstance(plan.named, Leaf) or not plan.named.awaits:
            return self._complete(plan, values, place)
        opened, present = self._open(plan, values, place)
        groups = self._by_type(plan, plan.named, present)
        executed = [
            await self._execute_awaiting(group.selection, group.objects, group.place) for group in groups
        ]
        return _closed(opened, *present.put_back(*_merged(groups, executed, len(present.values))))

    def _open(self, plan: FieldPlan, values: Column, place: Place) -> tuple[list[OpenedLists], PresentItems]:
        opened: list[OpenedLists] = []
        for nullable in plan.wrapping.lists:
            opened.append(OpenedLists(plan, values, nullable, place, self._fail))
            values, place = opened[-1].items, opened[-1].place
        return opened, PresentItems(plan, values, plan.wrapping.item, place, self._fail)

    def _by_type(self, plan: FieldPlan, named: Selection | Selections, present: PresentItems) -> list[_Group]:
        """The objects in groups of one type; those that fit none have failed, and are in no group."""
        self.objects += len(present.values)
        if isinstance(named, Selection) and fits_all(named.type, present.values):
            return [_Group(named, present.values, None, present.place)]
        info = self._info(plan, ROOT)
        indexes: dict[str, list[int]] = {}
        for index, value in enumerate(present.values):
            try:
                type_ = (
                    named.type
                    if isinstance(named, Selection)
                    else runtime_type(self.schema, plan, named.type, value, info)
                )
                ensure_fits(type_, value, info)
            except Exception as error:
                self._fail(plan, error, present.place, index)
            else:
                indexes.setdefault(type_.name, []).append(index)
        return [
            _Group(
                named if isinstance(named, Selection) else named.of[name],
                [present.values[index] for index in kept],
                kept,
                Kept(present.place, kept),
            )
            for name, kept in indexes.items()
        ]

    def _fail(self, plan: FieldPlan, error: Exception, place: Place, index: int) -> None:
        self.errors.append(located_error(error, plan.nodes(self.variables.coerced), place.path(index)))


def _rows(
    selection: Selection, fields: Sequence[FieldPlan], columns: Sequence[Completed], count: int
) -> Completed:
    """One object for each row of the columns; NULLED where a non-null field is."""
    if not fields:
        return [{} for _ in range(count)], False
    values = [column for column, _ in columns]
    if selection.varies:
        keys = [plan.key for plan in fields]
        rows: Column = [dict(zip(keys, row, strict=True)) for row in zip(*values, strict=True)]
    else:
        rows = list(map(selection.as_row, *values))
    broken = [column for column, nulled in columns if nulled]
    for column in broken:
        for index, value in enumerate(column):
            if value is NULLED:
                rows[index] = NULLED
    return rows, bool(broken)


def _merged(groups: Sequence[_Group], executed: Sequence[Completed], count: int) -> Completed:
    """The groups' objects in the order they had before; NULLED where an object was in no group."""
    if len(groups) == 1 and groups[0].indexes is None:
        return executed[0]
    merged: Column = [NULLED] * count
    for group, (column, _) in zip(groups, executed, strict=True):
        for index, value in zip(group.indexes or (), column, strict=True):
            merged[index] = value
    return merged, NULLED in merged


def _closed(opened: Sequence[OpenedLists], items: Column, broken: bool) -> Completed:
    for lists in reversed(opened):
        items, broken = lists.closed(items, broken)
    return items, broken


def _is_awaitable(value: object) -> TypeGuard[Awaitable[Any]]:
    return isawaitable(value)
