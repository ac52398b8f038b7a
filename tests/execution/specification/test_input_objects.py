"""3.10 Input Objects and 3.10.1 OneOf Input Objects: the specification's tables, and validation of variables."""

import pytest

from tests.execution.specification.world import Json, answered, echoed, sent

REFUSED = None
UNSET = "absent"


@pytest.mark.parametrize(
    ("literal", "variables", "expected"),
    [
        ('{a: "abc", b: 123}', {}, "Example(a=Some('abc'), b=123)"),
        ("{a: null, b: 123}", {}, "Example(a=Some(None), b=123)"),
        ("{b: 123}", {}, "Example(a=None, b=123)"),
        ("{a: $a, b: 123}", {"a": None}, "Example(a=Some(None), b=123)"),
        ("{a: $a, b: 123}", {}, "Example(a=None, b=123)"),
        ("{b: $b}", {"b": 123}, "Example(a=None, b=123)"),
        ("$v", {"v": {"b": 123}}, "Example(a=None, b=123)"),
        ('"abc123"', {}, REFUSED),
        ("$v", {"v": "abc123"}, REFUSED),
        ('{a: "abc", b: "123"}', {}, REFUSED),
        ('{a: "abc"}', {}, REFUSED),
        ("{b: $b}", {}, REFUSED),
        ("$v", {"v": {"a": "abc"}}, REFUSED),
        ('{a: "abc", b: null}', {}, REFUSED),
        ("{b: $b}", {"b": None}, REFUSED),
        ('{b: 123, c: "xyz"}', {}, REFUSED),
        ("{b: 1, b: 2}", {}, REFUSED),
        ("[{b: 123}]", {}, REFUSED),
    ],
)
async def test_an_input_object_is_coerced(
    literal: str, variables: dict[str, Json], expected: str | None
) -> None:
    types = {"a": "$a: String", "b": "$b: Int!", "v": "$v: Example"}
    head = ", ".join(declared for name, declared in types.items() if f"${name}" in literal)
    text = f"query {f'({head})' if head else ''} {{ ofExample(value: {literal}) }}"
    found = await answered(text, **variables)
    if expected is REFUSED:
        assert found.is_request_error
    else:
        assert found.data == {"ofExample": expected}


@pytest.mark.parametrize(
    ("literal", "variables", "expected"),
    [
        ('{a: "abc"}', {}, "OneOf(a=Some('abc'), b=None)"),
        ("{b: 123}", {}, "OneOf(a=None, b=Some(123))"),
        ("{a: $a}", {"a": "abc"}, "OneOf(a=Some('abc'), b=None)"),
        ("$v", {"v": {"b": 123}}, "OneOf(a=None, b=Some(123))"),
        ("$v", {"v": {"a": "abc"}}, "OneOf(a=Some('abc'), b=None)"),
        ("{}", {}, REFUSED),
        ("$v", {"v": {}}, REFUSED),
        ('{a: "abc", b: 123}', {}, REFUSED),
        ("$v", {"v": {"a": "abc", "b": 123}}, REFUSED),
        ("{a: null}", {}, REFUSED),
        ("$v", {"v": {"a": None}}, REFUSED),
        ('{a: "abc", b: null}', {}, REFUSED),
        ("$v", {"v": {"a": "abc", "b": None}}, REFUSED),
        ("$v", {"v": {"a": None, "b": None}}, REFUSED),
        ('{a: "abc", a: "def"}', {}, REFUSED),
        ("{a: 1}", {}, REFUSED),
        ('{c: "abc"}', {}, REFUSED),
        ('{a: "abc", c: 1}', {}, REFUSED),
        ("{a: $a, b: 123}", {"a": "abc"}, REFUSED),
        ("{a: $a, b: $b}", {"a": "abc", "b": 1}, REFUSED),
        ("{a: $a}", {}, REFUSED),
        ("{a: $a}", {"a": None}, REFUSED),
        ('"abc"', {}, REFUSED),
        ("[]", {}, REFUSED),
    ],
)
@pytest.mark.parametrize("name", ["ofOneOf", "ofSureOneOf"])
async def test_exactly_one_field_of_a_one_of_is_given_and_it_is_not_null(
    name: str, literal: str, variables: dict[str, Json], expected: str | None
) -> None:
    types = {"a": "$a: String!", "b": "$b: Int!", "v": "$v: OneOf!"}
    head = ", ".join(declared for name_, declared in types.items() if f"${name_}" in literal)
    text = f"query {f'({head})' if head else ''} {{ {name}(value: {literal}) }}"
    found = await answered(text, **variables)
    if expected is REFUSED:
        assert found.is_request_error
    else:
        assert found.data == {name: expected}


