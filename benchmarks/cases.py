"""What is measured: shipped operations (one of our own for the large list), their variables and their callers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import orjson

from benchmarks.load import Script
from benchmarks.servers import Server
from benchmarks.world import World
from resolvers.vocabulary.node import node_id

_ROOT = Path(__file__).parent.parent
_SHIPPED = _ROOT / "graphql" / "operations"

Variables = dict[str, object]

SEARCH = "cimento cp ii"


@dataclass(frozen=True, slots=True)
class Case:
    """One operation under load. `ask` makes the variables that a user, by number, sends in turn."""

    name: str
    operation: Path
    ask: Callable[[int], Sequence[Variables]]
    users: int = 64
    executor: str = "breadth"
    floor: str = ""
    """The floor's endpoint; empty: the one of the case's name."""
    spends_carts: bool = False
    """Every cart serves once, so that a run ends with the carts and they are filled again before the next."""

    @property
    def endpoint(self) -> str:
        """The name of the floor's endpoint."""
        return self.floor or self.name

    def scripts(self, server: Server, world: World, connections: int) -> tuple[Script, ...]:
        """The users' requests, spread over the connections."""
        return tuple(
            [
                self.request(server, world, user, variables)
                for user in range(connection, self.users, connections)
                for variables in self.ask(user)
            ]
            for connection in range(connections)
        )

    def request(self, server: Server, world: World, user: int, variables: Mapping[str, object]) -> bytes:
        """One HTTP request: a GraphQL document to Prumo, the bare variables to the floor."""
        if server.path is not None:
            path, body = (
                server.path,
                orjson.dumps({"query": self.operation.read_text(), "variables": variables}),
            )
        else:
            path, body = f"/{self.endpoint}", orjson.dumps(variables)
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAccept: application/json\r\n"
            f"Authorization: Bearer {world.tokens[user]}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def cases(world: World) -> list[Case]:
    """All of them, in the order they are measured and printed."""
    good = world.goods[0]
    listing, product = _SHIPPED / "portal" / "Products.graphql", _SHIPPED / "portal" / "Product.graphql"
    page: Variables = {"first": 24}
    return [
        Case("listing", listing, _always(page)),
        Case("listing_stock_executor", listing, _always(page), executor="stock", floor="listing"),
        Case("product", product, _always({"slug": good.slug})),
        Case("search", listing, _always({"first": 24, "filter": {"search": SEARCH}})),
        Case(
            "cart_line_set",
            _SHIPPED / "portal" / "SetCartLine.graphql",
            # Two quantities in turn: the same again would change nothing.
            lambda user: [
                {"input": {"sku": world.cart_goods(user)[1].sku, "quantity": quantity}}
                for quantity in ("7", "9")
            ],
        ),
        Case(
            "checkout",
            _SHIPPED / "portal" / "CheckOut.graphql",
            lambda user: [{"input": {"idempotencyKey": uuid4().hex, "cartVersion": 1}}],
            users=len(world.users),
            spends_carts=True,
        ),
        Case(
            "node",
            _SHIPPED / "mobile" / "Node.graphql",
            _always({"id": node_id("Product", good.id)}),
        ),
        Case(
            "large_list",
            Path(__file__).parent / "operations" / "LargeList.graphql",
            _always({"first": 100}),
        ),
    ]


def _always(variables: Variables) -> Callable[[int], Sequence[Variables]]:
    return lambda user: [variables]
