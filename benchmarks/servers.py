"""The servers that are measured, each a process of its own, as in production."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from gateway.progress import CannotRun
from gateway.settings import Settings

MEDIA_URL = "https://media.prumo.example"
"""The same for every server, so that their answers are the same."""

NEVER_THROTTLED = 10**12
"""Points for a user, and points restored a second: a few users send here what a thousand would. Their buckets are
looked up, charged and told of in every answer all the same."""

_HOST = "127.0.0.1"
_PATIENCE = 60.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Server:
    """A running server on this machine. `path` is where all requests of a case go; None: the case's name."""

    pid: int
    port: int
    path: str | None

    def cpu_seconds(self) -> float:
        """User and system time of the process and its threads, from /proc; in steps of 10 ms."""
        # The second field, the program's name in brackets, may hold spaces.
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def resident_megabytes(self) -> float:
        """Memory of the process that is in RAM."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE / 2**20

    def url(self, path: str) -> str:
        """Where a path of this server is."""
        return f"http://{_HOST}:{self.port}{path}"


@asynccontextmanager
async def prumo(settings: Settings, executor: str, log: Path) -> AsyncIterator[Server]:
    """`prumo serve` with one process, everything switched on; its log lines go to `log`."""
    port = _free_port()
    environment = {
        "PORT": str(port),
        "PRUMO_HOME": str(settings.home),
        "PRUMO_DATABASE_URL": settings.database_url or "",
        "PRUMO_S3_ENDPOINT": settings.s3_endpoint or "",
        "PRUMO_S3_KEY": settings.s3_key,
        "PRUMO_S3_SECRET": settings.s3_secret,
        "PRUMO_SIGNING_KEY_SECRET": settings.signing_key_secret or "",
        "PRUMO_MEDIA_URL": MEDIA_URL,
        "PRUMO_EXECUTOR": executor,
        "PRUMO_THROTTLE_POINTS": str(NEVER_THROTTLED),
        "PRUMO_THROTTLE_RESTORE_RATE": str(NEVER_THROTTLED),
    }
    command = [str(Path(sys.executable).with_name("prumo")), "serve"]
    async with _process(command, environment, log) as process:
        server = Server(process.pid, port, "/graphql")
        await _ready(server, "/readyz", process, log)
        yield server


@asynccontextmanager
async def floor(plan: Path, log: Path) -> AsyncIterator[Server]:
    """The hand-written endpoints, for what the file says."""
    port = _free_port()
    command = [sys.executable, "-m", "benchmarks.floor", str(plan), str(port)]
    async with _process(command, {}, log) as process:
        server = Server(process.pid, port, None)
        await _ready(server, "/healthz", process, log)
        yield server


@asynccontextmanager
async def _process(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PRUMO_")}
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, env={**inherited, **environment}, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _ready(server: Server, path: str, process: asyncio.subprocess.Process, log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    async with httpx.AsyncClient(trust_env=False) as client:
        while process.returncode is None and time.monotonic() < deadline:
            with suppress(httpx.HTTPError):
                if (await client.get(server.url(path))).status_code == 200:
                    return
            await asyncio.sleep(0.05)
    raise CannotRun(f"A server that is to be measured did not start. The end of its log:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-4000:]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
