"""What staff do is in the audit trail, and administrators read it there."""

from uuid import uuid4

import pytest

from tests.api.shop import ADMIN, GESTOR, PRECOS, SP, VENDAS, Answer, Json, Shop, nodes_of


async def acts(shop: Shop, **filter: Json) -> list[Json]:
    """The latest acts that fit, as an administrator sees them."""
    answer = await shop.operation("backoffice/AuditTrail", {"filter": filter or None}, ADMIN)
    nodes: list[Json] = nodes_of(answer.data["auditTrail"])
    return nodes


async def an_order(shop: Shop) -> Json:
    line = {"sku": "CIM-0001", "quantity": "10"}
    cart = (await shop.operation("portal/SetCartLine", {"input": line}, SP)).done("cartLineSet")
    placing = {"idempotencyKey": uuid4().hex, "cartVersion": cart["version"]}
    return (await shop.operation("portal/CheckOut", {"input": placing}, SP)).done("cartCheckout")


async def confirm(shop: Shop, order: Json) -> Answer:
    step = {"id": order["id"], "idempotencyKey": uuid4().hex, "reason": "conferido"}
    return await shop.operation("backoffice/ConfirmOrder", {"input": step}, VENDAS)


async def test_a_price_that_was_set(shop: Shop) -> None:
    price = {"sku": "CIM-0001", "source": "NATIONAL", "amount": "41.2375"}
    answer = await shop.operation("backoffice/SetPrice", {"input": price}, PRECOS)
    answer.done("priceSet")
    (act,) = await acts(shop, action="pricing.price_set")
    assert act["actor"]["email"] == PRECOS
    assert (act["account"], act["subjectType"]) == (None, "Price")
    assert act["requestId"] == answer.headers["x-request-id"]
    changes = {change["field"]: (change["before"], change["after"]) for change in act["changes"]}
    assert changes["sku"] == ("CIM-0001", "CIM-0001")
    assert changes["amount"][1] == "41.2375"
    assert changes["amount"][0] not in {None, "41.2375"}
    await shop.operation("backoffice/SetPrice", {"input": price}, PRECOS)
    assert len(await acts(shop, action="pricing.price_set")) == 1  # the same again changed nothing


async def test_an_order_that_was_moved(shop: Shop) -> None:
    order = await an_order(shop)
    assert await acts(shop, subjectId=order["id"]) == []  # a buyer's checkout: the order is its own record
    (await confirm(shop, order)).done("orderConfirm")
    (act,) = await acts(shop, subjectId=order["id"])
    assert (act["action"], act["actor"]["email"]) == ("orders.confirmed", VENDAS)
    assert act["account"]["legalName"] == "Construtora Horizonte Paulista Ltda."
    assert act["changes"] == [
        {"field": "status", "before": "PLACED", "after": "CONFIRMED"},
        {"field": "reason", "before": None, "after": "conferido"},
    ]
    refused = (await confirm(shop, order)).refused("orderConfirm")
    assert refused["code"] == "INVALID_TRANSITION"
    assert len(await acts(shop, subjectId=order["id"])) == 1
    by_account = await acts(shop, accountId=act["account"]["id"], actorId=act["actor"]["id"])
    assert act in by_account


async def test_the_seed_was_the_system(shop: Shop) -> None:
    for action, type_ in (("pricing.prices_loaded", "Price"), ("catalog.products_published", "Product")):
        (act,) = await acts(shop, action=action)
        assert (act["actor"], act["requestId"], act["subjectId"]) == (None, None, None)
        assert act["subjectType"] == type_
        assert all(int(change["after"]) >= 0 for change in act["changes"])


async def test_a_page_costs_the_same_statements_however_long(shop: Shop) -> None:
    for _ in range(3):
        await confirm(shop, await an_order(shop))
    answers = [await shop.operation("backoffice/AuditTrail", {"first": first}, ADMIN) for first in (1, 3, 24)]
    assert {answer.statements for answer in answers} <= {2, 3}  # the page, the people, the accounts


@pytest.mark.parametrize("who", [None, SP, GESTOR, PRECOS, VENDAS])
async def test_the_trail_is_for_administrators(shop: Shop, who: str | None) -> None:
    answer = await shop.operation("backoffice/AuditTrail", None, who)
    assert answer.body["data"] == {"auditTrail": None}
    assert answer.codes == ["UNAUTHENTICATED" if who is None else "FORBIDDEN"]


@pytest.mark.parametrize(
    "filter",
    [
        {"actorId": "x"},
        {"accountId": "VXNlcjo="},
        {"subjectId": "buyer"},
        {"subjectId": "T3JkZXI6AZCqqgAAcACAAAAAAAAACg==", "subjectType": "Price"},
    ],
)
async def test_filters_that_make_no_sense(shop: Shop, filter: Json) -> None:
    answer = await shop.operation("backoffice/AuditTrail", {"filter": filter}, ADMIN)
    assert answer.codes == ["BAD_USER_INPUT"]
