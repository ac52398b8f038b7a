"""`prumo serve --workers 2`: two processes on one port that tell one story."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from gateway.settings import Settings
from tests.polling import until

PRUMO = Path(sysconfig.get_path("scripts")) / "prumo"
ANSWERED = re.compile(r"^prumo_graphql_requests_total\{[^}]*\} ([\d.]+)$", re.MULTILINE)


@pytest.fixture
def address(settings: Settings, tmp_path: Path) -> Iterator[str]:
    """Two real processes; what they write besides the database is below `tmp_path`."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    own = {name: value for name, value in os.environ.items() if not name.startswith("PRUMO_")}
    server = subprocess.Popen(
        [str(PRUMO), "serve", "--workers", "2"],
        env={
            **own,
            "PORT": str(port),
            "PRUMO_HOME": str(settings.home),
            "PRUMO_DATABASE_URL": settings.database_url or "",
            "PRUMO_S3_ENDPOINT": settings.s3_endpoint or "",
            "PRUMO_S3_KEY": settings.s3_key,
            "PRUMO_S3_SECRET": settings.s3_secret,
            "PRUMO_SIGNING_KEY_SECRET": settings.signing_key_secret or "",
            "TMPDIR": str(tmp_path),
        },
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(30)
    assert (code, list(tmp_path.glob("prumo-metrics-*"))) == (0, []), "nothing is left behind"


async def ask(address: str, path: str, query: str | None = None) -> str | None:
    """The answer to a request on a connection of its own; None when there is nobody."""
    with suppress(httpx.TransportError):
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            response = await (client.post(path, json={"query": query}) if query else client.get(path))
            return response.text
    return None


def counting(folder: Path) -> int:
    """How many processes have answered something."""
    return len(list(folder.glob("prumo-metrics-*/counter_*.db")))


async def test_metrics_are_those_of_all_processes(address: str, tmp_path: Path) -> None:
    sent = 0

    async def both_have_answered() -> bool:
        """Which process is asked is the kernel's choice."""
        nonlocal sent
        answers = await asyncio.gather(*(ask(address, "/graphql", "{ __typename }") for _ in range(10)))
        sent += sum(answer is not None for answer in answers)
        return counting(tmp_path) == 2

    await until(both_have_answered)
    told = [await ask(address, "/metrics") for _ in range(8)]
    assert [sum(map(float, ANSWERED.findall(text or ""))) for text in told] == [sent] * 8
