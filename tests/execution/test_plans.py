"""What planning takes, counted in selections: nesting interfaces adds to a plan and multiplies nothing."""

from collections.abc import Callable
from itertools import pairwise

import pytest
from graphql import OperationDefinitionNode, parse, validate
from graphql.execution.values import VariableValues

from schema import authorization
from schema.cost import object_cost, work_cost
from schema.documents import Documents, Prepared, Refused
from schema.execution.collect_fields import plan_operation
from schema.execution.plan import OperationPlan, Selection
from schema.limits import Limits
from tests.execution.forest import TYPES, the_forest

DEPTHS = (4, 8, 16)
NO_VARIABLES = VariableValues({}, {})


def planned(text: str) -> OperationPlan:
    schema = the_forest()._schema
    document = parse(text)
    assert validate(schema, document) == []
    operation = next(d for d in document.definitions if isinstance(d, OperationDefinitionNode))
    return plan_operation(schema, document, operation)


def straight(depth: int) -> str:
    """The same of every type, level below level."""
    return "{ being " + "{ number secret other " * depth + "{ number }" + " }" * depth + " }"


def by_type(depth: int) -> str:
    """Something else of every type, and all of them lead on."""
    own = " ".join(f"... on T{number} {{ own{number} }}" for number in range(TYPES))
    return "{ being " + f"{{ secret {own} others(first: 2) " * depth + "{ number }" + " }" * depth + " }"


def by_fragment(depth: int) -> str:
    """Each level is a fragment, which the one above spreads."""
    levels = [
        f"fragment L{number} on Being {{ secret other {{ ...L{number + 1} }} }}" for number in range(depth)
    ]
    last = f"fragment L{depth} on Being {{ secret }}"
    return "\n".join(["{ being { ...L0 } }", *levels, last])


def by_combination(depth: int) -> str:
    """Whether a chain goes on depends on the type on one level: other things for each combination of types."""

    def chain(number: int) -> str:
        inner = "number"
        for level in reversed(range(depth)):
            inner = f"other {{ {inner} }}"
            if level == number:
                inner = f"... on T1 {{ {inner} }}"
        return inner

    return "{ being { " + " ".join(map(chain, range(depth))) + " } }"


def reached(root: Selection) -> set[Selection]:
    """Every selection of a plan, once."""
    found, ahead = {root}, [root]
    while ahead:
        for plan in ahead.pop().fields:
            fresh = set(plan.selections) - found
            found |= fresh
            ahead += fresh
    return found


SHAPES = pytest.mark.parametrize("text", [straight, by_type, by_fragment])
Shape = Callable[[int], str]


@SHAPES
def test_twice_the_depth_is_at_most_twice_the_selections(text: Shape) -> None:
    counts = [planned(text(depth)).selections for depth in DEPTHS]
    assert counts[0] == (DEPTHS[0] + 1) * TYPES + 1
    for shallow, deep in pairwise(counts):
        assert deep <= 2 * shallow


@SHAPES
def test_the_count_is_what_the_plan_holds(text: Shape) -> None:
    plan = planned(text(8))
    assert plan.selections == len(reached(plan.root))


@SHAPES
def test_a_guarded_field_stands_once_at_each_path_for_each_type(text: Shape) -> None:
    plan = planned(text(8))
    places = [(each.path, each.plan.parent.name) for each in plan.guarded]
    paths = {path for path, _ in places}
    assert len(places) == len(set(places)) == len(paths) * TYPES
    assert len(paths) == (9 if text is by_fragment else 8)
    denials = authorization.denials(plan, None, {})
    data: dict[str, object] = {}
    for path in sorted(paths, key=len, reverse=True):  # an answer with a null at each
        data = stood(data, path)
    errors = denials.errors(denials.positions.keys(), data)
    assert [tuple(error.path or ()) for error in errors] == sorted(paths, key=len)


def stood(data: dict[str, object], path: tuple[str, ...]) -> dict[str, object]:
    """The data with a null at the path, unless something stands there."""
    key, *below = path
    inside = data.get(key)
    made = stood(inside if isinstance(inside, dict) else {}, tuple(below)) if below else inside
    return data | {key: made}


def test_a_weighted_field_is_paid_for_at_each_path() -> None:
    kin = 'kin(by: {name: "a"})'
    one, below = planned(f"{{ being {{ {kin} }} }}"), planned(f"{{ being {{ {kin} other {{ {kin} }} }} }}")
    twice = planned("{ a: being { ...F } b: being { ...F } } fragment F on Being { other { " + kin + " } }")
    paid = [work_cost(plan, NO_VARIABLES, frozenset()) for plan in (one, below, twice)]
    assert paid == [7 * TYPES, 14 * TYPES, 14 * TYPES]


def test_the_cost_of_nested_interfaces_is_found_once_for_each() -> None:
    deep = planned("{ being " + "{ secret others(first: 1) " * 16 + "{ number }" + " }" * 16 + " }")
    assert object_cost(deep.root, NO_VARIABLES, frozenset()) == 17 + 64  # would never end by combinations


def test_a_document_of_too_many_combinations_is_refused() -> None:
    wide = Limits(repetitions=100)
    documents = Documents(the_forest()._schema, wide)
    few, many = documents.prepare(by_combination(3)), documents.prepare(by_combination(16))
    assert isinstance(few, Prepared) and isinstance(many, Prepared)
    assert isinstance(documents.plan(few, ""), OperationPlan)
    paid: list[int] = []
    found = documents.plan(many, "", paid.append)
    assert isinstance(found, Refused)
    (error,) = found.errors
    assert (error.extensions or {})["code"] == "QUERY_TOO_COMPLEX" and "2000" in error.message
    assert sum(paid) > 300, "for what was planned of it"


def test_an_interface_without_types_costs_nothing() -> None:
    plan = planned('{ node(id: "x") { id } }')
    assert object_cost(plan.root, NO_VARIABLES, frozenset()) == 1
