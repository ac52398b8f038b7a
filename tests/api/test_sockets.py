"""graphql-transport-ws on a real server: what a client cannot take, hold or outlive."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import orjson
import pytest
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.client import ClientConnection
from websockets.frames import Opcode

from gateway.bootstrap import Parts, bootstrap
from gateway.http.capacity import Capacity
from gateway.http.websocket import GraphQLSockets, SocketLimits
from gateway.http.websocket_protocol import (
    CLOSE_SECONDS,
    MOST_FRAGMENTS,
    MOST_PINGS,
    MOST_WAITING,
    WebSocketProtocol,
)
from gateway.settings import Settings
from schema.documents import Documents
from schema.limits import Limits
from schema.operations import Operations
from schema.stitching import stitch
from tests.api.serving import served
from tests.api.shop import PA, SP, Shop
from tests.api.socket_client import (
    INIT,
    WATCH,
    Raw,
    bearer,
    closed_with,
    connected,
    opening,
    receive,
    send,
)

ASK = {"query": "{ viewer { scopes } }"}


@pytest.fixture(scope="module")
async def parts(settings: Settings) -> AsyncIterator[Parts]:
    async with bootstrap(settings) as parts:
        yield parts


@pytest.fixture(scope="module")
def operations() -> Operations:
    schema = stitch()
    return Operations(schema, Documents(schema._schema, Limits()))


@pytest.fixture(scope="module")
async def address(app: Starlette) -> AsyncIterator[str]:
    """The application as it is served."""
    async with served(app) as address:
        yield address


@contextmanager
def nothing_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No error is logged: what a client does is none."""
    caplog.clear()
    yield
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


def only_sockets(operations: Operations, parts: Parts, limits: SocketLimits) -> Starlette:
    """An application whose sockets have other limits."""
    sockets = GraphQLSockets(operations, parts, Capacity(10, 30), limits=limits)
    return Starlette(routes=[WebSocketRoute("/graphql", sockets.__call__)])


async def test_init_must_come_in_time(operations: Operations, parts: Parts) -> None:
    app = only_sockets(operations, parts, SocketLimits(init_seconds=0.3))
    async with served(app) as address, opening(address) as silent, opening(address) as talking:
        await send(talking, type="ping")
        assert (await receive(talking))["type"] == "pong"
        await send(talking, type="pong")
        assert await closed_with(talking) == 4408
        assert await closed_with(silent) == 4408


@pytest.mark.parametrize(
    "init", [INIT, '{"type":"connection_init","payload":null}', INIT[:-1] + ',"payload":{}}']
)
async def test_init_without_a_token_is_an_anonymous_caller(address: str, init: str) -> None:
    async with opening(address) as socket:
        await socket.send(init)
        assert await receive(socket) == {"type": "connection_ack"}
        await send(socket, id="1", type="subscribe", payload=ASK)
        assert (await receive(socket))["payload"]["data"] == {"viewer": None}


async def test_a_process_has_so_many_sockets(operations: Operations, parts: Parts) -> None:
    app = only_sockets(operations, parts, SocketLimits(sockets=2))
    async with served(app) as address, connected(address):
        async with connected(address), opening(address) as third:
            assert await closed_with(third) == 1013
        async with connected(address) as socket:  # there is room again
            await send(socket, type="ping")
            assert (await receive(socket))["type"] == "pong"


async def test_a_user_has_so_many_sockets(operations: Operations, parts: Parts, shop: Shop) -> None:
    app = only_sockets(operations, parts, SocketLimits(sockets_per_user=2))
    mine, theirs = await bearer(shop, SP), await bearer(shop, PA)
    async with served(app) as address, connected(address, mine):
        async with connected(address, mine), connected(address, theirs), opening(address) as third:
            await send(third, type="connection_init", payload=mine)
            assert await closed_with(third) == 1013
        async with connected(address, mine):
            pass


async def test_an_address_has_so_many_sockets_that_nobody_signed_in_to(
    operations: Operations, parts: Parts, shop: Shop
) -> None:
    app = only_sockets(operations, parts, SocketLimits(anonymous_sockets=2))
    mine = await bearer(shop, SP)
    async with served(app) as address, connected(address, mine), connected(address):
        async with connected(address), opening(address) as third:
            assert await closed_with(third) == 1013
        async with connected(address, mine), connected(address):
            pass


