"""Requests that were once answered differently, reduced."""

from typing import Any, cast

import pytest

from resolvers.vocabulary.context import RequestContext
from tests.execution.both import both, executors, run
from tests.execution.comparison import difference
from tests.execution.documents import Request
from tests.execution.forest import Forest, the_forest
from tests.execution.world import BUYER, NOW

# A fragment spread twice was two places of the document: errors were located twice at one field.
SPREAD_TWICE = """
  query ($a: Boolean!) { ...F @include(if: $a) ...F ...G ...F @include(if: $a) }
  fragment F on Query { product { ...P @include(if: $a) ...P } }
  fragment G on Query { ...F }
  fragment P on Product { sku }
"""


@pytest.mark.parametrize("a", [True, False])
async def test_a_fragment_spread_twice_is_one_place(a: bool) -> None:
    found = await both(Request(SPREAD_TWICE, None, {"a": a}), BUYER)
    assert found.difference() is None
    (error,) = found.breadth.errors
    assert len(error["locations"]) == 1


# A loader's key is made of its arguments: one that may be left out, with an input object in it, could not be hashed.
NESTED_INPUT = Request('{ being { kin(by: {of: {of: {name: "a"}}}) } }', None, {})


async def test_an_input_object_inside_an_optional_one_is_a_loader_s_key() -> None:
    answers = [
        await run(each, NESTED_INPUT, RequestContext(cast(Any, Forest(1)), BUYER, "request", NOW))
        for each in executors(the_forest())
    ]
    assert difference(*answers) is None and answers[0].errors == []
