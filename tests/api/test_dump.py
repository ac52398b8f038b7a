"""A dump of PostgreSQL's own pg_dump, restored: the same objects, the same rows, the same answers."""

import subprocess
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.embedded.postgres import BIN, Postgres
from gateway.embedded.s3 import S3
from gateway.settings import Settings
from tests.api.conftest import settings_for
from tests.api.shop import SP, Shop
from tests.conftest import copied
from tests.test_migrations import objects_of

RESTORED = "prumo_restored"


def run(program: str, url: str, *arguments: str) -> str:
    """One of PostgreSQL's programs, on the database of the URL."""
    parts = urlsplit(url)
    host = parse_qs(parts.query)["host"][0]
    reached = ("--host", host, "--username", "postgres", "--dbname", parts.path.removeprefix("/"))
    done = subprocess.run([BIN / program, *reached, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def script(url: str) -> list[str]:
    """All that pg_dump finds, schema and rows, as SQL; without its one-time key against psql's commands."""
    lines = run("pg_dump", url).splitlines()
    return [line for line in lines if not line.startswith(("\\restrict", "\\unrestrict"))]


async def look(url: str) -> tuple[str, list[tuple[object, ...]]]:
    """What neither Alembic nor a dump shows: parsed bodies, and what is generated for each product."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        objects = await objects_of(connection)
        generated = await connection.execute(
            text("SELECT sku, folded_name, search::text FROM catalog.products ORDER BY sku")
        )
        rows = [tuple(row) for row in generated]
    await engine.dispose()
    return objects, rows


@pytest.fixture(scope="module")
async def original(postgres: Postgres, seeded: str) -> str:
    """The URL of a database with the demo data."""
    return await copied(postgres, seeded)


@pytest.fixture(scope="module")
async def restored(postgres: Postgres, original: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database that was empty but for the dump of the original."""
    dump = str(tmp_path_factory.mktemp("dump") / "prumo.dump")
    run("pg_dump", original, "--format=custom", f"--file={dump}")
    run(
        "pg_restore",
        await copied(postgres, "template0", RESTORED),
        *("--exit-on-error", "--single-transaction", dump),
    )
    return RESTORED


@pytest.fixture(scope="module")
async def settings(postgres: Postgres, restored: str, home: Path, s3: S3) -> Settings:
    """Of a server on what was restored; on a copy, which it may write to."""
    return settings_for(home, await copied(postgres, restored), s3)


async def test_a_restored_database_is_the_one_that_was_dumped(
    postgres: Postgres, original: str, restored: str
) -> None:
    url = postgres.url(restored)
    assert script(url) == script(original)
    objects, generated = await look(url)
    assert len(generated) > 400
    assert (objects, generated) == await look(original)


async def test_a_restored_database_is_searched_and_sold_from(shop: Shop) -> None:
    asked = {"filter": {"search": "cimento cp ii 50"}, "first": 2}
    edges = (await shop.operation("portal/Products", asked, SP)).data["products"]["edges"]
    products = [edge["node"] for edge in edges]
    assert [(each["sku"], each["price"]["source"]) for each in products] == [
        ("CIM-0001", "BUYER"),
        ("CIM-0002", "STATE"),
    ]
    await shop.order(SP)
