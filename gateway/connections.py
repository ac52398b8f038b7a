"""Whether PostgreSQL has the connections that our processes may come to open."""

import asyncio

from asyncpg import InterfaceError, PostgresError
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from contexts.shared.adapters.database import Database
from contexts.shared.unavailable import Unavailable
from gateway.database_tls import require_trusted
from gateway.progress import CannotRun, complain
from gateway.settings import Settings

LISTENERS = 2
"""Connections of a process that only listen: for changed orders, for ended sessions."""
PROBES = 1
"""That of /readyz, which waits behind no request."""
WATCHES = 2
"""Those that it has besides while there is a replica: to hear who wrote, and to ask the primary where it is."""
_PATIENCE = 5.0

# Each limit is absent where it is -1; `reserved_connections` is PostgreSQL 16's.
_ALLOWED = text(
    """
    SELECT least(
        current_setting('max_connections')::integer
            - current_setting('superuser_reserved_connections')::integer
            - coalesce(current_setting('reserved_connections', true)::integer, 0),
        (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()),
        (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user)
    )
    """
)


def needed(settings: Settings, processes: int) -> int:
    """How many connections to PostgreSQL itself these processes may have open; those of a pooler are its own."""
    pools = 0 if settings.database_direct_url is not None else 2 * settings.database_pool
    return processes * (pools + _apart(settings))


def _apart(settings: Settings) -> int:
    return LISTENERS + PROBES + (0 if settings.replica_url is None else WATCHES)


async def require_connections(settings: Settings, processes: int) -> None:
    """Raises CannotRun when they need more than PostgreSQL lets them have: it would show only under load.

    What others use of it is not known here. A database that is away now is waited for by /readyz, one that is not
    trusted is not.
    """
    await require_trusted(settings)
    try:
        async with asyncio.timeout(_PATIENCE):
            allowed = await _allowed(settings)
    except (Unavailable, TimeoutError, PostgresError, InterfaceError, DBAPIError) as error:
        if "unsupported startup parameter" in str(error):
            raise CannotRun(
                "PRUMO_DATABASE_URL leads to a pooler: set PRUMO_DATABASE_DIRECT_URL to the same database past it."
            ) from error
        complain("The database cannot be reached yet, nor asked whether it has connections enough.")
        return
    if (wanted := needed(settings, processes)) > allowed:
        raise CannotRun(_refusal(settings, processes, wanted, allowed))


async def _allowed(settings: Settings) -> int:
    database = Database(settings.database_direct_url or settings.database_url or "", pool_size=1)
    try:
        async with database.reading() as connection:
            return int(await connection.scalar(_ALLOWED))
    finally:
        await database.close()


def _refusal(settings: Settings, processes: int, wanted: int, allowed: int) -> str:
    who = "1 process" if processes == 1 else f"{processes} processes"
    remedies = []
    if settings.database_direct_url is None and (pool := (allowed // processes - _apart(settings)) // 2) >= 1:
        remedies.append(f"set PRUMO_DATABASE_POOL to {pool}")
    if processes > 1:
        remedies.append("start fewer --workers")
    if settings.database_direct_url is None:
        remedies.append("put PgBouncer in front (PRUMO_DATABASE_DIRECT_URL)")
    choice = ", ".join((*remedies, "or raise the server's limit"))
    return f"{who} may open {wanted} connections and PostgreSQL allows {allowed}: {choice}."
