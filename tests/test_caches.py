"""The clients' documents keep a normalising cache right: what has an identity says it, what has none comes whole, a
page has its cursors, and a mutation tells all that the client shows of what it changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TypeGuard

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLCompositeType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    Visitor,
    get_named_type,
    is_composite_type,
    is_leaf_type,
    parse,
    print_ast,
    visit,
)

from schema.stitching import stitch

DOCUMENTS = {
    f"{path.parent.name}/{path.stem}": path.read_text()
    for path in sorted(Path("graphql/operations").glob("*/*.graphql"))
}
IDENTITY = {"__typename", "id"}
ERROR = {"__typename", "code", "message", "details"}
Way = tuple[str, ...]


@dataclass(slots=True)
class Asked:
    """What a document asks of one type at one place. `below`: the same of its fields, by their names in the schema."""

    type: GraphQLCompositeType
    at: Way
    leaves: set[str] = field(default_factory=set)
    below: dict[str, list["Asked"]] = field(default_factory=dict)
    narrowed: list["Asked"] = field(default_factory=list)
    """Of types that the place's own type may be: `... on Product` of a Node."""

    @property
    def names(self) -> set[str]:
        """The fields asked for, by their names in the schema."""
        return self.leaves | set(self.below)

    def everything(self) -> Iterator["Asked"]:
        """This and all below."""
        yield self
        for each in (*self.narrowed, *(each for group in self.below.values() for each in group)):
            yield from each.everything()

    def leaf_paths(self) -> set[Way]:
        """The way to each leaf."""
        found: set[Way] = {(name,) for name in self.leaves}
        for name, group in self.below.items():
            found |= {(name, *path) for each in group for path in each.leaf_paths()}
        return found


@cache
def the_schema() -> GraphQLSchema:
    return stitch()._schema


@cache
def asked(name: str) -> Asked:
    """All of a shipped document; its root is the operation's."""
    return read(DOCUMENTS[name])


def read(text: str) -> Asked:
    document = parse(text)
    operation = _operation(document)
    root = the_schema().get_root_type(operation.operation)
    assert root is not None
    fragments = {
        each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)
    }
    found = Asked(root, ())
    _add(found, operation.selection_set, fragments)
    return found


def _operation(document: DocumentNode) -> OperationDefinitionNode:
    (operation,) = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    return operation


def _add(into: Asked, selections: SelectionSetNode, fragments: dict[str, FragmentDefinitionNode]) -> None:
    for node in selections.selections:
        match node:
            case FieldNode(selection_set=None):
                into.leaves.add(node.name.value)
            case FieldNode(selection_set=SelectionSetNode() as inner):
                assert isinstance(into.type, GraphQLObjectType | GraphQLInterfaceType)
                type_ = get_named_type(into.type.fields[node.name.value].type)
                assert is_composite_type(type_)
                key = node.alias.value if node.alias else node.name.value
                below = Asked(type_, (*into.at, key))
                into.below.setdefault(node.name.value, []).append(below)
                _add(below, inner, fragments)
            case InlineFragmentNode() | FragmentSpreadNode():
                of = fragments[node.name.value] if isinstance(node, FragmentSpreadNode) else node
                on = of.type_condition.name.value if of.type_condition else into.type.name
                if on == into.type.name:
                    _add(into, of.selection_set, fragments)
                else:
                    narrowed = Asked(the_schema().type_map[on], into.at)  # type: ignore[arg-type]  # conditions are composite
                    into.narrowed.append(narrowed)
                    _add(narrowed, of.selection_set, fragments)
            case _:
                raise AssertionError(f"no selection: {node}")


def without_identity(asked: Asked) -> list[str]:
    """Places that ask for something with an id and do not say which it is, and of what type."""
    return [
        f"{'.'.join(each.at)} on {each.type.name} lacks {sorted(IDENTITY - each.names)}"
        for each in asked.everything()
        if _has_id(each.type) and not _is_narrowed_from_identified(asked, each) and not each.names >= IDENTITY
    ]


def _has_id(type_: GraphQLCompositeType) -> bool:
    return isinstance(type_, GraphQLObjectType | GraphQLInterfaceType) and "id" in type_.fields


