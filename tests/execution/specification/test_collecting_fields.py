"""6.3 Executing Selection Sets, 6.3.2 Field Collection: order, merging, fragments, @skip and @include."""

from itertools import product

import pytest

from tests.execution.specification.world import Cat, Dog, Human, answered

DOG = Dog("Rex", Human("Ana"))


async def test_the_response_has_the_order_of_the_document() -> None:
    text = """
      { flag ...Later text ... on Query { number: intValue __typename } colour ...Later }
      fragment Later on Query { colour idValue text }
    """
    found = await answered(text, None)
    assert list(found.data) == ["flag", "colour", "idValue", "text", "number", "__typename"]


async def test_a_field_asked_for_twice_is_executed_once() -> None:
    found = await answered("{ ofInt(value: 1) ... { ofInt(value: 1) } ofInt(value: 1) }")
    assert found.data == {"ofInt": "1"} and found.log == ["echo"]


async def test_the_response_key_is_the_alias() -> None:
    found = await answered("{ a: ofInt(value: 1) b: ofInt(value: 2) }")
    assert found.data == {"a": "1", "b": "2"} and found.log == ["echo", "echo"]


async def test_selection_sets_of_one_key_are_merged_in_the_order_of_the_document() -> None:
    text = """
      { dog { name ...A } ... { dog { owner { name } } } dog { barks owner { surely } ...A } }
      fragment A on Dog { owner { __typename } barks }
    """
    found = await answered(text, DOG)
    assert found.data == {
        "dog": {
            "name": "Rex",
            "owner": {"__typename": "Human", "name": "Ana", "surely": "Ana"},
            "barks": True,
        }
    }
    assert list(found.data["dog"]) == ["name", "owner", "barks"]
    assert list(found.data["dog"]["owner"]) == ["__typename", "name", "surely"]


@pytest.mark.parametrize(("skip", "include"), list(product([True, False], repeat=2)))
async def test_a_field_is_there_when_it_is_included_and_not_skipped(skip: bool, include: bool) -> None:
    texts = (
        "query ($s: Boolean!, $i: Boolean!) { text @skip(if: $s) @include(if: $i) flag }",
        "query ($s: Boolean!, $i: Boolean!) { text @include(if: $i) @skip(if: $s) flag }",
        f"{{ text @skip(if: {str(skip).lower()}) @include(if: {str(include).lower()}) flag }}",
        "query ($s: Boolean!, $i: Boolean!) { ... @skip(if: $s) { text @include(if: $i) } flag }",
        "query ($s: Boolean!, $i: Boolean!) { ...F @include(if: $i) flag } fragment F on Query { text @skip(if: $s) }",
    )
    for text in texts:
        declared = {"s": skip, "i": include} if "$s" in text else {}
        found = await answered(text, None, **declared)
        assert list(found.data) == (["text", "flag"] if include and not skip else ["flag"])


async def test_a_skipped_field_is_not_resolved() -> None:
    found = await answered("{ ofInt @skip(if: true) a: ofInt @include(if: false) }")
    assert found.data == {} and found.log == []


@pytest.mark.parametrize("value", [None, "absent"])
async def test_a_condition_that_is_null_is_a_request_error(value: object) -> None:
    given = {} if value == "absent" else {"v": value}
    assert (await answered("query ($v: Boolean!) { text @skip(if: $v) }", **given)).is_request_error
    assert (await answered("query ($v: Boolean) { text @skip(if: $v) }", **given)).is_request_error


async def test_a_condition_takes_the_default_of_its_variable() -> None:
    text = "query ($v: Boolean = true) { text @skip(if: $v) flag }"
    assert list((await answered(text)).data) == ["flag"]
    assert list((await answered(text, v=False)).data) == ["text", "flag"]


async def test_a_fragment_applies_to_its_type_and_to_the_types_behind_it() -> None:
    text = """
      {
        pets {
          __typename ... on Dog { barks } ... on Cat { meows } ... on Pet { name }
          ... on Animal { kind: __typename } ... { n: name }
        }
      }
    """
    found = await answered(text, [Dog("d"), Cat("c"), None])
    assert found.data == {
        "pets": [
            {"__typename": "Dog", "barks": True, "name": "d", "kind": "Dog", "n": "d"},
            {"__typename": "Cat", "meows": True, "name": "c", "kind": "Cat", "n": "c"},
            None,
        ]
    }


async def test_a_union_is_asked_by_fragments() -> None:
    text = "{ animal { __typename ... on Dog { barks } ... on Pet { name } } }"
    assert (await answered(text, Dog("d"))).data == {
        "animal": {"__typename": "Dog", "barks": True, "name": "d"}
    }
    assert (await answered(text, Cat("c"))).data == {"animal": {"__typename": "Cat", "name": "c"}}


async def test_what_no_fragment_asks_of_a_type_is_an_empty_object() -> None:
    assert (await answered("{ animal { ... on Dog { barks } } }", Cat("c"))).data == {"animal": {}}


async def test_nested_conditions_on_type_must_all_apply() -> None:
    text = "{ pet { ... on Pet { ... on Animal { ... on Cat { meows } ... on Dog { barks } } } } }"
    assert (await answered(text, Cat())).data == {"pet": {"meows": True}}


async def test_each_type_has_its_own_fields_below_one_key() -> None:
    text = """
      {
        pets {
          ... on Dog { friends { name } } ... on Cat { name }
          ... on Pet { ... on Dog { friends { ... on Cat { meows } } } }
        }
      }
    """
    found = await answered(text, [Dog([Cat("c"), Dog(None)]), Cat("x")])
    assert found.data["pets"] == [{"friends": [{"name": "c", "meows": True}, {"name": None}]}, {"name": "x"}]
