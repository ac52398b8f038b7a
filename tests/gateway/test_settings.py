"""What settings mean, and what a process lets go of when it ends."""

import re
import threading
from dataclasses import fields
from pathlib import Path

import pytest
from graphql import GraphQLSchema
from pydantic import ValidationError

from contexts.identity.api import Device
from contexts.shared.audit import SYSTEM
from gateway.bootstrap import bootstrap
from gateway.documents import accepted_documents
from gateway.settings import Settings
from gateway.settings_table import settings_table
from schema.documents import Prepared
from schema.limits import Limits
from schema.stitching import stitch


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 - nobody listens here
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("shop.internal", "http://shop.internal:8000"),
    ],
)
def test_what_clients_are_told_can_be_called(tmp_path: Path, host: str, base: str) -> None:
    settings = Settings(home=tmp_path, host=host)
    assert settings.image_url == f"{base}/media"
    said = settings.model_copy(update={"public_url": "https://prumo.example/"})
    assert said.image_url == "https://prumo.example/media"


def test_passwords_in_settings_are_not_shown(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        database_url="postgresql://ana:s3cret@h/x",
        smtp_url="smtp://ana:s3cret@h",
        s3_key="s3cret",
        s3_secret="s3cret",
        signing_key_secret="s3cret" * 6,
    )
    assert "s3cret" not in repr(settings)


@pytest.mark.parametrize("given", ["s3_key", "s3_secret"])
def test_one_of_two_keys_alone_is_refused_and_not_shown(tmp_path: Path, given: str) -> None:
    with pytest.raises(ValidationError, match="give both, or neither") as refused:
        Settings.model_validate({"home": tmp_path, given: "s3cret"})
    assert refused.value.errors()[0]["loc"] == ("s3_secret",)
    assert not Settings(home=tmp_path).names_store
    assert Settings(home=tmp_path, s3_region="sa-east-1").names_store


@pytest.mark.parametrize(
    "region", ["", "-", "sa-east-", "a" * 64, "SA-EAST-1", "sa-east-1.example", "sa-east-1/"]
)
def test_a_region_is_a_label_of_a_host_name(tmp_path: Path, region: str) -> None:
    """What else it were would lead elsewhere, or end the start with a traceback."""
    with pytest.raises(ValidationError, match="s3_region"):
        Settings(home=tmp_path, s3_region=region)


async def test_nothing_runs_on_when_the_block_ends(database_url: str, tmp_path: Path) -> None:
    async with bootstrap(Settings(home=tmp_path, database_url=database_url), store=False) as parts:
        await parts.contexts.identity.sign_in("nobody@prumo.example", "prumo-demo", Device(), SYSTEM)
        assert any(thread.name.startswith("argon2") for thread in threading.enumerate())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("argon2")]


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("", ()),
        ("https://portal.example", ("https://portal.example",)),
        (
            "https://Portal.example:443/, http://localhost:5173 http://[::1]:80",
            ("https://portal.example", "http://localhost:5173", "http://[::1]"),
        ),
        ("*", ("*",)),
    ],
)
def test_origins_are_compared_as_browsers_send_them(
    monkeypatch: pytest.MonkeyPatch, given: str, origins: tuple[str, ...]
) -> None:
    monkeypatch.setenv("PRUMO_CORS_ORIGINS", given)
    assert Settings().cors_origins == origins


@pytest.mark.parametrize(
    "given", ["portal.example", "https://portal.example/shop", "https://a@b", "null", "https://*"]
)
def test_what_is_no_origin_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PRUMO_CORS_ORIGINS", given)
    with pytest.raises(ValueError, match=r"looks like|an origin is"):
        Settings()


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return stitch()._schema


@pytest.mark.parametrize(
    ("name", "most", "inside", "outside"),
    [
        ("CHARACTERS", 21, "{ viewer { scopes } }", "{ viewer { scopes }  }"),
        ("TOKENS", 6, "{ viewer { scopes } }", "{ viewer { scopes scopes } }"),
        ("DEPTH", 2, "{ viewer { scopes } }", "{ viewer { user { id } } }"),
        ("ALIASES", 1, "{ viewer { a: scopes } }", "{ viewer { a: scopes b: scopes } }"),
        ("ROOT_FIELDS", 1, "{ viewer { scopes } }", "{ viewer { scopes } categories { id } }"),
        ("FIELDS", 3, "{ categories { id name } }", "{ categories { id name slug } }"),
        ("DIRECTIVES", 0, "{ viewer { scopes } }", "{ viewer @skip(if: true) { scopes } }"),
        ("FRAGMENTS", 0, "{ viewer { scopes } }", "{ viewer { ...A } } fragment A on Viewer { scopes }"),
        ("SPREADS", 0, "{ viewer { scopes } }", "{ viewer { ... { scopes } } }"),
        ("REPETITIONS", 1, "{ viewer { scopes } }", "{ viewer { scopes scopes } }"),
    ],
)
def test_what_a_document_may_have_is_set(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    schema: GraphQLSchema,
    name: str,
    most: int,
    inside: str,
    outside: str,
) -> None:
    empty = tmp_path / "persisted.json"
    empty.write_text('{"format": "apollo-persisted-query-manifest", "version": 1, "operations": []}')
    monkeypatch.setenv("PRUMO_MANIFEST", str(empty))  # the clients' documents need more than these limits
    assert isinstance(accepted_documents(Settings(), schema).prepare(outside), Prepared)

    monkeypatch.setenv(f"PRUMO_LIMIT_{name}", str(most))
    documents = accepted_documents(Settings(), schema)
    assert isinstance(documents.prepare(inside), Prepared)
    refused = documents.prepare(outside)
    assert not isinstance(refused, Prepared)
    assert [(error.extensions or {})["code"] for error in refused.errors] == ["QUERY_TOO_COMPLEX"]


def test_every_limit_of_a_document_is_a_setting() -> None:
    """And its default is what the schema floor says."""
    assert Settings().limits == Limits()
    named = {f"limit_{each.name}" for each in fields(Limits)} - {"limit_cost"}
    assert {name for name in Settings.model_fields if name.startswith("limit_")} == named


def test_every_setting_is_in_the_table() -> None:
    table = settings_table()
    assert Path("docs/settings.md").read_text() == table
    rows = {line.split("`")[1]: line for line in table.splitlines() if line.startswith("| `")}
    assert len(rows) == len(Settings.model_fields)
    assert all(field.description for field in Settings.model_fields.values())
    for row in (
        "| `PORT` | whole number from 0 to 65535 | `8000` | Port to listen on. |",
        "| `PRUMO_S3_SECRET` | text |  | Secret key. |",
    ):
        assert row in rows.values()


def test_settings_that_texts_speak_of_exist() -> None:
    names = {name.removeprefix("PRUMO_") for name in re.findall(r"`(PRUMO_[A-Z0-9_]+)`", settings_table())}
    texts = (Path("README.md"), *Path("docs").rglob("*.md"), *Path("gateway").rglob("*.py"))
    for path in texts:
        spoken_of = set(re.findall(r"PRUMO_([A-Z0-9_]*[A-Z0-9])", path.read_text()))
        assert spoken_of <= names, path
