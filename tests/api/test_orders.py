"""The journey: fill a cart, check out, see the order, confirm and cancel it."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.app import create_app
from gateway.settings import Settings
from resolvers.vocabulary.node import node_id
from tests.api.shop import ADMIN, CATALOGO, GESTOR, PA, PRECOS, REP, SP, VENDAS, Json, Shop, nodes_of


async def available(shop: Shop, sku: str) -> str:
    answer = await shop.operation("portal/Products", {"filter": {"skus": [sku]}}, SP)
    found: str = nodes_of(answer.data["products"])[0]["availability"]["available"]
    return found


async def fill(shop: Shop, who: str, **lines: str) -> Json:
    cart: Json = None
    for sku, quantity in lines.items():
        line = {"sku": sku.replace("_", "-"), "quantity": quantity}
        cart = (await shop.operation("portal/SetCartLine", {"input": line}, who)).done("cartLineSet")
    return cart


async def empty(shop: Shop, who: str) -> None:
    cart = (await shop.operation("portal/Cart", None, who)).data["cart"]
    for line in cart["lines"] if cart else []:
        removal = {"sku": line["product"]["sku"], "quantity": "0"}
        await shop.operation("portal/SetCartLine", {"input": removal}, who)


async def check_out(shop: Shop, who: str, version: int, key: str = "", **more: str) -> Json:
    variables = {"input": {"idempotencyKey": key or uuid4().hex, "cartVersion": version, **more}}
    return (await shop.operation("portal/CheckOut", variables, who)).payload("cartCheckout")


async def order_of(shop: Shop, who: str, sku: str = "CIM_0001", quantity: str = "1") -> Json:
    await empty(shop, who)
    cart = await fill(shop, who, **{sku: quantity})
    payload = await check_out(shop, who, cart["version"])
    assert payload["error"] is None, payload
    return payload["data"]


async def move(shop: Shop, name: str, who: str, id: str, key: str = "", reason: str | None = None) -> Json:
    operation = {"orderConfirm": "backoffice/ConfirmOrder", "orderCancel": "portal/CancelOrder"}[name]
    variables = {"input": {"id": id, "idempotencyKey": key or uuid4().hex, "reason": reason}}
    return (await shop.operation(operation, variables, who)).payload(name)


async def test_the_whole_journey(shop: Shop) -> None:
    await empty(shop, SP)
    before = await available(shop, "CIM-0001")
    cart = await fill(shop, SP, CIM_0001="10", CIM_0002="2")
    first = cart["lines"][0]
    assert (first["unitPrice"]["amount"], first["lineTotal"]["amount"], first["priceSource"]) == (
        "34.20",
        "342.00",
        "BUYER",
    )
    shown = (await shop.operation("portal/Cart", None, SP)).data["cart"]
    assert (shown["version"], shown["subtotal"]) == (cart["version"], cart["subtotal"])
    assert shown["lines"][0]["product"]["availability"]["available"] == before

    key = uuid4().hex
    total = cart["subtotal"]["amount"]
    placed = await check_out(shop, SP, cart["version"], key, expectedTotal=total)
    order = placed["data"]
    assert (order["status"], order["total"]["amount"], placed["meta"]["replayed"]) == ("PLACED", total, False)
    assert [line["sku"] for line in order["lines"]] == ["CIM-0001", "CIM-0002"]
    assert int(await available(shop, "CIM-0001")) == int(before) - 10
    assert (await shop.operation("portal/Cart", None, SP)).data["cart"] is None

    again = await check_out(shop, SP, cart["version"], key, expectedTotal=total)
    assert (again["data"]["id"], again["meta"]["replayed"]) == (order["id"], True)
    other = await check_out(shop, SP, cart["version"] + 1, key, expectedTotal=total)
    assert other["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"

    found = (await shop.operation("portal/Order", {"number": order["number"]}, SP)).data["order"]
    assert found["id"] == order["id"]
    assert found["lines"][0]["unitPrice"]["amount"] == "34.20"
    listed = (await shop.operation("portal/Orders", {"first": 1}, SP)).data["orders"]
    assert nodes_of(listed)[0]["number"] == order["number"]

    confirmed = await move(shop, "orderConfirm", VENDAS, order["id"])
    assert confirmed["data"]["status"] == "CONFIRMED"
    cancelled = await move(shop, "orderCancel", VENDAS, order["id"], reason="Obra adiada")
    assert cancelled["data"]["status"] == "CANCELLED"
    assert await available(shop, "CIM-0001") == before


async def test_the_cart_is_a_constant_number_of_statements(shop: Shop) -> None:
    await empty(shop, SP)
    await fill(shop, SP, CIM_0001="1")
    one = await shop.operation("portal/Cart", None, SP)
    skus = [f"CIM_{number:04}" for number in range(2, 9)]
    await fill(shop, SP, **dict.fromkeys(skus, "1"))
    many = await shop.operation("portal/Cart", None, SP)
    assert len(many.data["cart"]["lines"]) == 8
    assert one.statements == many.statements
    assert many.statements <= 5


async def test_orders_are_one_page_one_statement_each_for_page_and_count(shop: Shop) -> None:
    answer = await shop.operation("portal/Orders", {"first": 100}, SP)
    assert answer.statements == 2


@pytest.mark.parametrize(
    ("quantity", "code"),
    [("-1", "NEGATIVE"), ("1.0001", "TOO_MANY_DECIMALS"), ("1.5", "OFF_STEP"), ("10000000", "TOO_LARGE")],
)
async def test_a_senseless_quantity_is_refused_and_changes_nothing(
    shop: Shop, quantity: str, code: str
) -> None:
    await empty(shop, SP)
    before = await fill(shop, SP, CIM_0001="3")
    line = {"sku": "CIM-0001", "quantity": quantity}
    error = (await shop.operation("portal/SetCartLine", {"input": line}, SP)).refused("cartLineSet")
    assert error["code"] == "INVALID_INPUT"
    assert [(detail["path"], detail["code"]) for detail in error["details"]] == [
        (["input", "quantity"], code)
    ]
    assert (await shop.operation("portal/Cart", None, SP)).data["cart"]["version"] == before["version"]


@pytest.mark.parametrize("sku", ["", "NOPE", "' OR 1=1 --", "x" * 10_000, "CIM-0001 "])
async def test_an_unknown_sku_is_not_found(shop: Shop, sku: str) -> None:
    line = {"sku": sku, "quantity": "1"}
    error = (await shop.operation("portal/SetCartLine", {"input": line}, SP)).refused("cartLineSet")
    assert (error["code"], error["details"][0]["path"]) == ("NOT_FOUND", ["input", "sku"])


async def test_zero_removes_and_setting_the_same_changes_nothing(shop: Shop) -> None:
    await empty(shop, SP)
    cart = await fill(shop, SP, CIM_0001="3")
    assert (await fill(shop, SP, CIM_0001="3.000"))["version"] == cart["version"]
    emptied = await fill(shop, SP, CIM_0001="0")
    assert (emptied["lines"], emptied["version"] > cart["version"]) == ([], True)


async def test_refusals_come_in_the_contract_s_order_and_change_nothing(shop: Shop) -> None:
    await empty(shop, SP)
    assert (await check_out(shop, SP, 1))["error"]["code"] == "EMPTY_CART"
    found = await shop.operation("portal/Products", {"filter": {"search": "por encomenda"}}, SP)
    request = nodes_of(found.data["products"])
    unpriced = next(node["sku"] for node in request if node["price"] is None)
    cart = await fill(shop, SP, **{unpriced: "1"}, CIM_0001="10000")
    stale = await check_out(shop, SP, cart["version"] - 1)
    assert (stale["error"]["code"], stale["error"]["actualVersion"]) == ("VERSION_CONFLICT", cart["version"])
    unpriceable = await check_out(shop, SP, cart["version"], expectedTotal="1")
    assert (unpriceable["error"]["code"], unpriceable["error"]["skus"]) == ("PRICE_ON_REQUEST", [unpriced])
    assert [line["unitPrice"] for line in cart["lines"] if line["product"]["sku"] == unpriced] == [None]
    cart = await fill(shop, SP, **{unpriced: "0"})
    changed = await check_out(shop, SP, cart["version"], expectedTotal="1.00")
    assert changed["error"]["code"] == "PRICE_CHANGED"
    assert changed["error"]["actual"] == cart["subtotal"]
    short = await check_out(shop, SP, cart["version"], expectedTotal=cart["subtotal"]["amount"])
    assert short["error"]["code"] == "OUT_OF_STOCK"
    assert short["error"]["shortages"][0]["sku"] == "CIM-0001"
    shown = (await shop.operation("portal/Cart", None, SP)).data["cart"]
    assert shown["version"] == cart["version"]


async def test_a_late_checkout_does_not_order_the_next_cart(shop: Shop) -> None:
    """The answer was lost, the client forgot its key, and meanwhile the user filled another cart."""
    order = await order_of(shop, PA, "CIM_0001")
    ordered = (await fill(shop, PA, CIM_0002="1"))["version"]
    assert (await check_out(shop, PA, ordered))["data"]["id"] != order["id"]
    cart = await fill(shop, PA, CIM_0004="1")
    late = await check_out(shop, PA, ordered)
    assert (late["error"]["code"], late["error"]["actualVersion"]) == ("VERSION_CONFLICT", cart["version"])


@dataclass(slots=True)
class HurriedClock:
    """A second passes between any two looks at it."""

    instant: datetime

    def now(self) -> datetime:
        self.instant += timedelta(seconds=1)
        return self.instant


async def test_an_operation_sees_one_instant(shop: Shop, settings: Settings) -> None:
    """A line and its product cost the same, however many prices begin while the operation runs."""
    clock = HurriedClock(datetime.now(UTC))
    for second in range(30):
        start = (clock.instant + timedelta(seconds=second)).isoformat()
        price = {"sku": "CIM-0004", "source": "STATE", "state": "PA", "amount": f"{second + 1}"}
        answer = await shop.operation("backoffice/SetPrice", {"input": price | {"validFrom": start}}, PRECOS)
        answer.done("priceSet")
    await empty(shop, PA)
    fields = "lines { unitPrice { amount } product { price { unitPrice { amount } } } }"
    app = create_app(settings, clock)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://prumo.test") as http,
    ):
        hurried = Shop(http)
        line = 'cartLineSet(input: {sku: "CIM-0004", quantity: "1"})'
        filled = (await hurried.ask(f"mutation {{ {line} {{ data {{ {fields} }} }} }}", None, PA)).data
        shown = (await hurried.ask(f"{{ cart {{ {fields} }} }}", None, PA)).data
    for cart in (filled["cartLineSet"]["data"], shown["cart"]):
        (only,) = cart["lines"]
        assert only["unitPrice"] == only["product"]["price"]["unitPrice"]
    assert filled["cartLineSet"]["data"] != shown["cart"]


async def test_a_price_set_meanwhile_is_noticed(shop: Shop) -> None:
    await empty(shop, PA)
    cart = await fill(shop, PA, CIM_0003="2")
    price = {"sku": "CIM-0003", "source": "STATE", "state": "PA", "amount": "99.9999"}
    (await shop.operation("backoffice/SetPrice", {"input": price}, PRECOS)).done("priceSet")
    changed = await check_out(shop, PA, cart["version"], expectedTotal=cart["subtotal"]["amount"])
    assert (changed["error"]["code"], changed["error"]["actual"]["amount"]) == ("PRICE_CHANGED", "200.00")


async def test_orders_of_others_do_not_exist(shop: Shop) -> None:
    order = await order_of(shop, SP)
    for who, sees in ((SP, True), (GESTOR, True), (REP, True), (VENDAS, True), (ADMIN, True), (PA, False)):
        by_id = (await shop.operation("portal/Order", {"id": order["id"]}, who)).data["order"]
        by_number = (await shop.operation("portal/Order", {"number": order["number"]}, who)).data["order"]
        by_node = (await shop.operation("mobile/Node", {"id": order["id"]}, who)).data["node"]
        assert [found is not None for found in (by_id, by_number, by_node)] == [sees] * 3, who
    for who in (CATALOGO, PRECOS):
        assert (await shop.operation("portal/Order", {"id": order["id"]}, who)).codes == ["FORBIDDEN"]
        assert (await shop.operation("mobile/Node", {"id": order["id"]}, who)).body["data"]["node"] is None
    anonymous = await shop.operation("portal/Order", {"id": order["id"]})
    assert (anonymous.codes, anonymous.body["data"]) == (["UNAUTHENTICATED"], {"order": None})

    assert (await move(shop, "orderCancel", PA, order["id"]))["error"]["code"] == "NOT_FOUND"
    assert (await shop.operation("portal/Order", {"id": order["id"]}, SP)).data["order"]["status"] == "PLACED"


async def test_a_rep_moves_only_orders_of_the_portfolio(shop: Shop) -> None:
    theirs, other = await order_of(shop, SP), await order_of(shop, PA, "CIM_0002")
    assert (await move(shop, "orderConfirm", REP, theirs["id"]))["data"]["status"] == "CONFIRMED"
    for step in ("orderConfirm", "orderCancel"):
        refused = (await move(shop, step, REP, other["id"]))["error"]
        assert refused == (await move(shop, step, REP, node_id("Order", uuid4())))["error"]
        assert refused["code"] == "NOT_FOUND"
    listed = nodes_of((await shop.operation("portal/Orders", {"first": 100}, REP)).data["orders"])
    assert other["id"] not in {order["id"] for order in listed}


async def test_steps_are_idempotent_and_only_forwards(shop: Shop) -> None:
    order = await order_of(shop, SP)
    denied = await shop.operation(
        "backoffice/ConfirmOrder", {"input": {"id": order["id"], "idempotencyKey": "k"}}, SP
    )
    assert (denied.codes, denied.body["data"]) == (["FORBIDDEN"], {"orderConfirm": None})
    key = uuid4().hex
    assert (await move(shop, "orderConfirm", VENDAS, order["id"], key))["meta"]["replayed"] is False
    again = await move(shop, "orderConfirm", VENDAS, order["id"], key)
    assert (again["data"]["status"], again["meta"]["replayed"]) == ("CONFIRMED", True)
    twice = await move(shop, "orderConfirm", VENDAS, order["id"])
    assert (twice["error"]["code"], twice["error"]["from"], twice["error"]["to"]) == (
        "INVALID_TRANSITION",
        "CONFIRMED",
        "CONFIRMED",
    )
    reused = await move(shop, "orderCancel", VENDAS, order["id"], key)
    assert reused["error"]["code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await move(shop, "orderCancel", SP, order["id"]))["error"]["code"] == "INVALID_TRANSITION"
    wrong = await move(shop, "orderConfirm", VENDAS, node_id("Product", uuid4()))
    assert (wrong["error"]["code"], wrong["error"]["details"][0]["path"]) == (
        "INVALID_INPUT",
        ["input", "id"],
    )
    gone = await move(shop, "orderConfirm", VENDAS, node_id("Order", uuid4()))
    assert gone["error"]["code"] == "NOT_FOUND"


async def test_twenty_retries_at_once_make_one_order(shop: Shop) -> None:
    await empty(shop, SP)
    cart = await fill(shop, SP, CIM_0002="1")
    before = await available(shop, "CIM-0002")
    key = uuid4().hex
    answers = await asyncio.gather(*(check_out(shop, SP, cart["version"], key) for _ in range(20)))
    assert {answer["error"] for answer in answers} == {None}
    assert len({answer["data"]["id"] for answer in answers}) == 1
    assert Counter(answer["meta"]["replayed"] for answer in answers) == {True: 19, False: 1}
    assert int(await available(shop, "CIM-0002")) == int(before) - 1


@pytest.mark.parametrize("key", ["", "   ", "x" * 500, "\u0007"])
async def test_a_senseless_idempotency_key(shop: Shop, key: str) -> None:
    payload = (
        await shop.operation("portal/CheckOut", {"input": {"idempotencyKey": key, "cartVersion": 1}}, SP)
    ).payload("cartCheckout")
    assert payload["error"]["code"] == "INVALID_INPUT"
    assert payload["error"]["details"][0]["path"] == ["input", "idempotencyKey"]


async def test_price_set_refuses_what_makes_no_sense(shop: Shop) -> None:
    good = {"sku": "CIM-0001", "source": "NATIONAL", "amount": "40"}
    account = (await shop.operation("portal/Viewer", None, SP)).data["viewer"]["account"]["id"]
    for change, path, code in (
        ({"amount": "-1"}, "amount", "INVALID_INPUT"),
        ({"amount": "1.00001"}, "amount", "INVALID_INPUT"),
        ({"source": "STATE"}, "state", "INVALID_INPUT"),
        ({"source": "STATE", "state": "XX"}, "state", "INVALID_INPUT"),
        ({"source": "BUYER"}, "accountId", "INVALID_INPUT"),
        ({"source": "BUYER", "accountId": "x"}, "accountId", "INVALID_INPUT"),
        ({"source": "BUYER", "accountId": node_id("BuyerAccount", uuid4())}, "accountId", "NOT_FOUND"),
        ({"accountId": account}, "accountId", "INVALID_INPUT"),
        ({"minQuantity": "-1"}, "minQuantity", "INVALID_INPUT"),
        ({"sku": "NOPE"}, "sku", "NOT_FOUND"),
        (
            {"validFrom": "2026-02-01T00:00:00Z", "validTo": "2026-01-01T00:00:00Z"},
            "validTo",
            "INVALID_INPUT",
        ),
    ):
        answer = await shop.operation("backoffice/SetPrice", {"input": {**good, **change}}, PRECOS)
        error = answer.refused("priceSet")
        assert (error["code"], error["details"][0]["path"]) == (code, ["input", path]), change
    naive = {**good, "validFrom": "2026-01-01T00:00:00"}
    answer = await shop.operation("backoffice/SetPrice", {"input": naive}, PRECOS)
    assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])
    assert (await shop.operation("backoffice/SetPrice", {"input": good}, VENDAS)).codes == ["FORBIDDEN"]


async def test_a_set_price_can_be_looked_up_by_those_who_keep_prices(shop: Shop) -> None:
    price = {"sku": "CIM-0005", "source": "STATE", "state": "MG", "amount": "12.3456"}
    row = (await shop.operation("backoffice/SetPrice", {"input": price}, PRECOS)).done("priceSet")
    assert (row["amount"]["amount"], row["state"], row["minQuantity"]) == ("12.3456", "MG", "0")
    same = (await shop.operation("backoffice/SetPrice", {"input": price}, PRECOS)).done("priceSet")
    assert same["id"] == row["id"]
    assert (await shop.operation("mobile/Node", {"id": row["id"]}, PRECOS)).data["node"]["id"] == row["id"]
    assert (await shop.operation("mobile/Node", {"id": row["id"]}, SP)).data["node"] is None


async def test_a_change_of_the_account_s_state_applies_at_once(shop: Shop, settings: Settings) -> None:
    """The token says nothing of state and tier; identity does."""
    variables = {"filter": {"skus": ["CIM-0001"]}}
    before = nodes_of((await shop.operation("portal/Products", variables, PA)).data["products"])[0]["price"]
    engine = create_async_engine(str(settings.database_url))
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE identity.account_addresses SET state = 'RS' WHERE state = 'PA'")
        )
    await engine.dispose()
    after = nodes_of((await shop.operation("portal/Products", variables, PA)).data["products"])[0]["price"]
    assert before["source"] == after["source"] == "STATE"
    assert before["unitPrice"] != after["unitPrice"]
    viewer = (await shop.operation("portal/Viewer", None, PA)).data["viewer"]
    assert viewer["account"]["state"] == "RS"


async def test_a_pending_account_sees_no_prices_and_orders_nothing(shop: Shop, settings: Settings) -> None:
    await empty(shop, PA)
    cart = await fill(shop, PA, CIM_0002="1")
    engine = create_async_engine(str(settings.database_url))
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE identity.buyer_accounts SET status = 'SUSPENDED' WHERE tier IS NULL")
        )
    listed = await shop.operation("portal/Products", {"first": 3, "sort": "PRICE_ASC"}, PA)
    assert [node["price"] for node in nodes_of(listed.data["products"])] == [None] * 3
    shown = (await shop.operation("portal/Cart", None, PA)).data["cart"]
    assert [(line["unitPrice"], line["lineTotal"], line["priceSource"]) for line in shown["lines"]] == [
        (None, None, None)
    ]
    assert (shown["version"], shown["subtotal"]["amount"]) == (cart["version"], "0.00")
    assert (await check_out(shop, PA, cart["version"]))["error"]["code"] == "ACCOUNT_NOT_APPROVED"
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE identity.buyer_accounts SET status = 'APPROVED' WHERE tier IS NULL")
        )
    await engine.dispose()
    assert (await check_out(shop, PA, cart["version"]))["error"] is None


async def test_a_product_that_vanished_is_told_of_and_taken_out(shop: Shop, settings: Settings) -> None:
    """As it can only be today: its rows are deleted by hand."""
    sku = f"VELHO-{uuid4().hex[:8].upper()}"
    engine = create_async_engine(str(settings.database_url))
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO catalog.products (id, sku, slug, name, unit, quantity_step, category_id)"
                " SELECT gen_random_uuid(), :sku, lower(:sku), 'Fora de linha', unit, quantity_step, category_id"
                " FROM catalog.products WHERE sku = 'CIM-0002'"
            ),
            {"sku": sku},
        )
        await connection.execute(
            text(
                "INSERT INTO catalog.stock (product_id, on_hand) SELECT id, 10 FROM catalog.products WHERE sku = :sku"
            ),
            {"sku": sku},
        )
    price = {"sku": sku, "source": "NATIONAL", "amount": "10.00", "minQuantity": "1"}
    (await shop.operation("backoffice/SetPrice", {"input": price}, PRECOS)).done("priceSet")
    order = await order_of(shop, SP, sku, "2")
    await fill(shop, SP, **{sku: "3", "CIM_0002": "1"})
    async with engine.begin() as connection:
        product = (
            await connection.execute(text("SELECT id FROM catalog.products WHERE sku = :sku"), {"sku": sku})
        ).scalar_one()
        for statement in (
            "DELETE FROM catalog.stock_reservations WHERE product_id = :id",
            "DELETE FROM catalog.stock WHERE product_id = :id",
            "DELETE FROM catalog.products WHERE id = :id",
        ):
            await connection.execute(text(statement), {"id": product})
    await engine.dispose()

    cart = (await shop.operation("portal/Cart", None, SP)).data["cart"]
    assert cart["goneLines"] == [{"sku": sku, "quantity": "3"}]
    assert [line["product"]["sku"] for line in cart["lines"]] == ["CIM-0002"]
    error = (await check_out(shop, SP, cart["version"], "gone"))["error"]
    assert (error["__typename"], error["code"], error["skus"]) == ("ProductGoneError", "NOT_FOUND", [sku])
    assert [detail["code"] for detail in error["details"]] == ["PRODUCT_GONE"]
    line = {"sku": sku, "quantity": "4"}
    again = (await shop.operation("portal/SetCartLine", {"input": line}, SP)).refused("cartLineSet")
    assert again["code"] == "NOT_FOUND"
    left = await fill(shop, SP, **{sku: "0"})
    assert (left["goneLines"], len(left["lines"])) == ([], 1)
    assert (await check_out(shop, SP, left["version"], "gone"))["error"] is None

    # What was ordered before keeps its name, and is cancelled as ever.
    shown = (await shop.operation("portal/Order", {"id": order["id"]}, SP)).data["order"]
    assert [(line["sku"], line["name"]) for line in shown["lines"]] == [(sku, "Fora de linha")]
    assert (await move(shop, "orderCancel", SP, order["id"]))["data"]["status"] == "CANCELLED"


async def test_orders_are_filtered(shop: Shop) -> None:
    mine, theirs = await order_of(shop, SP), await order_of(shop, PA)
    await move(shop, "orderConfirm", VENDAS, mine["id"])
    account = (await shop.ask("{ viewer { account { id legalName cnpj } } }", None, SP)).data["viewer"][
        "account"
    ]

    async def found(filter: Json, who: str = VENDAS) -> tuple[bool, bool]:
        answer = await shop.operation("backoffice/Orders", {"first": 100, "filter": filter}, who)
        assert answer.statements <= 6
        listed = answer.data["orders"]
        assert listed["totalCount"] == len(nodes_of(listed))
        ids = [node["id"] for node in nodes_of(listed)]
        return mine["id"] in ids, theirs["id"] in ids

    assert await found({}) == await found({"search": "  "}) == (True, True)
    assert await found({"statuses": ["PLACED"]}) == (False, True)
    assert await found({"statuses": ["CONFIRMED", "SHIPPED"]}) == (True, False)
    assert (
        await found({"accountId": account["id"]}) == await found({"search": account["cnpj"]}) == (True, False)
    )
    assert await found({"search": account["legalName"].upper()}) == (True, False)
    assert await found({"search": theirs["number"].replace("-", " ")}) == (False, True)
    assert await found({"placedFrom": mine["placedAt"]}) == (True, True)
    assert await found({"placedTo": mine["placedAt"]}) == (False, False)
    assert await found({"accountId": account["id"]}, PA) == (False, False)
    assert await found({"search": theirs["number"]}, REP) == (False, False)
    assert await found({"search": mine["number"]}, REP) == (True, False)


@pytest.mark.parametrize(
    ("filter", "told"),
    [
        ({"statuses": []}, "filter.statuses"),
        ({"placedFrom": "2026-11-20T12:00:00Z", "placedTo": "2026-11-20T12:00:00Z"}, "filter.placedFrom"),
        ({"accountId": node_id("Order", uuid4())}, "filter.accountId"),
        ({"accountId": "1"}, "filter.accountId"),
        ({"search": "a" * 100_000}, "filter.search"),
    ],
)
async def test_a_filter_without_sense_is_refused(shop: Shop, filter: Json, told: str) -> None:
    answer = await shop.operation("portal/Orders", {"filter": filter}, SP)
    assert answer.codes == ["BAD_USER_INPUT"]
    assert told in answer.body["errors"][0]["message"]
