"""The secrets that wrap the signing keys, and whether a process may start with those it has."""

import asyncio
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from asyncpg import InterfaceError, PostgresError, UndefinedTableError
from sqlalchemy.exc import DBAPIError

from contexts.identity.api import Succession
from contexts.shared.adapters.database import Database
from contexts.shared.clock import SystemClock
from contexts.shared.unavailable import Unavailable
from gateway.home import writing_to
from gateway.progress import CannotRun, complain
from gateway.settings import Settings, separated_secrets

HOME_FILE = "signing-secret"
"""Below PRUMO_HOME, for the embedded database and for `prumo dev`."""
_PATIENCE = 5.0


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """The first wraps, all unwrap; empty where none was given. Raises CannotRun."""
    if settings.signing_key_secret is not None:
        if settings.signing_key_secret_file is not None:
            raise CannotRun("Of PRUMO_SIGNING_KEY_SECRET and PRUMO_SIGNING_KEY_SECRET_FILE set one.")
        return separated_secrets(settings.signing_key_secret)
    file = settings.signing_key_secret_file
    if file is None:
        return ()
    try:
        return separated_secrets(file.read_text())
    except OSError as error:
        raise CannotRun(f"PRUMO_SIGNING_KEY_SECRET_FILE {file} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # UnicodeDecodeError is one
        raise CannotRun(
            f"PRUMO_SIGNING_KEY_SECRET_FILE {file}: "
            + ("not a text." if isinstance(error, UnicodeDecodeError) else f"{error}.")
        ) from None


def require_secret(settings: Settings) -> None:
    """Raises CannotRun where there is none."""
    if not secrets_of(settings):
        raise CannotRun(
            "PRUMO_SIGNING_KEY_SECRET is not set. It wraps the keys that sign access tokens, and all instances need"
            " the same: `openssl rand -base64 32` makes one."
        )


def with_home_secret(settings: Settings) -> Settings:
    """The same, with the secret of PRUMO_HOME where none was given; that is made at need. Raises CannotRun."""
    if secrets_of(settings):
        return settings
    with writing_to(settings.home):
        file = settings.home / HOME_FILE
        if not file.exists():
            _make(file)
    return settings.model_copy(update={"signing_key_secret_file": file})


def _make(file: Path) -> None:
    """All of it or nothing, and only one, whatever runs at once."""
    unfinished = file.with_name(f"{file.name}-{os.getpid()}")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
        out.write(f"{secrets.token_urlsafe(32)}\n")
    try:
        os.link(unfinished, file)
    except FileExistsError:
        pass  # somebody was faster
    finally:
        unfinished.unlink()


async def require_signing_keys(settings: Settings) -> None:
    """Raises CannotRun when there is no key to sign with, or one that our secrets do not unwrap.

    A database that is away now, or not migrated, is waited for by /readyz, which tells the same.
    """
    from gateway.bootstrap.identity import signing_keys

    require_secret(settings)
    database = Database(settings.database_direct_url or settings.database_url or "", pool_size=1)
    try:
        async with asyncio.timeout(_PATIENCE):
            table = signing_keys(settings=settings, database=database)
            known = Succession(await table.all(), settings.access_token_life)
            now = SystemClock().now()
            needed = [key.kid for key in known.verifying(now)]
            unreadable = await table.unreadable(needed)
    except UndefinedTableError:
        complain("The database is behind this code: run `prumo migrate`. /readyz says 503 until then.")
        return
    except (Unavailable, TimeoutError, PostgresError, InterfaceError, DBAPIError):
        return
    finally:
        await database.close()
    if not needed:
        raise CannotRun("There is no key to sign access tokens with: run `prumo keys make`.")
    if unreadable:
        raise unreadable_keys(unreadable)


def unreadable_keys(kids: Sequence[str]) -> CannotRun:
    return CannotRun(
        f"PRUMO_SIGNING_KEY_SECRET does not unwrap {', '.join(kids)}, kept in the database: give the secret that"
        " wrapped it, beside another if need be, with a comma between."
    )
