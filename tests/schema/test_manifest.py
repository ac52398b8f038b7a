"""The persisted manifest: made of the clients' files, read back with suspicion, pinned beside what strangers send."""

from hashlib import sha256
from pathlib import Path

import orjson
import pytest
from graphql import GraphQLSchema, OperationType

from schema.accepted import AcceptedDocuments
from schema.documents import ById, Documents, Prepared, Refused
from schema.limits import Limits
from schema.manifest import BrokenManifest, Manifest, PersistedOperation, collected, id_of, read, written
from schema.stitching import stitch

SCOPES = "query Scopes { viewer { scopes } }\n"


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return stitch()._schema


def manifest_of(*texts: str) -> Manifest:
    return Manifest(
        tuple(PersistedOperation(id_of(text), "portal", "Some", OperationType.QUERY, text) for text in texts)
    )


def pinned(schema: GraphQLSchema, accepted: AcceptedDocuments, capacity: int = 10_000) -> Documents:
    documents = Documents(schema, Limits(), accepted=accepted, capacity=capacity)
    assert documents.pin(manifest_of(SCOPES)) == []
    return documents


def code(found: Prepared | Refused) -> object:
    assert isinstance(found, Refused)
    (error,) = found.errors
    return (error.extensions or {})["code"]


def test_the_committed_manifest_has_the_files_to_the_byte() -> None:
    operations = Path("graphql/operations")
    manifest = read(Path("graphql/persisted.json").read_bytes())
    assert isinstance(manifest, Manifest)
    found = {(each.client, each.name): each for each in manifest.operations}
    assert len(found) == len(list(operations.rglob("*.graphql")))
    content = (operations / "portal/Products.graphql").read_bytes()
    products = found["portal", "Products"]
    assert (products.id, products.text.encode()) == (sha256(content).hexdigest(), content)
    assert found["portal", "CheckOut"].kind is OperationType.MUTATION


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / "portal/cart").mkdir(parents=True)
    (tmp_path / "portal/cart/Scopes.graphql").write_bytes(b"query Scopes {\r\n  viewer { scopes }\r\n}")
    manifest = collected(tmp_path)
    assert isinstance(manifest, Manifest)
    (operation,) = manifest.operations
    assert str(operation) == "portal/Scopes"
    assert "\r\n" in operation.text
    assert read(written(manifest).encode()) == manifest


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{ viewer { scopes } }", "exactly one operation"),
        (SCOPES + "query Other { viewer { scopes } }", "exactly one operation"),
        ("fragment A on Viewer { scopes }", "exactly one operation"),
        ("query {", "Syntax Error"),
        ("", "Syntax Error"),
    ],
)
def test_a_file_that_is_no_operation_is_named(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "portal").mkdir()
    (tmp_path / "portal/Scopes.graphql").write_text(text)
    broken = collected(tmp_path)
    assert isinstance(broken, BrokenManifest)
    assert "portal/Scopes.graphql" in broken.problems[0]
    assert reason in broken.problems[0]


def test_a_client_has_one_operation_of_a_name(tmp_path: Path) -> None:
    (tmp_path / "portal").mkdir()
    for file in ("A", "B"):
        (tmp_path / f"portal/{file}.graphql").write_text(SCOPES)
    assert isinstance(collected(tmp_path), BrokenManifest)
    assert isinstance(collected(tmp_path / "nothing"), BrokenManifest)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{", b'"x"', b'{"format":"other","version":1,"operations":[]}']
    + [
        b'{"format":"apollo-persisted-query-manifest","version":1,"operations":%s}' % operations
        for operations in (b"1", b"[1]", b"[{}]", b'[{"id":1,"name":"A","type":"query","body":"{a}"}]')
    ],
)
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    assert isinstance(read(content), BrokenManifest)


def test_an_id_that_is_not_the_text_s_is_refused() -> None:
    whole = orjson.loads(written(manifest_of(SCOPES)))
    whole["operations"][0]["body"] += " "
    broken = read(orjson.dumps(whole))
    assert isinstance(broken, BrokenManifest)
    assert "portal/Some" in broken.problems[0]


