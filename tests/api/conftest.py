"""A served, seeded Prumo for every module."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.bootstrap import bootstrap
from gateway.embedded.postgres import Postgres
from gateway.embedded.s3 import S3
from gateway.migrate import migrate
from gateway.seed.demo import seed_demo
from gateway.settings import Settings
from tests.api.shop import Shop
from tests.conftest import copied
from tests.signing import SECRET, first_key


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """A real S3 for this test process."""
    store = S3(tmp_path_factory.mktemp("s3"))
    store.start()
    try:
        yield store
    finally:
        store.stop()


def settings_for(home: Path, database_url: str, s3: S3) -> Settings:
    return Settings(
        home=home,
        public_url="http://prumo.test",
        database_url=database_url,
        s3_endpoint=s3.endpoint,
        s3_bucket=s3.bucket,
        s3_key=s3.access_key,
        s3_secret=s3.secret_key,
        # All tests come from one address, and drive it harder than any client; throttling has tests of its own.
        throttle_points=10_000_000,
        signing_key_secret=SECRET,
    ).in_development()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PRUMO_HOME: kept mail."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
async def seeded(postgres: Postgres, template: str, home: Path, s3: S3) -> str:
    """The name of a database with the demo data, to copy from."""
    url = await copied(postgres, template, "prumo_seeded")
    async with bootstrap(settings_for(home, url, s3)) as parts:
        await first_key(parts.database)
        await seed_demo(parts.database, parts.contexts, lambda line: None)
    return "prumo_seeded"


@pytest.fixture(scope="session")
async def primary_seeded(primary: Postgres, home: Path, s3: S3) -> str:
    """The name of a database of the primary with the demo data, to copy from."""
    primary.create_database("prumo_seeded")
    settings = settings_for(home, primary.url("prumo_seeded"), s3)
    await migrate(settings)
    async with bootstrap(settings) as parts:
        await first_key(parts.database)
        await seed_demo(parts.database, parts.contexts, lambda line: None)
    return "prumo_seeded"


@pytest.fixture(scope="module")
async def settings(postgres: Postgres, seeded: str, home: Path, s3: S3) -> Settings:
    """Settings that name this module's own database, with the demo data in it."""
    return settings_for(home, await copied(postgres, seeded), s3)


@pytest.fixture(scope="module")
async def app(settings: Settings) -> AsyncIterator[Starlette]:
    """The running application."""
    app = create_app(settings)
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture(scope="module")
async def shop(app: Starlette, settings: Settings) -> AsyncIterator[Shop]:
    """A client of the application."""
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://prumo.test") as http:
        yield Shop(http, settings.database_url)
