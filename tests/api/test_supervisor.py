"""The supervisor of `prumo serve --workers N` says which worker ended, and of what."""

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE

import orjson
import psutil
import pytest

pytestmark = pytest.mark.services


async def test_it_logs_whom_it_killed_and_who_died() -> None:
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.api.supervised", stdout=PIPE, stderr=PIPE, stdin=DEVNULL
    )
    assert supervisor.stdout is not None
    assert supervisor.stderr is not None
    try:
        async with asyncio.timeout(120):
            while await supervisor.stdout.readline() != b"ready\n":
                pass
            hung, died = _workers(supervisor.pid)
            hung.suspend()
            assert await _told(supervisor.stderr) == (
                f"worker {hung.pid} did not answer within 5 s and was killed: another one follows"
            )
            died.send_signal(signal.SIGSEGV)
            assert await _told(supervisor.stderr) == (
                f"worker {died.pid} was ended by SIGSEGV: another one follows"
            )
    finally:
        supervisor.terminate()
        await supervisor.wait()


def _workers(pid: int) -> list[psutil.Process]:
    children = psutil.Process(pid).children()
    return [each for each in children if any("spawn_main" in word for word in each.cmdline())]


async def _told(lines: asyncio.StreamReader) -> str:
    """The next line about a worker."""
    while True:
        line = orjson.loads(await lines.readline())
        if "worker" in line["event"]:
            return str(line["event"])