def test_a_document_that_does_not_fit_the_schema_is_named(schema: GraphQLSchema) -> None:
    problems = Documents(schema, Limits()).pin(manifest_of(SCOPES, "query Some { viewr { scopes } }"))
    assert [problem.startswith("portal/Some: Cannot query field 'viewr'") for problem in problems] == [True]


def test_strangers_do_not_push_out_the_manifest(schema: GraphQLSchema) -> None:
    documents = pinned(schema, AcceptedDocuments.OPEN, capacity=30_000)
    known = documents.prepare(SCOPES)
    registered = "{ viewer { __typename } }"
    asked = ById(id_of(registered), automatic=True)
    assert documents.prepare(ById(asked.id, registered, automatic=True)) is documents.prepare(asked)
    for n in range(10):
        documents.prepare(f"{{ viewer {{ scopes }} }} # {n}")
    assert documents.prepare(SCOPES) is known
    assert documents.prepare(ById(id_of(SCOPES))) is known
    assert code(documents.prepare(asked)) == "PERSISTED_QUERY_NOT_FOUND"
    assert 0 < sum(each.weight for each in documents._kept.values()) <= 30_000


def test_a_text_that_looks_like_an_id_is_a_text(schema: GraphQLSchema) -> None:
    for accepted in AcceptedDocuments:
        documents = pinned(schema, accepted)
        documents.prepare(ById(id_of("{ viewer { scopes } }"), "{ viewer { scopes } }", automatic=True))
        for text in (SCOPES, "{ viewer { scopes } }"):
            assert isinstance(documents.prepare(id_of(text)), Refused)


def test_what_cannot_be_executed_is_not_registered(schema: GraphQLSchema) -> None:
    documents = pinned(schema, AcceptedDocuments.OPEN)
    wrong = "{ viewr { scopes } }"
    assert code(documents.prepare(ById(id_of(wrong), wrong, automatic=True))) == "GRAPHQL_VALIDATION_FAILED"
    assert code(documents.prepare(ById(id_of(wrong), automatic=True))) == "PERSISTED_QUERY_NOT_FOUND"


OTHER = "{ viewer { scopes } }"
FOUND = "found"


@pytest.mark.parametrize(
    ("asked", "opened", "persisted", "trusted"),
    [
        (ById(id_of(SCOPES)), FOUND, FOUND, FOUND),
        (ById(id_of(SCOPES), automatic=True), FOUND, FOUND, FOUND),
        (ById(id_of(SCOPES), SCOPES, automatic=True), FOUND, FOUND, FOUND),
        (SCOPES, FOUND, FOUND, "PERSISTED_QUERY_ID_REQUIRED"),
        (OTHER, FOUND, "QUERY_NOT_IN_SAFELIST", "PERSISTED_QUERY_ID_REQUIRED"),
        (
            ById(id_of(OTHER)),
            "PERSISTED_QUERY_NOT_IN_LIST",
            "PERSISTED_QUERY_NOT_IN_LIST",
            "PERSISTED_QUERY_NOT_IN_LIST",
        ),
        (
            ById(id_of(OTHER), automatic=True),
            "PERSISTED_QUERY_NOT_FOUND",
            "PERSISTED_QUERY_NOT_SUPPORTED",
            "PERSISTED_QUERY_NOT_IN_LIST",
        ),
        (
            ById(id_of(OTHER), OTHER, automatic=True),
            FOUND,
            "QUERY_NOT_IN_SAFELIST",
            "PERSISTED_QUERY_NOT_IN_LIST",
        ),
    ],
)
def test_what_is_accepted(
    schema: GraphQLSchema, asked: str | ById, opened: str, persisted: str, trusted: str
) -> None:
    for accepted, expected in zip(AcceptedDocuments, (opened, persisted, trusted), strict=True):
        found = pinned(schema, accepted).prepare(asked)
        assert (FOUND if isinstance(found, Prepared) else code(found)) == expected, accepted
