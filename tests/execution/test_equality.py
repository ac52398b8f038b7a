"""Every shipped operation and many made ones answer the same under both executors, whatever fails on the way."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, cast
from uuid import UUID

import pytest
from graphql import GraphQLSchema

from contexts.identity.api import Principal
from resolvers.vocabulary.context import RequestContext
from resolvers.vocabulary.node import node_id
from schema.documents import Refused
from schema.operations import Operations
from tests.execution.both import both, executors, run, the_schema
from tests.execution.comparison import difference as responses_differ
from tests.execution.documents import Documents, Json, Request, conflicting_fields
from tests.execution.forest import Forest, the_forest
from tests.execution.world import ACCOUNTS, BUYER, INVITATION, NODE_IDS, NOW, STAFF, USER, any_principal

# Plain seeds: hypothesis needs ten times as long for documents of hundreds of choices.
# graphql-core abandons the coroutines of siblings when a field that must not be null fails without having been awaited.
pytestmark = [
    pytest.mark.filterwarnings(rf"ignore:.*coroutine .*{name}:pytest.PytestUnraisableExceptionWarning")
    for name in ("Executor", "_async_resolver")
] + [
    pytest.mark.thorough,
    *(
        pytest.mark.filterwarnings(rf"ignore:coroutine .*{name}.* was never awaited:RuntimeWarning")
        for name in ("Executor", "_async_resolver")
    ),
]

EXAMPLES = int(os.environ.get("PRUMO_EXAMPLES", "300"))
FEW = 60
"""Of the examples `make test` takes so many."""
RATES = (0.0, 0.01, 0.03, 0.1, 0.3)
SHIPPED = {
    f"{path.parent.name}/{path.stem}": text
    for path in sorted(Path("graphql/operations").glob("*/*.graphql"))
    if not (text := path.read_text()).startswith("subscription")  # an event is graphql-core's in both
}

ADDRESS = {
    "street": "Rua Um",
    "number": "1",
    "district": "Centro",
    "city": "Belém",
    "state": "PA",
    "postalCode": "66000-000",
}
ACCOUNT_ID, USER_ID = node_id("BuyerAccount", ACCOUNTS[0]), node_id("User", USER)
INVITATION_ID, ADDRESS_ID = node_id("Invitation", INVITATION), node_id("AccountAddress", UUID(int=8_100))
INPUTS: dict[str, Json] = {
    "ConfirmOrder": {"id": NODE_IDS[6], "idempotencyKey": "key"},
    "CancelOrder": {"id": NODE_IDS[7], "idempotencyKey": "key", "reason": "duplicada"},
    "SetPrice": {"sku": "SKU-0", "source": "NATIONAL", "amount": "36.90"},
    "CheckOut": {"idempotencyKey": "key", "cartVersion": 3, "expectedTotal": "100.00"},
    "RefreshSession": {"refreshToken": "token"},
    "RevokeSession": {"id": node_id("UserSession", UUID(int=6_000))},
    "RevokeAllSessions": {"exceptCurrent": False},
    "ChangePassword": {"currentPassword": "prumo-demo", "newPassword": "obra nova 1987"},
    "RequestPasswordReset": {"email": "maria@prumo.example"},
    "ResetPassword": {"token": "token", "newPassword": "obra nova 1987"},
    "VerifyEmail": {"token": "token"},
    "SetRoleScopes": {"role": "buyer", "scopes": ["price:read"], "version": 1},
    "SetCartLine": {"sku": "SKU-1", "quantity": "2.5"},
    "SignIn": {"email": "maria@prumo.example", "password": "prumo-demo"},
    "RegisterAccount": {
        "idempotencyKey": "key",
        "legalName": "Obra Ltda",
        "cnpj": "11222333000181",
        "addresses": [ADDRESS],
        "user": {"name": "Maria", "email": "maria@prumo.example", "password": "prumo-demo"},
    },
    "ProvideInformation": {"information": "Segue o contrato social."},
    "SetAddress": {"address": ADDRESS, "primary": True},
    "RemoveAddress": {"id": ADDRESS_ID, "accountId": ACCOUNT_ID},
    "InviteUser": {"email": "novo@prumo.example", "role": "BUYER", "approvalLimit": "1000.00"},
    "ResendInvitation": {"id": INVITATION_ID},
    "RevokeInvitation": {"id": INVITATION_ID},
    "AcceptInvitation": {"token": "token", "name": "Maria", "password": "prumo-demo"},
    "SetUserRole": {"id": USER_ID, "role": "VIEWER"},
    "DeactivateUser": {"id": USER_ID},
    "ReactivateUser": {"id": USER_ID},
    "ApproveAccount": {"id": ACCOUNT_ID, "reason": "Tudo certo.", "tier": "OURO"},
    "SetAccountTier": {"id": ACCOUNT_ID, "reason": "Cresceu.", "tier": "OURO"},
    **{
        name: {"id": ACCOUNT_ID, "reason": "Falta o contrato social.", "note": "Ligar."}
        for name in (
            "RequestInformation",
            "RejectAccount",
            "SuspendAccount",
            "ReactivateAccount",
            "ReleaseCnpj",
        )
    },
    "HandOverCnpj": {"id": ACCOUNT_ID, "toId": ACCOUNT_ID, "reason": "O contrato social confere."},
    "InviteStaffUser": {"email": "novo@prumo.example", "roles": ["pricing"]},
    "SetStaffUserRoles": {"id": USER_ID, "roles": ["pricing"]},
    "AssignPortfolio": {"repId": USER_ID, "accountId": ACCOUNT_ID},
    "UnassignPortfolio": {"repId": USER_ID, "accountId": ACCOUNT_ID},
    "TransferPortfolio": {"fromRepId": USER_ID, "toRepId": USER_ID, "accountIds": [ACCOUNT_ID]},
}
VARIABLES: dict[str, list[dict[str, Json]]] = {
    "PriceExplanation": [{"skus": ["SKU-0", "SKU-1"], "account": node_id("BuyerAccount", ACCOUNTS[1])}],
    "Node": [{"id": id} for id in NODE_IDS[::3]] + [{"id": NODE_IDS[0], "account": ACCOUNT_ID}],
    "Product": [{"slug": "produto-0"}, {"slug": "produto-1", "quantity": "10"}, {"slug": "nope"}],
    "Products": [
        {},
        {"first": 2, "sort": "PRICE_ASC"},
        {"last": 3, "filter": {"search": "cal", "inStock": True}},
        {"first": 101},
    ],
    "Order": [{"id": NODE_IDS[6]}, {"number": "P-2026-000001"}, {}],
    "Orders": [{}, {"first": 1}],
    "BuyerAccounts": [{}, {"first": 1, "filter": {"statuses": ["PENDING"], "search": "obra"}}, {"first": 0}],
    "BuyerAccount": [{"id": ACCOUNT_ID}, {"id": USER_ID}],
    "StaffUsers": [{}, {"role": "admin"}],
}


@pytest.fixture(autouse=True, scope="module")
def unlogged() -> Iterator[None]:
    """Masked errors are logged with their traceback: the faults here are thousands."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="module")
