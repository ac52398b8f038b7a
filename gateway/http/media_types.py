"""Content negotiation for GraphQL over HTTP."""

from dataclasses import dataclass
from functools import lru_cache

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"

LONGEST = 1_000
"""Characters of an Accept or Content-Type header that are looked at; a browser's Accept has under 200. It is read
before anybody is asked for points, and thousands of ranges take as much CPU as hundreds of requests."""


@dataclass(frozen=True, slots=True)
class _Range:
    """One media range of an Accept header."""

    type: str
    quality: float
    specificity: int


def accepted(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """The offered media type the client likes best; at equal liking the first offered. None: none of them.

    An absent Accept header means the first offered, and so does one that is too long (RFC 9110 12.4.1).
    """
    if accept is None or len(accept) > LONGEST or not accept.strip():
        return offered[0]
    return _liked_best(accept, offered)


@lru_cache(256)
def _liked_best(accept: str, offered: tuple[str, ...]) -> str | None:
    ranges = [found for part in accept.split(",") if (found := _range(part)) is not None]
    best, best_quality = None, 0.0
    for media_type in offered:
        matching = [each for each in ranges if _matches(each.type, media_type)]
        if matching:
            quality = max(matching, key=lambda each: each.specificity).quality
            if quality > best_quality:
                best, best_quality = media_type, quality
    return best


def _range(part: str) -> _Range | None:
    type_, *parameters = (piece.strip().lower() for piece in part.split(";"))
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in {"utf-8", "utf8"}:
            return None
        if name == "q":
            try:
                quality = float(value)
            except ValueError:
                return None
    if not 0 <= quality <= 1:
        return None
    return _Range(type_, quality, 0 if type_ == "*/*" else 1 if type_.endswith("/*") else 2)


def _matches(pattern: str, media_type: str) -> bool:
    if pattern.endswith("/*"):
        return pattern == "*/*" or media_type.startswith(pattern[:-1])
    return pattern == media_type


def is_json(content_type: str | None) -> bool:
    """Whether a body is JSON in UTF-8.

    Only this is accepted: a browser sends it across origins after a preflight alone, so no foreign page can
    make a signed-in person's browser change anything.
    """
    return content_type is not None and len(content_type) <= LONGEST and _is_json(content_type)


@lru_cache(256)
def _is_json(content_type: str) -> bool:
    type_, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    return type_ == JSON and all(
        parameter.partition("=")[2].strip('"') in {"utf-8", "utf8"}
        for parameter in parameters
        if parameter.partition("=")[0].strip() == "charset"
    )
