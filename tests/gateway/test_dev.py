"""`prumo dev` as a person runs it: processes, ports, signals and what stays on disk."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.embedded.postgres import Postgres

pytestmark = pytest.mark.services

PRUMO = Path(sysconfig.get_path("scripts")) / "prumo"
START_SECONDS = 120


def environment(home: Path, port: int) -> dict[str, str]:
    return {**os.environ, "PRUMO_HOME": str(home), "PORT": str(port)}


class Dev:
    """A `prumo dev` of its own, started and read until it says that it is ready."""

    def __init__(self, home: Path, port: int = 0) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [str(PRUMO), "dev"],
            env=environment(home, port),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self.output = ""
        self.port = 0

    def until_ready(self) -> "Dev":
        self.until_line("Ctrl-C stops everything.")
        ready = re.search(r"^Prumo is ready after .* http://127\.0\.0\.1:(\d+)$", self.output, re.MULTILINE)
        assert ready is not None, self.output
        self.port = int(ready[1])
        return self

    def until_line(self, part: str) -> None:
        for line in self._lines():
            self.output += line
            if part in line:
                return
        raise AssertionError(f"never said {part!r}, ended with {self.process.wait()}:\n{self.output}")

    def status(self, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        finally:
            connection.close()

    def signalled(self, number: signal.Signals) -> int:
        """The exit code after this signal."""
        self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=60)
        self.output += rest
        return self.process.returncode

    def family(self) -> list[psutil.Process]:
        """What works in this home: the server processes, whoever their parent is."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.status() != psutil.STATUS_ZOMBIE and self.home in Path(process.cwd()).parents:
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def _lines(self) -> Iterator[str]:
        assert self.process.stdout is not None
        return iter(self.process.stdout.readline, "")


@contextmanager
def dev(home: Path, port: int = 0) -> Iterator[Dev]:
    """Whatever the test does, nothing of it runs on."""
    started = Dev(home, port)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            started.signalled(signal.SIGTERM)
        for left in started.family():
            left.kill()
        assert started.process.stdout is not None
        started.process.stdout.close()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for all tests of this module: only the first start loads the demo data."""
    return tmp_path_factory.mktemp("dev") / "home"


def refused(home: Path, port: int) -> str:
    """What a `prumo dev` that must not start says; exactly one sentence."""
    result = subprocess.run(
        [str(PRUMO), "dev"],
        env=environment(home, port),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert result.returncode == 1, result.stdout + result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return result.stderr


def test_two_side_by_side_and_neither_shares_port_or_home(home: Path, tmp_path: Path) -> None:
    with dev(home) as one, dev(tmp_path / "other") as other:
        one.until_ready()
        other.until_ready()
        assert one.status("/readyz") == other.status("/readyz") == 200
        assert "comprador.sp@prumo.example" in one.output
        assert "prumo-demo" in one.output

        taken = refused(tmp_path / "third", one.port)
        assert f"Port {one.port} of 127.0.0.1 is taken" in taken
        assert "PORT=" in taken
        assert f"process {one.process.pid}" in refused(home, 0)

        assert {process.name() for process in one.family()} == {"postgres", "rclone"}
        assert one.signalled(signal.SIGTERM) == 0
        assert one.output.endswith("\nStopped.\n")
        assert one.family() == []
        assert other.status("/readyz") == 200
        assert other.signalled(signal.SIGINT) == 0
        assert other.family() == []


def test_after_a_kill_the_next_start_cleans_up(home: Path) -> None:
    with dev(home) as killed:
        killed.until_ready()
        left = killed.family()
        assert killed.signalled(signal.SIGKILL) == -signal.SIGKILL
        assert any(process.is_running() for process in left)
        with dev(home, killed.port) as again:
            again.until_ready()
            assert again.status("/readyz") == 200
            assert not set(left) & set(again.family())
            assert again.signalled(signal.SIGTERM) == 0
            assert again.family() == []


@pytest.mark.parametrize(
    "said", [pytest.param("starting PostgreSQL", marks=pytest.mark.exhaustive), "migrating"]
)
def test_a_signal_while_starting_leaves_nothing_running(tmp_path: Path, said: str) -> None:
    with dev(tmp_path) as starting:
        starting.until_line(said)
        assert starting.signalled(signal.SIGTERM) == 0
        assert starting.family() == []
        assert starting.output.endswith("\nStopped.\n")


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("postgres", "PostgreSQL"),
        pytest.param("rclone", "The S3 store", marks=pytest.mark.exhaustive),
    ],
)
def test_the_death_of_a_service_ends_it_with_the_reason(home: Path, program: str, name: str) -> None:
    with dev(home) as running:
        running.until_ready()
        services = {process.pid: process for process in running.family()}
        # PostgreSQL's workers have a parent of the family, its postmaster and rclone have us.
        (main,) = (one for one in services.values() if one.name() == program and one.ppid() not in services)
        main.kill()
        rest, _ = running.process.communicate(timeout=60)
        assert running.process.returncode == 1
        assert f"{name} was killed by SIGKILL" in rest
        assert "Traceback" not in rest
        assert running.family() == []


def test_a_second_signal_does_not_wait(home: Path) -> None:
    with dev(home) as running:
        running.until_ready()
        # A request that is still being sent holds a graceful end up for seconds.
        with socket.create_connection(("127.0.0.1", running.port)) as slow:
            slow.sendall(
                b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
            )
            assert slow.recv(100).startswith(b"HTTP/1.1 100"), "the body is being waited for"
            slow.sendall(b"{")
            running.process.send_signal(signal.SIGINT)
            running.until_line("Stopping")
            assert running.signalled(signal.SIGINT) == 130
        psutil.wait_procs(running.family(), timeout=10)
        assert running.family() == []


async def test_a_database_newer_than_the_code(home: Path) -> None:
    server = Postgres(home / "postgres")
    for statement in (
        "UPDATE prumo_compatibility SET revision = revision + 9000, runs_with = 9000 WHERE branch = 'orders'",
        "UPDATE prumo_compatibility SET revision = revision - 9000, runs_with = 1 WHERE branch = 'orders'",
    ):
        server.start()
        engine = create_async_engine(server.url("prumo"))
        async with engine.begin() as connection:
            await connection.execute(text(statement))
        await engine.dispose()
        server.stop()
        if "9000 WHERE" in statement and "+" in statement:
            said = refused(home, 0)
            assert "newer than this code" in said
            assert "orders_9000" in said
