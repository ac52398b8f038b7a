"""Text as a person types it, and as it is kept: one judgement of it for every input."""

from contexts.shared.codes import DetailCode
from contexts.shared.rejections import Wrong

BLANK = Wrong(DetailCode.REQUIRED, "must not be blank")
UNPRINTABLE = Wrong(DetailCode.INVALID_CHARACTER, "has characters that cannot be printed")
MAX_KEY = 128
"""Characters of an idempotency key."""


def one_line(text: str, most: int) -> str | Wrong:
    """The text trimmed; wrong when it is blank, longer than `most` characters, or holds a control character.

    Lone surrogates and NUL, which PostgreSQL cannot store, are not printable and so are refused too.
    """
    line = text.strip()
    return _problem(line, most) or line


def several_lines(text: str, most: int) -> str | Wrong:
    """As `one_line`, but with breaks and tabs; the spaces at the end of each line are dropped."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    kept = "\n".join(lines)
    return _problem(kept, most, kept.replace("\n", " ").replace("\t", " ")) or kept


def key_problem(key: str) -> Wrong | None:
    """What is wrong with an idempotency key. It is compared as it is, and so not trimmed."""
    return _problem(key, MAX_KEY)


def unless_blank(text: str, wrong: Wrong) -> Wrong:
    """What is wrong with a text that has not its form: a blank one has none because nothing was given."""
    return wrong if text.strip() else BLANK


def too_long(most: int) -> Wrong:
    """What is wrong with a text of more than `most` characters."""
    return Wrong(DetailCode.TOO_LONG, f"may have up to {most} characters")


def _problem(text: str, most: int, shown: str | None = None) -> Wrong | None:
    if not text.strip():
        return BLANK
    if len(text) > most:
        return too_long(most)
    return None if (text if shown is None else shown).isprintable() else UNPRINTABLE
