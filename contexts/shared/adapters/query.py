"""Reads that are compiled once: SQLAlchemy builds the text, asyncpg runs it (docs/adr/0009-compiled-reads.md)."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVarTuple

from sqlalchemy import ARRAY, URL
from sqlalchemy.sql.dml import UpdateBase
from sqlalchemy.sql.selectable import TypedReturnsRows
from sqlalchemy.types import TypeEngine

Columns = TypeVarTuple("Columns")

_POSTGRESQL = URL.create("postgresql+asyncpg").get_dialect()()


class Query(Generic[*Columns]):
    """A statement whose values are named `bindparam`s or constants, as text for asyncpg.

    Compiling takes longer than running it, so a Query is made at import, or kept where it has shapes.
    """

    __slots__ = ("_constants", "_names", "text")

    def __init__(self, statement: TypedReturnsRows[*Columns] | UpdateBase) -> None:
        """Raises TypeError for a parameter of a type whose values asyncpg does not take as they are."""
        compiled = statement.compile(dialect=_POSTGRESQL, compile_kwargs={"render_postcompile": True})
        self.text = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        binds = {name: compiled.binds[name] for name in self._names}
        self._constants = {name: bind.value for name, bind in binds.items() if not bind.required}
        for name, bind in binds.items():
            if not _is_native(bind.type):
                raise TypeError(f"{name}: asyncpg does not take a {bind.type!r} as it is")

    def arguments(self, parameters: Mapping[str, object]) -> list[object]:
        """The values of $1, $2 …; parameters it does not have are ignored, KeyError when one is missing."""
        if self._constants:
            parameters = {**self._constants, **parameters}
        return [parameters[name] for name in self._names]


def _is_native(type_: TypeEngine[Any]) -> bool:
    item: TypeEngine[Any] = type_.item_type if isinstance(type_, ARRAY) else type_
    return item.dialect_impl(_POSTGRESQL).bind_processor(_POSTGRESQL) is None
