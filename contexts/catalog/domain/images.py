"""Object keys of images."""

import re

FOLDER = "products/"
MAX_KEY = 512
_SEGMENTS = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


def is_image_key(key: str) -> bool:
    """Whether a key is one of ours: plain names below `products/`, none beginning with a dot, so none climbs.

    Anybody may read what has such a key; the bucket may hold other things, which nobody may.
    """
    return (
        key.startswith(FOLDER) and len(key) <= MAX_KEY and _SEGMENTS.fullmatch(key, len(FOLDER)) is not None
    )
