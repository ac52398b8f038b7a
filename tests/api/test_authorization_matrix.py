"""Every role × every guarded field, every object by its id across accounts: asked of the served application."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from uuid import UUID, uuid4

import pytest
from graphql import (
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    build_schema,
    get_named_type,
    parse,
)
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from starlette.applications import Starlette
from stdnum.br import cnpj as cnpjs

from contexts.identity.api import (
    ROLES,
    AccountOpened,
    AccountStatus,
    Address,
    Identity,
    UserAdded,
)
from contexts.shared.ids import new_id
from gateway.bootstrap import bootstrap
from gateway.seed.demo import DEMO_PASSWORD
from gateway.settings import Settings
from resolvers.vocabulary.node import node_id, parse_node_id
from schema.authorization_table import GuardedField, guarded_fields
from tests.api.generated import Step, Way, document, minimal, open_way, ways
from tests.api.serving import served
from tests.api.shop import (
    ADMIN,
    CATALOGO,
    GESTOR,
    OPERATIONS,
    PRECOS,
    REP,
    SP,
    VENDAS,
    Answer,
    Json,
    Shop,
    nodes_of,
)
from tests.api.socket_client import bearer, connected, receive, send

SDL = Path("graphql/schema.graphql").read_text()
SCHEMA: GraphQLSchema = build_schema(SDL)
GUARDED = guarded_fields(SDL)
GUARDS = {(field.type_name, field.name): field for field in GUARDED}
WAYS = ways(SCHEMA)
NODE_TYPES = sorted(type_.name for type_ in SCHEMA.get_possible_types(SCHEMA.type_map["Node"]))  # type: ignore[arg-type]  # Node is an interface

VIEWER, PENDING, SUSPENDED = "olheiro@prumo.example", "pendente@prumo.example", "suspensa@prumo.example"
DENIED = {"FORBIDDEN", "UNAUTHENTICATED"}


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks: their address and role, None for a visitor, and the accounts they reach: of A (the demo's
    in SP), B (whom no rep looks after), and the firms that are pending and suspended."""

    name: str
    email: str | None
    role: str | None
    reaches: frozenset[str]


EVERY = frozenset({"A", "B", "pending", "suspended"})
CALLERS = (
    Caller("visitor", None, None, frozenset()),
    Caller("buyer", SP, "buyer", frozenset({"A"})),
    Caller("account_admin", GESTOR, "account_admin", frozenset({"A"})),
    Caller("account_viewer", VIEWER, "account_viewer", frozenset({"A"})),
    Caller("sales_rep", REP, "sales_rep", frozenset({"A"})),
    Caller("sales_manager", VENDAS, "sales_manager", EVERY),
    Caller("pricing", PRECOS, "pricing", EVERY),
    Caller("catalog", CATALOGO, "catalog", frozenset()),
    Caller("admin", ADMIN, "admin", EVERY),
    Caller("pending", PENDING, "account_admin", frozenset({"pending"})),
    Caller("suspended", SUSPENDED, "account_admin", frozenset({"suspended"})),
)


@dataclass(slots=True)
class World:
    """The served application with what the tests ask about. `ids`: node ids by type and owner; `spare` has what
    mutations may spoil; `secrets`: what only those may read who reach B."""

    shop: Shop
    scopes: Mapping[str, frozenset[str]]
    ids: Mapping[str, Mapping[str, str]]
    secrets: tuple[str, ...]

    def scopes_of(self, caller: Caller) -> frozenset[str] | None:
        return None if caller.role is None else self.scopes[caller.role]

    async def ask(self, caller: Caller, query: str, variables: Json = None) -> Answer:
        """As this caller; one whose own mutation ended their session signs in again."""
        answer = await self.shop.ask(query, variables, caller.email)
        if answer.status == 401 and caller.email is not None:
            self.shop._tokens.pop(caller.email, None)
            answer = await self.shop.ask(query, variables, caller.email)
        return answer


async def firm(
    identity: Identity, number: int, status: AccountStatus, name: str, street: str = "Rua Um"
) -> AccountOpened:
    base = f"{98_000_000 + number}0001"
    opened = await identity.open_account(
        legal_name=name,
        cnpj=base + cnpjs.calc_check_digits(base),
        address=Address(street, "77", "Batista Campos", "Belém", "PA", "66023710"),
        status=status,
    )
    assert isinstance(opened, AccountOpened)
    return opened


