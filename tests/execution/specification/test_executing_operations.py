"""6.2 Executing Operations: queries side by side, mutations one after the other."""

from tests.execution.specification.world import Root, answered


async def test_root_fields_of_a_query_may_run_side_by_side() -> None:
    found = await answered('{ a: slow(name: "a") b: slow(name: "b") }')
    assert found.log == ["a begins", "b begins", "a ends", "b ends"]
    assert list(found.data) == ["a", "b"]


async def test_root_fields_of_a_mutation_run_one_after_the_other_in_the_order_of_the_document() -> None:
    found = await answered('mutation { b: step(name: "b") a: step(name: "a") }')
    assert found.log == ["b begins", "b ends", "a begins", "a ends"]
    assert found.data == {"b": 2, "a": 4}


async def test_the_order_is_that_of_the_collected_fields() -> None:
    text = """
      mutation { ...F ... { b: step(name: "b") } a: step(name: "a") }
      fragment F on Mutation { c: step(name: "c") a: step(name: "a") }
    """
    found = await answered(text)
    assert list(found.data) == ["c", "a", "b"]
    assert [each for each in found.log if each.endswith("ends")] == ["c ends", "a ends", "b ends"]


async def test_a_mutation_s_field_is_complete_before_the_next_begins() -> None:
    found = await answered("mutation { one: count { number } two: count { number } }")
    assert found.data == {"one": {"number": 1}, "two": {"number": 2}}


async def test_an_error_of_a_nullable_mutation_does_not_keep_the_next_from_running() -> None:
    found = await answered('mutation { a: step(name: "a", fails: true) b: step(name: "b") }')
    assert found.data == {"a": None, "b": 3} and found.paths == [["a"]]


async def test_a_null_that_reaches_the_root_of_a_mutation_ends_it() -> None:
    found = await answered('mutation { a: sureStep(name: "a", fails: true) b: step(name: "b") }')
    assert found.data is None and found.paths == [["a"]] and found.log == ["a"]


async def test_a_mutation_that_is_skipped_does_not_run() -> None:
    text = (
        'mutation ($no: Boolean!) { a: step(name: "a") @include(if: $no) b: step(name: "b") @skip(if: true) }'
    )
    found = await answered(text, no=False)
    assert found.data == {} and found.log == []


async def test_the_root_has_a_typename() -> None:
    assert (await answered("{ __typename kind: __typename }")).data == {
        "__typename": "Query",
        "kind": "Query",
    }
    assert (await answered("mutation { __typename }")).data == {"__typename": "Mutation"}


async def test_the_schema_can_be_asked_for_at_the_root_of_a_query() -> None:
    text = """
      {
        __schema { queryType { name } }
        __type(name: "Pet") { kind possibleTypes { name } }
        none: __type(name: "X") { name }
      }
    """
    found = await answered(text)
    assert found.data["__schema"] == {"queryType": {"name": "Query"}} and found.data["none"] is None
    assert found.data["__type"]["kind"] == "INTERFACE"
    assert {each["name"] for each in found.data["__type"]["possibleTypes"]} == {"Dog", "Cat"}


async def test_an_empty_root_answers_with_no_fields() -> None:
    assert Root().value is None
    assert (await answered("{ text @skip(if: true) }")).data == {}
