"""Where in the response the values of a level stand. Asked only when something goes wrong, so worked out only then."""

from collections.abc import Sequence
from dataclasses import dataclass

Path = list[str | int]


class Root:
    """The operation itself."""

    __slots__ = ()

    def path(self, index: int) -> Path:
        """The response path of the value at this index of its level."""
        return []


@dataclass(slots=True)
class Field:
    """The values of one field: one for each object above."""

    above: "Place"
    key: str

    def path(self, index: int) -> Path:
        return [*self.above.path(index), self.key]


@dataclass(slots=True)
class Items:
    """The items of the lists above, one list after the other."""

    above: "Place"
    lengths: Sequence[int]

    def path(self, index: int) -> Path:
        owner = 0
        while index >= self.lengths[owner]:
            index -= self.lengths[owner]
            owner += 1
        return [*self.above.path(owner), index]


@dataclass(slots=True)
class Kept:
    """Some of the values above: those that are not null, those of one type."""

    above: "Place"
    indexes: Sequence[int]

    def path(self, index: int) -> Path:
        return self.above.path(self.indexes[index])


Place = Root | Field | Items | Kept
