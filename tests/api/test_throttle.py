"""What callers may spend: `extensions.cost`, and THROTTLED when it is spent, over a real socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.settings import Settings
from resolvers.catalog.queries import SEARCHING
from schema.execution.choice import ExecutorKind
from tests.api.serving import served
from tests.api.shop import GESTOR, GRAPHQL_RESPONSE, PA, SP, VENDAS, Json, Shop, nodes_of
from tests.api.socket_client import bearer, connected, receive, send

UNKNOWN = "{ viewer { " + "x " * 19 + "y " * 19 + "} " + "viewer { __typename } " * 19 + "}"
PRICED_PAGE = "{ products(first: 5) { nodes { sku price { unitPrice { amount } } } } }"
PAGE = "{ products(first: 10) { nodes { sku } } }"
PAGE_COST = 1 + 1 + 10
SIGN_IN = 'sessionCreate(input: { email: "nobody@prumo.example", password: "wrong" }) { error { code } }'


def sign_ins(times: int) -> str:
    return "mutation {" + " ".join(f"a{number}: {SIGN_IN}" for number in range(times)) + "}"


@asynccontextmanager
async def shop_with(
    settings: Settings, trusted: str = "127.0.0.1", **changes: object
) -> AsyncIterator[tuple[Shop, str]]:
    """A client of Prumo behind a real socket with other settings, and its host and port."""
    app: Starlette = create_app(settings.model_copy(update={"forwarded_allow_ips": trusted, **changes}))
    async with app.router.lifespan_context(app), served(app) as address:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=f"http://{address}", trust_env=False, limits=limits, timeout=60
        ) as http:
            yield Shop(http), address


@pytest.fixture(scope="module")
async def small(settings: Settings, shop: Shop) -> AsyncIterator[tuple[Shop, str]]:
    """A hundred points for a user, as many for an address, and next to nothing restored.

    Somebody else has asked for the documents before, and so paid for preparing them. A sign-in takes most of the
    points: people signed in elsewhere.
    """
    tokens = {who: await shop.token(who) for who in (SP, PA, VENDAS, GESTOR)}
    async with shop_with(
        settings, throttle_points=100, throttle_restore_rate=1, throttle_anonymous_share=1.0
    ) as served:
        for number, text in enumerate((PAGE, "{ __typename }")):
            await served[0].post({"query": text}, from_address(f"198.51.100.{number}"))
        served[0]._tokens.update(tokens)
        yield served


def from_address(address: str, media_type: str = GRAPHQL_RESPONSE) -> dict[str, str]:
    """Headers of a request that a trusted proxy passes on."""
    return {"x-forwarded-for": address, "accept": media_type}


async def test_two_hundred_at_once_of_one_user_are_answered(settings: Settings) -> None:
    """With the throttle as it is by default."""
    fields = Settings.model_fields
    by_default = {name: fields[name].default for name in fields if name.startswith("throttle_")}
    async with shop_with(settings.model_copy(update=by_default)) as (shop, _):
        await shop.token(SP)
        answers = await asyncio.gather(*(shop.ask(PRICED_PAGE, who=SP) for _ in range(200)))
    assert [answer.status for answer in answers] == [200] * 200
    assert all(answer.data == answers[0].data for answer in answers)
    cost = min((each.body["extensions"]["cost"] for each in answers), key=lambda each: each["requested"])
    assert (cost["requested"], cost["throttle"]["maximum"], cost["throttle"]["restoreRate"]) == (
        1 + 1 + 5 * 3,
        20_000,
        2_000,
    )


@pytest.mark.parametrize("executor", ExecutorKind)
async def test_an_answer_tells_its_cost(settings: Settings, executor: ExecutorKind) -> None:
    async with shop_with(settings, executor=executor) as (shop, _):
        text = '{ products(first: 50, filter: { search: "cimento cp ii 50" }) { nodes { sku category { id } } } }'
        first, answer = await shop.ask(text, who=SP), await shop.ask(text, who=SP)
        found = len(nodes_of(answer.data["products"]))
        assert 0 < found < 50
        cost = answer.body["extensions"]["cost"]
        points = (1 + 1 + 50 * 2 + SEARCHING, 1 + 1 + found * 2 + SEARCHING)
        assert (cost["requested"], cost["actual"]) == points
        once = {name: first.body["extensions"]["cost"][name] - cost[name] for name in ("requested", "actual")}
        assert 10 < once["requested"] == once["actual"] < 25, "what preparing the document cost"
        nothing = '{ product(slug: "no-such-thing") { category { id } } }'
        await shop.ask(nothing)
        missing = await shop.ask(nothing)
        assert missing.body["extensions"]["cost"] | {"throttle": None} == {
            "requested": 1 + 2,
            "actual": 1 + 1,
            "throttle": None,
        }


async def test_who_has_spent_everything_is_told_when_to_come_again(small: tuple[Shop, str]) -> None:
    shop, _ = small
    spent = [await shop.ask(PAGE, who=SP) for _ in range(8)]
    assert [answer.status for answer in spent] == [200] * 8
    refused = await shop.ask(PAGE, who=SP)
    assert (refused.status, refused.codes, "data" in refused.body) == (429, ["THROTTLED"], False)
    after = int(refused.headers["retry-after"])
    cost = refused.body["extensions"]["cost"]
    assert 1 <= after <= PAGE_COST
    assert refused.body["errors"][0]["extensions"]["retryAfter"] == after
    assert (cost["requested"], cost["actual"]) == (PAGE_COST, 1), "to be refused costs a point"
    assert cost["throttle"].keys() == {"maximum", "available", "restoreRate"}
    assert cost["throttle"]["available"] < PAGE_COST
    plain = await shop.post({"query": PAGE}, {"authorization": f"Bearer {await shop.token(SP)}"})
    assert (plain.status, plain.codes) == (429, ["THROTTLED"]), "application/json says it with the status too"
    assert (await shop.ask(PAGE, who=PA)).status == 200, "somebody else has points"
    assert (await shop.ask("{ __typename }", who=SP)).status == 200, "what is paid for is answered"


async def test_who_has_spent_everything_is_not_looked_at(settings: Settings) -> None:
    """Not even whether it is JSON; and nothing more is spent."""
    async with shop_with(settings, throttle_points=20, throttle_restore_rate=1) as (
        shop,
        _,
    ):  # 4 for an address
        headers = from_address("192.0.2.40") | {"content-type": "application/json"}
        answers = [await shop.http.post("/graphql", content=b"{", headers=headers) for _ in range(8)]
        assert [each.status_code for each in answers[:4]] == [400] * 4
        last = answers[-1]
        assert (last.status_code, int(last.headers["retry-after"])) == (429, 1)
        assert last.json()["errors"][0]["extensions"]["code"] == "THROTTLED"
        assert last.json()["extensions"]["cost"]["actual"] is None


@pytest.mark.parametrize(
    ("body", "least"),
    [
        (b"{", 1),
        (b'{"query": ""}', 1),
        (b'{"documentId": "' + b"0" * 64 + b'"}', 1),
        (b'{"query": "{ __typename }", "variables": {"a": "' + b"x" * 500_000 + b'"}}', 1 + 30),
        (b'{"query": "{ ' + b"x " * 3_990 + b'"}', 10 + 399),
        (b'{"query": "{ ' + b"x " * 900 + b'}"}', 10 + 90),
        (
            b'{"query": "query ($a: [String!]) { products(filter: { skus: $a }) { nodes { id } } }",'
            + b'"variables": {"a": ['
            + b"1," * 5_000
            + b"{}]}}",
            50,
        ),
        (b" " * 1_000_100, 1 + 61),
    ],
)
async def test_what_is_refused_costs_its_sender_points(settings: Settings, body: bytes, least: int) -> None:
    async with shop_with(settings, throttle_points=10_000, throttle_restore_rate=1) as (shop, _):

        async def chunks() -> AsyncIterator[bytes]:
            yield body

        headers = from_address("192.0.2.50") | {"content-type": "application/json"}
        answer = await shop.http.post("/graphql", content=chunks(), headers=headers)
        cost = answer.json()["extensions"]["cost"]
        assert cost["requested"] == cost["actual"] >= least
        assert cost["throttle"]["available"] in range(2_000 - cost["actual"], 2_000 - cost["actual"] + 60)


async def test_a_refusal_over_a_socket_costs_points(small: tuple[Shop, str]) -> None:
    shop, address = small
    who = "vendas@prumo.example"
    async with connected(address, await bearer(shop, who)) as socket:
        codes = []
        for number in range(10):
            await send(socket, id=str(number), type="subscribe", payload={"query": UNKNOWN})
            codes.append((await receive(socket))["payload"][0]["extensions"]["code"])
    refused = codes.index("THROTTLED")
    assert 3 <= refused <= 8
    assert codes == ["GRAPHQL_VALIDATION_FAILED"] * refused + ["THROTTLED"] * (10 - refused)


async def test_a_socket_spends_the_same_points(small: tuple[Shop, str]) -> None:
    shop, address = small
    who = "gestor.sp@prumo.example"
    async with connected(address, await bearer(shop, who)) as socket:
        messages: list[Json] = []
        for number in range(9):
            await send(socket, id=str(number), type="subscribe", payload={"query": PAGE})
            messages.append(await receive(socket))
            if messages[-1]["type"] == "next":
                assert (await receive(socket))["type"] == "complete"
    assert [message["type"] for message in messages] == ["next"] * 8 + ["error"]
    assert messages[0]["payload"]["extensions"]["cost"]["actual"] == PAGE_COST
    told = messages[-1]["payload"][0]["extensions"]
    assert (told["code"], told["retryAfter"] >= 1) == ("THROTTLED", True)
    assert (await shop.ask(PAGE, who=who)).status == 429, "and what it spent is missing over HTTP"


async def test_visitors_are_told_apart_by_their_network(small: tuple[Shop, str]) -> None:
    shop, _ = small

    async def ask(address: str) -> int:
        return (await shop.post({"query": PAGE}, from_address(address))).status

    assert [await ask("2001:db8:1:1::1") for _ in range(9)] == [200] * 8 + [429]
    assert await ask("2001:db8:1:1:ffff::9") == 429, "of the same customer"
    assert await ask("2001:db8:1:2::1") == 200
    assert await ask("192.0.2.7") == 200


async def test_an_untrusted_proxy_is_one_visitor(settings: Settings) -> None:
    async with shop_with(settings, "192.0.2.1", throttle_points=200, throttle_restore_rate=1) as (shop, _):
        page = "{ products(first: 17) { nodes { sku } } }"  # of the 40 points that an address has
        first = await shop.post({"query": page}, from_address("192.0.2.30"))
        second = await shop.post({"query": page}, from_address("192.0.2.31"))
    assert (first.status, second.status) == (200, 429)


async def test_aliased_sign_ins_are_as_many_sign_ins(settings: Settings) -> None:
    async with shop_with(
        settings, throttle_points=480, throttle_restore_rate=1, throttle_anonymous_share=1.0
    ) as (shop, _):

        async def ask(address: str, times: int) -> int:
            return (await shop.post({"query": sign_ins(times)}, from_address(address))).status

        for number, times in enumerate((1, 7)):  # others pay for preparing the documents
            await ask(f"198.51.100.{number}", times)
        assert [await ask("192.0.2.20", 1) for _ in range(8)] == [200] * 7 + [429]
        assert [await ask("192.0.2.21", times) for times in (7, 1)] == [200, 429]


async def test_what_no_waiting_could_pay_for_is_too_complex(small: tuple[Shop, str]) -> None:
    shop, _ = small
    answer = await shop.ask("{ products(first: 100) { nodes { sku } } }", who=PA)
    assert (answer.status, answer.codes) == (400, ["QUERY_TOO_COMPLEX"])
    cost = answer.body["extensions"]["cost"]
    assert cost["requested"] - cost["actual"] == 101
    assert "retry-after" not in answer.headers


async def test_both_can_be_switched_off(settings: Settings) -> None:
    off = Settings(home=settings.home, throttle_points="off", cost_limit="off")
    assert (off.throttle_points, off.cost_limit, off.throttle) == (0, 0, None)
    async with shop_with(settings, throttle_points=0, cost_limit=0) as (shop, _):
        page = "products(first: 100) { nodes { sku } }"
        answer = await shop.ask("{" + " ".join(f"a{n}: {page}" for n in range(20)) + "}")
        assert answer.body["extensions"]["cost"]["throttle"] is None
        many = "nodes { price { breaks { from { value } unitPrice { amount } } } }"
        dear = await shop.ask(
            "{" + " ".join(f"a{n}: products(first: 100) {{ {many} }}" for n in range(4)) + "}", who=SP
        )
    assert (answer.status, dear.status) == (200, 200)
    assert dear.body["extensions"]["cost"]["requested"] > 5_000


async def test_images_cost_an_anonymous_callers_points(settings: Settings) -> None:
    """A page of a hundred images is no trouble with the points that there are by default."""
    fields = Settings.model_fields
    by_default = {name: fields[name].default for name in fields if name.startswith("throttle_")}
    one, other = {"x-forwarded-for": "192.0.2.1"}, {"x-forwarded-for": "192.0.2.2"}
    async with shop_with(settings.model_copy(update=by_default)) as (shop, _):
        page = [shop.http.get(f"/media/products/{number}.png", headers=one) for number in range(100)]
        assert {answer.status_code for answer in await asyncio.gather(*page)} == {404}
    async with shop_with(
        settings, throttle_points=10, throttle_restore_rate=1, throttle_anonymous_share=1.0
    ) as (shop, _):
        asked = [shop.http.get("/media/products/none.png", headers=one) for _ in range(40)]
        answers = await asyncio.gather(*asked)
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused and len(answers) - len(refused) >= 10
        assert refused[0].headers["retry-after"] == "1"
        assert (await shop.http.get("/media/products/none.png", headers=other)).status_code == 404
