"""6.4.1 Coercing Field Arguments."""

import pytest

from tests.execution.specification.world import answered, echoed


async def test_an_argument_that_is_left_out_takes_its_default() -> None:
    found = await answered("{ defaulted sureDefaulted ofInt }")
    assert found.data == {"defaulted": "7", "sureDefaulted": "7", "ofInt": "absent"}


async def test_an_explicit_null_is_a_value() -> None:
    assert (await answered("{ defaulted(value: null) ofInt(value: null) }")).data == {
        "defaulted": "None",
        "ofInt": "None",
    }


async def test_a_variable_without_value_leaves_the_argument_to_its_default() -> None:
    text = "query ($v: Int) { defaulted(value: $v) sureDefaulted(value: $v) }"
    assert (await answered(text)).data == {"defaulted": "7", "sureDefaulted": "7"}


async def test_a_null_variable_for_a_non_null_argument_is_an_error_of_the_field() -> None:
    found = await answered("query ($v: Int) { sureDefaulted(value: $v) ofInt(value: $v) }", v=None)
    assert found.data == {"sureDefaulted": None, "ofInt": "None"}
    assert found.paths == [["sureDefaulted"]] and found.log == ["echo"]
    assert found.codes == {"BAD_USER_INPUT"}


async def test_a_variable_is_not_coerced_again() -> None:
    text = "query ($v: [Int]) { ofList(value: $v) }"
    assert (await answered(text, v=3)).data == {"ofList": "[3]"}


@pytest.mark.parametrize("literal", ["null", '"1"', "1.5", "[1]", "{a: 1}", "RED", "true", "2147483648"])
async def test_a_literal_that_cannot_be_coerced_is_a_request_error(literal: str) -> None:
    assert await echoed("required", literal) is None


async def test_arguments_have_no_order() -> None:
    for arguments in ('name: "a", fails: false', 'fails: false, name: "a"'):
        found = await answered(f"mutation {{ step({arguments}) }}")
        assert found.data == {"step": 2}


async def test_fields_of_an_input_object_take_defaults_and_variables() -> None:
    text = "query ($v: Int, $c: Colour) { ofDefaulted(value: {size: $v, colour: $c}) }"
    expected = "Defaulted(size={}, colour={}, inner=None)"
    absent = await answered(text, v=3)
    assert absent.data == {"ofDefaulted": expected.format(3, "<Colour.RED: 'red'>")}
    null = await answered(text, v=3, c=None)
    assert null.data == {"ofDefaulted": expected.format(3, None)}
    refused = await answered(text, v=None)
    assert refused.data == {"ofDefaulted": None} and refused.paths == [["ofDefaulted"]]
