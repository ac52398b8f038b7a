"""Whose a network address is, as far as an address tells."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address


@lru_cache(4_096)
def network(address: str) -> str:
    """What stands for a caller: an IPv4 address, or the /64 that one IPv6 customer has at least.

    What is no address is one caller: the unknown.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    match parsed:
        case IPv6Address(ipv4_mapped=IPv4Address() as inner):
            return str(inner)
        case IPv6Address():
            return str(IPv6Network((int(parsed), 64), strict=False))
        case IPv4Address():
            return str(parsed)
