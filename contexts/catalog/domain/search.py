"""What a buyer typed, made fit to search with.

How words are folded, stemmed and matched is one set of rules for names and searches, and lives beside the
index that needs it: `catalog.words` and `catalog.search_queries` in migrations/catalog/0002_search.py.
"""

MAX_LENGTH = 200


def search_text(typed: str | None) -> str | None:
    """The text to search for; None when nothing was typed, which is no filter at all.

    Characters that are not text (controls, NUL, lone surrogates) part words. Beyond 200 characters nobody
    types words; the rest is ignored. Punctuation alone stays, is a search, and finds nothing.
    """
    if typed is None:
        return None
    clean = "".join(character if character.isprintable() else " " for character in typed[:MAX_LENGTH])
    return clean.strip() or None
