"""What is kept of documents, and what it weighs."""

import gc
import tracemalloc
from collections.abc import Callable
from itertools import count

import pytest
from graphql import GraphQLSchema

from schema.documents import REPORTED_ERRORS, Documents, Prepared, Refused
from schema.limits import Limits
from schema.stitching import stitch

pytestmark = pytest.mark.thorough

SMALL = "{ viewer { scopes } }"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return stitch()._schema


def kept(documents: Documents) -> list[Prepared]:
    return list(documents._kept.values())


def test_refusals_are_not_kept_and_the_longest_unused_are_forgotten(schema: GraphQLSchema) -> None:
    documents = Documents(schema, Limits(), most_kept=2)
    assert isinstance(documents.prepare("{ nothing }"), Refused)
    first = [documents.prepare(f"{SMALL} # {n}") for n in range(3)]
    assert documents.prepare(f"{SMALL} # 2") is first[2]
    assert documents.prepare(f"{SMALL} # 0") is not first[0]
    assert len(kept(documents)) == 2


def test_a_document_that_is_too_heavy_is_not_kept(schema: GraphQLSchema) -> None:
    documents = Documents(schema, Limits(), heaviest_kept=50_000)
    small = documents.prepare(SMALL)
    heavy = SMALL + "#" + "x" * 10_000
    assert documents.prepare(heavy) is not documents.prepare(heavy)
    assert documents.prepare(SMALL) is small


def test_only_the_operation_that_is_asked_for_is_planned(schema: GraphQLSchema) -> None:
    documents = Documents(schema, Limits())
    prepared = documents.prepare("query A { viewer { scopes } } query B { categories { id } }")
    assert isinstance(prepared, Prepared)
    assert prepared.plans == {}
    assert documents.plan(prepared, "C") is None
    plan = documents.plan(prepared, "B")
    assert plan is not None
    assert documents.plan(prepared, "B") is plan
    assert prepared.plans.keys() == {"B"}


def test_a_plan_weighs_too(schema: GraphQLSchema) -> None:
    """The documents fit without their plans, and not with them."""
    documents = Documents(schema, Limits(), capacity=70_000)
    texts = ['{ node(id: "x") { __typename } }' + "#" * n for n in range(3)]
    prepared = [documents.prepare(text) for text in texts]
    assert len(kept(documents)) == 3
    for each in prepared:
        assert isinstance(each, Prepared)
        documents.plan(each, "")
        if each is prepared[0]:
            alone = each.weight
    documents = Documents(schema, Limits(), capacity=2 * alone + 2_000)
    for text in texts:
        each = documents.prepare(text)
        assert isinstance(each, Prepared)
        documents.plan(each, "")
    assert [each.characters for each in kept(documents)] == [len(text) for text in texts[1:]]


def many_operations(seed: int) -> str:
    operations = " ".join(f"query Q{n} {{ ...F }}" for n in range(10))
    nodes = " ".join(f'n{n}: node(id: "x") {{ id __typename }}' for n in range(5))
    return f"{operations} fragment F on Query {{ {nodes} }} # {seed}"


def nodes(seed: int) -> str:
    return "{" + " ".join(f'a{n}: node(id: "{seed}") {{ __typename }}' for n in range(20)) + "}"


def fields(seed: int) -> str:
    return (
        "{" + " ".join(f"products {{ nodes {{ {'sku name id ' * 5} }} }}" for _ in range(4)) + f"}} # {seed}"
    )


def variables(seed: int) -> str:
    declared = " ".join(f"$v{n}: String" for n in range(500))
    used = " ".join(f"v{n}: product(slug: $v{n}) {{ id }}" for n in range(20))
    return f"query ({declared}) {{ {used} }} # {seed}"


def spreads(seed: int) -> str:
    viewers = " ".join(f"v{n}: viewer {{ {'...V ' * 20} }}" for n in range(10))
    return f"{{ {viewers} }} fragment V on Viewer {{ scopes }} # {seed}"


def small(seed: int) -> str:
    return f"{SMALL} #{seed}"


def long_string(seed: int) -> str:
    return f'{{ products(filter: {{ search: "{"é" * 10_000}{seed}" }}) {{ nodes {{ id }} }} }}'


def wide_string(seed: int) -> str:
    return f'{{ products(filter: {{ search: "{"𝒙" * 10_000}{seed}" }}) {{ nodes {{ id }} }} }}'


def comments(seed: int) -> str:
    return SMALL + "#\n" * 1_000 + f"# {seed}"


@pytest.mark.parametrize(
    "hostile",
    [
        many_operations,
        nodes,
        fields,
        spreads,
        long_string,
        wide_string,
        comments,
        small,
    ],
)
def test_documents_weigh_what_they_hold(schema: GraphQLSchema, hostile: Callable[[int], str]) -> None:
    """In memory, measured, every operation planned: never much more than the cache believes, nor much less."""
    documents, seeds = Documents(schema, Limits(), heaviest_kept=10**9), count(1_000)

    def fill(times: int) -> None:
        for _ in range(times):
            prepared = documents.prepare(hostile(next(seeds)))
            assert isinstance(prepared, Prepared), prepared
            for name in prepared.operations:
                documents.plan(prepared, name)

    fill(1)  # what the first ones load stays, whatever is kept
    before_weight = sum(each.weight for each in kept(documents))
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        fill(3)
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    weight = sum(each.weight for each in kept(documents)) - before_weight
    assert len(kept(documents)) == 4
    assert weight / 4 < held < weight * 1.1, (held, weight)


@pytest.mark.parametrize("text", ["{ " + "nothing " * 50 + "}", "{ " + "a: viewer b: " * 20 + "x }"])
def test_a_refused_document_is_told_at_most_five_errors(schema: GraphQLSchema, text: str) -> None:
    """Whoever looks for names by what is refused gets few answers for a document."""
    refused = Documents(schema, Limits()).prepare(text)
    assert isinstance(refused, Refused)
    assert 0 < len(refused.errors) <= REPORTED_ERRORS == 5
