"""One request through both executors, each over its own copy of the same world."""

from dataclasses import dataclass, fields, replace
from functools import cache

from strawberry import Schema

from contexts.identity.api import Principal
from resolvers.vocabulary.context import RequestContext
from schema.cost import Bill
from schema.documents import Documents
from schema.execution.choice import ExecutorKind
from schema.limits import Limits
from schema.operations import Operations, Response
from schema.stitching import stitch
from tests.execution.comparison import difference
from tests.execution.documents import Request
from tests.execution.world import World

# Limits are not the subject here, and they count what fragments expand to.
WIDE = Limits(**dict.fromkeys((each.name for each in fields(Limits)), 1_000_000))


@cache
def the_schema() -> Schema:
    """The real schema, stitched once."""
    return stitch()


def executors(schema: Schema) -> tuple[Operations, Operations]:
    """graphql-core's and ours, sharing what is prepared of a document."""
    documents = Documents(schema._schema, WIDE)
    return (
        Operations(schema, documents, ExecutorKind.STOCK),
        Operations(schema, documents, ExecutorKind.BREADTH),
    )


@dataclass(frozen=True, slots=True)
class Both:
    """What both executors answered, and the worlds they left."""

    stock: Response
    breadth: Response
    stock_world: World
    breadth_world: World

    def difference(self) -> str | None:
        """How they differ; None when they do not. Writes must be the same and in the same order."""
        if self.stock_world.writes != self.breadth_world.writes:
            return f"writes: stock {self.stock_world.writes}, breadth {self.breadth_world.writes}"
        return difference(self.stock, self.breadth)


async def run(operations: Operations, request: Request, context: RequestContext) -> Response:
    """The response; a request that is refused before execution is a fault of the test."""
    operation = operations.select(request.text, request.operation_name, context.request_id, Bill())
    assert not isinstance(operation, Response), f"not valid: {operation.errors}\n{request.text}"
    operation = replace(operation, bill=Bill())  # the document is new to one of the executors only
    return await operations.execute(operation, request.variables, context)


async def both(
    request: Request,
    principal: Principal | None,
    seed: int = 0,
    rate: float = 0.0,
    products: int = 5,
    over: tuple[Operations, Operations] | None = None,
) -> Both:
    """The request through both executors, over the real schema when none is given."""
    stock, breadth = over or executors(the_schema())
    stock_world, breadth_world = World(seed, rate, products), World(seed, rate, products)
    return Both(
        await run(stock, request, stock_world.context(principal)),
        await run(breadth, request, breadth_world.context(principal)),
        stock_world,
        breadth_world,
    )
