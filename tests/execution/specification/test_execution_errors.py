"""6.4.4 Handling Execution Errors: which null stands for an error, and what is told of it."""

import pytest

from tests.execution.specification.world import Cat, Dog, Human, Json, Raised, answered

FAULTS = [None, Raised(), ValueError("returned"), object()]


@pytest.mark.parametrize("value", FAULTS[1:])
async def test_an_error_of_a_nullable_field_is_null_there_and_nowhere_else(value: object) -> None:
    found = await answered("{ a: text b: ofInt(value: 1) }", value)
    assert found.data == {"a": None, "b": "1"} and found.paths == [["a"]]


@pytest.mark.parametrize("value", FAULTS)
async def test_a_non_null_root_field_that_fails_makes_the_data_null(value: object) -> None:
    found = await answered("{ surely text }", value)
    assert found.data is None and ["surely"] in found.paths
    assert "data" in found.response.body()


@pytest.mark.parametrize("value", [None, Raised()])
async def test_a_null_goes_up_to_the_nearest_nullable_parent(value: object) -> None:
    found = await answered("{ dog { name owner { surely } } }", Dog("Rex", Human(value)))
    assert found.data == {"dog": {"name": "Rex", "owner": None}}
    assert found.paths == [["dog", "owner", "surely"]]


async def test_if_all_parents_are_non_null_the_data_is_null() -> None:
    found = await answered("{ sureDog { surely } }", Dog(None))
    assert found.data is None and found.paths == [["sureDog", "surely"]]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("numbers", {"numbers": [1, None, 3]}),
        ("sureItems", {"sureItems": None}),
        ("sureList", {"sureList": [1, None, 3]}),
        ("sureNumbers", None),
    ],
)
@pytest.mark.parametrize("value", [None, ValueError("x"), "x"])
async def test_an_item_of_a_list_is_null_or_takes_its_list_along(
    name: str, data: Json, value: object
) -> None:
    found = await answered(f"{{ {name} }}", [1, value, 3])
    assert found.data == data
    failed = value is not None or name in {"sureItems", "sureNumbers"}
    assert found.paths == ([[name, 1]] if failed else [])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("numbers", {"numbers": None}),
        ("sureItems", {"sureItems": None}),
        ("sureList", None),
        ("sureNumbers", None),
    ],
)
async def test_a_list_that_is_null(name: str, data: Json) -> None:
    found = await answered(f"{{ {name} }}", None)
    assert found.data == data
    assert found.paths == ([] if data is not None else [[name]])


async def test_a_null_passes_through_lists_with_its_path() -> None:
    text = "{ pets { ... on Dog { sureFriend { name } } ... on Cat { name } } }"
    found = await answered(text, [Dog(Cat("a")), Dog(None), Cat("b"), Dog(Human())])
    assert found.data == {"pets": [{"sureFriend": {"name": "a"}}, None, {"name": "b"}, None]}
    assert found.paths == [["pets", 1, "sureFriend"], ["pets", 3, "sureFriend"]]


async def test_there_is_one_error_for_one_null_of_one_field() -> None:
    found = await answered(
        "{ dog { surely ... on Dog { surely } ...F } } fragment F on Dog { surely }", Dog(None)
    )
    assert found.data == {"dog": None} and found.paths == [["dog", "surely"]]
    (error,) = found.response.errors
    assert len(error["locations"]) == 3


async def test_two_nullable_fields_that_fail_are_two_errors() -> None:
    found = await answered("{ a: text b: text }", Raised())
    assert found.data == {"a": None, "b": None} and found.paths == [["a"], ["b"]]


async def test_the_path_has_response_keys_and_indexes() -> None:
    found = await answered("{ all: pets { other: name } }", [Cat("a"), Cat(Raised())])
    assert found.data == {"all": [{"other": "a"}, {"other": None}]}
    assert found.paths == [["all", 1, "other"]]
    (error,) = found.response.errors
    assert error["locations"] == [{"line": 1, "column": 15}]


async def test_the_errors_of_a_batch_are_each_at_their_object() -> None:
    text = "{ pets { ... on Dog { name batched(by: 2) } } }"
    found = await answered(text, [Dog("a"), Dog(Raised()), Dog("c"), Dog(None)])
    assert found.data == {"pets": [{"name": "a", "batched": "a"}, None, {"name": "c", "batched": "c"}, None]}
    assert ["pets", 1, "batched"] in found.paths and ["pets", 3, "batched"] in found.paths


async def test_what_is_inside_of_a_bug_is_not_told() -> None:
    found = await answered("{ text }", Raised())
    (error,) = found.response.errors
    assert "boom" not in error["message"] and error["extensions"]["requestId"] == "request"
