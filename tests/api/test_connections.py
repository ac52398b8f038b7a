"""What clients may keep waiting: connections, headers, bodies, answers; at real sockets of real processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway import metrics
from gateway.http.http_protocol import HEAD_BYTES, MOST_HEADERS, MOST_PIECES, MOST_PIPELINED
from gateway.http.open_connections import WHOLE_BODIES
from gateway.settings import Settings
from tests.api.processes import readiness, serving
from tests.api.serving import served
from tests.api.test_capacity import CATEGORIES, locked
from tests.api.test_stopping import VIEWER, Connection, asking, opened
from tests.polling import until

NO_CATEGORIES = "LOCK TABLE catalog.categories IN ACCESS EXCLUSIVE MODE"
BODY = orjson.dumps({"query": VIEWER})
START = b"POST /graphql HTTP/1.1\r\nHost: prumo.test\r\nContent-Type: application/json\r\n"
"""Of a request: the headers go on."""
HALF = START + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY[:1]
"""Of a request: one byte of the body."""


def status(said: bytes) -> int | None:
    return int(said.split()[1]) if said else None


async def said(connection: Connection) -> bytes:
    """Everything until the server closes; nothing where it breaks."""
    async with asyncio.timeout(60):
        try:
            return await connection.end()
        except ConnectionResetError:
            return b""


@asynccontextmanager
async def many(address: str, number: int, sent: bytes) -> AsyncIterator[list[Connection]]:
    """Connections, on each of which so much has been sent."""
    async with AsyncExitStack() as stack:
        connections = []
        for _ in range(number):
            connections.append(await stack.enter_async_context(opened(address)))
            connections[-1].writer.write(sent)
        yield connections


@pytest.fixture(scope="module")
async def hasty(app: Starlette, settings: Settings) -> AsyncIterator[str]:
    """A server that waits for next to nothing."""
    async with served(app, settings.model_copy(update={"head_seconds": 0.3, "body_seconds": 0.6})) as address:
        yield address


@pytest.fixture(scope="module")
async def patient(app: Starlette, settings: Settings) -> AsyncIterator[str]:
    """One with the limits that there are by default."""
    async with served(app, settings) as address:
        yield address


async def test_three_hundred_slow_bodies_of_one_address_are_in_nobodys_way(
    settings: Settings, tmp_path: Path
) -> None:
    """More than the operations that are answered at once, and than the unfinished requests of an address.

    Those that may stay are more than the operations, too: they take no place.
    """
    async with (
        serving(settings, tmp_path / "log", PRUMO_MAX_IN_FLIGHT="32") as server,
        many(server.address, 300, HALF) as slow,
    ):
        for _ in range(20):
            assert (await asking(server.address, VIEWER)).status == 200
            assert await readiness(server.address) == 200
        # All but the latest have given way, the longest waited for first, and were told.
        for each in slow[: 300 - Settings.model_fields["max_unfinished"].default]:
            assert status(await said(each)) == 503
        latest = slow[-1]
        latest.writer.write(BODY[1:])
        assert b"200 OK" in await latest.reader.readline()


async def test_a_connection_on_which_nothing_is_said_is_closed(hasty: str) -> None:
    async with opened(hasty) as silent:
        assert await said(silent) == b""


@pytest.mark.parametrize("begun", [b"P", b"\r\n", START, b"GET /healthz HTTP/1.1\r\n"])
async def test_half_a_head_is_408(hasty: str, begun: bytes) -> None:
    async with opened(hasty) as connection:
        connection.writer.write(begun)
        assert status(await said(connection)) == 408


async def test_half_a_body_is_408(hasty: str) -> None:
    async with opened(hasty) as connection:
        connection.writer.write(HALF)
        answer = await said(connection)
    assert status(answer) == 408
    assert (
        orjson.loads(answer.partition(b"\r\n\r\n")[2])["errors"][0]["extensions"]["code"] == "REQUEST_TIMEOUT"
    )


@pytest.mark.parametrize(
    ("begun", "drop"),
    [
        (b"", b"\r\n"),
        (START, b"X"),
        (START, b"X: y\r\n"),
        (START + b"Content-Length: 999999\r\n\r\n", b" "),
        (START + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
)
async def test_drops_that_never_end_do_not_put_the_deadline_off(
    hasty: str, begun: bytes, drop: bytes
) -> None:
    async with opened(hasty) as connection:
        connection.writer.write(begun)

        answer = asyncio.create_task(said(connection))

        def dripped_until_answered() -> bool:
            connection.writer.write(drop)
            return answer.done()

        await until(dripped_until_answered)
        assert status(await answer) == 408


async def test_a_second_request_has_its_deadline_too(hasty: str) -> None:
    async with opened(hasty) as connection:
        assert (await connection.ask(VIEWER)).status == 200
        connection.writer.write(START)
        assert status(await said(connection)) == 408


async def test_the_deadlines_do_not_run_while_the_answer_is_awaited(hasty: str, settings: Settings) -> None:
    """Nor do they for what is sent behind a request that is being answered."""
    async with opened(hasty) as connection:
        async with locked(settings, NO_CATEGORIES):
            body = orjson.dumps({"query": CATEGORIES})
            whole = START + b"Content-Length: %d\r\n\r\n" % len(body) + body
            connection.writer.write(whole + HALF)
            async with opened(hasty) as later:
                assert status(await said(later)) is None  # so long, and more, is a deadline
            async with opened(hasty) as later:
                later.writer.write(HALF)
                assert status(await said(later)) == 408
        assert b"200 OK" in await connection.reader.readline()
        assert b"408 Request Timeout" in await said(connection)


async def test_who_asks_before_sending_the_body_is_told_to(hasty: str) -> None:
    async with opened(hasty) as connection:
        connection.writer.write(START + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert await connection.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.writer.write(BODY)
        assert b"200 OK" in await connection.reader.readline()


@pytest.mark.parametrize(
    "begun",
    [
        START + b"Content-Length: 1000001\r\nExpect: 100-continue\r\n\r\n",
        START + b"Transfer-Encoding: chunked\r\n\r\n" + b"1fffff\r\n" + bytes(1_000_001),
    ],
)
async def test_a_body_that_is_too_large_is_not_waited_for(patient: str, begun: bytes) -> None:
    async with opened(patient) as connection:
        connection.writer.write(begun)
        assert b"413 " in await connection.reader.readline()


async def test_a_body_comes_in_so_many_pieces(patient: str) -> None:
    """Of one byte each: a megabyte of them would keep everybody waiting for a second."""
    begun = START + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * (MOST_PIECES - len(BODY))
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in BODY)
    for pieces, answer in ((body, 200), (b"1\r\n \r\n" + body, 413)):
        async with opened(patient) as connection:
            connection.writer.write(begun + pieces + b"0\r\n\r\n")
            assert status(await connection.reader.readline()) == answer


@pytest.mark.parametrize(
    ("begun", "refusal"),
    [
        (START + b"X: " + b"x" * 2 * HEAD_BYTES, 431),
        (START + b"X: " + b"x" * HEAD_BYTES + b"\r\n\r\n", 431),
        (START + b"X: y\r\n" * MOST_HEADERS, 431),
        (b"GET /graphql?query=" + b"x" * 2 * HEAD_BYTES, 414),
        (b"GET /graphql?query=" + b"x" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n", 414),
        (START + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + b"x" * 2 * HEAD_BYTES, 431),
    ],
    ids=["endless", "large", "many", "endless line", "long line", "trailers"],
)
async def test_heads_have_a_largest_size(patient: str, begun: bytes, refusal: int) -> None:
    async with opened(patient) as connection:
        connection.writer.write(begun)
        assert status(await said(connection)) == refusal


async def test_the_largest_head_is_taken_in_any_pieces(patient: str) -> None:
    head = b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (HEAD_BYTES - 100) + b"\r\n\r\n"
    async with opened(patient) as connection:
        for start in range(0, len(head), 1_000):
            connection.writer.write(head[start : start + 1_000])
            await connection.writer.drain()
        assert b"200 OK" in await connection.reader.readline()


async def test_requests_in_a_row_are_answered_in_order_and_not_without_end(patient: str) -> None:
    paths = [b"/healthz", b"/nothing"] * 5
    request = b"GET %b HTTP/1.1\r\nHost: x\r\n\r\n"
    async with opened(patient) as connection:
        connection.writer.write(b"".join(request % path for path in paths) + b"GET /healthz HTTP/1.0\r\n\r\n")
        answers = await said(connection)
    found = [int(each[:3]) for each in answers.split(b"HTTP/1.1 ")[1:]]
    assert found == [200, 404] * 5 + [200]
    async with opened(patient) as connection:
        connection.writer.write(request % b"/healthz" * 5_000)
        assert (await said(connection)).count(b"HTTP/1.1 200") == MOST_PIPELINED + 1


def closed(reason: str) -> float:
    return metrics.registry.get_sample_value("prumo_http_connections_closed_total", {"reason": reason}) or 0


async def test_who_does_not_read_the_answer_is_cut(settings: Settings) -> None:
    """Not while the kernel takes it: the answer is larger than that."""
    size, before = 16_000_000, closed("answer")

    async def large(request: Request) -> Response:
        return Response(bytes(size))

    app = Starlette(routes=[Route("/", large)])
    async with served(app, settings.model_copy(update={"answer_seconds": 0.3})) as address:
        reader, writer = await asyncio.open_connection(*address.split(":"), limit=1)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: closed("answer") > before)
        assert len(await said(Connection(reader, writer))) < size
        writer.close()


async def test_an_idle_connection_stays_as_long_as_the_setting_says(
    app: Starlette, settings: Settings, patient: str
) -> None:
    """By default longer than a load balancer keeps it: one that is older and as idle outlives the short one."""
    assert settings.keep_alive_seconds > 60
    async with (
        served(app, settings.model_copy(update={"keep_alive_seconds": 1})) as short,
        opened(patient) as older,
        opened(short) as connection,
    ):
        assert (await older.ask(VIEWER)).status == 200
        assert (await connection.ask(VIEWER)).status == 200
        assert await said(connection) == b""
        assert (await older.ask(VIEWER)).status == 200


async def test_idle_connections_give_way_at_the_limit_the_longest_unused_first(
    app: Starlette, settings: Settings
) -> None:
    most = 8
    async with (
        served(app, settings.model_copy(update={"max_connections": most})) as address,
        many(address, most, b"") as idle,
    ):
        for connection in (*idle, idle[0]):
            assert (await connection.ask(VIEWER)).status == 200
        assert (await asking(address, VIEWER)).status == 200
        assert await said(idle[1]) == b""
        for connection in (idle[0], *idle[2:]):
            assert (await connection.ask(VIEWER)).status == 200


async def test_what_is_unfinished_is_bounded_in_bytes(app: Starlette, settings: Settings) -> None:
    """The longest that holds its share gives way, not a short one that is older."""
    large = START + b"Content-Length: 10000\r\n\r\n" + b" " * 9_999
    async with (
        served(
            app, settings.model_copy(update={"max_body_bytes": 10_000, "max_unfinished": 1_000})
        ) as address,
        opened(address) as small,
    ):
        small.writer.write(HALF)
        async with many(address, WHOLE_BODIES + 1, large) as connections:
            assert status(await said(connections[0])) == 503
            small.writer.write(BODY[1:])
            assert b"200 OK" in await small.reader.readline()
            connections[-1].writer.write(b" ")
            assert b"400 Bad Request" in await connections[-1].reader.readline()


async def test_behind_a_proxy_each_client_has_its_own_limit(app: Starlette, settings: Settings) -> None:
    """And the connections on which the proxy has said nothing yet are nobody's."""
    async with (
        served(app, settings.model_copy(update={"max_unfinished": 2})) as address,
        many(address, 10, b"") as idle,
        many(address, 3, HALF.replace(b"\r\n", b"\r\nX-Forwarded-For: 192.0.2.1\r\n", 1)) as one,
        many(address, 1, HALF.replace(b"\r\n", b"\r\nX-Forwarded-For: 192.0.2.2\r\n", 1)) as other,
    ):
        assert status(await said(one[0])) == 503
        for connection in (*one[1:], *other):
            connection.writer.write(BODY[1:])
            assert b"200 OK" in await connection.reader.readline()
        for connection in idle:
            assert (await connection.ask(VIEWER)).status == 200


