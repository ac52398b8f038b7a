"""Requests that were once answered differently, reduced."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from contexts.orders import api as orders
from contexts.shared.money import Money
from contexts.shared.quantity import Quantity
from resolvers.vocabulary.context import RequestContext
from tests.execution.both import both, executors, run, the_schema
from tests.execution.comparison import difference
from tests.execution.documents import Request
from tests.execution.forest import Forest, the_forest
from tests.execution.world import BUYER, CART, NOW, World, product_id

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


@dataclass(frozen=True, slots=True)
class Vanishing:
    """A cart whose product is gone when it is asked for, a moment after the cart was priced."""

    async def of(self, customer: orders.Customer, at: datetime) -> orders.PricedCart:
        return replace(World(1).cart(), lines=(PRICED,), gone=())

    async def by_ids(self, ids: Collection[UUID], seen_by: UUID | None) -> dict[UUID, object]:
        return {}


PRICED = orders.PricedLine(
    CART,
    product_id(0),
    "SKU-0",
    "Cimento",
    Quantity(Decimal(1), "SC"),
    Money(Decimal(9)),
    "NATIONAL",
    Money(Decimal(9)),
)


async def test_a_product_that_vanishes_while_the_cart_is_read_is_asked_for_again() -> None:
    """Neither a cart that is null nor a bug: whoever asks again is told what is gone."""
    suppliers = SimpleNamespace(
        orders=SimpleNamespace(carts=Vanishing()), catalog=SimpleNamespace(products=Vanishing())
    )
    request = Request("{ cart { version lines { product { sku } } } }", None, {})
    for each in executors(the_schema()):
        response = await run(each, request, RequestContext(cast(Any, suppliers), BUYER, "request", NOW))
        assert [fault.service for fault in response.away] == ["catalog"]
        assert (response.executed, response.retry_after) == (False, 2)


# A loader's key is made of its arguments: one that may be left out, with an input object in it, could not be hashed.
NESTED_INPUT = Request('{ being { kin(by: {of: {of: {name: "a"}}}) } }', None, {})


async def test_an_input_object_inside_an_optional_one_is_a_loader_s_key() -> None:
    answers = [
        await run(each, NESTED_INPUT, RequestContext(cast(Any, Forest(1)), BUYER, "request", NOW))
        for each in executors(the_forest())
    ]
    assert difference(*answers) is None and answers[0].errors == []
