"""What a request costs, in points: first what it takes to read it, then what it asks for.

A request is 1 point, and one more for each 16 KiB of it and each 1,000 tokens of its document, and one for each 100
values of its variables. A document that is not known here yet is parsed, validated and planned, which is paid once.
All of that is spent when the work is done, whether the request is refused then or not.

What is asked for: scalars 0, objects 1, a mutation 10 beside the objects it answers with. Before it runs, that is
what it asks for: a connection's page is as long as `first` or `last` says, any other list counts as five. Afterwards
it is what was there, and at least one for each field of the root: looking and finding nothing is work too. Fields
that make the database work hard say so themselves, and that is never given back. Skipped and denied fields cost
nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

from graphql import OperationType, VariableNode
from graphql.execution.values import VariableValues, get_argument_values

from resolvers.vocabulary.connections import DEFAULT_PAGE, LARGEST_PAGE
from schema.execution.plan import FieldPlan, OperationPlan, Selection, Selections
from schema.rate_limiter import Allowance, Bucket

PLAIN_LIST = 5
MUTATION = 10
_PAGED = ("first", "last")

# A point is up to half a millisecond of CPU, measured (tests/schema/test_cpu_per_point.py).
REQUEST, BYTES_A_POINT, TOKENS_A_POINT, VALUES_A_POINT = 1, 16_384, 1_000, 100
_DOCUMENT, _TOKENS_READ, _CHARACTERS_READ, _BYTES_PLANNED = 10, 10, 500, 10_000


def arrival(sent: int) -> int:
    """For a request of so many bytes, whatever is in it."""
    return REQUEST + sent // BYTES_A_POINT


def reading(tokens: int, characters: int) -> int:
    """For parsing and validating a document that is not known here yet."""
    return _DOCUMENT + tokens // _TOKENS_READ + characters // _CHARACTERS_READ


def planning(weight: int) -> int:
    """For planning an operation, whose plan holds so many bytes."""
    return weight // _BYTES_PLANNED


@dataclass(frozen=True, slots=True)
class Cost:
    """What a response tells of its cost. `actual` is None when the request was not looked at, and spent nothing.

    `available`: whole points that the caller had left when the response was made, of that allowance; None: nobody
    is throttled.
    """

    requested: int
    actual: int | None
    allowance: Allowance | None = None
    available: int | None = None

    @classmethod
    def now(cls, requested: int, actual: int | None, bucket: Bucket | None) -> Self:
        """The cost, with what is left in the caller's bucket."""
        if bucket is None:
            return cls(requested, actual)
        return cls(requested, actual, bucket.allowance, max(0, int(bucket.available)))

    def extension(self) -> dict[str, object]:
        """`extensions.cost`."""
        throttle = self.allowance and {
            "maximum": self.allowance.maximum,
            "available": self.available,
            "restoreRate": self.allowance.restore_rate,
        }
        return {"requested": self.requested, "actual": self.actual, "throttle": throttle}


@dataclass(slots=True)
class Bill:
    """What one request has spent until its operation is known; nothing of it is given back.

    `once`: the part that the same request would not spend again. `bucket` is None where nobody is throttled.
    """

    bucket: Bucket | None = None
    spent: int = 0
    once: int = 0

    def pay(self, points: int) -> None:
        """For work that is done now."""
        self.spent += points
        if self.bucket is not None:
            self.bucket.spend(points)

    def pay_once(self, points: int) -> None:
        """For work that is kept for those who ask for the same."""
        self.pay(points)
        self.once += points

    @property
    def cost(self) -> Cost:
        """The cost of a request that comes to nothing more."""
        return Cost.now(self.spent, self.spent, self.bucket)


