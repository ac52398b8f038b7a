"""Which of PostgreSQL's and its driver's errors mean that the database is away; the others are bugs of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.exc import DBAPIError

from contexts.shared.unavailable import Unavailable

DATABASE = "database"

_AWAY = frozenset({"08", "53", "58"})
"""Classes of SQLSTATE: connection lost; out of disk, memory or connections; errors of the operating system."""
_AWAY_STATES = frozenset(
    {
        "55P03",  # the lock timeout: somebody holds the row for longer than we wait
        "57014",  # the statement timeout, or an administrator's pg_cancel_backend
        "57P01",  # shut down by the administrator
        "57P02",  # shut down by a crash of another server process
        "57P03",  # starting, stopping, or recovering
        "57P04",  # dropped while we were connected
        "57P05",  # idle for too long
    }
)
_READ_ONLY = "25006"


@contextmanager
def away_while_connecting() -> Iterator[None]:
    """Whatever keeps us from connecting, no request can mend it: a changed password and a dropped database included."""
    try:
        yield
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise Unavailable(DATABASE, error) from error


def away_in_read(error: Exception) -> Unavailable | None:
    """What the failure of a read means that did nothing but use the database; None: a bug.

    Its connection cannot write. So an attempt to write on it is a bug.
    """
    driver = _driver_error(error)
    return Unavailable(DATABASE, driver) if isinstance(driver, OSError) or _is_away(driver) else None


def away_in_transaction(error: Exception, *, lost: bool) -> Unavailable | None:
    """What an exception means that ended a unit of work; None: it has nothing to do with the database, or is a bug.

    `lost`: the connection is gone. Without that, an operating system's error is of something else in the block.
    """
    driver = _driver_error(error)
    read_only = isinstance(driver, asyncpg.PostgresError) and driver.sqlstate == _READ_ONLY
    if read_only or _is_away(driver) or (lost and isinstance(driver, OSError)):
        return Unavailable(DATABASE, driver)
    return None


def _driver_error(error: Exception) -> BaseException:
    """asyncpg's own error below SQLAlchemy's."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error


def _is_away(error: BaseException) -> bool:
    match error:
        case asyncpg.PostgresError():
            state = error.sqlstate or ""
            return state[:2] in _AWAY or state in _AWAY_STATES
        case asyncpg.InternalClientError():
            return True  # how asyncpg takes the server's goodbye in the middle of something
        case asyncpg.InterfaceError():
            return "closed" in str(error)  # its other errors are wrong calls
        case _:
            return False
