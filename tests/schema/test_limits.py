"""Structural limits: what is too much is refused at once, however cleverly it is written."""

import itertools

import pytest
from graphql import DocumentNode, GraphQLSchema, get_introspection_query, parse

from schema.documents import Documents, Prepared, Refused
from schema.limits import Limits, check_limits
from schema.stitching import stitch
from tests.cpu import cpu


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return stitch()._schema


def codes(schema: GraphQLSchema, text: str, limits: Limits | None = None) -> list[object]:
    prepared = Documents(schema, limits or Limits()).prepare(text)
    if isinstance(prepared, Prepared):
        return []
    return [(error.extensions or {}).get("code") for error in prepared.errors]


def test_introspection_fits(schema: GraphQLSchema) -> None:
    assert codes(schema, get_introspection_query(descriptions=True, input_value_deprecation=True)) == []


@pytest.mark.parametrize(
    ("limits", "inside", "outside"),
    [
        (Limits(depth=2), "{ viewer { scopes } }", "{ viewer { user { id } } }"),
        (Limits(aliases=1), "{ a: viewer { scopes } }", "{ a: viewer { scopes } b: viewer { scopes } }"),
        (Limits(root_fields=1), "{ categories { id } }", "{ categories { id } viewer { scopes } }"),
        (Limits(fields=3), "{ categories { id name } }", "{ categories { id name slug } }"),
        (
            Limits(directives=1),
            "{ viewer @skip(if: true) { scopes } }",
            "{ viewer @skip(if: true) { scopes @skip(if: true) } }",
        ),
        (
            Limits(fragments=1),
            "{ viewer { ...A } } fragment A on Viewer { scopes }",
            "{ viewer { ...A ...B } } fragment A on Viewer { scopes } fragment B on Viewer { scopes }",
        ),
        (Limits(tokens=6), "{ viewer { scopes } }", "{ viewer { scopes scopes } }"),
        (Limits(characters=21), "{ viewer { scopes } }", "{ viewer { scopes }  }"),
    ],
)
def test_each_limit_holds_exactly(schema: GraphQLSchema, limits: Limits, inside: str, outside: str) -> None:
    assert codes(schema, inside, limits) == []
    assert codes(schema, outside, limits) == ["QUERY_TOO_COMPLEX"]


def test_what_hides_in_fragments_is_counted_where_it_is_spread(schema: GraphQLSchema) -> None:
    text = "{ ...A ...B } fragment A on Query { ...C } fragment B on Query { a: viewer { ...D } } "
    text += "fragment C on Query { b: viewer { ...D } } fragment D on Viewer { user { id } }"
    assert codes(schema, text, Limits(fields=6, depth=3, root_fields=2, aliases=2)) == []
    for tighter in (Limits(fields=5), Limits(depth=2), Limits(root_fields=1), Limits(aliases=1)):
        assert codes(schema, text, tighter) == ["QUERY_TOO_COMPLEX"]


def test_fragments_that_nobody_spreads_are_limited_too(schema: GraphQLSchema) -> None:
    text = f"{{ viewer {{ scopes }} }} fragment A on Viewer {{ {'user { id } ' * 30} }}"
    assert codes(schema, text) == ["QUERY_TOO_COMPLEX"]


def test_five_thousand_aliases(schema: GraphQLSchema) -> None:
    text = "{" + " ".join(f"a{n}: viewer {{ scopes }}" for n in range(5_000)) + "}"
    assert codes(schema, text) == ["QUERY_TOO_COMPLEX"]


@pytest.mark.parametrize(
    "end", ["fragment {last} on Viewer {{ scopes }}", "", "fragment {last} on Viewer {{ ...Nope }}"]
)
@pytest.mark.parametrize("start", ["{ viewer { ...F0 } }", "{ viewer { scopes } }"])
def test_fragments_that_double_are_measured_once_each(start: str, end: str) -> None:
    """22 fragments that each spread the next twice stand for four million fields, or for none at all."""

    def doubled(times: int) -> DocumentNode:
        names = [f"F{n}" for n in range(times)]
        chain = [f"fragment {a} on Viewer {{ ...{b} ...{b} }}" for a, b in itertools.pairwise(names)]
        return parse(f"{start} {' '.join(chain)} {end.format(last=names[-1])}")

    document, half = doubled(22), doubled(11)
    error = check_limits(document, Limits())
    assert error is not None
    assert (error.extensions or {})["code"] == "QUERY_TOO_COMPLEX"
    # Twice as many fragments, and two thousand times as many fields.
    looks = [(cpu(check, document), cpu(check, half)) for _ in range(20)]
    assert min(whole for whole, _ in looks) < 20 * min(part for _, part in looks)


