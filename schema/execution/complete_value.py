"""CompleteValue, for a column of values: coerces leaves, descends into objects, opens lists, propagates nulls.

A completed column has one entry for each value: what the response shows, or NULLED where a non-null position could
not be filled, which its parent has to answer for. The error is recorded at once, where it happened.
"""

from collections.abc import Callable
from enum import Enum
from itertools import chain
from typing import Any, Final

from graphql import GraphQLError, Undefined
from graphql.pyutils import is_iterable

from resolvers.vocabulary.batch import as_error
from schema.execution.coerce_result import Leaf
from schema.execution.places import Items, Kept, Place
from schema.execution.plan import FieldPlan
from schema.execution.resolve_field import Column


class Nulled(Enum):
    """A position whose null belongs to its parent."""

    NULLED = "NULLED"


NULLED: Final = Nulled.NULLED

Fail = Callable[[FieldPlan, Exception, Place, int], None]
"""Records an error of a field at a place."""

_LISTS = {list}
_SOUND: set[type] = set(_LISTS)
"""Types whose values are neither null nor failures: a column of them needs no closer look. Met so far."""


def null_of(nullable: bool) -> Nulled | None:
    """What stands for a null, whoever's it is."""
    return None if nullable else NULLED


def non_null_violation(plan: FieldPlan) -> Exception:
    """A resolver answered null where the schema promises a value."""
    return TypeError(f"Cannot return null for non-nullable field {plan.parent}.{plan.name}.")


class OpenedLists:
    """One layer of lists, opened into one column of items, to be closed again when the items are complete."""

    __slots__ = ("_kept", "_lengths", "_nullable", "_nulls", "items", "place")

    def __init__(self, plan: FieldPlan, values: Column, nullable: bool, place: Place, fail: Fail) -> None:
        self._nullable = nullable
        self._nulls, self._kept, lists = _sorted_out(plan, values, nullable, place, fail, _as_list(plan))
        self._lengths = [len(each) for each in lists]
        self.items: Column = lists[0] if len(lists) == 1 else list(chain.from_iterable(lists))
        self.place = Items(place if self._kept is None else Kept(place, self._kept), self._lengths)

    def closed(self, items: Column, broken: bool) -> tuple[Column, bool]:
        """The lists of the completed items, and whether any entry is NULLED."""
        lists: Column = []
        start, broken_list = 0, False
        for length in self._lengths:
            each = items[start : start + length]
            start += length
            if broken and NULLED in each:
                broken_list = True
                lists.append(null_of(self._nullable))
            else:
                lists.append(each)
        if self._kept is not None:
            lists = _put_back(lists, self._kept, self._nulls)
        return lists, not self._nullable and (broken_list or NULLED in self._nulls.values())


class PresentItems:
    """The values that are there, without nulls and failures, to be completed and put back."""

    __slots__ = ("_kept", "_nullable", "_nulls", "place", "values")

    def __init__(self, plan: FieldPlan, values: Column, nullable: bool, place: Place, fail: Fail) -> None:
        self._nullable = nullable
        self._nulls, self._kept, self.values = _sorted_out(plan, values, nullable, place, fail, None)
        self.place = place if self._kept is None else Kept(place, self._kept)

    def put_back(self, completed: Column, broken: bool) -> tuple[Column, bool]:
        """The completed values among their nulls, and whether any entry is NULLED."""
        if broken and self._nullable:
            completed = [None if each is NULLED else each for each in completed]
        if self._kept is not None:
            completed = _put_back(completed, self._kept, self._nulls)
        return completed, not self._nullable and (broken or NULLED in self._nulls.values())


def _sorted_out(
    plan: FieldPlan,
    values: Column,
    nullable: bool,
    place: Place,
    fail: Fail,
    convert: Callable[[Any], Column] | None,
) -> tuple[dict[int, Nulled | None], list[int] | None, Column]:
    """Nulls and failures by index; the indexes of the other values (None: all of them); those values."""
    kinds = set(map(type, values))
    if kinds <= _SOUND and (convert is None or kinds <= _LISTS):
        return {}, None, values
    nulls: dict[int, Nulled | None] = {}
    kept: list[int] = []
    there: Column = []
    for index, value in enumerate(values):
        failure: Exception | None = None
        if isinstance(value, BaseException):
            failure = as_error(value)
        elif value is None or value is Undefined:
            failure = None if nullable else non_null_violation(plan)
        else:
            _SOUND.add(type(value))
            try:
                there.append(value if convert is None else convert(value))
            except Exception as error:
                failure = error
            else:
                kept.append(index)
                continue
        if failure is not None:
            fail(plan, failure, place, index)
        nulls[index] = null_of(nullable)
    return nulls, kept, there


def _put_back(there: Column, kept: list[int], nulls: dict[int, Nulled | None]) -> Column:
    whole: Column = [None] * (len(there) + len(nulls))
    for index, value in zip(kept, there, strict=True):
        whole[index] = value
    for index, null in nulls.items():
        whole[index] = null
    return whole


def _as_list(plan: FieldPlan) -> Callable[[Any], Column]:
    def convert(value: object) -> Column:
        if isinstance(value, list):
            return value
        if is_iterable(value):
            return list(value)
        raise GraphQLError(f"Expected Iterable, but did not find one for field '{plan.parent}.{plan.name}'.")

    return convert


def complete_leaves(
    plan: FieldPlan, leaf: Leaf, values: Column, place: Place, fail: Fail
) -> tuple[Column, bool]:
    """The values as the response shows them, and whether any is NULLED."""
    if (shown := leaf.shown(values)) is not None:
        return shown, False
    try:
        return [leaf.coerce(value) for value in values], False
    except Exception:
        completed: Column = []
        for index, value in enumerate(values):
            try:
                completed.append(leaf.coerce(value))
            except Exception as error:
                fail(plan, error, place, index)
                completed.append(NULLED)
        return completed, True
