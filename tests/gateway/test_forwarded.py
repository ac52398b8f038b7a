"""Who is behind a proxy, whatever a header says."""

import pytest
from starlette.types import Receive, Scope, Send

from contexts.shared.network import address, network
from gateway.http.forwarded import Forwarded, Networks, client_of
from tests.cpu import super_linear

PROXIES = Networks("127.0.0.1, 10.0.0.0/8 ::1")
PEER = "10.0.0.1"


def forwarded_for(*lines: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"x"), *((b"x-forwarded-for", line.encode("latin-1")) for line in lines)]


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["192.0.2.1"], "192.0.2.1"),
        (["192.0.2.1:4711"], "192.0.2.1"),
        (["2001:DB8:0::1"], "2001:db8::1"),
        (["[2001:db8::1]:4711"], "2001:db8::1"),
        (["[2001:db8::1]"], "2001:db8::1"),
        (["::ffff:192.0.2.1"], "192.0.2.1"),
        (["fe80::1%<script>"], "fe80::1"),
        (["198.51.100.7, 192.0.2.1"], "192.0.2.1"),
        (["198.51.100.7", "192.0.2.1"], "192.0.2.1"),
        (["198.51.100.7, 192.0.2.1, 10.0.0.2,127.0.0.1"], "192.0.2.1"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        (["192.0.2.1, unknown"], PEER),
        (["192.0.2.1, _hidden, 10.0.0.2"], "10.0.0.2"),
        (["x" * 30_000], PEER),
        (["192.0.2.1, " + "1" * 30_000], PEER),
        ([""], PEER),
        (["192.0.2.1,"], PEER),
        ([", ".join(["192.0.2.1"] + ["10.0.0.2"] * 5_000)], "10.0.0.2"),
        (["192.0.2.256"], PEER),
        (["１９２.0.2.1".encode().decode("latin-1")], PEER),
        ([], PEER),
    ],
)
def test_the_client_is_an_address_or_the_hop_that_told_none(lines: list[str], client: str) -> None:
    assert client_of(PEER, forwarded_for(*lines), PROXIES) == client


def test_a_stranger_is_believed_nothing() -> None:
    assert client_of("192.0.2.9", forwarded_for("192.0.2.1"), PROXIES) == "192.0.2.9"
    assert client_of("", forwarded_for("192.0.2.1"), PROXIES) == ""
    assert client_of("192.0.2.9", forwarded_for("192.0.2.1, 192.0.2.2"), Networks("*")) == "192.0.2.1"


async def test_the_application_finds_the_client_in_its_scope() -> None:
    seen: list[Scope] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: object) -> dict[str, object]:
        raise AssertionError

    headers = [*forwarded_for("192.0.2.1"), (b"x-forwarded-proto", b"https")]
    for kind, peer in (("http", "10.0.0.1"), ("websocket", "::ffff:127.0.0.1"), ("http", "192.0.2.9")):
        scope = {"type": kind, "client": (peer, 1), "headers": headers, "scheme": "none"}
        await Forwarded(application, PROXIES)(scope, nothing, nothing)  # type: ignore[arg-type]  # never called
    assert [(scope["client"][0], scope["scheme"]) for scope in seen] == [
        ("192.0.2.1", "https"),
        ("192.0.2.1", "wss"),
        ("192.0.2.9", "none"),
    ]


def test_an_address_has_one_spelling() -> None:
    spellings = {"2001:DB8::1", "2001:db8:0::1", "2001:db8::1%eth0"}
    assert {address(each) for each in spellings} == {"2001:db8::1"}
    assert address("::ffff:192.0.2.1") == "192.0.2.1"
    assert {address(each) for each in ("", "unknown", "192.0.2.1 ", "1" * 100_000)} == {""}
    assert network("::ffff:192.0.2.1%x") == "192.0.2.1"


@pytest.mark.parametrize("piece", ["1,", "[", "10.0.0.1,", ":", "%"])
def test_the_time_is_linear_in_the_header(piece: str) -> None:
    def read(text: str) -> None:
        headers = forwarded_for(text)
        for _ in range(200):
            client_of(PEER, headers, PROXIES)

    assert super_linear(read, piece, 64_000) is None
