"""6.4.2 Value Resolution, 6.4.3 Value Completion, and 3.5 and 3.9, Result Coercion."""

from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType

import pytest

from tests.execution.specification.world import (
    Cat,
    Colour,
    Dog,
    Human,
    Json,
    Raised,
    answered,
)

ERROR = "an execution error"


class Text(str):
    """A string of a class of its own."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("intValue", 1, 1),
        ("intValue", 1.0, 1),
        ("intValue", "1", 1),
        ("intValue", True, 1),
        ("intValue", -(2**31), -(2**31)),
        ("intValue", 2**31 - 1, 2**31 - 1),
        ("intValue", 2**31, ERROR),
        ("intValue", 1.5, ERROR),
        ("intValue", "one", ERROR),
        ("intValue", "", ERROR),
        ("intValue", [1], ERROR),
        ("intValue", float("nan"), ERROR),
        ("floatValue", 1, 1.0),
        ("floatValue", 1.5, 1.5),
        ("floatValue", "1.5", 1.5),
        ("floatValue", True, 1),
        ("floatValue", float("inf"), ERROR),
        ("floatValue", float("nan"), ERROR),
        ("floatValue", "x", ERROR),
        ("text", "a", "a"),
        ("text", "", ""),
        ("text", Text("t"), "t"),
        ("text", 1, "1"),
        ("text", True, "true"),
        ("text", [1], ERROR),
        ("text", {"a": 1}, ERROR),
        ("flag", False, False),
        ("flag", 1, True),
        ("flag", 0, False),
        ("flag", "true", ERROR),
        ("flag", float("nan"), ERROR),
        ("idValue", "a", "a"),
        ("idValue", 4, "4"),
        ("idValue", True, ERROR),
        ("idValue", 1.5, ERROR),
        ("colour", Colour.RED, "RED"),
        ("colour", "RED", ERROR),
        ("colour", "green", ERROR),
        ("colour", 1, ERROR),
        ("colour", [Colour.RED], ERROR),
        ("decimal", Decimal("1.50"), "1.50"),
        ("decimal", Decimal("1E+2"), "100"),
        ("decimal", 1.5, ERROR),
        ("decimal", [], ERROR),
        ("moment", datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00+00:00"),
        ("moment", "2026", ERROR),
    ],
)
async def test_a_leaf_is_shown_as_its_type_or_is_an_error(name: str, value: object, shown: Json) -> None:
    found = await answered(f"{{ {name} }}", value)
    if shown is ERROR:
        assert found.data == {name: None} and found.paths == [[name]]
        assert found.codes == {"INTERNAL_SERVER_ERROR"}
    else:
        assert found.data == {name: shown} and type(found.data[name]) in {type(shown), Text}
        assert not found.response.errors


@pytest.mark.parametrize("name", ["intValue", "text", "colour", "decimal", "numbers", "dog", "pet", "animal"])
async def test_null_is_null(name: str) -> None:
    below = " { __typename }" if name in {"dog", "pet", "animal"} else ""
    found = await answered(f"{{ {name}{below} }}", None)
    assert found.data == {name: None} and not found.response.errors


async def test_no_resolver_s_exception_is_a_value() -> None:
    for value in (Raised(), ValueError("returned")):
        found = await answered("{ text }", value)
        assert found.data == {"text": None} and found.paths == [["text"]]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ([], []),
        ([1, None, 2], [1, None, 2]),
        ((1, 2), [1, 2]),
        ({1: "a"}, ERROR),
        (MappingProxyType({1: 1}), ERROR),
        ("12", ERROR),
        (b"12", ERROR),
        (12, ERROR),
        (object(), ERROR),
    ],
)
async def test_a_list_is_what_can_be_iterated_and_no_string(value: object, shown: Json) -> None:
    found = await answered("{ numbers }", value)
    if shown is ERROR:
        assert found.data == {"numbers": None} and found.paths == [["numbers"]]
    else:
        assert found.data == {"numbers": shown} and not found.response.errors


async def test_an_iterator_is_read_to_its_end() -> None:
    class Once:
        def __iter__(self) -> "object":
            return iter([1, 2])

    assert (await answered("{ numbers }", Once())).data == {"numbers": [1, 2]}


async def test_each_item_of_a_list_is_completed() -> None:
    found = await answered("{ numbers nested }", [1, "two", None])
    assert found.data["numbers"] == [1, None, None]
    assert ["numbers", 1] in found.paths


async def test_lists_of_lists_are_completed_item_by_item() -> None:
    found = await answered("{ nested }", [[1], None, [None, "x"], 5, []])
    assert found.data == {"nested": [[1], None, [None, None], None, []]}
    assert found.paths == [["nested", 2, 1], ["nested", 3]]


@pytest.mark.parametrize(("value", "name"), [(Dog(), "Dog"), (Cat(), "Cat")])
async def test_an_abstract_type_is_the_type_of_the_value(value: object, name: str) -> None:
    found = await answered("{ pet { __typename } animal { __typename } }", value)
    assert found.data == {"pet": {"__typename": name}, "animal": {"__typename": name}}


@pytest.mark.parametrize("value", [Human(), object(), 1, "Dog", {"__typename": "Nothing"}])
async def test_a_value_that_is_none_of_the_possible_types_is_an_error(value: object) -> None:
    found = await answered("{ pet { __typename } animal { __typename } }", value)
    assert found.data == {"pet": None, "animal": None}
    assert found.paths == [["animal"], ["pet"]]


async def test_an_object_is_of_the_type_it_is_shown_as() -> None:
    found = await answered("{ dog { __typename } }", Cat())
    assert found.data == {"dog": None} and found.paths == [["dog"]]


async def test_an_attribute_of_the_object_is_the_value_of_its_field() -> None:
    found = await answered("{ dog { name owner { name } } }", Dog("Rex", Human("Ana")))
    assert found.data == {"dog": {"name": "Rex", "owner": {"name": "Ana"}}}
