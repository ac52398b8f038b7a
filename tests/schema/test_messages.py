"""The texts that apps show people: complete, true to the schema, and written for people."""

import json
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from graphql import GraphQLSchema, build_schema

from contexts.shared.codes import DetailCode, WarningCode
from gateway.cli import prumo
from gateway.error_codes import error_codes
from gateway.http.close_codes import SocketClose
from gateway.progress import CannotRun
from resolvers.vocabulary.errors import ErrorCode
from resolvers.vocabulary.extension_codes import FACTS, ExtensionCode
from schema.messages import LANGUAGES, Texts, completed, facts
from schema.stitching import stitch

FOLDER = Path("graphql/messages")
ENGLISH = re.compile(
    r"\b(the|your?|this|that|is|are|not|must|may|please|error|request|token|input|server|login|sign|again)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return stitch()._schema


def texts(language: str) -> Texts:
    read: Texts = json.loads((FOLDER / f"{language}.json").read_text())
    return read


def named(text: str) -> list[str]:
    """The facts that a text in ICU MessageFormat names, and "?" for what is none. Nothing here quotes."""
    found: list[str] = []
    at = 0
    while at < len(text):
        if text[at] in "}'":
            return [*found, "?"]
        if text[at] != "{":
            at += 1
            continue
        inside, at = _argument(text, at)
        name, *rest = (part.strip() for part in inside.split(",", 2))
        found.append(name if _WORD.fullmatch(name) else "?")
        match rest:
            case []:
                pass
            case ["plural" | "select", branches]:
                found += _branches(branches)
            case _:
                found.append("?")
    return found


def _argument(text: str, start: int) -> tuple[str, int]:
    """What stands between the brace at `start` and the one that closes it, and where to go on."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[start + 1 : at], at + 1
    return "?,?", len(text)


def _branches(text: str) -> list[str]:
    found, at, keys = [], 0, []
    while "{" in text[at:]:
        start = text.index("{", at)
        keys.append(text[at:start].strip())
        inside, at = _argument(text, start)
        found += named(inside)
    complete = "other" in keys and all(_WORD.fullmatch(key) for key in keys) and not text[at:].strip()
    return found if complete else [*found, "?"]


def test_what_a_text_names() -> None:
    assert named("O código {requestId}.") == ["requestId"]
    plural = "Em {retryAfter, plural, one {# segundo de {total}} other {# segundos}}, {actual}."
    assert named(plural) == ["retryAfter", "total", "actual"]
    for broken in ("{", "}", "{a b}", "{a, plural, one {x}}", "{a, number}", "{}", "d'água"):
        assert "?" in named(broken), broken


def test_every_code_has_its_key(schema: GraphQLSchema) -> None:
    keys = facts(schema)
    assert set(keys["extensions"]) == set(ExtensionCode)
    assert set(keys["errors"]) >= {code.name for code in ErrorCode}
    assert set(keys["details"]) == set(DetailCode)
    assert set(keys["warnings"]) == set(WarningCode)


def test_an_error_that_is_not_called_after_its_code_has_a_text_of_its_own(schema: GraphQLSchema) -> None:
    errors = facts(schema)["errors"]
    assert errors["CnpjTakenError"] == frozenset()
    assert errors["InvitationClosedError"] == {"status"}
    assert errors["TOO_MANY_ATTEMPTS"] == {"retryAfter"}
    assert errors["PRICE_CHANGED"] == {"expected", "actual"}
    assert errors["OUT_OF_STOCK"] == frozenset(), "a list cannot stand in a sentence"
    assert "OutOfStockError" not in errors
    small = build_schema(
        """
        enum ErrorCode { CONFLICT }
        interface DomainError { code: ErrorCode! message: String! }
        type ConflictError implements DomainError { code: ErrorCode! message: String! }
        type NewError implements DomainError { code: ErrorCode! message: String! by: Int! until: Int of: [Int!]! }
        type Query { it: DomainError }
        """
    )
    assert facts(small)["errors"] == {"CONFLICT": frozenset(), "NewError": {"by"}}


def test_a_code_without_a_text_gets_an_empty_one() -> None:
    keys = {"errors": {"A": frozenset[str](), "B": frozenset[str]()}, "warnings": {}}
    written = completed({"errors": {"B": "É isto.", "GONE": "Era."}}, keys)
    assert json.loads(written) == {"errors": {"A": "", "B": "É isto."}, "warnings": {}}
    assert completed(json.loads(written), keys) == written
    assert "É isto." in written


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_files_have_just_the_keys_in_order(schema: GraphQLSchema, language: str) -> None:
    found = (FOLDER / f"{language}.json").read_text()
    assert found == completed(texts(language), facts(schema)), "run `make schema`"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_written(language: str) -> None:
    empty = [
        f"{section}.{key}"
        for section, told in texts(language).items()
        for key, text in told.items()
        if not text
    ]
    assert empty == [], f"write them in {FOLDER / language}.json"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_names_no_fact_that_is_not_told(schema: GraphQLSchema, language: str) -> None:
    wrong = {
        f"{section}.{key}": named(text)
        for section, told in texts(language).items()
        for key, text in told.items()
        if not facts(schema)[section][key].issuperset(named(text))
    }
    assert wrong == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_texts_are_for_people(language: str) -> None:
    for section, told in texts(language).items():
        for key, text in told.items():
            where = f"{section}.{key}: {text}"
            assert text[:1].isupper(), where
            assert text.endswith("."), where
            assert text == " ".join(text.split()), where
            assert "!" not in text, where
            assert "_" not in text, f"{where}: a code is no word"


def test_the_portuguese_is_not_english() -> None:
    english = texts("en")
    for section, told in texts("pt-BR").items():
        for key, text in told.items():
            prose = re.sub(r"\{(\w+)(, \w+,)?", "", text)
            assert not ENGLISH.search(prose), text
            assert text != english[section][key], key


def test_every_language_names_the_same_facts() -> None:
    english = texts("en")
    for language in LANGUAGES:
        for section, told in texts(language).items():
            for key, text in told.items():
                assert sorted(named(text)) == sorted(named(english[section][key])), (
                    f"{language} {section}.{key}"
                )


def test_a_closed_socket_is_told_without_facts() -> None:
    assert [close.name for close in SocketClose if close.shown in FACTS] == []


def test_the_page_of_the_codes_is_the_code(schema: GraphQLSchema) -> None:
    page = error_codes(schema)
    assert Path("docs/error-codes.md").read_text() == page, "run `make schema`"
    for code in (*ExtensionCode, *DetailCode, *WarningCode):
        assert f"| `{code}` | {code.meaning}" in page
    for name in facts(schema)["errors"]:
        assert f"| `{name}` |" in page


def test_the_command_completes_the_files(tmp_path: Path) -> None:
    def messages(*options: str) -> object:
        return CliRunner().invoke(prumo, ["messages", "--folder", str(tmp_path), *options]).exception

    for language in LANGUAGES:
        (tmp_path / f"{language}.json").write_text((FOLDER / f"{language}.json").read_text())
    assert messages() is None
    portuguese = tmp_path / "pt-BR.json"
    whole = json.loads(portuguese.read_text())
    portuguese.write_text(portuguese.read_text().replace('"TAKEN":', '"NO_CODE":'))
    behind = messages("--check")
    assert isinstance(behind, CannotRun)
    assert f"run `prumo messages --folder {tmp_path}`" in str(behind)
    assert messages() is None
    assert messages("--check") is None
    whole["details"]["TAKEN"] = ""
    assert json.loads(portuguese.read_text()) == whole
    (tmp_path / "en.json").write_text("{")
    assert "en.json is not JSON" in str(messages())