def _is_narrowed_from_identified(root: Asked, narrowed: Asked) -> bool:
    """Whether the place around a type condition has said it already."""
    return any(
        any(each is narrowed for each in around.narrowed) and around.names >= IDENTITY
        for around in root.everything()
    )


def in_pieces(asked: Asked) -> list[str]:
    """Places that ask for a part of a value: it has no identity, so a cache replaces it and the rest is lost."""
    return [
        f"{'.'.join(each.at)} on {each.type.name} lacks {sorted(missing)}"
        for each in asked.everything()
        if _is_value(each.type) and (missing := set(each.type.fields) - each.names)
    ]


def _is_value(type_: GraphQLCompositeType) -> TypeGuard[GraphQLObjectType]:
    return (
        isinstance(type_, GraphQLObjectType)
        and "id" not in type_.fields
        and not type_.interfaces
        and all(is_leaf_type(get_named_type(each.type)) for each in type_.fields.values())
    )


def pages_in_pieces(asked: Asked) -> list[str]:
    """Connections that a client could not page on from. One that is only counted is no page."""
    wrong = []
    for each in asked.everything():
        if each.type.name.endswith("Connection") and each.names - {"totalCount", "__typename"}:
            edges = each.below.get("edges", [])
            if not edges or any(not {"cursor", "node"} <= edge.names for edge in edges):
                wrong.append(f"{'.'.join(each.at)} lacks edges {{ cursor node }}")
            if "pageInfo" not in each.below:
                wrong.append(f"{'.'.join(each.at)} lacks pageInfo")
            if "nodes" in each.below:
                wrong.append(f"{'.'.join(each.at)} asks for every node twice")
    return wrong


def bare_envelopes(asked: Asked) -> list[str]:
    """Mutations that do not ask for what every mutation answers."""
    wrong = []
    for name, payloads in asked.below.items():
        for payload in payloads:
            wrong += [
                f"{name} lacks {each}" for each in ("data", "meta", "error") if each not in payload.below
            ]
            wrong += [
                f"{name}.error lacks {sorted(missing)}"
                for error in payload.below.get("error", [])
                if (missing := ERROR - error.names)
            ]
    return wrong


def shown(client: str, type_name: str) -> set[Way]:
    """What a client's queries show of a type, wherever."""
    found: set[Way] = set()
    for name in DOCUMENTS:
        if name.startswith(f"{client}/") and _kind(name) is OperationType.QUERY:
            for each in asked(name).everything():
                if each.type.name == type_name:
                    found |= each.leaf_paths()
    return found


def _kind(name: str) -> OperationType:
    return _operation(parse(DOCUMENTS[name])).operation


MUTATIONS = [name for name in DOCUMENTS if _kind(name) is OperationType.MUTATION]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_keeps_a_normalising_cache_right(name: str) -> None:
    document = asked(name)
    assert without_identity(document) == []
    assert in_pieces(document) == []
    assert pages_in_pieces(document) == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_tells_all_that_is_shown_of_what_it_changed(name: str) -> None:
    document = asked(name)
    assert bare_envelopes(document) == []
    for payload in (each for payloads in document.below.values() for each in payloads):
        for data in payload.below["data"]:
            missing = shown(name.partition("/")[0], data.type.name) - data.leaf_paths()
            assert sorted(missing) == []


def test_a_subscription_tells_all_that_is_shown_of_what_it_watches() -> None:
    watching = [name for name in DOCUMENTS if _kind(name) is OperationType.SUBSCRIPTION]
    assert watching
    for name in watching:
        for group in asked(name).below.values():
            for event in group:
                missing = shown(name.partition("/")[0], event.type.name) - event.leaf_paths()
                assert sorted(missing) == []


class _Prices(Visitor):
    """The arguments of each `price` in a document."""

    def __init__(self) -> None:
        super().__init__()
        self.arguments: list[set[str]] = []

    def enter_field(self, node: FieldNode, *_: object) -> None:
        if node.name.value == "price":
            self.arguments.append({each.name.value for each in node.arguments or ()})


def test_a_price_that_staff_see_says_whose_it_is() -> None:
    """A cache would show all accounts the price that came last."""
    found = 0
    for name, text in DOCUMENTS.items():
        prices = _Prices()
        visit(parse(text), prices)
        found += len(prices.arguments)
        if not name.startswith("portal/"):
            assert all("onBehalfOf" in given for given in prices.arguments), name
    assert found > 4


