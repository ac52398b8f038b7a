"""Who is behind a proxy: the address and the scheme that a trusted one tells.

uvicorn's own middleware would keep whatever X-Forwarded-For says as the client's address. Here it is an address, or
it is not believed.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from contexts.shared.network import address, parsed

MOST_HOPS = 32
"""Of X-Forwarded-For, from its end: what stands before, no proxy of ours has written."""

_FORWARDED_BY = frozenset({b"x-forwarded-for", b"forwarded", b"via", b"x-real-ip"})
_SCHEMES = frozenset({"http", "https"})

Network = IPv4Network | IPv6Network


class Networks:
    """Addresses and networks, as a setting names them: with commas between, or `*` for all."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is no address and no network."""
        self._text = text
        names = text.replace(",", " ").split()
        self._all = "*" in names
        self._networks: list[Network] = [ip_network(each, strict=False) for each in names if each != "*"]
        self._known = lru_cache(4_096)(self._holds)

    def __reduce__(self) -> tuple[type["Networks"], tuple[str]]:
        """To a process of `--workers N`."""
        return Networks, (self._text,)

    def hold(self, found: IPv4Address | IPv6Address | None) -> bool:
        """Whether the address is one of them; None, a peer without an address, only of all."""
        return self._all or (found is not None and self._known(found))

    def _holds(self, found: IPv4Address | IPv6Address) -> bool:
        return any(found in each for each in self._networks)


def client_of(peer: str, headers: Iterable[tuple[bytes, bytes]], proxies: Networks) -> str:
    """The address of the client, in the spelling that is kept; empty where there is none.

    Each proxy appends the address it was called from, so the last one that is no proxy of ours is the client. What is
    no address there was written by somebody we do not know: then the hop that passed it on counts as the client.
    """
    hop = parsed(peer)
    if not proxies.hold(hop):
        return address(peer)
    # From its end, in pieces: one header line may be as long as all headers together.
    said = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
    for text in reversed(said.rsplit(",", MOST_HOPS)[-MOST_HOPS:] if said else []):
        found = parsed(_without_port(text.strip()))
        if found is None:
            break
        hop = found
        if not proxies.hold(found):
            break
    return "" if hop is None else str(hop)


def is_forwarded(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether some proxy says that it has passed the request on; a stranger who says so gains nothing by it."""
    return any(name in _FORWARDED_BY for name, _ in headers)


class Forwarded:
    """Wraps an application, which finds the client in its scope."""

    def __init__(self, app: ASGIApp, proxies: Networks) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "lifespan" and (client := scope.get("client")) is not None:
            peer = client[0]
            if self._proxies.hold(parsed(peer)):
                self._believe(scope, peer)
        await self._app(scope, receive, send)

    def _believe(self, scope: Scope, peer: str) -> None:
        client = client_of(peer, scope["headers"], self._proxies)
        if client != address(peer):
            scope["client"] = (client, 0)
        for name, value in scope["headers"]:
            if name == b"x-forwarded-proto" and (scheme := value.decode("latin-1").strip()) in _SCHEMES:
                scope["scheme"] = scheme if scope["type"] == "http" else scheme.replace("http", "ws")


def _without_port(text: str) -> str:
    """`192.0.2.1:80` and `[2001:db8::1]:80` as proxies write them; an IPv6 address without brackets has no port."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text