def pair() -> tuple[Operations, Operations]:
    return executors(the_schema())


@pytest.mark.parametrize("shipped", SHIPPED)
async def test_shipped_operations(shipped: str, pair: tuple[Operations, Operations]) -> None:
    _, name = shipped.split("/")
    given = [{"input": INPUTS[name]}] if name in INPUTS else VARIABLES.get(name, [{}])
    for variables in given:
        for principal in (BUYER, STAFF, None):
            for seed, rate in [(0, 0.0), *((seed, rate) for seed in range(1, 3) for rate in (0.02, 0.2))]:
                request = Request(SHIPPED[shipped], None, variables)
                found = await both(request, principal, seed, rate, over=pair)
                assert found.stock.executed
                assert (difference := found.difference()) is None, f"{variables} {seed} {rate}\n{difference}"


def any_request(random: Random, schema: GraphQLSchema) -> Request:
    return Documents(schema, random, conflicting_fields(schema)).request()


def is_too_wide(operations: Operations, request: Request) -> bool:
    """Whether merging its fields is more work than a document may make."""
    found = operations.documents.prepare(request.text)
    return isinstance(found, Refused) and found.errors[0].message == "Validation aborted."


@pytest.mark.parametrize(
    "numbers", [range(FEW), pytest.param(range(FEW, EXAMPLES), marks=pytest.mark.exhaustive)]
)
async def test_made_operations(pair: tuple[Operations, Operations], numbers: range) -> None:
    too_wide = 0
    for number in numbers:
        random = Random(number)
        request, principal = any_request(random, the_schema()._schema), any_principal(random)
        if is_too_wide(pair[0], request):
            too_wide += 1
            continue
        seed, rate = random.randrange(1000), random.choice(RATES)
        found = await both(request, principal, seed, rate, over=pair)
        assert (difference := found.difference()) is None, described(
            number, request, principal, seed, rate, difference
        )
    assert too_wide <= len(numbers) // 20


@pytest.mark.parametrize(
    "numbers", [range(FEW // 2), pytest.param(range(FEW // 2, EXAMPLES // 2), marks=pytest.mark.exhaustive)]
)
async def test_made_operations_over_nested_interfaces(numbers: range) -> None:
    stock, breadth = executors(the_forest())
    too_wide = 0
    for number in numbers:
        random = Random(number)
        request, principal = any_request(random, the_forest()._schema), any_principal(random)
        if is_too_wide(stock, request):
            too_wide += 1
            continue
        seed, rate = random.randrange(1000), random.choice(RATES)
        answers = [
            await run(each, request, RequestContext(cast(Any, Forest(seed, rate)), principal, "request", NOW))
            for each in (stock, breadth)
        ]
        assert (difference := responses_differ(*answers)) is None, described(
            number, request, principal, seed, rate, difference
        )
    assert too_wide <= len(numbers) // 10


def described(
    number: int,
    request: Request,
    principal: Principal | None,
    seed: int,
    rate: float,
    difference: str | None,
) -> str:
    """Everything that is needed to run it again."""
    who = None if principal is None else (principal.account_id, sorted(principal.scopes))
    return "\n".join(
        [
            f"example {number}",
            request.text,
            f"operation {request.operation_name}, variables {json.dumps(request.variables)}",
            f"as {who}, world {seed} at {rate}",
            str(difference),
        ]
    )