@pytest.mark.parametrize(
    ("error", "facts", "names"),
    [
        (
            "TooManyAttemptsError",
            {"retryAfter"},
            [
                "SignIn",
                "ChangePassword",
                "RequestPasswordReset",
                "RequestEmailVerification",
                "RegisterAccount",
            ],
        ),
        ("ApprovalRequiredError", {"limit", "total"}, ["CheckOut"]),
        ("PriceChangedError", {"expected", "actual"}, ["CheckOut"]),
        ("InvitationClosedError", {"status"}, ["ResendInvitation", "RevokeInvitation"]),
    ],
)
def test_a_mutation_asks_for_the_facts_that_the_texts_name(
    error: str, facts: set[str], names: list[str]
) -> None:
    """Where such an error may come: a text in graphql/messages without its facts cannot be shown."""
    documents = [name for name in MUTATIONS if name.partition("/")[2] in names]
    assert len(documents) >= len(names)
    for name in documents:
        assert any(each.type.name == error and each.names >= facts for each in asked(name).everything()), name


def test_a_fragment_s_name_means_the_same_everywhere() -> None:
    """Every file stands alone, so fragments are repeated in them; clients' tools put all files together."""
    meanings: dict[str, set[str]] = {}
    for text in DOCUMENTS.values():
        for each in parse(text).definitions:
            if isinstance(each, FragmentDefinitionNode):
                meanings.setdefault(each.name.value, set()).add(print_ast(each))
    assert {name for name, texts in meanings.items() if len(texts) > 1} == set()
    assert len(meanings) > 5


def test_an_operation_s_name_is_one_client_s() -> None:
    names = [_operation(parse(text)).name for text in DOCUMENTS.values()]
    assert len({name.value for name in names if name}) == len(DOCUMENTS)


def test_the_page_for_clients_names_what_their_caches_have_to_know() -> None:
    page = Path("docs/clients.md").read_text()
    nodes, plain = (line for line in page.splitlines() if line.startswith("| `") and "find" in line)
    identified = [
        type_
        for name, type_ in the_schema().type_map.items()
        if isinstance(type_, GraphQLObjectType) and "id" in type_.fields and not name.startswith("__")
    ]
    for type_ in identified:
        assert f"`{type_.name}`" in (nodes if type_.interfaces else plain)
    query = the_schema().query_type
    assert query is not None
    paged = [
        name for name, each in query.fields.items() if get_named_type(each.type).name.endswith("Connection")
    ]
    assert len(paged) > 3
    for name in paged:
        assert f"{name}: relayStylePagination(" in page


@pytest.mark.parametrize(
    ("text", "finds", "told"),
    [
        ("{ categories { id name } }", without_identity, ["categories on Category lacks ['__typename']"]),
        ("{ viewer { __typename id user { name } } }", without_identity, ["viewer.user on User lacks"]),
        ('{ node(id: "x") { id ... on Order { number } } }', without_identity, ["node on Node lacks", "node on Order"]),
        ("{ cart { ...F } } fragment F on Cart { version }", without_identity, ["cart on Cart lacks"]),
        ("{ cart { __typename id subtotal { amount } } }", in_pieces, ["cart.subtotal on Money lacks ['currency']"]),
        ("{ orders { pageInfo { endCursor } } }", in_pieces, ["orders.pageInfo on PageInfo lacks"]),
        ("{ orders { nodes { number } pageInfo { endCursor } } }", pages_in_pieces, ["lacks edges", "asks for every"]),
        ("{ orders { edges { node { number } } } }", pages_in_pieces, ["orders lacks edges", "orders lacks pageInfo"]),
        ("mutation { sessionRevoke { error { code } } }", bare_envelopes, ["lacks data", "lacks meta", "error lacks"]),
    ],
)  # fmt: skip
def test_what_would_mislead_a_cache_is_found(text: str, finds: object, told: Sequence[str]) -> None:
    assert callable(finds)
    found = finds(read(text))
    assert len(found) == len(told) and all(part in each for part, each in zip(told, found, strict=True)), (
        found
    )
