"""The clients' documents: valid, one operation each, named after their file."""

from pathlib import Path

import pytest
from graphql import FragmentDefinitionNode, GraphQLSchema, OperationDefinitionNode, parse, validate

from schema.documents import Documents, Prepared
from schema.limits import Limits
from schema.stitching import stitch

DOCUMENTS = sorted(Path("graphql/operations").glob("*/*.graphql"))


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return stitch()._schema


def test_there_are_documents_for_every_client() -> None:
    assert {path.parent.name for path in DOCUMENTS} == {"portal", "backoffice", "mobile"}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_document_is_valid_within_the_limits_and_one_operation(schema: GraphQLSchema, path: Path) -> None:
    text = path.read_text()
    assert validate(schema, parse(text)) == []
    assert isinstance(Documents(schema, Limits()).prepare(text), Prepared)
    operations = [d for d in parse(text).definitions if isinstance(d, OperationDefinitionNode)]
    fragments = [d for d in parse(text).definitions if isinstance(d, FragmentDefinitionNode)]
    assert len(operations) == 1
    assert operations[0].name is not None
    client, name = path.parent.name.capitalize(), operations[0].name.value
    assert name in {path.stem, f"{client}{path.stem}"}
    assert all(f"...{fragment.name.value}" in text for fragment in fragments)
