"""Real parts for every test: one PostgreSQL per test process, a fresh migrated database per module."""

import os
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import count

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from contexts.shared.adapters.database import Database
from gateway.embedded.postgres import Postgres

# Where bytecode is not to be kept, each of the processes that tests start compiles all it imports: 7 s of CPU, not 2.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

_numbers = count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a service as `services`; modules that start processes of their own say so themselves."""
    for item in items:
        if isinstance(item, pytest.Function) and not {"postgres", "primary", "s3"}.isdisjoint(
            item.fixturenames
        ):
            item.add_marker(pytest.mark.services)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A real PostgreSQL for this test process, on a socket of its own, gone afterwards."""
    server = Postgres(tmp_path_factory.mktemp("postgres"), durable=False)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def primary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One that waits for its log at commit, as production does, and that may be broken, if it is mended afterwards."""
    server = Postgres(tmp_path_factory.mktemp("primary"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


async def copied(postgres: Postgres, template: str, name: str | None = None) -> str:
    """The URL of a new database, a copy of another that nobody is connected to.

    File by file: a third of the CPU of writing it all to the log, which is the default.
    """
    name = name or f"prumo_test_{next(_numbers)}"
    engine = create_async_engine(postgres.url("postgres"), isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy"))
    await engine.dispose()
    return postgres.url(name)


@pytest.fixture(scope="session")
async def template(postgres: Postgres) -> str:
    """The name of a migrated, empty database that others are copied from."""
    engine = create_async_engine(await copied(postgres, "template1", "prumo_template"))
    async with engine.connect() as connection:
        await connection.run_sync(migrations.upgrade)
    await engine.dispose()
    return "prumo_template"


@pytest.fixture(scope="module")
async def database_url(postgres: Postgres, template: str) -> str:
    """The URL of a database of this module's own: migrated, empty."""
    return await copied(postgres, template)


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    """The module's database, connected."""
    database = Database(database_url)
    yield database
    await database.close()
