"""Rejections that mean the same in every context. Each context adds its own beside these."""

from dataclasses import dataclass

from contexts.shared.codes import DetailCode


@dataclass(frozen=True, slots=True)
class Detail:
    """What is wrong with one piece of the input.

    `path` uses the input's GraphQL names, e.g. ("input", "amount"). `message` stands after the field's name and among
    others, so it begins with a small letter and has no full stop.
    """

    path: tuple[str, ...]
    code: DetailCode
    message: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with a value, wherever it stands. `message` goes on after the field's name: "must be …"."""

    code: DetailCode
    message: str

    def at(self, *path: str) -> Detail:
        """The same of the value that stands there."""
        return Detail(path, self.code, self.message)


NONE_GIVEN = Wrong(DetailCode.REQUIRED, "must name at least one")
"""Of a list."""


@dataclass(frozen=True, slots=True)
class InvalidInput:
    """The input breaks a rule that the schema's types cannot say. Nothing was changed."""

    details: tuple[Detail, ...]

    @classmethod
    def at(cls, field: str, code: DetailCode, message: str) -> "InvalidInput":
        """The rejection of one field of the mutation's `input`."""
        return cls((Detail(("input", field), code, message),))


@dataclass(frozen=True, slots=True)
class NotFound:
    """There is no such thing, or it is somebody else's and its existence is not revealed."""

    what: str
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Forbidden:
    """The caller may do this, but not so. A row out of the caller's reach is NotFound instead."""

    message: str


@dataclass(frozen=True, slots=True)
class IdempotencyKeyReused:
    """The same key came with another input; the first call stands."""
