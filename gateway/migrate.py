"""Brings a database to this code's newest revision, and refuses one that is ahead of the code."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from asyncpg import InterfaceError, PostgresError
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

import migrations
from contexts.shared.adapters.database import NAMED, connector
from contexts.shared.adapters.database import engine as engine_of
from contexts.shared.unavailable import Unavailable
from gateway.progress import CannotRun
from gateway.settings import Settings

_LOCK = 0x7072756D6F  # "prumo": several processes may start at once, one migrates


async def migrate(settings: Settings) -> frozenset[str]:
    """Upgrade to the newest revisions, all or nothing, and return those that were missing.

    Raises CannotRun.
    """
    async with _connected(settings) as connection, connection.begin():
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        missing = migrations.code_heads() - await _heads(connection)
        if missing:
            await connection.run_sync(migrations.upgrade)
    return missing


async def require_migrated(settings: Settings) -> None:
    """Raises CannotRun for a database that is behind or ahead of the code."""
    async with _connected(settings) as connection:
        if migrations.code_heads() != await _heads(connection):
            raise CannotRun("The database is behind this code: run `prumo migrate` first.")


async def _heads(connection: AsyncConnection) -> frozenset[str]:
    heads = await connection.run_sync(migrations.database_heads)
    if unknown := sorted(heads - migrations.known_revisions()):
        raise CannotRun(
            f"The database is newer than this code: it has the revision {', '.join(unknown)}, unknown here. "
            "Update the code, or use another PRUMO_HOME or PRUMO_DATABASE_URL."
        )
    return heads


@asynccontextmanager
async def _connected(settings: Settings) -> AsyncIterator[AsyncConnection]:
    assert settings.database_url is not None  # absent means embedded, and those settings are complete by now
    url = settings.database_direct_url or settings.database_url  # no pooler's limits for a migration
    engine = engine_of(connector(url, NAMED))
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
