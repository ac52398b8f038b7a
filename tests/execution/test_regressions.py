"""Requests that were once answered differently, reduced."""

import pytest

from tests.execution.both import both
from tests.execution.documents import Request
from tests.execution.world import BUYER

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