async def person(identity: Identity, email: str, role: str, account_id: UUID) -> UserAdded:
    added = await identity.add_user(
        email=email,
        name=f"Pessoa {email.partition('@')[0]}",
        password=DEMO_PASSWORD,
        roles=[role],
        account_id=account_id,
    )
    assert isinstance(added, UserAdded)
    return added


@pytest.fixture(scope="module")
async def world(shop: Shop, settings: Settings) -> AsyncIterator[World]:
    async with bootstrap(settings, store=False, listening=False) as parts:
        identity = parts.contexts.identity
        secret = await firm(identity, 1, AccountStatus.APPROVED, "Sigilo Construções Ltda", "Rua Oculta")
        pending = await firm(identity, 2, AccountStatus.PENDING, "Pendente Ltda")
        suspended = await firm(identity, 3, AccountStatus.SUSPENDED, "Suspensa Ltda")
        spare = await firm(identity, 4, AccountStatus.PENDING, "Sobra Ltda")
        their_boss = await person(identity, "chefe@sigilo.example", "account_admin", secret.account.id)
        await person(identity, PENDING, "account_admin", pending.account.id)
        await person(identity, SUSPENDED, "account_admin", suspended.account.id)
        spare_user = await person(identity, "sobra@sobra.example", "buyer", spare.account.id)
        await person(identity, "chefe@sobra.example", "account_admin", spare.account.id)
        async with parts.database.begin() as transaction:
            # As if everybody had followed the mailed link: the unproved of an unapproved account invite nobody.
            await transaction.connection.raw.execute("UPDATE identity.users SET email_verified_at = now()")
            await transaction.commit()
        viewer = await shop.operation("portal/Viewer", None, SP)
        own, me = viewer.data["viewer"]["account"]["id"], viewer.data["viewer"]["user"]["id"]
        invited = {
            who: await done(
                shop, "portal/InviteUser", "userInvite", who, email=f"{n}@novo.example", role="BUYER"
            )
            for n, who in enumerate((GESTOR, "chefe@sigilo.example", "chefe@sobra.example"))
        }
        demo = parse_node_id(own)
        assert demo is not None
        await person(identity, VIEWER, "account_viewer", demo.id)
        placed = {who: await place_order(shop, who) for who in (SP, "chefe@sigilo.example")}
        carts = {who: await fill_cart(shop, who) for who in (SP, "chefe@sigilo.example")}
        price = await done(
            shop,
            "backoffice/SetPrice",
            "priceSet",
            PRECOS,
            sku="CIM-0002",
            source="BUYER",
            accountId=node_id("BuyerAccount", secret.account.id),
            amount="31.37",
        )
        catalog = (await shop.ask("{ products(first: 1) { nodes { id category { id } } } }", None)).data
        product = nodes_of(catalog["products"])[0]
    ids = {
        "Product": dict.fromkeys(("A", "B", "spare"), product["id"]),
        "Category": dict.fromkeys(("A", "B", "spare"), product["category"]["id"]),
        "Order": {"A": placed[SP]["id"], "B": placed["chefe@sigilo.example"]["id"]},
        "Cart": {"A": carts[SP]["id"], "B": carts["chefe@sigilo.example"]["id"]},
        "Price": {"A": price["id"], "B": price["id"]},
        "User": {
            "A": me,
            "B": node_id("User", their_boss.user.id),
            "spare": node_id("User", spare_user.user.id),
        },
        "BuyerAccount": {
            "A": own,
            "B": node_id("BuyerAccount", secret.account.id),
            "spare": node_id("BuyerAccount", spare.account.id),
        },
        "Invitation": {
            "A": invited[GESTOR]["id"],
            "B": invited["chefe@sigilo.example"]["id"],
            "spare": invited["chefe@sobra.example"]["id"],
        },
    }
    secrets = (
        "Sigilo",
        secret.account.cnpj,
        "sigilo.example",
        "Rua Oculta",
        placed["chefe@sigilo.example"]["number"],
        "31.37",
    )
    yield World(shop, await roles_in(settings), ids, secrets)


async def done(shop: Shop, operation: str, mutation: str, who: str, **input: Json) -> Json:
    return (await shop.operation(operation, {"input": input}, who)).done(mutation)


async def fill_cart(shop: Shop, who: str) -> Json:
    return await done(shop, "portal/SetCartLine", "cartLineSet", who, sku="CIM-0001", quantity="10")


async def place_order(shop: Shop, who: str) -> Json:
    cart = await fill_cart(shop, who)
    return await done(
        shop, "portal/CheckOut", "cartCheckout", who, idempotencyKey=uuid4().hex, cartVersion=cart["version"]
    )


