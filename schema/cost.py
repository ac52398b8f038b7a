"""What an operation asks for, in points, before it runs: scalars 0, objects 1, lists by how long they may be.

A connection's page is as long as `first` or `last` says; any other list counts as five. Skipped and denied fields
cost nothing.
"""

from collections.abc import Collection

from graphql import GraphQLError
from graphql.execution.values import VariableValues, get_argument_values

from resolvers.vocabulary.connections import DEFAULT_PAGE, LARGEST_PAGE
from schema.execution.plan import FieldPlan, Selection, Selections

PLAIN_LIST = 5
_PAGED = ("first", "last")


def requested_cost(selection: Selection, variables: VariableValues, denied: Collection[FieldPlan]) -> int:
    """The most points the selection can come to, for these variables and this caller."""
    return _objects(selection, variables, denied, PLAIN_LIST)


def _objects(
    selection: Selection, variables: VariableValues, denied: Collection[FieldPlan], page: int
) -> int:
    """`page`: how long a list directly below may be."""
    if selection.settled and (known := selection.costs.get(page)) is not None:
        return known
    total = 0
    for plan in selection.below:
        if plan in denied or (selection.varies and not plan.nodes(variables.coerced)):
            continue
        below = _page_of(plan, variables) if plan.paged else PLAIN_LIST
        if isinstance(plan.named, Selections):
            inner = max(_objects(each, variables, denied, below) for each in plan.named.of.values())
        else:
            assert isinstance(plan.named, Selection)
            inner = _objects(plan.named, variables, denied, below)
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
        except GraphQLError:
            return DEFAULT_PAGE  # refused with a proper error when the field is resolved
    given = (arguments.get(name) for name in _PAGED)
    size = next((size for size in given if isinstance(size, int)), DEFAULT_PAGE)
    return min(max(0, size), LARGEST_PAGE)  # a page that is no page is refused when the field is resolved
