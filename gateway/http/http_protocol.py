"""HTTP/1.1 as uvicorn speaks it, with an end to what a client can make it keep, and a stop that loses no request.

uvicorn waits for ever: for a first byte, for the rest of a header or a body, for a client that does not read its
answer. It starts the application with the headers, and keeps headers of any size. Here the application is given whole
requests, and each wait has an end (docs/adr/0018-connections.md).
"""

import asyncio
from typing import Any

import httptools
import orjson
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from contexts.shared.network import network, parsed
from gateway import metrics
from gateway.http.capacity import RETRY_AFTER_SECONDS
from gateway.http.forwarded import Networks, client_of
from gateway.http.open_connections import OpenConnections
from resolvers.vocabulary.extension_codes import ExtensionCode, told

HEAD_BYTES = 32 * 1024
"""Largest request line and headers together; as much is kept of what follows a body in chunks."""
MOST_HEADERS = 100
MOST_PIPELINED = 16
"""Requests that wait behind one that is being answered, on one connection."""
MOST_PIECES = 4_000
"""That a body comes in: chunks, and reads. Each is a call of ours, however few bytes it brings."""
LAST_REQUEST_SECONDS = 0.5
"""For which a connection stays open when the server stops: longer than a request is on its way."""
LINGER_SECONDS = 2.0
"""For which a refused client is still listened to: what lies unread when a connection is closed resets it, and takes
the refusal away with it (RFC 9112 9.6)."""

_CLOSE = (b"connection", b"close")