async def test_one_operation_too_many_is_refused_and_the_socket_stays(
    operations: Operations, parts: Parts, shop: Shop
) -> None:
    app = only_sockets(operations, parts, SocketLimits(operations=2))
    async with served(app) as address, connected(address, await bearer(shop, SP)) as socket:
        for id in ("1", "2", "3"):
            await send(socket, id=id, type="subscribe", payload={"query": WATCH})
        refused = await receive(socket)
        assert (refused["id"], refused["type"]) == ("3", "error")
        assert refused["payload"][0]["extensions"].keys() == {"code", "requestId"}
        assert refused["payload"][0]["extensions"]["code"] == "THROTTLED"
        await send(socket, id="2", type="complete")
        await send(socket, id="3", type="subscribe", payload=ASK)
        assert [(await receive(socket))["type"] for _ in range(2)] == ["next", "complete"]


async def test_a_user_has_so_many_operations_on_all_sockets_together(
    operations: Operations, parts: Parts, shop: Shop
) -> None:
    app = only_sockets(operations, parts, SocketLimits(operations_per_user=3))
    mine, theirs = await bearer(shop, SP), await bearer(shop, PA)
    async with (
        served(app) as address,
        connected(address, mine) as first,
        connected(address, mine) as second,
        connected(address, theirs) as other,
        connected(address) as nobodys,
    ):
        for socket, id in ((first, "1"), (first, "2"), (second, "1")):
            await send(socket, id=id, type="subscribe", payload={"query": WATCH})
            await send(socket, type="ping")
            assert (await receive(socket))["type"] == "pong"
        await send(second, id="2", type="subscribe", payload={"query": WATCH})
        refused = await receive(second)
        assert (refused["id"], refused["type"]) == ("2", "error")
        assert refused["payload"][0]["extensions"]["code"] == "THROTTLED"
        for socket in (other, nobodys):
            await send(socket, id="1", type="subscribe", payload=ASK)
            assert [(await receive(socket))["type"] for _ in range(2)] == ["next", "complete"]
        await send(first, id="2", type="complete")
        await send(first, type="ping")
        assert (await receive(first))["type"] == "pong"
        await send(second, id="2", type="subscribe", payload=ASK)
        assert [(await receive(second))["type"] for _ in range(2)] == ["next", "complete"]


async def test_an_id_twice_is_4409_however_long_it_is(shop: Shop, address: str) -> None:
    """A close frame has room for 123 bytes of reason."""
    async with connected(address, await bearer(shop, SP)) as socket:
        for _ in range(2):
            await send(socket, id="ç" * 200, type="subscribe", payload={"query": WATCH})
        assert await closed_with(socket) == 4409


