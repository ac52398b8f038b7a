"""The address that Prumo listens on: reserved early, refused in a sentence."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.progress import CannotRun


@contextmanager
def reserved(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to the address, so that nobody takes the port while we start. Raises CannotRun."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, OverflowError) as error:
        raise CannotRun(f"Cannot listen on {host}:{port}: {error}") from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            raise refused(host, port, error) from error
        yield listener


def reachable(host: str) -> str:
    """How this machine writes the host of a URL that reaches the address; `0.0.0.0` and `::` are none to call."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{host}]" if ":" in host else host


def refused(host: str, port: int, error: OSError) -> CannotRun:
    """What to tell the person about an address that cannot be bound or listened on."""
    if error.errno == errno.EADDRINUSE:
        return CannotRun(
            f"Port {port} of {host} is taken by another program: "
            f"stop that one, or choose another port, e.g. PORT={port + 1}."
        )
    return CannotRun(f"Cannot listen on {host}:{port}: {error.strerror}. Choose another port with PORT=…")
