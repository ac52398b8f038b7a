"""Alembic migrations, one branch per context (its own folder and label), run on our own connection.

A context's first revision may depend on a revision of a context it builds on, never the other way round.
Revisions are numbered in their branch, so that there is an order also for code that does not know them.

**Each revision says in `runs_with` which code still runs once it is applied**: None, all that ran before, for it
only adds; or else the earliest revision of its branch that code must have, such as the one since which nothing
reads what is dropped. The strictest of the applied revisions is kept in a table beside Alembic's, where code
finds it that is older than the database.

Alembic is imported where it is used: a server only asks how the database stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, inspect, select

from contexts.catalog.adapters.tables import metadata as catalog
from contexts.identity.adapters.tables import metadata as identity
from contexts.orders.adapters.tables import metadata as orders
from contexts.pricing.adapters.tables import metadata as pricing
from contexts.shared.adapters.tables import metadata as shared

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import Script, ScriptDirectory

METADATA = [shared, identity, catalog, pricing, orders]
SCHEMAS = tuple(str(metadata.schema) for metadata in METADATA)
FOLDER = Path(__file__).parent

COMPATIBILITY = Table(
    "prumo_compatibility",
    MetaData(),
    Column("branch", Text, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("runs_with", Integer, nullable=False),
)
"""A row per branch that has an applied revision: the newest, and the earliest that code may have.

It is made with Alembic's own table and not by a revision, since it must be there before the first.
"""


@dataclass(frozen=True, slots=True)
class Applied:
    """How far a branch of the database is, and the revision that code must have at least."""

    revision: int
    runs_with: int


@dataclass(frozen=True, slots=True)
class Behind:
    """The database lacks revisions of these branches that the code needs."""

    branches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ahead:
    """The database has revisions that this code does not know, and it runs on them all the same."""

    branches: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TooNew:
    """The database has revisions that this code does not run on."""

    needs: tuple[str, ...]
    """The revisions that code must have at least."""


def compared(database: Mapping[str, Applied], code: Mapping[str, int]) -> Behind | Ahead | TooNew | None:
    """How the database stands to code that has these revisions as its newest; None: it is where the code is."""
    if needs := tuple(
        _id(branch, applied.runs_with)
        for branch, applied in sorted(database.items())
        if applied.runs_with > code.get(branch, 0)
    ):
        return TooNew(needs)
    if behind := tuple(
        branch
        for branch in sorted(code)
        if branch not in database or database[branch].revision < code[branch]
    ):
        return Behind(behind)
    ahead = tuple(branch for branch in sorted(database) if database[branch].revision > code.get(branch, 0))
    return Ahead(ahead) if ahead else None


def newest(folder: Path = FOLDER) -> dict[str, int]:
    """The number of the newest revision that the code has, by branch."""
    return {branch: max(numbers) for branch in SCHEMAS if (numbers := list(_numbers(folder / branch)))}


def names(revisions: Mapping[str, int]) -> list[str]:
    """These revisions as Alembic knows them."""
    return sorted(_id(branch, number) for branch, number in revisions.items())


def applied(connection: Connection) -> dict[str, Applied]:
    """How the database stands, by branch; empty for a new one, and for one from before the table."""
    if not inspect(connection).has_table(COMPATIBILITY.name):
        return {}
    rows = connection.execute(select(COMPATIBILITY))
    return {row.branch: Applied(row.revision, row.runs_with) for row in rows}


def alembic_config(connection: Connection | None = None, folder: Path = FOLDER) -> Config:
    """Alembic's configuration, without an ini file: the connection is handed over, nothing else varies."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(folder / schema) for schema in SCHEMAS))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection, folder: Path = FOLDER) -> None:
    """Bring the database to the newest revision of every branch, each revision in a transaction of its own.

    What was applied stays applied when a later revision fails. Where the caller has begun a transaction, all
    happens in that one, and a revision that cannot run in a transaction fails. Raises Misdeclared.
    """
    from alembic import command

    if misdeclared := list(problems(folder)):
        raise Misdeclared("\n".join(misdeclared))
    command.upgrade(alembic_config(connection, folder), "heads")


class Misdeclared(Exception):
    """A revision does not say in order what it must say of itself."""


def problems(folder: Path = FOLDER) -> Iterator[str]:
    """What is wrong with the revisions' numbers and with what they declare."""
    from alembic.script import ScriptDirectory

    for script in ScriptDirectory.from_config(alembic_config(folder=folder)).walk_revisions():
        path = Path(script.path)
        branch, number = path.parent.name, int(path.name[:4])
        where = f"{branch}/{path.name}"
        previous = _id(branch, number - 1) if number > 1 else None
        if script.revision != _id(branch, number):
            yield f"{where}: its revision is {script.revision}, and {_id(branch, number)} by its file."
        elif script.down_revision != previous:
            yield f"{where}: it does not revise {previous}, the one before it."
        elif getattr(script.module, "runs_with", ...) is ...:
            yield f"{where}: it does not say `runs_with`, which code still runs once it is applied."
        elif script.module.runs_with not in (None, *(_id(branch, each) for each in range(1, number + 1))):
            yield f"{where}: `runs_with` is {script.module.runs_with!r}, no revision of {branch} up to its own."


def record(connection: Connection, scripts: ScriptDirectory, heads: Collection[str]) -> None:
    """Keep what the revisions say that are applied when the database stands at these heads."""
    standing: dict[str, Applied] = {}
    for script in _applied_at(scripts, heads):
        branch, number = _parts(script.revision)
        runs_with = script.module.runs_with
        least = 0 if runs_with is None else _parts(runs_with)[1]
        before = standing.get(branch, Applied(0, 0))
        standing[branch] = Applied(max(before.revision, number), max(before.runs_with, least))
    connection.execute(COMPATIBILITY.delete())
    if standing:
        connection.execute(
            COMPATIBILITY.insert(),
            [
                {"branch": branch, "revision": each.revision, "runs_with": each.runs_with}
                for branch, each in standing.items()
            ],
        )


def _applied_at(scripts: ScriptDirectory, heads: Iterable[str]) -> Iterator[Script]:
    """The revisions at these heads and all that they revise or depend on; heads may leave out the latter."""
    waiting, seen = list(heads), set[str]()
    while waiting:
        if (revision := waiting.pop()) not in seen:
            seen.add(revision)
            script = scripts.get_revision(revision)
            waiting += (*_each(script.down_revision), *_each(script.dependencies))
            yield script


def _each(revisions: str | Collection[str] | None) -> Collection[str]:
    return [revisions] if isinstance(revisions, str) else revisions or ()


def _numbers(branch: Path) -> Iterator[int]:
    return (int(path.name[:4]) for path in branch.glob("[0-9][0-9][0-9][0-9]_*.py"))


def _id(branch: str, number: int) -> str:
    return f"{branch}_{number:04}"


def _parts(revision: str) -> tuple[str, int]:
    branch, _, number = revision.rpartition("_")
    return branch, int(number)
