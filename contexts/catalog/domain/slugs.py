"""Slugs: the readable part of a product's address."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping

NAME_PART = 80


def kebab(text: str) -> str:
    """ASCII letters and digits in lower case, joined by hyphens; "" when the text has none."""
    # Decomposing sorts each run of combining marks, in the square of its length; what is left of them is nothing.
    unmarked = "".join(each for each in text if not unicodedata.combining(each))
    ascii_text = unicodedata.normalize("NFKD", unmarked).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall(r"[a-z0-9]+", ascii_text))


def slug_of(name: str, sku: str) -> str:
    """The name, cut at a word, and the sku: unique unless two skus differ in punctuation only."""
    words = kebab(name)
    if len(words) > NAME_PART:
        words = words[: NAME_PART + 1].rpartition("-")[0] or words[:NAME_PART]
    return "-".join(part for part in (words, kebab(sku)) if part)


def distinct_slugs(names: Iterable[tuple[str, str]], taken: Mapping[str, str]) -> dict[str, str]:
    """A slug for each (name, sku), by sku, given which sku has `taken` which slug so far.

    Where two skus come to the same slug, the later one carries a digest of its sku.
    """
    owners = dict(taken)
    slugs = {}
    for name, sku in names:
        slug = slug_of(name, sku)
        if not slug or owners.get(slug, sku) != sku:
            digest = hashlib.sha256(sku.encode()).hexdigest()[:12]
            slug = f"{slug}-{digest}" if slug else digest
        owners[slug] = sku
        slugs[sku] = slug
    return slugs
