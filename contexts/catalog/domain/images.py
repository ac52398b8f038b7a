"""Object keys of images."""

import re

MAX_KEY = 512
_SEGMENTS = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def is_image_key(key: str) -> bool:
    """Whether a key is one of ours: slash-separated plain names, none beginning with a dot, so none climbs."""
    return len(key) <= MAX_KEY and _SEGMENTS.fullmatch(key) is not None
