"""Real `prumo serve` processes."""

import asyncio
import os
import socket
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from gateway.settings import Settings
from tests.polling import until

SCRIPTS = Path(sysconfig.get_path("scripts"))
PRUMO = SCRIPTS / "prumo"
START_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Server:
    """A process, where it listens, and the file it writes to."""

    process: asyncio.subprocess.Process
    address: str
    log: Path

    def workers(self) -> list[psutil.Process]:
        """The processes of `--workers N`, forked by a process that multiprocessing has for that."""
        found = []
        for child in psutil.Process(self.process.pid).children():
            with suppress(psutil.NoSuchProcess):  # ended, and perhaps not yet buried
                if any("forkserver" in word for word in child.cmdline()):
                    found += child.children()
        return found

    def written(self) -> str:
        """What it has said so far, on stdout and stderr."""
        return self.log.read_text()

    async def exit_code(self) -> int:
        """Waits until it has ended."""
        async with asyncio.timeout(30):
            return await self.process.wait()


def environment(settings: Settings, **variables: str) -> dict[str, str]:
    """What a process needs to serve the test's database and store."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PRUMO_")}
    return {
        **own,
        "PRUMO_HOME": str(settings.home),
        "PRUMO_DATABASE_URL": settings.database_url or "",
        "PRUMO_S3_ENDPOINT": settings.s3_endpoint or "",
        "PRUMO_S3_BUCKET": settings.s3_bucket,
        "PRUMO_S3_KEY": settings.s3_key,
        "PRUMO_S3_SECRET": settings.s3_secret,
        "PRUMO_SIGNING_KEY_SECRET": settings.signing_key_secret or "",
        **variables,
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def serving(
    settings: Settings, log: Path, *options: str, files: int | str = "", **variables: str
) -> AsyncIterator[Server]:
    """A `prumo serve` of its own, ready; `options` of the command, `variables` of its environment.

    `files`: how many it may open, where it is not as many as we.
    """
    port = free_port()
    limited = () if not files else ("prlimit", f"--nofile={files}:{files}")
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *limited,
            PRUMO,
            "serve",
            *options,
            env=environment(settings, PORT=str(port), **variables),
            stdout=output,
            stderr=output,
        )
    server = Server(process, f"127.0.0.1:{port}", log)
    try:

        def is_ready() -> bool:
            assert process.returncode is None, f"it says why in {log}"
            return "Prumo is ready" in server.written()

        await until(is_ready, seconds=START_SECONDS)
        yield server
    finally:
        if process.returncode is None:
            workers = server.workers()
            process.kill()
            for worker in workers:
                with suppress(psutil.NoSuchProcess):
                    worker.kill()
        await process.wait()


async def readiness(address: str) -> int | None:
    """The status of /readyz; None when nobody is there."""
    with suppress(httpx.TransportError):
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.get(f"http://{address}/readyz")).status_code
    return None