async def roles_in(settings: Settings) -> dict[str, frozenset[str]]:
    """The roles as the database has them, which is what tokens are made of."""
    assert settings.database_url is not None
    engine = create_async_engine(settings.database_url.replace("postgresql://", "postgresql+asyncpg://"))
    found: dict[str, set[str]] = {}
    async with engine.connect() as connection:
        for role, scope in await connection.execute(text("SELECT role, scope FROM identity.role_scopes")):
            found.setdefault(role, set()).add(scope)
    await engine.dispose()
    return {role: frozenset(scopes) for role, scopes in found.items()}


# What the generated inputs hold.

ID_TYPES = {
    "accountId": "BuyerAccount",
    "accountIds": "BuyerAccount",
    "onBehalfOf": "BuyerAccount",
    "repId": "User",
    "fromRepId": "User",
    "toRepId": "User",
}
ID_OF_MUTATION = (
    (r"buyerAccountAddress.*", "AccountAddress"),
    (r"buyerAccount.*", "BuyerAccount"),
    (r"userSession.*", "UserSession"),
    (r"(staffUser|user).*", "User"),
    (r"invitation.*", "Invitation"),
    (r"order.*|Query\.order", "Order"),
    (r"product.*", "Product"),
)


def id_type(coordinate: str, name: str) -> str | None:
    """Of which type the id is that an argument or input field asks for; None: of any."""
    if name in ID_TYPES:
        return ID_TYPES[name]
    field = coordinate.partition(".")[2]
    return next((type_ for pattern, type_ in ID_OF_MUTATION if re.fullmatch(pattern, field)), None)


def filling(world: World, owner: str, inside: str | None = None) -> Callable[[str, str, str], Json]:
    """Values for what is asked for: ids of what the owner has, texts that break no rule they need not break.

    `inside`: the type of the fragment that follows a `node(id:)`.
    """

    def fill(coordinate: str, name: str, type_: str) -> Json:
        if type_ == "ID":
            of = inside if coordinate == "Query.node" else id_type(coordinate, name)
            owned = world.ids.get(of or "", {})
            return owned.get(owner) or owned.get("B") or node_id(of or "Product", new_id())
        if type_ == "Decimal":
            return "1"
        if name == "email":
            return f"{uuid4().hex}@matriz.example"
        return "PA" if name == "state" else "11222333000181" if name == "cnpj" else "texto"

    return fill


def given(caller: Caller, world: World) -> Callable[[str, str], bool]:
    """Optional arguments that make an answer: the id of what is asked for; staff ask prices for an account."""
    scopes = world.scopes_of(caller) or frozenset()

    def optional(coordinate: str, name: str) -> bool:
        if name == "onBehalfOf":
            return "price:read" in scopes and caller.role not in {
                "buyer",
                "account_admin",
                "account_viewer",
            }
        return name == "id"

    return optional


# The matrix.


def asked(
    world: World, caller: Caller, field: GuardedField, way: Way | None = None
) -> tuple[str, list[str], Step | None]:
    """An operation for the field, its response path, and the step before it that is denied, if one is."""
    way, denied = open_way(WAYS[field.type_name] if way is None else [way], GUARDS, world.scopes_of(caller))
    type_ = SCHEMA.type_map[field.type_name]
    assert isinstance(type_, GraphQLObjectType)
    fragment = bool(way) and get_named_type(way[-1].field.type).name == "Node"
    whole: Way = (*way, Step(type_, field.name, fragment))
    inside = next((after.on.name for after in whole if after.fragment), None)
    owner = "spare" if whole[0].on.name == "Mutation" else "A"
    text = document(whole, filling(world, owner, inside), given(caller, world))
    steps = whole[: whole.index(denied) + 1] if denied else whole
    return text, [step.name for step in steps], denied


def at(data: Json, path: list[str]) -> list[Json]:
    """Everything that stands at a response path, through lists; nothing below what is null."""
    if isinstance(data, list):
        return [found for each in data for found in at(each, path)]
    if not path:
        return [data]
    return at(data[path[0]], path[1:]) if data and path[0] in data else []


