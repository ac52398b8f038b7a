"""The persisted manifest: the documents of our own clients, each known by the SHA-256 of its text.

The text is the client's file, byte for byte, so `sha256sum Products.graphql` prints the id. The manifest has the
format of Apollo's persisted query manifests, which their tools and links read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
from graphql import GraphQLError, OperationDefinitionNode, OperationType, parse

FORMAT, VERSION = "apollo-persisted-query-manifest", 1


@dataclass(frozen=True, slots=True)
class PersistedOperation:
    """A document with one operation; `client` is the application it belongs to."""

    id: str
    client: str
    name: str
    kind: OperationType
    text: str

    def __str__(self) -> str:
        return f"{self.client}/{self.name}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The operations of all clients, by client and name."""

    operations: tuple[PersistedOperation, ...]


@dataclass(frozen=True, slots=True)
class BrokenManifest:
    """There is no manifest to be had from it, for these reasons."""

    problems: tuple[str, ...]


def id_of(text: str) -> str:
    """The document's id: the SHA-256 of its text in UTF-8, in lower-case hexadecimal."""
    return sha256(text.encode()).hexdigest()


def collected(folder: Path) -> Manifest | BrokenManifest:
    """The manifest of `folder`/<client>/**/*.graphql; every file has one operation, with a name."""
    operations: list[PersistedOperation] = []
    problems: list[str] = []
    for path in sorted(folder.rglob("*.graphql")):
        client = path.relative_to(folder).parts[0]
        try:
            text = path.read_bytes().decode()  # not read_text, which would change the ends of lines
            name, kind = _operation(text)
        except (GraphQLError, ValueError) as error:
            problems.append(f"{path}: {error.message if isinstance(error, GraphQLError) else error}")
        else:
            operations.append(PersistedOperation(id_of(text), client, name, kind, text))
    problems += _repeated(operations)
    if not operations and not problems:
        problems.append(f"{folder} has no <client>/<Operation>.graphql.")
    if problems:
        return BrokenManifest(tuple(problems))
    return Manifest(tuple(sorted(operations, key=lambda each: (each.client, each.name))))


def written(manifest: Manifest) -> str:
    """The manifest as it is committed."""
    operations = [
        {
            "id": each.id,
            "name": each.name,
            "type": each.kind.value,
            "clientName": each.client,
            "body": each.text,
        }
        for each in manifest.operations
    ]
    whole = {"format": FORMAT, "version": VERSION, "operations": operations}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def read(content: bytes) -> Manifest | BrokenManifest:
    """The manifest in a file's content. Every id is held against its text: nothing runs under another's name."""
    try:
        whole = orjson.loads(content)
        if (whole["format"], whole["version"]) != (FORMAT, VERSION):
            return BrokenManifest((f"It is not of format {FORMAT}, version {VERSION}.",))
        operations = tuple(_read_operation(each) for each in whole["operations"])
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return BrokenManifest(("It is not the JSON of a persisted manifest.",))
    problems = [
        f"{each}: the id {each.id} is not the SHA-256 of its body."
        for each in operations
        if each.id != id_of(each.text)
    ]
    return BrokenManifest(tuple(problems)) if problems else Manifest(operations)


def _read_operation(members: dict[str, Any]) -> PersistedOperation:  # Any: JSON that nobody has looked at
    id, name, text = members["id"], members["name"], members["body"]
    client = members.get("clientName", "")  # Apollo's generator leaves it out
    if not all(isinstance(each, str) for each in (id, name, text, client)):
        raise TypeError
    return PersistedOperation(id, client, name, OperationType(members["type"]), text)


def _operation(text: str) -> tuple[str, OperationType]:
    definitions = parse(text).definitions
    operations = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
    if len(operations) != 1 or operations[0].name is None:
        raise ValueError("it must have exactly one operation, and that a name.")
    return operations[0].name.value, operations[0].operation


def _repeated(operations: list[PersistedOperation]) -> Iterator[str]:
    seen: set[str] = set()
    for each in operations:
        if str(each) in seen:
            yield f"{each}: the client has two operations of this name."
        seen.add(str(each))
