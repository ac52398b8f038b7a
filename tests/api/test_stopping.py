"""How `prumo serve` and `prumo worker` end: nothing that was accepted goes without its answer."""

import asyncio
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
import psutil
import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from contexts.shared.adapters.database import connector
from gateway.settings import Settings
from gateway.worker import LANES
from tests.api.processes import PRUMO, environment, readiness, serving
from tests.api.shop import SP, Shop
from tests.api.socket_client import closed_with, connected
from tests.api.test_capacity import CATEGORIES, locked, until_waiting
from tests.polling import until
from tests.smtp import Inbox
from tests.smtp import serving as receiving_mail

NO_CATEGORIES = "LOCK TABLE catalog.categories IN ACCESS EXCLUSIVE MODE"
VIEWER = "{ viewer { scopes } }"


@dataclass(frozen=True, slots=True)
class Answer:
    """Of HTTP, whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_last(self) -> bool:
        return self.headers.get("connection") == "close"


@dataclass(frozen=True, slots=True)
class Connection:
    """One TCP connection, which a client of the usual kind would quietly replace by another."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, query: str) -> Answer:
        """Raises where the answer is not whole: IncompleteReadError, ConnectionResetError."""
        body = orjson.dumps({"query": query})
        head = (
            "POST /graphql HTTP/1.1\r\nHost: prumo.test\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self.writer.write(head.encode() + body)
        status, *lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        content = await self.reader.readexactly(int(headers["content-length"]))
        return Answer(int(status.split()[1]), headers, content)

    async def end(self) -> bytes:
        """What else the server sends until it closes; raises ConnectionResetError where it breaks instead."""
        return await self.reader.read()


@asynccontextmanager
async def opened(address: str) -> AsyncIterator[Connection]:
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def asking(address: str, query: str) -> Answer:
    """One request on a connection of its own."""
    async with opened(address) as connection:
        return await connection.ask(query)


async def asking_until_last(address: str, answers: list[Answer]) -> None:
    """A busy client: its next request follows each answer, unless that was the last."""
    async with opened(address) as connection:
        answers.append(await connection.ask(VIEWER))
        while not answers[-1].is_last:
            answers.append(await connection.ask(VIEWER))


async def until_refused(address: str) -> None:
    """Nobody listens any more; a connection that is accepted and kept waiting would not do."""

    async def is_refused() -> bool:
        with suppress(ConnectionRefusedError):
            async with opened(address):
                return False
        return True

    await until(is_refused)


@pytest.mark.parametrize("workers", ["1", "2"])
async def test_whoever_was_accepted_is_answered(settings: Settings, tmp_path: Path, workers: str) -> None:
    async with serving(settings, tmp_path / "log", "--workers", workers) as server:
        address = server.address
        async with (
            connected(address) as socket,
            opened(address) as silent,
            opened(address) as idle,
            locked(settings, NO_CATEGORIES) as lock,
        ):
            await idle.ask(VIEWER)
            slow = [asyncio.create_task(asking(address, CATEGORIES)) for _ in range(6)]
            await until_waiting(settings, len(slow))
            each_client: list[list[Answer]] = [[] for _ in range(12)]
            busy = [asyncio.create_task(asking_until_last(address, answers)) for answers in each_client]
            await until(lambda: all(len(answers) > 2 for answers in each_client))
            server.process.send_signal(signal.SIGTERM)

            assert await closed_with(socket) == 1012
            await asyncio.gather(*busy)
            answers = [answer for each in each_client for answer in each]
            assert {answer.status for answer in answers} == {200}
            assert (await idle.end(), await silent.end()) == (b"", b"")
            await until_refused(address)

            assert not any(each.done() for each in slow)
            await lock.execute("ROLLBACK; BEGIN")
            for answer in await asyncio.gather(*slow):
                assert (answer.status, answer.is_last) == (200, True)
                assert orjson.loads(answer.body)["data"]["categories"]
        assert await server.exit_code() == 0
    logged = [orjson.loads(line) for line in server.written().splitlines() if not line.startswith("Prumo is")]
    assert [line["event"] for line in logged] == ["graphql"] * (len(answers) + len(slow) + 1)
    assert server.written().count("Prumo is ready") == 1


async def test_the_proxy_is_told_before_the_stop_and_the_stop_has_an_end(
    settings: Settings, tmp_path: Path
) -> None:
    variables = {"PRUMO_DRAIN_SECONDS": "1.5", "PRUMO_STOP_SECONDS": "1"}
    async with (
        serving(settings, tmp_path / "log", **variables) as server,
        locked(settings, NO_CATEGORIES),
    ):
        endless = asyncio.create_task(asking(server.address, CATEGORIES))
        await until_waiting(settings, 1)
        server.process.send_signal(signal.SIGTERM)
        while (status := await readiness(server.address)) == 200:
            pass
        assert status == 503
        server.process.send_signal(
            signal.SIGTERM
        )  # as supervisors do who tell every process; it hurries nobody
        assert (await asking(server.address, VIEWER)).status == 200
        await until_refused(server.address)
        assert await server.exit_code() == 0
        answer = await endless
        assert answer.status == 500
        await until_waiting(settings, 0)


async def test_a_dead_worker_is_replaced_and_none_outlives_its_supervisor(
    settings: Settings, tmp_path: Path
) -> None:
    async with serving(settings, tmp_path / "log", "--workers", "2") as server:
        killed, other = server.workers()
        killed.kill()
        await until(lambda: killed not in server.workers() and len(server.workers()) == 2)
        workers = server.workers()
        assert other in workers
        assert f"worker {killed.pid} was ended by SIGKILL: another one follows" in server.written()
        assert await readiness(server.address) == 200

        server.process.kill()
        _, alive = await asyncio.to_thread(psutil.wait_procs, workers, 30)
        for each in alive:
            each.kill()
        assert alive == []
        assert await readiness(server.address) is None


class Slow(Inbox):
    """Takes a mail and does not say so until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.taken, self.let = asyncio.Event(), asyncio.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.taken.set()
        await self.let.wait()
        return await super().handle_DATA(server, session, envelope)


async def test_a_worker_finishes_the_mails_at_hand_and_takes_no_other(
    settings: Settings, shop: Shop, tmp_path: Path
) -> None:
    orders = 2 * LANES
    for _ in range(orders):
        await shop.order(SP)
    inbox = Slow()
    connection = await connector(settings.database_url or "", {})()
    try:
        async with receiving_mail(lambda: SMTP(inbox)) as port, asyncio.timeout(60):
            variables = environment(settings, PRUMO_SMTP_URL=f"smtp://127.0.0.1:{port}")
            worker = await asyncio.create_subprocess_exec(
                PRUMO, "worker", env=variables, stdout=DEVNULL, stderr=DEVNULL
            )
            try:
                await inbox.taken.wait()
                worker.send_signal(signal.SIGTERM)
                inbox.let.set()  # the signal is there before the server's answer is
                assert await worker.wait() == 0
            finally:
                with suppress(ProcessLookupError):
                    worker.kill()
        at_hand = len(inbox.envelopes)
        assert 1 <= at_hand <= LANES
        handled = await connection.fetch(
            "SELECT handled_at IS NOT NULL AS handled, attempts FROM shared.outbox ORDER BY handled"
        )
        told = [(row["handled"], row["attempts"]) for row in handled]
        assert told == [(False, 0)] * (orders - at_hand) + [(True, 1)] * at_hand
    finally:
        await connection.close()
