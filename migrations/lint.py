"""`python -m migrations.lint`: squawk looks at the SQL of every revision, for locks that make others wait and for
what breaks the code that runs."""

import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy import Executable, text
from sqlalchemy.exc import SQLAlchemyError

import migrations

BEFORE = {"shared": 2, "identity": 6, "catalog": 2, "pricing": 1, "orders": 2}
"""The revisions of before there were servers to be kept running: these are not looked at."""

_SQUAWK = Path(sysconfig.get_path("scripts")) / "squawk"
_POSTGRESQL = "15.0"
_STRICTER = (
    "ban-drop-function",
    "ban-drop-sequence",
    "ban-drop-type",
    "ban-drop-view",
    "ban-set-schema",
    "renaming-object",
)
_NOT_OURS = {
    "prefer-bigint-over-int": "a count of a few thousand is an integer",
    "prefer-bigint-over-smallint": "as above",
    "prefer-robust-stmts": "a revision that fails is rolled back; migrations.concurrently looks before it acts",
    "require-lock-timeout": "`prumo migrate` sets it for all",
    "require-statement-timeout": "as above",
}


def complaints(folder: Path = migrations.FOLDER, before: dict[str, int] = BEFORE) -> Iterator[str]:
    """What is wrong with the revisions after those of `before`, a text for each."""
    yield from migrations.problems(folder)
    scripts = ScriptDirectory.from_config(migrations.alembic_config(folder=folder))
    for script in reversed(list(scripts.walk_revisions())):
        path = Path(script.path)
        if int(path.name[:4]) > before.get(path.parent.name, 0):
            name = f"{path.parent.name}/{path.name}"
            try:
                sql = sql_of(script)
            except (SQLAlchemyError, AttributeError, TypeError) as error:
                yield f"{name}: its SQL cannot be written without a database, so nobody can look at it: {error}"
            else:
                yield from _squawked(name, sql, getattr(script.module, "accepted", {}))


def sql_of(script: Script) -> str:
    """What the revision's upgrade sends to PostgreSQL."""
    written = StringIO()
    migration = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written}
    )
    migration.impl.connection = _Writing(migration)  # type: ignore[assignment]  # what op.get_bind() gives
    with Operations.context(migration):
        script.module.upgrade()
    return f"BEGIN;\n{written.getvalue()}\nCOMMIT;\n"


class _Writing:
    """Stands where a revision expects a connection, and has what it executes written."""

    def __init__(self, migration: MigrationContext) -> None:
        self._migration = migration

    def execute(self, statement: Executable) -> None:
        self._migration.impl.execute(statement)

    def exec_driver_sql(self, statement: str) -> None:
        # A colon here begins no parameter, and a doubled percent sign is none either.
        self._migration.impl.execute(text(statement.replace(":", "\\:")))


def _squawked(name: str, sql: str, accepted: dict[str, str]) -> Iterator[str]:
    """No complaint about `accepted` rules; one about such a rule that is not broken."""
    broken: set[str] = set()
    told = _run(sql, *_NOT_OURS)
    for line in told.splitlines():
        where, _, said = line.partition(": warning: ")
        if not said:
            where, _, said = line.partition(": error: ")
        rule, _, why = said.partition(" ")
        if rule in accepted:
            broken.add(rule)
        else:
            yield f"{name}: {rule or line}: {why} [{_line(sql, where)}]"
    for rule in accepted.keys() - broken:
        yield f"{name}: it accepts {rule}, which it does not break."


def _run(sql: str, *excluded: str) -> str:
    options = [f"--exclude={','.join(excluded)}", f"--include={','.join(_STRICTER)}"]
    result = subprocess.run(
        [_SQUAWK, "--reporter=gcc", f"--pg-version={_POSTGRESQL}", "--stdin-filepath=sql", *options],
        input=sql,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode not in (0, 1):
        raise RuntimeError(result.stderr)
    return result.stdout


def _line(sql: str, where: str) -> str:
    """The SQL that `file:line:column` leads to, lines counted from 0 or 1 as squawk does."""
    number = int(where.split(":")[1])
    return " ".join(sql.splitlines()[number : number + 2])[:120].strip()


def main() -> None:
    found = list(complaints())
    for complaint in found:
        sys.stderr.write(f"{complaint}\n")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
