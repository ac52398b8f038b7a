"""A line of text as a person types it: a name, a street, a tier."""


def one_line(text: str, limit: int) -> str | None:
    """The text trimmed, or None when it is blank, longer than `limit`, or holds a control character.

    Lone surrogates and NUL, which PostgreSQL cannot store, are not printable and so are refused too.
    """
    line = text.strip()
    return line if 0 < len(line) <= limit and line.isprintable() else None
