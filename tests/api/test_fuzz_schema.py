"""Documents that fit the schema, and some that just do not: schemathesis makes them up, the served application answers.

They are made before they are sent, for the application runs in this event loop; the seed is fixed, the number too.
"""

from functools import cache
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.graphql import nodes
from starlette.applications import Starlette

from tests.api.serving import served
from tests.api.shop import ADMIN, CATALOGO, GRAPHQL_RESPONSE, PRECOS, REP, SP, VENDAS, Shop

SCHEMA = Path(__file__).parents[2] / "graphql" / "schema.graphql"
FEW, MANY, UNFIT = 1, 4, 1
"""Documents for each root field: of those that fit the schema, few in `make test` and many in `make check`."""

DECIMALS = [
    "0",
    "1",
    "-1",
    "10",
    "0.0001",
    "0.00001",
    "34.20",
    "1e3",
    "1E-20",
    "9" * 40,
    "NaN",
    "Infinity",
    "",
]
INSTANTS = [
    "2026-11-23T00:00:00Z",
    "2026-11-23T00:00:00-03:00",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59Z",
]

schemathesis.graphql.scalar("Decimal", st.sampled_from(DECIMALS).map(nodes.String))
schemathesis.graphql.scalar("DateTime", st.sampled_from([*INSTANTS, "2026-02-30", ""]).map(nodes.String))


def made(strategy: st.SearchStrategy[schemathesis.Case[Any]], many: int) -> list[str]:
    """The documents of so many examples."""
    found: list[str] = []

    @seed(20261123)
    @settings(
        max_examples=many,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def collect(case: schemathesis.Case[Any]) -> None:
        assert isinstance(case.body, str)
        found.append(case.body)

    collect()
    return found


@cache
def documents(fitting: int) -> list[tuple[str, str]]:
    """Root field and document; what ends sessions comes last. `fitting`: how many for each field."""
    found: list[tuple[str, str]] = []
    for operation in schemathesis.graphql.from_path(SCHEMA).get_all_operations():
        assert isinstance(operation, Ok)
        field = operation.ok()
        for mode, many in ((GenerationMode.POSITIVE, fitting), (GenerationMode.NEGATIVE, UNFIT)):
            bodies = made(field.as_strategy(generation_mode=mode), many)
            found += [(field.label, body) for body in bodies]
    return sorted(found, key=lambda each: each[0].startswith("Mutation.session"))


@pytest.mark.parametrize(
    ("who", "fitting"),
    [
        *((who, FEW) for who in (None, SP, ADMIN)),
        *(
            pytest.param(who, MANY, marks=pytest.mark.exhaustive)
            for who in (None, SP, REP, VENDAS, PRECOS, CATALOGO, ADMIN)
        ),
    ],
)
async def test_no_document_makes_the_server_fail(
    app: Starlette, shop: Shop, who: str | None, fitting: int
) -> None:
    headers = {"accept": GRAPHQL_RESPONSE}
    if who is not None:
        headers["authorization"] = f"Bearer {await shop.token(who)}"
    executed: set[str] = set()
    async with served(app) as address, httpx.AsyncClient(base_url=f"http://{address}") as http:
        for label, document in documents(fitting):
            response = await http.post("/graphql", json={"query": document}, headers=headers)
            if response.status_code == 401 and who is not None:  # a document before has ended the session
                headers["authorization"] = f"Bearer {await shop.token(who, anew=True)}"
                response = await http.post("/graphql", json={"query": document}, headers=headers)
            answer = orjson.loads(response.content)
            told = [error["extensions"] for error in answer.get("errors", ())]
            assert response.status_code < 500, (document, answer)
            assert "INTERNAL_SERVER_ERROR" not in {each["code"] for each in told}, (document, answer)
            assert {each["requestId"] for each in told} <= {response.headers["x-request-id"]}
            if "data" in answer:
                executed.add(label)
    assert executed == {label for label, _ in documents(fitting)}
