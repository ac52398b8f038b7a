"""The statements that Prumo sends, read from PostgreSQL's own log, so that the floor sends the very same.

A statement is kept with the *meaning* of its parameters ("account", "now", …), found by their values: the floor
knows nothing of how Prumo's adapters number them, and follows when they change.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_ENTRY = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \w+ \[\d+\] ", re.MULTILINE)
_EXECUTED = re.compile(r"LOG:  execute [^:]*: (.*)", re.DOTALL)
_PARAMETERS = re.compile(r"DETAIL:  [Pp]arameters: (.*)", re.DOTALL)
_PARAMETER = re.compile(r"\$(\d+) = (?:NULL|'((?:[^']|'')*)')")
_PLACEHOLDER = re.compile(r"\$(\d+)")

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_MEANINGS = (
    ("now", re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?\+00")),
    ("fresh_id", re.compile(_UUID)),
    ("product_ids", re.compile(rf"\{{{_UUID}(,{_UUID})*\}}")),
    ("quantities", re.compile(r"\{\d+(\.\d+)?(,\d+(\.\d+)?)*\}")),
    ("placed", re.compile(r'\{"(number|order_id)": ?".*"\}')),
    ("fingerprint", re.compile(r"\\x[0-9a-f]{64}")),
)
"""What a value is by its form alone, when it is none of the facts."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement as it reached PostgreSQL, parameters as text."""

    sql: str
    parameters: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with the meaning of $1, $2, …; constants are part of the text."""

    sql: str
    parameters: tuple[str, ...]

    def arguments(self, facts: Mapping[str, object]) -> list[object]:
        """The facts in the order of the parameters."""
        return [facts[name] for name in self.parameters]


def statements_in(log: str) -> list[Sent]:
    """The statements executed with the extended protocol (so not BEGIN and COMMIT), in their order."""
    entries = [entry.strip() for entry in _ENTRY.split(log) if entry.strip()]
    found: list[Sent] = []
    for place, entry in enumerate(entries):
        if (executed := _EXECUTED.match(entry)) is None:
            continue
        # A continued line begins with a tab.
        sql = executed[1].replace("\n\t", "\n").strip()
        detail = _PARAMETERS.match(entries[place + 1]) if place + 1 < len(entries) else None
        texts = _PARAMETER.finditer(detail[1]) if detail else ()
        values = tuple(None if text[2] is None else text[2].replace("''", "'") for text in texts)
        found.append(Sent(sql, values))
    return found


def understood(sent: Sent, facts: Mapping[str, str]) -> Statement:
    """The statement with its parameters named. `facts` are names by the text of a value; what is neither a
    fact nor of a known form is a constant, and becomes a literal."""
    names: list[str] = []

    def named(match: re.Match[str]) -> str:
        value = sent.parameters[int(match[1]) - 1]
        name = None if value is None else meaning(value, facts)
        if name is None:
            return "NULL" if value is None else "'" + value.replace("'", "''") + "'"
        if name not in names:
            names.append(name)
        return f"${names.index(name) + 1}"

    return Statement(_PLACEHOLDER.sub(named, sent.sql), tuple(names))


def meaning(value: str, facts: Mapping[str, str]) -> str | None:
    """The name of a parameter's value, None for a constant."""
    if value in facts:
        return facts[value]
    return next((name for name, form in _MEANINGS if form.fullmatch(value)), None)


@dataclass(frozen=True, slots=True)
class Statements:
    """What Prumo sends for one operation, in its order."""

    all: tuple[Statement, ...]

    def one(self, words: str, *, takes: str = "") -> Statement:
        """The first statement with these words, and with a parameter of this meaning if one is named."""
        for statement in self.all:
            if words in statement.sql and (not takes or takes in statement.parameters):
                return statement
        sent = "\n".join(f"{statement.sql[:70]!r} {statement.parameters}" for statement in self.all)
        raise LookupError(
            f"of these statements, none has `{words}` with {takes or 'any parameters'}:\n{sent}"
        )

    def every(self, *words: str) -> tuple[Statement, ...]:
        """All statements that begin with one of these words, in their order."""
        return tuple(statement for statement in self.all if statement.sql.startswith(words))

    def repetitions(self, statement: Statement) -> int:
        """How many times Prumo sends this very statement."""
        return self.all.count(statement)