@dataclass(frozen=True, slots=True)
class Charge:
    """What was spent and reserved for an operation that is admitted: `work` that is not given back, the rest for
    objects, of which `least` are paid for in any case."""

    requested: int
    work: int
    least: int
    bucket: Bucket | None

    def cost(self, objects: int) -> Cost:
        """The cost with so many objects found.

        Never more than was asked for: that a plain list is longer than five is not the caller's fault.
        """
        found = max(objects, self.least)
        return Cost.now(self.requested, min(self.work + found, self.requested), self.bucket)

    def again(self, bill: Bill) -> Self:
        """Of the operation alone, without what its request had spent before: an event of a subscription."""
        return replace(self, requested=self.requested - bill.spent, work=self.work - bill.spent)

    def settled(self, objects: int) -> Cost:
        """The same, and what was reserved for objects that were not found is given back."""
        if self.bucket is not None:
            self.bucket.give_back(max(0, self.requested - self.work - max(objects, self.least)))
        return self.cost(objects)


def lookups(plan: OperationPlan, variables: VariableValues, denied: Collection[FieldPlan]) -> int:
    """How many fields of the root answer with objects."""
    present = plan.root.present(variables.coerced)
    return sum(field in plan.root.below and field not in denied for field in present)


def work_cost(plan: OperationPlan, variables: VariableValues, denied: Collection[FieldPlan]) -> int:
    """What is paid beside the objects: a hundred aliased sign-ins are a hundred, and so are a hundred counts."""
    total = 0
    if plan.operation.operation is OperationType.MUTATION:
        total += MUTATION * sum(field not in denied for field in plan.root.present(variables.coerced))
    for each in plan.weighted:
        if each.plan not in denied and each.plan.is_asked(variables.coerced):
            total += each.work(partial(_argument, each.plan, variables))
    return total


def _argument(plan: FieldPlan, variables: VariableValues, name: str) -> object:
    """The coerced value of one argument; None where there is none, or a bad one, which is refused later."""
    if plan.arguments is not None:
        return plan.arguments.get(name)
    node = plan.nodes(variables.coerced)[0]
    value = next((each.value for each in node.arguments or () if each.name.value == name), None)
    if value is None:
        return None
    if isinstance(value, VariableNode):
        return variables.coerced.get(value.name.value)
    try:
        return get_argument_values(plan.definition, node, variables, hide_suggestions=True).get(name)
    except Exception:
        return None


def object_cost(selection: Selection, variables: VariableValues, denied: Collection[FieldPlan]) -> int:
    """The most objects the selection can come to, for these variables and this caller."""
    return _objects(selection, variables, denied, PLAIN_LIST, {})


def _objects(
    selection: Selection,
    variables: VariableValues,
    denied: Collection[FieldPlan],
    page: int,
    known_abstract: dict[tuple[int, int], int],
) -> int:
    """`page`: how long a list directly below may be.

    `known_abstract`: what was found for an interface or union and a page. Many types lead to the same one: without
    it each combination of types would be counted.
    """
    if selection.settled and (known := selection.costs.get(page)) is not None:
        return known
    total = 0
    for plan in selection.below:
        if plan in denied or (selection.varies and not plan.nodes(variables.coerced)):
            continue
        below = _page_of(plan, variables) if plan.paged else PLAIN_LIST
        if isinstance(plan.named, Selections):
            place = id(plan.named), below
            if (seen := known_abstract.get(place)) is None:
                each_type = (
                    _objects(each, variables, denied, below, known_abstract)
                    for each in plan.named.of.values()
                )
                seen = known_abstract[place] = max(each_type, default=0)
            inner = seen
        else:
            assert isinstance(plan.named, Selection)
            inner = _objects(plan.named, variables, denied, below, known_abstract)
        total += (1 + inner) * page ** len(plan.wrapping.lists)
    if selection.settled:
        selection.costs[page] = total
    return total


def _page_of(plan: FieldPlan, variables: VariableValues) -> int:
    """How long the lists of the field's own object may be."""
    arguments = plan.arguments
    if arguments is None:
        try:
            arguments = get_argument_values(
                plan.definition, plan.nodes(variables.coerced)[0], variables, hide_suggestions=True
            )
        except Exception:
            return DEFAULT_PAGE  # refused with a proper error when the field is resolved
    given = (arguments.get(name) for name in _PAGED)
    size = next((size for size in given if isinstance(size, int)), DEFAULT_PAGE)
    return min(max(0, size), LARGEST_PAGE)  # a page that is no page is refused when the field is resolved
