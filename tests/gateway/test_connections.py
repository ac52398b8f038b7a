"""`prumo serve` is refused when its pools could not fill, and told what to set."""

import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy.engine import make_url

from gateway.connections import needed, require_connections
from gateway.embedded.postgres import Postgres
from gateway.progress import CannotRun
from gateway.settings import Settings
from tests.conftest import copied
from tests.pgbouncer import needs_pgbouncer, pgbouncer
from tests.signing import SECRET

PRUMO = Path(sysconfig.get_path("scripts")) / "prumo"
ALLOWED = 200 - 3
"""What the embedded PostgreSQL is started with, less those kept for superusers."""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return Settings(home=tmp_path, database_url=database_url)


async def test_as_many_as_there_are_is_not_too_many(settings: Settings) -> None:
    fits = settings.model_copy(update={"database_pool": (ALLOWED - 3) // 2})
    assert needed(fits, 1) == ALLOWED
    await require_connections(fits, 1)
    with pytest.raises(
        CannotRun, match=rf"1 process may open 199 .* {ALLOWED}: set PRUMO_DATABASE_POOL to 97,"
    ):
        await require_connections(settings.model_copy(update={"database_pool": 98}), 1)


async def test_every_process_has_pools_of_its_own(settings: Settings) -> None:
    await require_connections(settings, 8)
    with pytest.raises(CannotRun) as refused:
        await require_connections(settings, 9)
    assert str(refused.value) == (
        "9 processes may open 207 connections and PostgreSQL allows 197: set PRUMO_DATABASE_POOL to 9, start fewer"
        " --workers, put PgBouncer in front (PRUMO_DATABASE_DIRECT_URL), or raise the server's limit."
    )
    await require_connections(settings.model_copy(update={"database_pool": 9}), 9)


async def test_a_pooler_s_connections_are_its_own(settings: Settings) -> None:
    pooled = settings.model_copy(
        update={"database_url": "postgresql://pooler/x", "database_direct_url": settings.database_url}
    )
    await require_connections(pooled, 64)


@pytest.mark.parametrize(
    "limited", ["DATABASE {name} CONNECTION LIMIT 30", "ROLE modest CONNECTION LIMIT 30"]
)
async def test_limits_of_the_database_and_of_the_role_count(
    postgres: Postgres, template: str, tmp_path: Path, limited: str
) -> None:
    url = make_url(await copied(postgres, template))
    admin = await asyncpg.connect(postgres.url("postgres").replace("+asyncpg", ""))
    try:
        await admin.execute("DROP ROLE IF EXISTS modest")
        await admin.execute("CREATE ROLE modest LOGIN")
        await admin.execute(f"ALTER {limited.format(name=url.database)}")
        modest = url.set(username="modest").render_as_string(hide_password=False)
        settings = Settings(home=tmp_path, database_url=modest)
        await require_connections(settings, 1)
        with pytest.raises(CannotRun, match="allows 30: set PRUMO_DATABASE_POOL to 6"):
            await require_connections(settings, 2)
    finally:
        await admin.execute("DROP ROLE modest")
        await admin.close()


async def test_a_database_that_is_away_is_no_reason_not_to_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await require_connections(Settings(home=tmp_path, database_url="postgresql://nobody@127.0.0.1:1/x"), 1)
    assert "cannot be reached yet" in capsys.readouterr().err


@pytest.fixture
def free_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    yield port


def served(settings: Settings, port: int, *options: str) -> subprocess.CompletedProcess[str]:
    """What `prumo serve` says that does not start."""
    return subprocess.run(
        [str(PRUMO), "serve", *options],
        env={
            "PORT": str(port),
            "PRUMO_HOME": str(settings.home),
            "PRUMO_DATABASE_URL": settings.database_url or "",
            "PRUMO_S3_ENDPOINT": "http://127.0.0.1:1",
            "PRUMO_SIGNING_KEY_SECRET": SECRET,
            "PRUMO_S3_KEY": "x",
            "PRUMO_S3_SECRET": "x",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_serve_says_it_before_it_starts(settings: Settings, free_port: int) -> None:
    ended = served(settings, free_port, "--workers", "20")
    assert ended.returncode == 1
    assert "20 processes may open 460 connections and PostgreSQL allows 197" in ended.stderr


@needs_pgbouncer
def test_a_pooler_that_was_not_called_one_is_told(
    settings: Settings, postgres: Postgres, free_port: int
) -> None:
    with pgbouncer(postgres, connections=2) as pooler:
        url = pooler.url(make_url(settings.database_url or "").database or "")
        ended = served(settings.model_copy(update={"database_url": url}), free_port)
    assert ended.returncode == 1
    assert "PRUMO_DATABASE_DIRECT_URL" in ended.stderr
