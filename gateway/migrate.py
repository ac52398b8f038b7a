"""Brings a database to this code's newest revision, while servers work on it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from asyncpg import InterfaceError, LockNotAvailableError, PostgresError, QueryCanceledError
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

import migrations
from contexts.shared.adapters.database import NAMED, connector
from contexts.shared.adapters.database import engine as engine_of
from contexts.shared.unavailable import Unavailable
from gateway.progress import CannotRun, complain
from gateway.settings import Settings
from migrations import Ahead, Behind, TooNew

_LOCK = 0x7072756D6F  # "prumo": several processes may start at once, one migrates
_LOOK_AGAIN_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a migration may wait and work. Who waits for a lock has everybody behind it wait as well."""

    lock_seconds: float = 3
    """For a lock; then the revision is given up, and what queued behind it goes on."""
    attempts: int = 10
    pause_seconds: float = 5
    """Between two attempts."""
    statement_seconds: float = 900
    """For one statement; 0: any time."""

    def settings(self) -> dict[str, str]:
        """As PostgreSQL's settings, in milliseconds."""
        return {
            "lock_timeout": str(round(self.lock_seconds * 1000)),
            "statement_timeout": str(round(self.statement_seconds * 1000)),
        }


async def migrate(
    settings: Settings, patience: Patience | None = None, folder: Path = migrations.FOLDER
) -> list[str]:
    """Upgrade to the newest revisions, and return the newest of each branch that was behind.

    Each revision is applied for good by itself: after a failure the next call goes on where this one stopped. A
    database that is ahead and that this code runs on is left as it is. Raises CannotRun.
    """
    patience, code = patience or Patience(), migrations.newest(folder)
    async with _connected(settings, patience.settings()) as connection, _alone(connection):
        match migrations.compared(await _applied(connection), code):
            case TooNew(needs):
                raise _too_new(needs)
            case Behind(branches):
                await _upgrade(connection, patience, folder)
                return migrations.names({branch: code[branch] for branch in branches})
            case Ahead() | None:
                return []


async def require_migrated(settings: Settings) -> None:
    """Raises CannotRun for a database that is behind the code, or too far ahead of it."""
    async with _connected(settings, {}) as connection:
        match migrations.compared(await _applied(connection), migrations.newest()):
            case Behind():
                raise CannotRun("The database is behind this code: run `prumo migrate` first.")
            case TooNew(needs):
                raise _too_new(needs)
            case Ahead() | None:
                return


async def _upgrade(connection: AsyncConnection, patience: Patience, folder: Path) -> None:
    for attempt in range(1, patience.attempts + 1):
        try:
            await connection.run_sync(migrations.upgrade, folder)
        except DBAPIError as error:
            await connection.rollback()
            cause = error.orig.__cause__ if error.orig is not None else None
            if isinstance(cause, QueryCanceledError):
                raise CannotRun(
                    f"A statement of the migration took longer than {patience.statement_seconds:g} s and was"
                    " cancelled. Revisions before it are applied; the next `prumo migrate` goes on there, with"
                    " --statement-timeout if need be."
                ) from error
            if not isinstance(cause, LockNotAvailableError):
                raise
            holders = await _holders(connection)
            if attempt == patience.attempts:
                raise CannotRun(
                    f"The migration waited {attempt} times {patience.lock_seconds:g} s for a lock that others"
                    f" hold.{holders} Revisions before it are applied; the next `prumo migrate` goes on there."
                ) from error
            complain(
                f"waited {patience.lock_seconds:g} s for a lock and let others pass; attempt {attempt} of"
                f" {patience.attempts}, the next in {patience.pause_seconds:g} s.{holders}"
            )
            await asyncio.sleep(patience.pause_seconds)
        else:
            return


async def _holders(connection: AsyncConnection) -> str:
    """Who may be in the way: the oldest transactions."""
    rows = await connection.execute(
        text(
            "SELECT pid, application_name, round(extract(epoch FROM now() - xact_start)) AS age"
            " FROM pg_stat_activity"
            " WHERE datname = current_database() AND xact_start IS NOT NULL AND pid <> pg_backend_pid()"
            " ORDER BY xact_start LIMIT 3"
        )
    )
    oldest = ", ".join(f"process {row.pid} ({row.application_name or '?'}, {row.age} s)" for row in rows)
    await connection.commit()
    return f" The oldest transactions: {oldest}." if oldest else ""


async def _applied(connection: AsyncConnection) -> Mapping[str, migrations.Applied]:
    applied = await connection.run_sync(migrations.applied)
    await connection.commit()  # what comes next begins its own
    return applied


@asynccontextmanager
async def _alone(connection: AsyncConnection) -> AsyncIterator[None]:
    """One process migrates at a time; its end, even by force, lets the next.

    Asked again and again: who waited inside PostgreSQL would have a transaction, and the other's CREATE INDEX
    CONCURRENTLY would wait for its end.
    """
    told = False
    while not await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
        await connection.commit()
        if not told:
            complain("another `prumo migrate` is at work; waiting for it.")
            told = True
        await asyncio.sleep(_LOOK_AGAIN_SECONDS)
    await connection.commit()
    yield


def _too_new(needs: tuple[str, ...]) -> CannotRun:
    return CannotRun(
        f"The database is newer than this code: it needs code that has {', '.join(needs)}. "
        "Update the code, or use another PRUMO_HOME or PRUMO_DATABASE_URL."
    )


@asynccontextmanager
async def _connected(settings: Settings, limits: Mapping[str, str]) -> AsyncIterator[AsyncConnection]:
    assert settings.database_url is not None  # absent means embedded, and those settings are complete by now
    url = settings.database_direct_url or settings.database_url  # no pooler's limits for a migration
    engine = engine_of(connector(url, {**NAMED, **limits}))
    try:
        try:
            connection = await engine.connect()
        except (Unavailable, OSError, PostgresError, InterfaceError, DBAPIError) as error:
            place = make_url(url).render_as_string(hide_password=True)
            raise CannotRun(f"The database {place} cannot be reached: {error}") from error
        async with aclosing(connection):
            yield connection
    finally:
        await engine.dispose()
