"""RFC 6455 as uvicorn speaks it, with an end to what a client can make it keep.

uvicorn waits for ever for a client that does not read: its socket outlives every close and timeout, for all of
them want to be written first. It also stacks up the pongs such a client asks for, the fragments of a message that
does not end, and all the messages of one read, each far larger in memory than on the wire.
"""

import asyncio
from asyncio.transports import BaseTransport
from typing import cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from gateway.http.close_codes import SocketClose

LARGEST_MESSAGE = 100_000
"""In bytes. A larger one is refused with 1009, before the application would hold it."""
MOST_FRAGMENTS = 1_000
"""Of one message: empty ones weigh nothing by the limit above."""
MOST_WAITING = 500
"""Messages that the application has not come to; from one connection."""
MOST_PINGS = 100
"""Pings and pongs of a client in a second. They cost no points, and one read holds ten thousand of them: a tenth of a
second of CPU in which nobody else is answered."""
SLOWEST_READER = 30.0
"""Seconds that what was written may wait for the client to take it; then the connection is cut."""
CLOSE_SECONDS = 2.0
"""For which a client may be silent when it was told that its socket is closed. It counts in no limit any more then, but
has its place in the file table; uvicorn waits ten seconds."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection. uvicorn makes it and calls what is below."""

    slowest_reader = SLOWEST_READER

    _deadline: asyncio.TimerHandle | None = None
    _pong: bytes = b""
    _pings: int = 0
    """Pings and pongs in the second that began at `_second`."""
    _second: float = 0.0

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.close_timeout = CLOSE_SECONDS
        # Whatever the kernel does not take at once pauses the writing: the deadline must know of every byte.
        cast(asyncio.Transport, transport).set_write_buffer_limits(high=0)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.close_sent:
            # What the HTTP parser took and websockets does not, such as a header of 9 KB. uvicorn would not answer.
            self.close_sent = True
            self.transport.write(
                b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._deadline = self.loop.call_later(self.slowest_reader, self.transport.abort)

    def resume_writing(self) -> None:
        self._forget_deadline()
        super().resume_writing()
        if self._pong and not self.close_sent:
            pong, self._pong = self._pong, b""
            self.transport.write(pong)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget_deadline()
        super().connection_lost(exc)

    def handle_pong(self, event: Frame) -> None:
        if self._may_ping():
            super().handle_pong(event)

    def handle_ping(self) -> None:
        if not self._may_ping():
            return
        if self.writable.is_set():
            super().handle_ping()
        else:
            # RFC 6455 5.5.3: the last one needs an answer. The pings of one read are all answered by the first.
            self._pong = b"".join(self.conn.data_to_send()) or self._pong

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < MOST_FRAGMENTS:
            super().handle_cont(event)
        else:
            self._refuse(SocketClose.TOO_LARGE, f"More than {MOST_FRAGMENTS} fragments")

    def send_receive_event_to_app(self) -> None:
        if self.queue.qsize() >= MOST_WAITING:
            self._refuse(SocketClose.TOO_FAST, f"More than {MOST_WAITING} messages waiting")
        elif self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self._refuse(SocketClose.NOT_UTF8, "Text is UTF-8")  # uvicorn would log it as our error
        else:
            super().send_receive_event_to_app()

    def handle_parser_exception(self) -> None:
        """Say with which code `conn` has failed, and read on until the client has heard it.

        What lies unread when a connection is closed resets it, and takes the code away with it (RFC 6455 7.1.1).
        """
        if self.close_sent:
            return
        if (
            close := self.conn.close_sent
        ) is not None:  # None: the handshake has failed, nobody waits for more
            self.queue.put_nowait(
                {"type": "websocket.disconnect", "code": close.code, "reason": close.reason}
            )
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.write_eof()
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    async def send(self, message: ASGISendEvent) -> None:
        await self.writable.wait()
        if (
            self.close_sent
        ):  # by us, for a reason that the application has not heard yet; to uvicorn that is a bug
            raise ClientDisconnected
        await super().send(message)

    def _may_ping(self) -> bool:
        now = self.loop.time()
        if now - self._second >= 1:
            self._second, self._pings = now, 0
        self._pings += 1
        if self._pings > MOST_PINGS:
            self._refuse(SocketClose.TOO_FAST, f"More than {MOST_PINGS} pings and pongs in a second")
        return self._pings <= MOST_PINGS and not self.close_sent

    def _refuse(self, code: SocketClose, reason: str) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
