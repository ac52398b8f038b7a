"""Whose a network address is, as far as an address tells."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

LONGEST = 80
"""Characters that are looked at: the longest address has 45, a port and a zone go with it."""


def parsed(text: str) -> IPv4Address | IPv6Address | None:
    """The address, None where the text is none. An IPv4 address within IPv6 is the IPv4 address.

    An IPv6 zone (`%eth0`) is dropped: it means something on one machine only, and may be any text.
    """
    return _parsed(text) if len(text) <= LONGEST else None


@lru_cache(4_096)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else address.ipv4_mapped or address


@lru_cache(4_096)
def address(text: str) -> str:
    """The one spelling by which an address is kept; empty for what is no address."""
    found = parsed(text)
    return "" if found is None else str(found)


@lru_cache(4_096)
def network(address: str) -> str:
    """What stands for a caller: an IPv4 address, or the /64 that one IPv6 customer has at least.

    What is no address is one caller: the unknown.
    """
    match parsed(address):
        case None:
            return "unknown"
        case IPv6Address() as found:
            return str(IPv6Network((int(found), 64), strict=False))
        case IPv4Address() as found:
            return str(found)