async def test_stopping_tells_the_sockets_to_come_back(
    app: Starlette, shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected_until_stopped(app, shop) as socket:
        with nothing_logged(caplog):
            await send(socket, id="1", type="subscribe", payload={"query": WATCH})
            await send(socket, type="ping")
            assert (await receive(socket))["type"] == "pong"
    assert await closed_with(socket) == 1012


@pytest.mark.parametrize(
    ("header", "refusal"),
    [("x" * 9_000, b"400"), ("x\r\n" + "\r\n".join(f"X-{n}: x" for n in range(200)), b"431")],
    ids=["long", "many"],
)
async def test_a_handshake_too_large_is_refused(
    app: Starlette, header: str, refusal: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with nothing_logged(caplog):
        async with served(app) as address:
            host, port = address.split(":")
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(Raw.handshake(address, f"Cookie: {header}\r\n"))
            async with asyncio.timeout(10):
                assert (await reader.readline()).split()[1] == refusal
            writer.close()


@asynccontextmanager
async def connected_until_stopped(app: Starlette, shop: Shop) -> AsyncIterator[ClientConnection]:
    async with served(app) as address:
        entered = connected(address, await bearer(shop, SP))
        socket = await entered.__aenter__()
        yield socket


async def test_a_client_that_answers_no_ping_is_gone(app: Starlette) -> None:
    async with served(app, ws_ping_interval=0.1, ws_ping_timeout=0.2) as address:
        async with connected(address) as alive, Raw.opened(address) as dead:
            assert (await dead.rest())[-1][0] == Opcode.CLOSE
            await send(alive, type="ping")
            assert (await receive(alive))["type"] == "pong"


def fragments(*parts: bytes) -> list[tuple[Opcode, bytes, bool]]:
    """A text message that does not end."""
    return [(Opcode.CONT if n else Opcode.TEXT, part, False) for n, part in enumerate(parts)]


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        (fragments(b" " * 60_000, b" " * 60_000), 1009),
        (fragments(*[b""] * (MOST_FRAGMENTS + 10)), 1009),
        ([(Opcode.TEXT, b'{"type":"ping"}', True)] * (MOST_WAITING * 3), 1008),
        ([(Opcode.PING, b"", True)] * (MOST_PINGS + 1), 1008),
        ([(Opcode.PONG, b"", True)] * (MOST_PINGS + 1), 1008),
        ([(Opcode.TEXT, b"\xff", True), (Opcode.TEXT, b"{}", True)], 1007),
        ([(Opcode.CONT, b"", True)], 1002),
        ([(Opcode.TEXT, b'{"type":"ping"}', True), (Opcode.CONT, b"", True)], 1002),
    ],
)
async def test_what_rfc_6455_forbids_or_we_do_not_hold(
    address: str, frames: list[tuple[Opcode, bytes, bool]], code: int, caplog: pytest.LogCaptureFixture
) -> None:
    with nothing_logged(caplog):
        async with Raw.opened(address) as raw:
            await raw.frames(*frames)
            assert await raw.close_code() == code


async def test_who_does_not_answer_a_close_is_soon_cut(app: Starlette) -> None:
    """It counts in no limit by then."""
    async with served(app) as address, Raw.opened(address, init=False) as raw:
        await raw.frames((Opcode.TEXT, b"nonsense", True))
        said = b""
        async with asyncio.timeout(4 * CLOSE_SECONDS):  # uvicorn waits for ten seconds
            while data := await raw.loop.sock_recv(raw.socket, 4096):
                said += data
        assert said


class Watched(WebSocketProtocol):
    """Its connections are known to the test, and its patience is short."""

    slowest_reader = 1.0
    made: list["Watched"]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.close_timeout = 1.0
        self.made.append(self)

    @property
    def unwritten(self) -> int:
        """Bytes that the client has not taken and the kernel neither."""
        return self.transport.get_write_buffer_size()


PINGS = (Opcode.PING, b"p" * 125, True)
MESSAGES = (Opcode.TEXT, orjson.dumps({"type": "ping"}), True)
LARGE = "fragment F on __Type { name description fields { name description args { name description } } }"
ANSWERS = orjson.dumps(
    {"id": "1", "type": "subscribe", "payload": {"query": f"{{ __schema {{ types {{ ...F }} }} }} {LARGE}"}}
)


@pytest.mark.parametrize(
    "frame", [PINGS, MESSAGES, (Opcode.TEXT, ANSWERS, True)], ids=["pings", "messages", "answers"]
)
async def test_a_client_that_does_not_read_is_not_written_for_and_is_cut(
    app: Starlette, frame: tuple[Opcode, bytes, bool], caplog: pytest.LogCaptureFixture
) -> None:
    Watched.made = []
    with nothing_logged(caplog):
        async with served(app, ws=Watched) as address, Raw.opened(address) as raw:
            (connection,) = Watched.made
            most = 0
            with pytest.raises((ConnectionResetError, BrokenPipeError, TimeoutError)):
                for n in itertools.count():
                    _, data, _ = frame
                    await raw.frames(*[(frame[0], data.replace(b'"1"', b'"%d"' % n), True)] * 20)
                    most = max(most, connection.unwritten)
                    await asyncio.sleep(0)
            assert connection.disconnected
            assert most < 1_000_000
            async with connected(address) as other:
                await send(other, type="ping")
                assert (await receive(other))["type"] == "pong"
