"""What caches may keep of GraphQL's answers: nothing, but for what every anonymous caller is told alike."""

from hashlib import sha256

import orjson

from schema.operations import Json

Headers = tuple[tuple[bytes, bytes], ...]

_VARY = (b"vary", b"Accept, Authorization")

NO_STORE: Headers = ((b"cache-control", b"no-store"), _VARY)


def public(seconds: int, etag: str) -> Headers:
    """The headers of an answer that anybody may be given again for so long."""
    return (
        (b"cache-control", f"public, max-age={seconds}".encode()),
        (b"etag", etag.encode()),
        _VARY,
    )


def etag_of(data: Json | None) -> str:
    """A weak one: the same data in another media type, or with other extensions, is as good."""
    return f'W/"{sha256(orjson.dumps(data)).hexdigest()[:32]}"'


def unchanged(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this already (RFC 9110, 13.1.2: the weak comparison)."""
    if if_none_match is None:
        return False
    known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
    return "*" in known or etag.removeprefix("W/") in known
