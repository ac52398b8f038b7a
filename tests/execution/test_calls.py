"""What the breadth-first executor asks of the contexts: each field once, however many objects there are."""

from uuid import UUID

import pytest

from contexts.identity.api import Principal
from resolvers.vocabulary.node import node_id
from tests.execution.both import both
from tests.execution.documents import Request
from tests.execution.world import ACCOUNTS, BUYER, STAFF, principal

LISTING = Request(
    """
    {
      products(first: 100) {
        nodes { sku price { source explanation { reason } } bulk: price(quantity: "10") { source } }
        edges { node { price { unitPrice { amount } } } }
        totalCount
      }
    }
    """,
    None,
    {},
)


@pytest.mark.parametrize("products", [1, 100])
async def test_a_field_is_resolved_once_for_all_objects(products: int) -> None:
    found = await both(LISTING, BUYER, products=products)
    assert found.difference() is None and found.breadth.data is not None
    assert len(found.breadth.data["products"]["nodes"]) == products
    assert found.breadth_world.calls == {
        "products.page": 1,
        "products.count": 1,
        "accounts.visible": 1,
        "pricing.resolve": 1,  # three positions together: price, bulk, price below edges
        "pricing.explain": 1,
    }


SIDE_BY_SIDE = """
  query ($one: ID, $other: ID, $listing: ID) {
    products(first: 100, onBehalfOf: $listing) {
      nodes { one: price(onBehalfOf: $one) { source } other: price(onBehalfOf: $other) { source } price { source } }
    }
  }
"""


async def test_accounts_side_by_side_are_asked_for_together_and_kept_apart() -> None:
    one, other = (node_id("BuyerAccount", id) for id in ACCOUNTS[:2])
    found = await both(Request(SIDE_BY_SIDE, None, {"one": one, "other": other}), STAFF, products=100)
    assert found.difference() is None and found.breadth.data is not None
    assert found.breadth_world.calls == {"products.page": 1, "accounts.visible": 1, "pricing.resolve": 2}
    turned = await both(Request(SIDE_BY_SIDE, None, {"one": other, "other": one}), STAFF, products=100)
    assert turned.breadth.data is not None
    shown, again = found.breadth.data["products"]["nodes"], turned.breadth.data["products"]["nodes"]
    assert [node["one"] for node in shown] == [node["other"] for node in again]
    assert [node["one"] for node in shown] != [node["other"] for node in shown]
    assert {node["price"] is None for node in shown} == {True}


async def test_a_refused_account_is_one_error_of_its_position() -> None:
    given = {"one": "zzz", "other": node_id("BuyerAccount", ACCOUNTS[0])}
    found = await both(Request(SIDE_BY_SIDE, None, given), BUYER, products=100)
    assert found.difference() is None
    for response in (found.breadth, found.stock):
        assert [(error["path"], error["extensions"]["code"]) for error in response.errors] == [
            (["products", "nodes", "one"], "FORBIDDEN"),
            (["products", "nodes", "other"], "FORBIDDEN"),
        ]


async def test_no_objects_no_calls() -> None:
    found = await both(LISTING, BUYER, products=0)
    assert found.difference() is None
    assert found.breadth_world.calls == {"products.page": 1, "products.count": 1}


@pytest.mark.parametrize("who", [None, principal(None, ["catalog:write"])])
async def test_a_denied_field_costs_no_call(who: Principal | None) -> None:
    found = await both(LISTING, who, products=100)
    assert found.difference() is None
    assert [error["path"] for error in found.breadth.errors] == [
        ["products", "nodes", "price"],
        ["products", "nodes", "bulk"],
        ["products", "edges", "node", "price"],
    ]
    for world in (found.breadth_world, found.stock_world):
        assert world.calls == {"products.page": 1, "products.count": 1}


async def test_a_denied_mutation_writes_nothing() -> None:
    text = """
      mutation {
        cartLineSet(input: { sku: "SKU-0", quantity: "1" }) { meta { requestId } }
        sessionRevoke { meta { requestId } }
      }
    """
    found = await both(Request(text, None, {}), principal(None, []))
    assert found.difference() is None
    assert found.breadth_world.writes == [("end_session", UUID(int=6_001))]