def check(document: DocumentNode) -> object:
    return check_limits(document, Limits())


@pytest.mark.parametrize(
    "text",
    [
        "{ viewer { ...A } } fragment A on Viewer { ...A }",
        "{ viewer { ...A } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }",
        "{ viewer { scopes } } fragment A on Viewer { ...B } fragment B on Viewer { ...A }",
    ],
)
def test_cycles_are_refused(schema: GraphQLSchema, text: str) -> None:
    assert codes(schema, text) == ["GRAPHQL_VALIDATION_FAILED"]


@pytest.mark.parametrize(
    ("start", "again"), [("", "{a"), ("", "{...on Query"), ("{a(b:", "["), ("{a(b:", "{c:")]
)
def test_nesting_beyond_the_interpreter_s_stack(schema: GraphQLSchema, start: str, again: str) -> None:
    text = start + again * 5_000
    refused = codes(schema, text, Limits(tokens=100_000, characters=1_000_000))
    assert refused == ["QUERY_TOO_COMPLEX"]


@pytest.mark.parametrize(
    ("limits", "what"),
    [
        (Limits(operations=2), "operations"),
        (Limits(fields=8), "fields"),
        (Limits(aliases=2), "aliases"),
        (Limits(directives=2), "directives"),
        (Limits(spreads=2), "spreads of fragments"),
    ],
)
def test_the_whole_document_is_limited_and_not_each_operation(
    schema: GraphQLSchema, limits: Limits, what: str
) -> None:
    """For all of it is validated, whichever operation is asked for."""

    def text(operations: int) -> str:
        one = "{ a: viewer { ...V @skip(if: false) } }"
        many = " ".join(f"query Q{number} {one}" for number in range(operations))
        return f"{many} fragment V on Viewer {{ scopes user {{ id }} }}"

    assert codes(schema, text(2), limits) == []
    refused = Documents(schema, limits).prepare(text(3))
    assert isinstance(refused, Refused)
    assert f"too many {what}" in refused.errors[0].message


def test_fragments_that_nobody_spreads_count_together(schema: GraphQLSchema) -> None:
    def text(fragments: int) -> str:
        many = " ".join(f"fragment F{n} on Viewer {{ scopes user {{ id }} }}" for n in range(fragments))
        return "{ viewer { scopes } } " + many

    assert codes(schema, text(2), Limits(fields=8)) == ["GRAPHQL_VALIDATION_FAILED"] * 2
    assert codes(schema, text(3), Limits(fields=8)) == ["QUERY_TOO_COMPLEX"]


@pytest.mark.parametrize(
    "inner", ["price { unitPrice { amount } }", "category { id }", "... { sku }", "...F"]
)
def test_one_position_cannot_be_asked_for_again_and_again(schema: GraphQLSchema, inner: str) -> None:
    """Merging n repetitions is n² work for the validation, before anything is executed."""
    fragment = " fragment F on Product { sku }" if inner == "...F" else ""
    for times, expected in ((20, []), (21, ["QUERY_TOO_COMPLEX"])):
        assert codes(schema, f"{{ products {{ nodes {{ {inner * times} }} }} }}" + fragment) == expected
    halves = " ".join(f"nodes {{ {inner * 11} }}" for _ in range(2))
    assert codes(schema, f"{{ products {{ {halves} }} }}" + fragment) == ["QUERY_TOO_COMPLEX"]


def test_introspection_can_be_off(schema: GraphQLSchema) -> None:
    documents = Documents(schema, Limits(), introspection=False)
    assert isinstance(documents.prepare("{ __schema { queryType { name } } }"), Refused)
    assert isinstance(documents.prepare("{ viewer { __typename } }"), Prepared)


def test_nothing_is_suggested(schema: GraphQLSchema) -> None:
    prepared = Documents(schema, Limits()).prepare("{ viewr { scopes } }")
    assert isinstance(prepared, Refused)
    assert "viewer" not in prepared.errors[0].message