ASKED = [field for field in GUARDED if field.type_name != "Subscription"]


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
async def test_the_matrix(world: World, caller: Caller) -> None:
    scopes = world.scopes_of(caller)
    # Queries first: mutations may end the caller's session.
    for field in sorted(ASKED, key=lambda field: field.type_name == "Mutation"):
        document_, path, before = asked(world, caller, field)
        answer = await world.ask(caller, document_)
        errors = answer.body.get("errors", [])
        allowed = field.allows(scopes) and before is None
        where = f"{caller.name}: {field.type_name}.{field.name}\n{document_}\n{answer.body}"
        if allowed:
            assert not DENIED.intersection(answer.codes), where
            assert "INTERNAL_SERVER_ERROR" not in answer.codes, where
            assert not {"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED"}.intersection(answer.codes), where
        else:
            code = "UNAUTHENTICATED" if scopes is None else "FORBIDDEN"
            # Told of where an object has the field, whoever's it is: not of what is not found.
            stands = any(isinstance(parent, dict) for parent in at(answer.body["data"], path[:-1]))
            told = [(path, code)] if stands else []
            assert [(error["path"], error["extensions"]["code"]) for error in errors] == told, where
            assert stands or len(path) > 1, where
            assert all(value is None for value in at(answer.body["data"], path)), where


async def test_what_is_allowed_is_there_for_somebody(world: World) -> None:
    """A field that nobody ever gets to is not tested by being asked for."""
    for field in ASKED:
        if field.type_name != "Mutation":
            assert await reached(world, field), f"{field.type_name}.{field.name}: nobody gets there"


async def reached(world: World, field: GuardedField) -> bool:
    """Whether somebody who may ask for the field finds an object that has it."""
    for way in WAYS[field.type_name]:
        if way and way[0].on.name == "Mutation":
            continue
        for caller in CALLERS:
            document_, path, before = asked(world, caller, field, way)
            if before is None and field.allows(world.scopes_of(caller)):
                data = (await world.ask(caller, document_)).body["data"]
                if any(parent is not None for parent in at(data, path[:-1])):
                    return True
    return False


def test_every_role_is_in_the_matrix(world: World) -> None:
    assert {caller.role for caller in CALLERS} - {None} == set(world.scopes)
    assert world.scopes == ROLES


# By id.

Sees = Callable[[Caller, frozenset[str], str], bool]


def _own(caller: Caller, scopes: frozenset[str], owner: str) -> bool:
    return owner in caller.reaches


SEES: dict[str, Sees] = {
    "Product": lambda caller, scopes, owner: True,
    "Category": lambda caller, scopes, owner: True,
    "Order": lambda caller, scopes, owner: owner in caller.reaches and "order:read" in scopes,
    "Cart": lambda caller, scopes, owner: caller.email == SP and owner == "A",
    "Price": lambda caller, scopes, owner: "price:write" in scopes,
    "User": lambda caller, scopes, owner: (
        (caller.email == SP and owner == "A")
        or (owner in caller.reaches and bool({"account:read", "account:manage"} & scopes))
    ),
    "BuyerAccount": _own,
    "Invitation": lambda caller, scopes, owner: owner in caller.reaches and "account:manage" in scopes,
}
"""Who finds an object of this type by its id: a rule for each, written without looking at the code."""


def test_every_node_type_has_a_rule(world: World) -> None:
    assert sorted(SEES) == NODE_TYPES, "say in SEES who may find it, and give the world one of A and one of B"
    assert sorted(world.ids) == NODE_TYPES


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
async def test_by_id_across_accounts_and_portfolios(world: World, caller: Caller) -> None:
    scopes = world.scopes_of(caller) or frozenset()
    assert SCHEMA.query_type is not None
    for type_name in NODE_TYPES:
        for owner in ("A", "B"):
            id = world.ids[type_name][owner]
            found = SEES[type_name](caller, scopes, owner)
            answer = await world.ask(
                caller, "query ($id: ID!) { node(id: $id) { id __typename } }", {"id": id}
            )
            expected = {"id": id, "__typename": type_name} if found else None
            assert answer.data["node"] == expected, f"{caller.name}: {type_name} of {owner}"
            for name, field in SCHEMA.query_type.fields.items():
                if get_named_type(field.type).name == type_name and "id" in field.args:
                    if not GUARDS["Query", name].allows(world.scopes_of(caller)):
                        continue
                    query = f"query ($id: ID!) {{ {name}(id: $id) {{ id }} }}"
                    by_field = (await world.ask(caller, query, {"id": id})).data[name]
                    assert (by_field is not None) is found, f"{caller.name}: {name} of {owner}"


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
async def test_no_shipped_query_tells_of_another_s(world: World, caller: Caller) -> None:
    for path in sorted(OPERATIONS.glob("*/*.graphql")):
        document_ = parse(path.read_text())
        (operation,) = [d for d in document_.definitions if isinstance(d, OperationDefinitionNode)]
        if operation.operation.value != "query":
            continue
        names = {variable.variable.name.value for variable in operation.variable_definitions or ()}
        account, order = world.ids["BuyerAccount"]["B"], world.ids["Order"]["B"]
        asked_of: dict[str, Json] = {"id": order if path.stem == "Order" else account, "account": account}
        asked_of |= {"skus": ["CIM-0001", "CIM-0002"], "slug": "x", "first": 100}
        variables = {name: asked_of[name] for name in names & asked_of.keys()}
        answer = await world.ask(caller, path.read_text(), variables)
        if "B" not in caller.reaches:
            told = str(answer.body)
            assert not [secret for secret in world.secrets if secret in told], f"{caller.name}: {path.stem}"