async def test_a_full_file_table_answers_and_says_so(settings: Settings, tmp_path: Path) -> None:
    """Silent connections, connections in use, and far more of them than the process may have files."""
    files = 160
    async with serving(settings, tmp_path / "log", files=files, PRUMO_MAX_UNFINISHED="10000") as server:
        async with opened(server.address) as mine:
            assert (await mine.ask(VIEWER)).status == 200
            async with many(server.address, 2 * files, b""):
                assert (await mine.ask(VIEWER)).status == 200
                for _ in range(5):
                    assert (await asking(server.address, VIEWER)).status == 200
            async with many(server.address, 2 * files, HALF) as half:
                assert (await asking(server.address, VIEWER)).status == 200
                assert status(await said(half[0])) == 503
        lines = [orjson.loads(line) for line in server.written().splitlines() if "connections_closed" in line]
    assert lines[0]["closed"]["files"] >= 1
    assert len(lines) <= 3, "a line for all of some seconds, not for each"


async def test_so_many_connections_of_a_process(app: Starlette, settings: Settings) -> None:
    """Those that were of use most lately stay."""
    async with (
        served(app, settings.model_copy(update={"max_connections": 8})) as address,
        opened(address) as mine,
    ):
        for _ in range(5):
            async with many(address, 7, b""):
                assert (await mine.ask(VIEWER)).status == 200
        async with many(address, 9, b"") as silent:
            assert await said(silent[0]) == b""


async def test_a_gateway_that_answers_nothing_says_so_to_its_proxy(
    settings: Settings, tmp_path: Path
) -> None:
    async with serving(settings, tmp_path / "log", PRUMO_MAX_IN_FLIGHT="2") as server:
        async with locked(settings, NO_CATEGORIES):
            stuck = [asyncio.create_task(asking(server.address, CATEGORIES)) for _ in range(2)]
            async with asyncio.timeout(30):
                while await readiness(server.address) == 200:
                    pass
            assert await readiness(server.address) == 503
        assert [answer.status for answer in await asyncio.gather(*stuck)] == [200, 200]
        assert await readiness(server.address) == 200
