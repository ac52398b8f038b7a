"""The embedded PostgreSQL: what killed runs leave behind, and what it says when it cannot start."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.embedded.child import ServiceError
from gateway.embedded.postgres import Postgres
from tests.polling import until_now

_KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from gateway.embedded.postgres import Postgres

pytestmark = pytest.mark.services
server = Postgres(Path(sys.argv[1]), durable=False)
server.start()
server.create_database("kept")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Postgres]:
    """Not started; stopped afterwards in any case."""
    server = Postgres(tmp_path, durable=False)
    yield server
    server.stop()


def postmaster(server: Postgres) -> psutil.Process:
    return psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0]))


def kill(server: Postgres) -> str:
    """Kill the postmaster and return what is said about it."""
    postmaster(server).kill()
    until_now(server.exited)
    return server.exited() or ""


def databases(server: Postgres) -> set[str]:
    async def ask() -> set[str]:
        engine = create_async_engine(server.url("postgres"))
        async with engine.connect() as connection:
            names = set(await connection.scalars(text("SELECT datname FROM pg_database")))
        await engine.dispose()
        return names

    return asyncio.run(ask())


def test_what_a_killed_run_left_running_is_stopped_and_its_data_kept(
    server: Postgres, tmp_path: Path
) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED_RUN, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = postmaster(server)
    assert left.is_running()

    server.start()

    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
    assert "kept" in databases(server)


def test_a_killed_server_reports_it_and_starts_again(server: Postgres) -> None:
    server.start()
    assert server.exited() is None
    assert "PostgreSQL was killed by SIGKILL" in kill(server)
    server.start()
    assert "postgres" in databases(server)


def test_a_pid_that_is_somebody_elses_by_now_is_left_alone(server: Postgres) -> None:
    server.start()
    stale = (server.data / "postmaster.pid").read_text()
    kill(server)
    # As the system user of the server, or else PostgreSQL itself would not mind the process.
    owner = (server.data / "PG_VERSION").stat().st_uid
    with subprocess.Popen(["/bin/sleep", "60"], user=owner) as other:
        try:
            (server.data / "postmaster.pid").write_text(f"{other.pid}\n{stale.partition(chr(10))[2]}")
            server.start()
            assert other.poll() is None
        finally:
            other.kill()


def test_an_interrupted_initdb_is_made_anew(server: Postgres, tmp_path: Path) -> None:
    unfinished = tmp_path / "data.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    server.start()
    assert server.exited() is None
    assert not unfinished.exists()


def test_data_of_another_major_version_is_refused_in_a_sentence(server: Postgres) -> None:
    server.data.mkdir(parents=True)
    (server.data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ServiceError, match=r"was made by PostgreSQL 9\.6, this is PostgreSQL \d+: move"):
        server.start()


def test_a_failing_start_shows_the_end_of_the_log(server: Postgres) -> None:
    server.start()
    server.stop()
    with (server.data / "postgresql.conf").open("a") as configuration:
        configuration.write("\nno_such_setting = on\n")
    with pytest.raises(ServiceError, match="no_such_setting"):
        server.start()


def test_a_socket_folder_of_somebody_else_is_not_used(server: Postgres, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    server.socket_folder.symlink_to(elsewhere)
    try:
        with pytest.raises(ServiceError, match="belongs to somebody else"):
            server.start()
    finally:
        server.socket_folder.unlink()


def test_the_environment_does_not_reach_the_server(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPORT", "7777")
    monkeypatch.setenv("PGOPTIONS", "-c nonsense=1")
    server.start()
    server.create_database("prumo")
    server.create_database("prumo")
    assert server.exited() is None


def test_stopping_leaves_no_process_and_no_socket(server: Postgres) -> None:
    server.start()
    running = postmaster(server)
    family = [running, *running.children(recursive=True)]
    server.stop()
    assert not any(process.is_running() for process in family)
    assert not server.socket_folder.exists()
