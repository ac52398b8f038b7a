"""A client that speaks the shipped operations."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from gateway import metrics
from gateway.seed.demo import DEMO_PASSWORD

OPERATIONS = Path("graphql/operations")
GRAPHQL_RESPONSE = "application/graphql-response+json"

SP, PA, GESTOR = "comprador.sp@prumo.example", "comprador.pa@prumo.example", "gestor.sp@prumo.example"
REP, VENDAS, PRECOS = "rep@prumo.example", "vendas@prumo.example", "precos@prumo.example"
CATALOGO, ADMIN = "catalogo@prumo.example", "admin@prumo.example"

Json = Any  # Any: answers have the shape their documents give them


def nodes_of(page: Json) -> list[Json]:
    """What a page of a listing holds, however its document asks for it."""
    return page["nodes"] if "nodes" in page else [edge["node"] for edge in page["edges"]]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, and how many SQL statements it took."""

    status: int
    body: Json
    headers: httpx.Headers
    statements: int

    @property
    def data(self) -> Json:
        """`data` of an answer without errors."""
        assert "errors" not in self.body, self.body["errors"]
        return self.body["data"]

    @property
    def codes(self) -> list[str]:
        """The codes of the top-level errors."""
        return [error["extensions"]["code"] for error in self.body.get("errors", [])]

    def payload(self, mutation: str) -> Json:
        """The envelope of a mutation."""
        return self.data[mutation]

    def done(self, mutation: str) -> Json:
        """The data of a mutation that was done."""
        payload = self.payload(mutation)
        assert payload["error"] is None, payload["error"]
        return payload["data"]

    def refused(self, mutation: str) -> Json:
        """The error of a mutation that was refused."""
        payload = self.payload(mutation)
        assert payload["data"] is None
        return payload["error"]


@dataclass(slots=True)
class Shop:
    """The server, seen by a client. `who` is an e-mail address, or None for an anonymous caller."""

    http: httpx.AsyncClient
    database_url: str | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    async def token(self, who: str, password: str = DEMO_PASSWORD, *, anew: bool = False) -> str:
        """An access token of this person, the same as long as nobody asks for one `anew`: of a new session."""
        if anew:
            self._tokens.pop(who, None)
        if who not in self._tokens:
            credentials = {"email": who, "password": password}
            answer = await self.operation("portal/SignIn", {"input": credentials})
            self._tokens[who] = answer.done("sessionCreate")["accessToken"]
        return self._tokens[who]

    async def operation(
        self, name: str, variables: dict[str, Json] | None = None, who: str | None = None
    ) -> Answer:
        """Send a shipped operation."""
        return await self.ask((OPERATIONS / f"{name}.graphql").read_text(), variables, who)

    async def order(self, who: str) -> Json:
        """Order one bag of cement."""
        line = {"sku": "CIM-0002", "quantity": "1"}
        cart = (await self.operation("portal/SetCartLine", {"input": line}, who)).done("cartLineSet")
        placing = {"idempotencyKey": uuid4().hex, "cartVersion": cart["version"]}
        return (await self.operation("portal/CheckOut", {"input": placing}, who)).done("cartCheckout")

    async def ask(
        self, query: str, variables: dict[str, Json] | None = None, who: str | None = None
    ) -> Answer:
        """Send any document."""
        headers = {"accept": GRAPHQL_RESPONSE}
        if who is not None:
            headers["authorization"] = f"Bearer {await self.token(who)}"
        return await self.post({"query": query, "variables": variables or {}}, headers)

    async def post(self, body: Json, headers: dict[str, str]) -> Answer:
        """Send any JSON."""
        before = _statements()
        response = await self.http.post("/graphql", json=body, headers=headers)
        return Answer(response.status_code, response.json(), response.headers, _statements() - before)


def _statements() -> int:
    """All statements the process has counted so far, by its own metric."""
    (family,) = metrics.statements.collect()
    return int(sum(sample.value for sample in family.samples if sample.name.endswith("_sum")))