@pytest.mark.parametrize(
    "caller", [caller for caller in CALLERS if "B" not in caller.reaches], ids=lambda caller: caller.name
)
async def test_a_mutation_of_another_s_is_one_of_nothing(world: World, caller: Caller) -> None:
    """What lies out of reach is answered like what does not exist."""
    assert SCHEMA.mutation_type is not None
    tried = 0
    for name, field in SCHEMA.mutation_type.fields.items():
        if not GUARDS["Mutation", name].allows(world.scopes_of(caller)) or "input" not in field.args:
            continue
        input_type = field.args["input"].type
        answers = []
        for owner in ("B", "nobody"):
            fill = filling(world, owner) if owner == "B" else filling(_without(world), owner)
            random = Random(0)
            input = minimal(input_type, _steady(fill, random), f"Mutation.{name}", "input", ids=True)
            if not _has_id(input_type):
                break
            query = (
                f"mutation ($input: {input_type}) {{ {name}(input: $input)"
                " { data { __typename } error { code message } } }"
            )
            payload = (await world.ask(caller, query, {"input": input})).data[name]
            assert payload["data"] is None, f"{caller.name}: {name} {input}"
            told = str(payload)
            assert not [secret for secret in world.secrets if secret in told], f"{caller.name}: {name}"
            answers.append(payload["error"])
        if answers:
            tried += 1
            theirs, nobodys = answers
            assert theirs == nobodys, f"{caller.name}: {name}"
    assert tried or caller.role in {None, "catalog", "account_viewer"}


def _has_id(type_: object) -> bool:
    return "ID" in str(minimal(type_, lambda coordinate, name, scalar: scalar, "", "input", ids=True))


def _without(world: World) -> World:
    return World(world.shop, world.scopes, {}, world.secrets)


def _steady(fill: Callable[[str, str, str], Json], random: Random) -> Callable[[str, str, str], Json]:
    """The same e-mail addresses both times."""

    def steady(coordinate: str, name: str, type_: str) -> Json:
        if name == "email":
            return f"{random.getrandbits(64):x}@matriz.example"
        return fill(coordinate, name, type_)

    return steady


async def test_accounts_that_are_not_approved_see_no_prices(world: World) -> None:
    for email in (PENDING, SUSPENDED):
        products = (await world.shop.operation("portal/Products", {"first": 10}, email)).data["products"]
        assert [product["price"] for product in nodes_of(products)] == [None] * 10
        sorting = await world.shop.operation("portal/Products", {"first": 3, "sort": "PRICE_ASC"}, email)
        assert [product["price"] for product in nodes_of(sorting.data["products"])] == [None] * 3


@pytest.mark.parametrize("caller", CALLERS, ids=lambda caller: caller.name)
async def test_subscriptions(world: World, app: Starlette, caller: Caller) -> None:
    assert SCHEMA.subscription_type is not None
    for name in SCHEMA.subscription_type.fields:
        guard = GUARDS["Subscription", name]
        payload = None if caller.email is None else await bearer(world.shop, caller.email)
        async with served(app) as address, connected(address, payload) as socket:
            query = f"subscription {{ {name} {{ __typename }} }}"
            await send(socket, id="1", type="subscribe", payload={"query": query})
            if guard.allows(world.scopes_of(caller)):
                await send(socket, type="ping")  # answered in order: a refusal would have come before
                assert (await receive(socket))["type"] == "pong"
                await send(socket, id="1", type="complete")
            else:
                refused = await receive(socket)
                code = "UNAUTHENTICATED" if caller.email is None else "FORBIDDEN"
                assert refused["id"] == "1"
                assert code in str(refused["payload"])
