"""Values on their way into a statement: many as one array, and texts that PostgreSQL can hold."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, TableValuedAlias, Text, Uuid, bindparam, column, func
from sqlalchemy.dialects.postgresql import ARRAY


def is_storable(text: str) -> bool:
    """Whether PostgreSQL can hold a text: no NUL, no lone surrogate. If not, it equals nothing stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def storable(texts: Collection[str]) -> list[str]:
    """Those of the texts that PostgreSQL can hold."""
    return [text for text in texts if is_storable(text)]


def any_id(ids: Collection[UUID]) -> ColumnElement[UUID]:
    """For `column == any_id(…)`: one statement text, however many ids."""
    return func.any(bindparam(None, list(ids), ARRAY(Uuid)))


def any_text(texts: Collection[str]) -> ColumnElement[str]:
    """For `column == any_text(…)`; texts that cannot be stored are left out."""
    return func.any(bindparam(None, storable(texts), ARRAY(Text)))


def relation(name: str, /, **columns: tuple[ColumnElement[object], Sequence[object]]) -> TableValuedAlias:
    """A relation of the given columns: each of the type of a table's column, with its values, one per row."""
    arrays = [bindparam(None, list(values), ARRAY(like.type)) for like, values in columns.values()]
    named = (column(label, like.type) for label, (like, _) in columns.items())
    return func.unnest(*arrays).table_valued(*named, name=name).render_derived()
