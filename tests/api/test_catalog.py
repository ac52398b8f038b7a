"""The listing and its prices, through the shipped operations."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.settings import Settings
from resolvers.vocabulary.node import node_id
from tests.api.shop import ADMIN, CATALOGO, PA, REP, SP, VENDAS, Answer, Json, Shop, nodes_of

LISTING = "portal/Products"


def nodes(answer: Answer) -> list[Json]:
    found: list[Json] = nodes_of(answer.data["products"])
    return found


@pytest.mark.parametrize("who", [None, SP])
async def test_the_listing_is_the_same_few_statements_for_one_product_and_a_hundred(
    shop: Shop, who: str | None
) -> None:
    one = await shop.operation(LISTING, {"first": 1}, who)
    hundred = await shop.operation(LISTING, {"first": 100}, who)
    assert len(nodes_of(hundred.body["data"]["products"])) == 100
    assert one.statements == hundred.statements == (1 if who is None else 3)


async def test_sorted_by_price_with_a_count_it_is_four(shop: Shop) -> None:
    query = "{ products(first: 100, sort: PRICE_ASC) { totalCount nodes { sku price { unitPrice { amount } } } } }"
    answer = await shop.ask(query, None, SP)
    assert answer.statements == 4
    assert answer.data["products"]["totalCount"] >= 300
    amounts = [Decimal(node["price"]["unitPrice"]["amount"]) for node in nodes(answer)]
    assert amounts == sorted(amounts)


async def test_each_buyer_sees_their_own_price(shop: Shop) -> None:
    variables = {"filter": {"skus": ["CIM-0001"]}}
    price_of = {who: nodes(await shop.operation(LISTING, variables, who))[0]["price"] for who in (SP, PA)}
    assert price_of[SP] == {"unitPrice": {"amount": "34.20", "currency": "BRL"}, "source": "BUYER"}
    assert price_of[PA]["source"] == "STATE"
    assert price_of[PA]["unitPrice"]["amount"] != "34.20"


async def test_an_anonymous_visitor_browses_without_prices(shop: Shop) -> None:
    answer = await shop.operation(LISTING, {"first": 3})
    assert answer.status == 200
    products = nodes_of(answer.body["data"]["products"])
    assert [product["price"] for product in products] == [None] * 3
    assert [product["availability"]["available"] for product in products] == [None] * 3
    assert all(product["availability"]["status"] for product in products)
    assert [(error["path"], error["extensions"]["code"]) for error in answer.body["errors"]] == [
        (["products", "edges", "node", "availability", "available"], "UNAUTHENTICATED"),
        (["products", "edges", "node", "price"], "UNAUTHENTICATED"),
    ]


async def test_a_role_without_prices_is_told_so_once(shop: Shop) -> None:
    answer = await shop.operation(LISTING, {"first": 50}, CATALOGO)
    assert answer.codes == ["FORBIDDEN"]
    assert answer.body["errors"][0]["path"] == ["products", "edges", "node", "price"]


async def test_staff_see_prices_on_behalf_of_an_account(shop: Shop) -> None:
    account = (await shop.operation("portal/Viewer", None, SP)).data["viewer"]["account"]["id"]
    other = (await shop.operation("portal/Viewer", None, PA)).data["viewer"]["account"]["id"]
    assert nodes(await shop.operation(LISTING, {"first": 1}, REP))[0]["price"] is None

    explained = await shop.operation(
        "backoffice/PriceExplanation", {"skus": ["CIM-0001"], "account": account}, REP
    )
    price = nodes(explained)[0]["price"]
    assert price["unitPrice"]["amount"] == "34.20"
    won = [step for step in price["explanation"] if step["outcome"] == "WON"]
    assert [step["source"] for step in won] == ["BUYER"]
    assert {step["source"] for step in price["explanation"]} == {"BUYER", "STATE", "NATIONAL"}
    assert all(step["reason"] for step in price["explanation"])

    outside = await shop.operation("mobile/Products", {"account": other}, REP)
    assert (outside.codes, outside.body["data"]) == (["FORBIDDEN"], None)
    nobodys = await shop.operation("mobile/Products", {"account": node_id("BuyerAccount", uuid4())}, REP)
    assert [error["message"] for error in outside.body["errors"]] == [
        error["message"] for error in nobodys.body["errors"]
    ]
    assert nodes(await shop.operation("mobile/Products", {"account": other, "search": "cimento"}, VENDAS))
    no_prices = await shop.operation("mobile/Products", {"account": account}, CATALOGO)
    assert "FORBIDDEN" in no_prices.codes
    assert no_prices.body["data"] is None
    for any_account in (account, other):
        not_staff = await shop.operation("mobile/Products", {"account": any_account}, SP)
        assert not_staff.codes == ["FORBIDDEN"]
    malformed = await shop.operation("mobile/Products", {"account": "zzz"}, VENDAS)
    assert malformed.codes == ["BAD_USER_INPUT"]
    anonymous = await shop.operation("mobile/Products", {"account": other})
    assert "UNAUTHENTICATED" in anonymous.codes


async def ids_of_two_accounts(shop: Shop) -> list[str]:
    seen = [(await shop.operation("portal/Viewer", None, who)).data["viewer"] for who in (SP, PA)]
    return [viewer["account"]["id"] for viewer in seen]


async def test_the_prices_of_two_accounts_stand_side_by_side(shop: Shop) -> None:
    document = """query ($first: Int, $after: String, $one: ID, $other: ID) {
      products(first: $first, after: $after, sort: NAME, onBehalfOf: $one) {
        nodes { sku own: price { unitPrice { amount } } one: price(onBehalfOf: $one) { unitPrice { amount } }
          other: price(onBehalfOf: $other) { unitPrice { amount } } }
        pageInfo { endCursor }
      }
    }"""
    one, other = await ids_of_two_accounts(shop)
    after, counted, differ = None, set(), 0
    for first in (20, 100, 100):
        variables = {"first": first, "after": after, "one": one, "other": other}
        answer = await shop.ask(document, variables, VENDAS)
        after = answer.data["products"]["pageInfo"]["endCursor"]
        counted.add(answer.statements)
        listed = {node["sku"]: node for node in nodes(answer)}
        for who, key in ((SP, "one"), (PA, "other")):
            theirs = await shop.operation(LISTING, {"first": 100, "filter": {"skus": list(listed)}}, who)
            amounts = {
                node["sku"]: node["price"] and {"amount": node["price"]["unitPrice"]["amount"]}
                for node in nodes(theirs)
            }
            assert {sku: node[key] and node[key]["unitPrice"] for sku, node in listed.items()} == amounts
        assert all(node["own"] == node["one"] for node in listed.values())
        differ += sum(node["one"] != node["other"] for node in listed.values())
    assert differ > 50
    assert counted == {5}, "the page, the first account, the second, the prices of each"


async def test_accounts_asked_for_side_by_side_are_found_in_one_statement(shop: Shop) -> None:
    one, other = await ids_of_two_accounts(shop)
    document = """query ($one: ID, $other: ID) { product(sku: "CIM-0001") {
        one: price(onBehalfOf: $one) { unitPrice { amount } source }
        other: price(onBehalfOf: $other) { unitPrice { amount } source }
        again: price(quantity: "1", onBehalfOf: $one) { unitPrice { amount } source }
        nobodys: price { source }
    } }"""
    answer = await shop.ask(document, {"one": one, "other": other}, VENDAS)
    product = answer.data["product"]
    assert product["one"] == product["again"] == {"unitPrice": {"amount": "34.20"}, "source": "BUYER"}
    assert product["other"]["source"] == "STATE"
    assert product["nobodys"] is None
    assert answer.statements == 4, "the product, both accounts, the prices of each"


@pytest.mark.parametrize(
    "way",
    [
        "products(first: 9, onBehalfOf: $own) { nodes { price(onBehalfOf: $id) { source } } }",
        'product(sku: "CIM-0001") { price(onBehalfOf: $id) { source } }',
        "node(id: $product) { ... on Product { price(onBehalfOf: $id) { source } } }",
    ],
)
async def test_a_field_s_account_is_as_much_in_reach_as_a_listing_s(shop: Shop, way: str) -> None:
    own, other = await ids_of_two_accounts(shop)
    product = (await shop.ask('{ product(sku: "CIM-0001") { id } }')).data["product"]["id"]
    nobodys, typeless = node_id("BuyerAccount", uuid4()), "zzz"
    path = {"products": ["products", "nodes"], "product": ["product"], "node": ["node"]}[way.split("(")[0]]

    async def errors(who: str, id: str) -> list[Json]:
        asked = way if who == REP else way.replace(", onBehalfOf: $own", "")
        declared = "$id: ID" + ", $own: ID" * ("$own" in asked) + ", $product: ID!" * ("$product" in asked)
        answer = await shop.ask(
            f"query ({declared}) {{ {asked} }}", {"id": id, "own": own, "product": product}, who
        )
        assert "34.20" not in str(answer.body)
        found: list[Json] = answer.body["errors"]
        assert [error["path"] for error in found] == [[*path, "price"]]
        return [(error["message"], error["extensions"]["code"]) for error in found]

    assert await errors(REP, other) == await errors(REP, nobodys)
    assert [code for _, code in await errors(REP, other)] == ["FORBIDDEN"]
    for who in (SP, CATALOGO):
        for id in (own, other, nobodys):
            assert [code for _, code in await errors(who, id)] == ["FORBIDDEN"]
    for malformed in (typeless, product):
        assert [code for _, code in await errors(VENDAS, malformed)] == ["BAD_USER_INPUT"]


async def test_a_cart_s_products_are_shown_at_nobody_else_s_price(shop: Shop) -> None:
    own, _ = await ids_of_two_accounts(shop)
    line = {"sku": "CIM-0001", "quantity": "1"}
    (await shop.operation("portal/SetCartLine", {"input": line}, SP)).done("cartLineSet")
    document = "query ($id: ID) { cart { lines { product { price(onBehalfOf: $id) { source } } } } }"
    answer = await shop.ask(document, {"id": own}, SP)
    assert [error["path"] for error in answer.body["errors"]] == [["cart", "lines", "product", "price"]]
    assert answer.codes == ["FORBIDDEN"]
    removed = {"sku": "CIM-0001", "quantity": "0"}
    (await shop.operation("portal/SetCartLine", {"input": removed}, SP)).done("cartLineSet")


async def test_without_a_quantity_it_is_the_price_of_the_smallest(shop: Shop) -> None:
    document = """{ products(first: 100, sort: NEWEST) { nodes {
        quantityStep smallest: price { unitPrice { amount } } } } }"""
    listed = nodes(await shop.ask(document, None, SP))
    steps = {node["quantityStep"] for node in listed}
    for step in steps:
        asked = document.replace("smallest: price", f'smallest: price(quantity: "{step}")')
        for node, same in zip(listed, nodes(await shop.ask(asked, None, SP)), strict=True):
            assert node["quantityStep"] != step or node["smallest"] == same["smallest"]
    assert len(steps) > 1


async def test_buyers_do_not_see_explanations(shop: Shop) -> None:
    answer = await shop.ask("{ products(first: 2) { nodes { price { explanation { reason } } } } }", None, SP)
    assert answer.codes == ["FORBIDDEN"]
    assert answer.body["errors"][0]["path"] == ["products", "nodes", "price", "explanation"]


@pytest.mark.parametrize("sort", ["RELEVANCE", "NAME", "PRICE_ASC", "PRICE_DESC", "NEWEST"])
async def test_paging_forwards_and_back_over_the_whole_catalog(shop: Shop, sort: str) -> None:
    everything: list[str] = []
    after = None
    while True:
        page = (await shop.operation(LISTING, {"first": 100, "after": after, "sort": sort}, SP)).data[
            "products"
        ]
        everything += [node["sku"] for node in nodes_of(page)]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(everything) == len(set(everything)) > 300
    last = (await shop.operation(LISTING, {"last": 30, "sort": sort}, SP)).data["products"]
    assert [node["sku"] for node in nodes_of(last)] == everything[-30:]
    assert (last["pageInfo"]["hasPreviousPage"], last["pageInfo"]["hasNextPage"]) == (True, False)
    before = last["pageInfo"]["startCursor"]
    previous = (await shop.operation(LISTING, {"last": 30, "before": before, "sort": sort}, SP)).data
    assert [node["sku"] for node in nodes_of(previous["products"])] == everything[-60:-30]


async def test_price_on_request_is_null_and_comes_last(shop: Shop) -> None:
    answer = await shop.operation(LISTING, {"last": 5, "sort": "PRICE_DESC"}, SP)
    assert [node["price"] for node in nodes(answer)] == [None] * 5


async def test_filters(shop: Shop) -> None:
    found = nodes(await shop.operation(LISTING, {"filter": {"search": "CIMENTO cp ii 50"}}, SP))
    assert "CIM-0001" in {node["sku"] for node in found}
    assert all("cimento" in node["name"].lower() for node in found)

    categories = (await shop.operation("portal/Categories")).data["categories"]
    slug = categories[0]["slug"]
    found = nodes(await shop.operation(LISTING, {"filter": {"categorySlug": slug}}, SP))
    assert {node["category"]["slug"] for node in found} == {slug}
    assert nodes(await shop.operation(LISTING, {"filter": {"categorySlug": "nenhuma"}}, SP)) == []

    found = nodes(await shop.operation(LISTING, {"first": 100, "filter": {"inStock": False}}, SP))
    assert {node["availability"]["status"] for node in found} == {"OUT_OF_STOCK"}

    bounds = {"minPrice": "30", "maxPrice": "40.50"}
    found = nodes(await shop.operation(LISTING, {"first": 100, "filter": bounds}, SP))
    assert found
    amounts = [Decimal(node["price"]["unitPrice"]["amount"]) for node in found]
    assert all(30 <= amount <= Decimal("40.50") for amount in amounts)


async def test_prices_sort_only_for_those_who_see_them(shop: Shop) -> None:
    assert (await shop.ask("{ products(sort: PRICE_ASC) { nodes { sku } } }")).codes == ["UNAUTHENTICATED"]
    forbidden = await shop.ask("{ products(filter: {minPrice: 1}) { nodes { sku } } }", None, CATALOGO)
    assert forbidden.codes == ["FORBIDDEN"]


async def test_a_suspended_account_cannot_tell_its_prices_by_asking_around(
    shop: Shop, settings: Settings
) -> None:
    engine = create_async_engine(str(settings.database_url))
    suspend = text("UPDATE identity.buyer_accounts SET status = :status WHERE tier IS NULL")
    async with engine.begin() as connection:
        await connection.execute(suspend, {"status": "SUSPENDED"})
    try:
        for bound in ({"minPrice": "0"}, {"maxPrice": "100000"}):
            assert nodes(await shop.operation(LISTING, {"filter": bound}, PA)) == []
        by_name = await shop.operation(LISTING, {"first": 30, "sort": "NAME"}, PA)
        for sort in ("PRICE_ASC", "PRICE_DESC"):
            listed = await shop.operation(LISTING, {"first": 30, "sort": sort}, PA)
            assert [node["sku"] for node in nodes(listed)] == [node["sku"] for node in nodes(by_name)]
            assert {node["price"] for node in nodes(listed)} == {None}
    finally:
        async with engine.begin() as connection:
            await connection.execute(suspend, {"status": "APPROVED"})
        await engine.dispose()


async def test_two_quantities_in_one_document_do_not_mix(shop: Shop) -> None:
    document = """{ products(filter: {skus: ["CIM-0001", "CIM-0002"]}) { nodes {
        one: price(quantity: "1") { unitPrice { amount } }
        many: price(quantity: "1000") { unitPrice { amount } }
        again: price { unitPrice { amount } }
    } } }"""
    for node in nodes(await shop.ask(document, None, ADMIN)):
        assert node == {"one": None, "many": None, "again": None}
    account = (await shop.operation("portal/Viewer", None, SP)).data["viewer"]["account"]["id"]
    seen = await shop.ask(document.replace("products(", f'products(onBehalfOf: "{account}", '), None, VENDAS)
    for node in nodes(seen):
        assert node["one"] == node["again"]


async def test_one_product_by_slug_with_its_breaks(shop: Shop) -> None:
    listed = nodes(await shop.operation(LISTING, {"filter": {"search": "lixa massa grao 120"}}, SP))[0]
    answer = await shop.operation("portal/Product", {"slug": listed["slug"], "quantity": "1"}, SP)
    product = answer.data["product"]
    breaks = product["price"]["breaks"]
    assert [step["from"]["unit"] for step in breaks] == [product["unit"]] * len(breaks)
    assert len(breaks) == 2
    assert breaks[0]["from"]["value"] == product["quantityStep"]
    many = await shop.operation(
        "portal/Product", {"slug": listed["slug"], "quantity": breaks[1]["from"]["value"]}, SP
    )
    assert many.data["product"]["price"]["unitPrice"] == breaks[1]["unitPrice"]
    assert answer.statements == 3


async def test_images_load(shop: Shop) -> None:
    found = nodes(await shop.operation(LISTING, {"first": 100}, SP))
    url = next(node["image"]["url"] for node in found if node["image"])
    assert url.startswith("http://prumo.test/media/products/")
    picture = await shop.http.get(url)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    assert picture.content.startswith(b"\x89PNG")
    again = await shop.http.get(url, headers={"if-none-match": picture.headers["etag"]})
    assert again.status_code == 304
    for path in (
        "/media/products/none.png",
        "/media/../etc/passwd",
        "/media/%2e%2e/x",
        "/media/",
        "/media/%00",
    ):
        assert (await shop.http.get(path)).status_code == 404


async def test_node(shop: Shop) -> None:
    listed = nodes(await shop.operation(LISTING, {"filter": {"skus": ["CIM-0001"]}}, SP))[0]
    found = (await shop.operation("mobile/Node", {"id": listed["id"]}, SP)).data["node"]
    assert (found["__typename"], found["sku"], found["price"]["source"]) == ("Product", "CIM-0001", "BUYER")
    category = (await shop.operation("portal/Categories")).data["categories"][0]
    assert (await shop.ask(f'{{ node(id: "{category["id"]}") {{ id __typename }} }}')).data["node"] == {
        "id": category["id"],
        "__typename": "Category",
    }


@pytest.mark.parametrize("id", ["", "x", "UHJvZHVjdDp4", "é", "A" * 5000, "UHJvZHVjdA", "UXVlcnk6MQ=="])
async def test_a_malformed_id_is_a_typed_error(shop: Shop, id: str) -> None:
    answer = await shop.ask("query ($id: ID!) { node(id: $id) { id } }", {"id": id}, SP)
    assert (answer.status, answer.codes, answer.body["data"]) == (200, ["BAD_USER_INPUT"], {"node": None})


async def test_an_id_of_another_type_is_not_a_product(shop: Shop) -> None:
    category = (await shop.operation("portal/Categories")).data["categories"][0]["id"]
    answer = await shop.ask("query ($id: ID!) { product(id: $id) { id } }", {"id": category})
    assert answer.codes == ["BAD_USER_INPUT"]


@pytest.mark.parametrize(
    "arguments",
    [
        "first: 0",
        "first: 101",
        "first: -1",
        "first: 1, last: 1",
        'after: "x"',
        'after: "W10"',
        'after: "WyJOQU1FIl0"',
        'after: "bm8"',
        'sort: NAME, after: "WyJSRUxFVkFOQ0UiLCJ4Il0"',
        'sort: NAME, after: "WyJOQU1FIiwieCJd"',
        'sort: NAME, after: "WyJOQU1FIiwieCIsInkiXQ"',
        'sort: NEWEST, after: "WyJORVdFU1QiLCJ4IiwieSJd"',
    ],
)
async def test_bad_paging_is_a_typed_error(shop: Shop, arguments: str) -> None:
    answer = await shop.ask(f"{{ products({arguments}) {{ nodes {{ sku }} }} }}")
    assert (answer.status, answer.codes) == (200, ["BAD_USER_INPUT"])


@pytest.mark.parametrize("quantity", ["0", "-1", "0.0001", "10000000"])
async def test_a_price_for_a_senseless_quantity_is_a_typed_error(shop: Shop, quantity: str) -> None:
    query = f'{{ products(first: 2) {{ nodes {{ sku price(quantity: "{quantity}") {{ source }} }} }} }}'
    answer = await shop.ask(query, None, SP)
    assert [(error["path"], error["extensions"]["code"]) for error in answer.body["errors"]] == [
        (["products", "nodes", "price"], "BAD_USER_INPUT")
    ]


@pytest.mark.parametrize("quantity", ["1e9", "NaN", "Infinity", "", "1,5", "--1", "9" * 500])
async def test_what_is_no_decimal_is_refused_before_execution(shop: Shop, quantity: str) -> None:
    query = "query ($q: Decimal) { products { nodes { price(quantity: $q) { source } } } }"
    answer = await shop.ask(query, {"q": quantity}, SP)
    assert (answer.status, answer.codes) == (400, ["BAD_USER_INPUT"])
    assert "data" not in answer.body


async def test_admins_see_no_cart_of_their_own(shop: Shop) -> None:
    assert (await shop.operation("portal/Cart", None, ADMIN)).codes == ["FORBIDDEN"]
    foreign = node_id("Cart", UUID(int=1))
    assert (await shop.operation("mobile/Node", {"id": foreign}, ADMIN)).data["node"] is None