class HttpProtocol(HttpToolsProtocol):
    """One connection. uvicorn makes it and calls what is below.

    `open_connections` are those of the process. `proxies`: whose X-Forwarded-For tells one client from another.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: uvicorn's
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        open_connections: OpenConnections,
        proxies: Networks,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.held = 0
        self._all = open_connections
        self._limits = open_connections.limits
        self.timeout_keep_alive = self._limits.keep_alive_seconds
        self._proxies = proxies
        self._deadline: asyncio.TimerHandle | None = None
        self._awaited = ""
        """What the deadline is for, as the metric calls it."""
        self._waiting_caller: str | None = None
        self._unfinished: tuple[RequestResponseCycle, ASGI3Application] | None = None
        """The next request to answer, as long as its body is not there."""
        self._in_head = False
        self._fed = 0
        """Bytes that the parser was given since it last gave us a whole head or a part of a body."""
        self._pieces = 0
        """Of the body that is being read."""
        self._refusal: tuple[int, ExtensionCode, str] | None = None
        """Why the parser was stopped: status, code, message."""
        self._deaf = False
        """Refused: what else is sent is dropped."""

    @property
    def is_idle(self) -> bool:
        """Whether no whole request is without its answer."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete or self._unfinished is not None

    def give_way(self, reason: str) -> None:
        """Others need the place: end it now. A client that was sending is told that it may try again."""
        metrics.closed_connections.labels(reason).inc()
        if self._deaf or self.flow.write_paused or self.transport.is_closing():
            self.transport.abort()
            return
        self._deaf = True
        if self._in_head or self._unfinished is not None:
            self._write_refusal(
                503, ExtensionCode.OVERLOADED, "Too many requests were unfinished, yours the longest."
            )
        self.transport.close()
        self._wait_for_end(LINGER_SECONDS)

    # What the event loop calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        # 0: writing is resumed when all is written, so that no client stops reading at the last kilobyte.
        transport.set_write_buffer_limits(high=65_536, low=0)
        # Waited for only then: at a limit the longest waited for goes, and among idle ones this would be the only one.
        self._all.opened(self, transport.get_extra_info("socket").fileno())
        if not self._deaf:
            self._wait("head", self._limits.head_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        self._all.lost(self)
        self._unfinished = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        # In pieces, so that no head is much larger than allowed when it is looked at.
        for start in range(0, len(data), HEAD_BYTES):
            if self._deaf:
                return
            self._feed(data if len(data) <= HEAD_BYTES else data[start : start + HEAD_BYTES])
        if not self._deaf:
            self._take_turns()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._wait("answer", self._limits.answer_seconds)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._awaited == "answer":
            self._stop_waiting()
            self._take_turns()

    def timeout_keep_alive_handler(self) -> None:
        self._close()

    def handle_websocket_upgrade(self) -> None:
        self._forget_deadline()
        self._all.lost(self)
        self._deaf = True
        super().handle_websocket_upgrade()

    def shutdown(self) -> None:
        """The server stops: whatever is answered from now on is the connection's last answer, and says so.

        uvicorn would close a connection at once on which no request is being answered, and reset it with the
        request that its client had just sent.
        """
        state = self.server_state
        if _CLOSE not in state.default_headers:
            state.default_headers = [*state.default_headers, _CLOSE]
        # None before the first request, which uvicorn's types do not say.
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]  # see above
            super().shutdown()
            return
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            LAST_REQUEST_SECONDS, self.timeout_keep_alive_handler
        )

    # What the parser calls. An exception stops it.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._in_head:
            return  # a trailer: nobody asks for one, and the application has the headers
        if len(self.headers) >= MOST_HEADERS:
            self._stop_parsing(431, ExtensionCode.HEADERS_TOO_LARGE, f"More than {MOST_HEADERS} headers.")
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._fed > HEAD_BYTES and self._head_size() > HEAD_BYTES:
            self._stop_parsing(*self._head_too_large())
        if len(self.pipeline) >= MOST_PIPELINED:
            self._stop_parsing(
                429, ExtensionCode.THROTTLED, f"More than {MOST_PIPELINED} requests without an answer."
            )
        self._in_head = False
        self._fed = self._pieces = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """As uvicorn's, which would stop reading until the application reads; it does not run yet."""
        self._fed = 0
        self._pieces += 1
        if self._pieces > MOST_PIECES:
            self._stop_parsing(
                413, ExtensionCode.PAYLOAD_TOO_LARGE, f"The body comes in more than {MOST_PIECES} pieces."
            )
        cycle = self.cycle
        if (self.parser.should_upgrade() and self._should_upgrade()) or cycle.response_complete:
            return
        if len(cycle.body) <= self._limits.max_body_bytes:  # else it is refused already
            cycle.body += body
            cycle.message_event.set()

    def on_message_complete(self) -> None:
        self._fed = 0
        super().on_message_complete()
        if self._unfinished is not None:
            self._start_unfinished()

    # What uvicorn's own methods call.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Its turn: as soon as all of it is there."""
        if cycle.more_body:
            self._unfinished = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()  # uvicorn has, without an end to the wait for the client
            return
        self._all.answered(self)
        self._take_turns()

    def _feed(self, data: bytes) -> None:
        self._fed += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            if self._should_upgrade():
                self.handle_websocket_upgrade()
            else:
                self._unsupported_upgrade_warning()
        except httptools.HttpParserError:
            self._refuse(
                *(self._refusal or (400, ExtensionCode.BAD_REQUEST, "Invalid HTTP request received."))
            )
        else:
            if self._fed > HEAD_BYTES:
                self._refuse(*self._head_too_large())

    def _stop_parsing(self, status: int, code: ExtensionCode, message: str) -> None:
        self._refusal = status, code, message
        raise ValueError(message)

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _head_too_large(self) -> tuple[int, ExtensionCode, str]:
        if self._in_head and len(self.url) > HEAD_BYTES // 2:
            return (
                414,
                ExtensionCode.URI_TOO_LONG,
                f"The request line and headers are larger than {HEAD_BYTES} bytes.",
            )
        return 431, ExtensionCode.HEADERS_TOO_LARGE, f"The headers are larger than {HEAD_BYTES} bytes."

    # Whose turn it is.

    def _take_turns(self) -> None:
        """Wait for the client if it is the client's turn, and only then."""
        if self.flow.write_paused or self.transport.is_closing():
            return
        if self._unfinished is not None:
            self._await_body(self._unfinished[0])
            return
        if self._in_head or self._fed:
            self._unset_keepalive_if_required()
        if self.is_idle and self.timeout_keep_alive_task is None:
            self._wait("head", self._limits.head_seconds)
        else:
            self._stop_waiting()

    def _await_body(self, cycle: RequestResponseCycle) -> None:
        most = self._limits.max_body_bytes
        # What was announced is looked at once, not for each of the pieces a body may come in.
        if len(cycle.body) > most or (not self._waits_for("body") and self._announced() > most):
            # The application says so, in its own words; the rest is not waited for.
            cycle.keep_alive = False
            self._start_unfinished()
            self._stop_waiting()
            return
        if cycle.waiting_for_100_continue:
            cycle.waiting_for_100_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._wait("body", self._limits.body_seconds)

    def _start_unfinished(self) -> None:
        assert self._unfinished is not None
        cycle, app = self._unfinished
        self._unfinished = None
        super()._start_asgi_task(cycle, app)

    def _announced(self) -> int:
        """The Content-Length, which the parser has found to be a number."""
        return next((int(value[:19]) for name, value in self.headers if name == b"content-length"), 0)

    def _wait(self, awaited: str, seconds: float) -> None:
        """For the client, so long in all; harmless when that is what is waited for already."""
        if not self._waits_for(awaited):
            self._stop_waiting()
            self._awaited = awaited
            self._deadline = self.loop.call_later(seconds, self._give_up)
            self._waiting_caller = self._caller(awaited)
        body = 0 if self._unfinished is None else len(self._unfinished[0].body)
        unread = self.transport.get_write_buffer_size() if awaited == "answer" else 0
        self._all.waits(self, self._waiting_caller, body + self._fed + unread)

    def _waits_for(self, awaited: str) -> bool:
        return self._deadline is not None and self._awaited == awaited

    def _caller(self, awaited: str) -> str | None:
        """Whose it counts as. A proxy's stands for many clients, until the headers tell for which."""
        peer = self.client[0] if self.client is not None else ""
        if not self._proxies.hold(parsed(peer)):
            return network(peer)
        return None if awaited == "head" else network(client_of(peer, self.headers, self._proxies))

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._forget_deadline()
            self._all.served(self)

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        """The deadline is over."""
        self._deadline = None
        if self._awaited == "end":
            self.transport.abort()
            return
        metrics.closed_connections.labels(self._awaited).inc()
        if self._awaited == "answer":
            self.transport.abort()
        elif self._in_head or self._fed or self._unfinished is not None:
            self._refuse(
                408, ExtensionCode.REQUEST_TIMEOUT, f"The request's {self._awaited} did not arrive in time."
            )
        else:
            self.transport.close()

    def _refuse(self, status: int, code: ExtensionCode, message: str) -> None:
        """Answer what is owed, or else this; then close."""
        self._deaf = True
        if not self.is_idle:
            if self.cycle.more_body:  # in the middle of a request that waits behind others
                self.transport.abort()
            else:
                self.cycle.keep_alive = False
            return
        self._write_refusal(status, code, message)
        self.transport.write_eof()
        self._wait_for_end(LINGER_SECONDS)

    def _write_refusal(self, status: int, code: ExtensionCode, message: str) -> None:
        body = orjson.dumps({"errors": [{"message": message, "extensions": told(code)}]})
        headers = [
            *(header for header in self.server_state.default_headers if header != _CLOSE),
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
            _CLOSE,
        ]
        if status == 503:
            headers.append((b"retry-after", str(RETRY_AFTER_SECONDS).encode()))
        lines = [name + b": " + value + b"\r\n" for name, value in headers]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", body]))

    def _close(self) -> None:
        """When what was written is taken; the client has its time for that."""
        self.transport.close()
        if not self.flow.write_paused:
            self._wait_for_end(self._limits.answer_seconds)

    def _wait_for_end(self, seconds: float) -> None:
        self._forget_deadline()
        self._awaited = "end"
        self._deadline = self.loop.call_later(seconds, self._give_up)
