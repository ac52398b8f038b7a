"""6.1.2 Coercing Variable Values."""

import pytest

from tests.execution.specification.world import Json, answered


async def test_a_variable_that_is_not_given_takes_its_default() -> None:
    text = "query ($v: Int = 3) { ofInt(value: $v) }"
    assert (await answered(text)).data == {"ofInt": "3"}
    assert (await answered(text, v=4)).data == {"ofInt": "4"}


async def test_an_explicit_null_is_a_value_and_takes_no_default() -> None:
    text = "query ($v: Int = 3) { ofInt(value: $v) }"
    assert (await answered(text, v=None)).data == {"ofInt": "None"}


async def test_a_nullable_variable_without_value_and_default_is_absent() -> None:
    text = "query ($v: Int) { ofInt(value: $v) defaulted(value: $v) }"
    assert (await answered(text)).data == {"ofInt": "absent", "defaulted": "7"}
    assert (await answered(text, v=None)).data == {"ofInt": "None", "defaulted": "None"}


@pytest.mark.parametrize("given", [{}, {"v": None}])
async def test_a_non_null_variable_without_value_is_a_request_error(given: dict[str, Json]) -> None:
    found = await answered("query ($v: Int!) { ofInt(value: $v) }", **given)
    assert found.is_request_error and found.codes == {"BAD_USER_INPUT"}


async def test_a_non_null_variable_may_have_a_default() -> None:
    text = "query ($v: Int! = 5) { required(value: $v) }"
    assert (await answered(text)).data == {"required": "5"}
    assert (await answered(text, v=None)).is_request_error


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("Int", "1"),
        ("Int", 1.5),
        ("Int", True),
        ("Int", 2**31),
        ("Int", [1]),
        ("[Int!]", [1, None]),
        ("[Int!]", ["a"]),
        ("String", 1),
        ("Boolean", 1),
        ("Boolean", "true"),
        ("Colour", "red"),
        ("Colour", 1),
        ("Example", {}),
        ("Example", {"b": None}),
        ("Example", {"b": 1, "c": 2}),
        ("Example", "b"),
        ("Example", [1]),
        ("Decimal", 1.5),
        ("Decimal", "1e3"),
        ("DateTime", "2026-01-01"),
    ],
)
async def test_a_value_that_cannot_be_coerced_is_a_request_error(type_: str, value: Json) -> None:
    fields = {
        "Int": "ofInt",
        "[Int!]": "ofSureItems",
        "String": "ofText",
        "Boolean": "ofFlag",
        "Colour": "ofColour",
        "Example": "ofExample",
        "Decimal": "ofDecimal",
        "DateTime": "ofMoment",
    }
    found = await answered(f"query ($v: {type_}) {{ {fields[type_]}(value: $v) }}", v=value)
    assert found.is_request_error and found.codes == {"BAD_USER_INPUT"}


async def test_what_was_not_declared_is_passed_over() -> None:
    assert (await answered("{ ofInt }", v=1, w="x")).data == {"ofInt": "absent"}


@pytest.mark.parametrize("type_", ["Dog", "Pet", "Animal", "Nothing"])
async def test_a_variable_is_of_an_input_type(type_: str) -> None:
    assert (await answered(f"query ($v: {type_}) {{ ofInt(value: $v) }}")).is_request_error
