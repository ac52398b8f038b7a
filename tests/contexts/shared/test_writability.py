"""Whether the database takes writes, on real servers: a standby, a read-only one, and one without room on its disk."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import make_url

from contexts.shared.adapters.database import Database
from contexts.shared.unavailable import Unavailable
from gateway.embedded.postgres import SYSTEM_USER, Postgres
from tests.conftest import copied
from tests.contexts.shared.test_database import connected


@pytest.fixture
async def url(postgres: Postgres, template: str) -> str:
    return await copied(postgres, template)


@asynccontextmanager
async def administrator(postgres: Postgres) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres.url("postgres").replace("+asyncpg", ""))
    try:
        yield connection
    finally:
        await connection.close()


async def test_it_leaves_nothing_behind(url: str) -> None:
    """However often it looks: no dead row of a catalog, no byte of the log."""
    async with connected(url) as database, connected(url) as other:
        await database.require_writable()
        async with other.reading() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert raw is not None
            changed = (
                "SELECT sum(n_dead_tup + n_tup_ins) FROM pg_stat_sys_tables WHERE schemaname = 'pg_catalog'"
            )
            before = await raw.fetchval(changed)
            for _ in range(50):
                await database.require_writable()
            await database.close()  # a session tells its statistics when it ends
            # Making the table once takes some; making it each time would take 500 and more.
            assert await raw.fetchval(changed) - before < 150


async def test_read_only_by_its_settings(postgres: Postgres, url: str) -> None:
    name = make_url(url).database
    async with connected(url) as database, administrator(postgres) as admin:
        await database.require_writable()
        await admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only TO on")
        await admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1", name
        )
        with pytest.raises(Unavailable):
            for _ in range(2):  # the first may find itself cut off
                await database.require_writable()
        with pytest.raises(Unavailable, match="read-only"):
            await database.require_writable()
        await admin.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
        await database.require_writable()


async def test_without_the_privilege_to_look_for_room_the_rest_is_looked_at(
    postgres: Postgres, url: str
) -> None:
    parsed = make_url(url)
    async with administrator(postgres) as admin:
        await admin.execute("CREATE ROLE modest_writer LOGIN")
        await admin.execute(f"REVOKE TEMPORARY ON DATABASE {parsed.database} FROM PUBLIC")
        modest = parsed.set(username="modest_writer").render_as_string(hide_password=False)
        async with connected(modest) as database:
            await database.require_writable()
            await admin.execute("ALTER ROLE modest_writer SET default_transaction_read_only TO on")
            await database.close()
            with pytest.raises(Unavailable, match="read-only"):
                await database.require_writable()
        await admin.execute("DROP ROLE modest_writer")


async def test_of_many_callers_one_asks_at_a_time(database: Database) -> None:
    await asyncio.gather(*(database.require_writable() for _ in range(20)))
    async with database.reading() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        own = await raw.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND query LIKE '%prumo_room%'"
        )
    assert own == 1


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB for the server, where this machine lets us make one."""
    folder = Path("/tmp") / f"prumo-tiny-{os.getpid()}"  # noqa: S108 - the server must reach it
    folder.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run([mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder]).returncode != 0
    ):
        folder.rmdir()
        pytest.skip("only root may mount")
    try:
        shutil.chown(folder, SYSTEM_USER)
        yield folder
    finally:
        subprocess.run([shutil.which("umount") or "umount", "--lazy", folder], check=True)
        folder.rmdir()


async def test_a_full_disk_shows(postgres: Postgres, url: str, tiny_disk: Path) -> None:
    name = make_url(url).database
    async with administrator(postgres) as admin, connected(url) as database:
        await admin.execute(f"CREATE TABLESPACE tiny LOCATION '{tiny_disk}'")
        await admin.execute(f"ALTER DATABASE {name} SET temp_tablespaces TO tiny")
        try:
            await database.require_writable()
            ballast = tiny_disk / "ballast"
            with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
                while True:
                    file.write(bytes(4096))
            with pytest.raises(Unavailable, match="DiskFullError"):
                await database.require_writable()
            ballast.unlink()
            await database.require_writable()
        finally:
            await database.close()
            await admin.execute("DROP TABLESPACE tiny")