ONE = "OneOf(a=Some('x'), b=None)"


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ('[{a: "x"}]', f"[{ONE}]"),
        ('{a: "x"}', f"[{ONE}]"),
        ('[{a: "x"}, {a: "x", b: 1}]', REFUSED),
        ('[{a: "x"}, {}]', REFUSED),
        ('{a: "x", b: 1}', REFUSED),
        ("[{a: null}]", REFUSED),
    ],
)
async def test_each_of_a_list_of_one_ofs_is_one(literal: str, expected: str | None) -> None:
    assert await echoed("ofOneOfs", literal) == expected


async def test_a_default_of_a_variable_is_a_one_of_too() -> None:
    text = 'query ($v: OneOf = {a: "x"%s}) { ofOneOf(value: $v) }'
    assert (await answered(text % "")).data == {"ofOneOf": ONE}
    assert (await answered(text % ", b: 1")).is_request_error
    assert (await answered(text % ", b: null")).is_request_error


@pytest.mark.parametrize(
    "place",
    [
        "ofOneOf(value: {a: $a})",
        "ofSureOneOf(value: {a: $a})",
        "ofOneOfs(value: [{a: $a}])",
        "ofOneOfs(value: {a: $a})",
    ],
)
@pytest.mark.parametrize("declared", ["$a: String", '$a: String = "x"'])
async def test_a_variable_that_may_be_null_is_not_allowed_in_a_one_of(place: str, declared: str) -> None:
    """5.8.5 All Variable Usages Are Allowed: whether or not the position itself may be null."""
    for text in (
        f"query ({declared}) {{ {place} }}",
        f"query ({declared}) {{ ...F }} fragment F on Query {{ {place} }}",
    ):
        found = await answered(text, a="x")
        assert found.is_request_error and found.codes == {"GRAPHQL_VALIDATION_FAILED"}
        assert len(found.response.errors) == 1
    assert (await answered(f"query ($a: String!) {{ {place} }}", a="x")).data is not None


async def test_a_variable_that_may_be_null_stands_for_a_whole_one_of_where_that_may() -> None:
    assert (await answered("query ($v: OneOf) { ofOneOf(value: $v) }")).data == {"ofOneOf": UNSET}
    assert (await answered("query ($v: OneOf) { ofOneOf(value: $v) }", v=None)).data == {"ofOneOf": "None"}
    assert (await answered("query ($v: OneOf!) { ofOneOfs(value: [$v]) }", v={"a": "x"})).data == {
        "ofOneOfs": f"[{ONE}]"
    }


async def test_introspection_tells_a_one_of() -> None:
    found = await answered('{ a: __type(name: "OneOf") { isOneOf } b: __type(name: "Example") { isOneOf } }')
    assert found.data == {"a": {"isOneOf": True}, "b": {"isOneOf": False}}


async def test_a_one_of_is_sent_as_json() -> None:
    assert await sent("ofOneOfs", "[OneOf!]", {"a": "x"}) == f"[{ONE}]"
    assert await sent("ofOneOfs", "[OneOf!]", [{"a": "x"}, {"b": 1, "a": "x"}]) is REFUSED
