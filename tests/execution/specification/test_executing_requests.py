"""6.1 Executing Requests: which operation is executed, and what a request error is."""

import pytest

from tests.execution.specification.world import answered

TWO = "query One { text } query Two { flag }"


async def test_the_only_operation_needs_no_name() -> None:
    assert (await answered("{ text }", "a")).data == {"text": "a"}
    assert (await answered("query Named { text }", "a")).data == {"text": "a"}


async def test_the_operation_of_the_given_name_is_executed() -> None:
    assert (await answered(TWO, "a", "One")).data == {"text": "a"}
    assert (await answered(TWO, True, "Two")).data == {"flag": True}


@pytest.mark.parametrize("name", [None, "Three", "text"])
async def test_without_one_operation_to_execute_it_is_a_request_error(name: str | None) -> None:
    assert (await answered(TWO, "a", name)).is_request_error


async def test_a_name_that_the_only_operation_does_not_have_is_a_request_error() -> None:
    assert (await answered("query One { text }", "a", "Two")).is_request_error


@pytest.mark.parametrize(
    "text",
    [
        "{ text",
        "{ nothing }",
        "{ dog }",
        "{ text { length } }",
        "fragment F on Query { text }",
        "{ ...F }",
        "{ ofInt(value: 1.5) }",
        "{ ofInt(value: $v) }",
        "{ required }",
        "{ dog { ... on Cat { meows } } }",
        "{ text: flag text }",
        "subscription { text }",
        "type Query { text: String }",
    ],
)
async def test_only_a_valid_document_is_executed(text: str) -> None:
    assert (await answered(text, "a")).is_request_error


async def test_a_request_error_has_no_data_and_an_execution_error_has() -> None:
    refused = (await answered("{ nothing }")).response.body()
    failed = (await answered("{ surely }", None)).response.body()
    assert "data" not in refused and "data" in failed and failed["data"] is None
    assert next(iter(failed)) == "errors"
