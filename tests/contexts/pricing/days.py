"""A naive model of one key's prices: a calendar with what holds on each day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from hypothesis import strategies as st

from contexts.pricing.api import Price
from tests.contexts.pricing.tables import day

LAST = 10
"""The last day of the calendar stands for itself and all days after it."""

Period = tuple[datetime, datetime | None]


@dataclass(frozen=True, slots=True)
class Call:
    """Set `amount` from the day `start` on, up to but without the day `end` (None: not said)."""

    start: int
    end: int | None
    amount: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The period of the price that holds on the first day now, and whether it did before."""

    period: Period
    existed: bool


CALLS = st.lists(
    st.integers(0, LAST - 1).flatmap(
        lambda start: st.builds(
            Call, st.just(start), st.none() | st.integers(start + 1, LAST), st.integers(1, 3)
        )
    ),
    min_size=1,
    max_size=8,
)


class Calendar:
    """Each day has the entry (number of the period, amount) or nothing."""

    def __init__(self) -> None:
        self._numbers = count()
        self._days: list[tuple[int, int] | None] = [None] * (LAST + 1)

    def set(self, call: Call) -> Answer:
        end = call.end if call.end is not None else self._next_start(call.start)
        entries = self._days[call.start : end]
        if all(entry is not None and entry[1] == call.amount for entry in entries):
            first = entries[0]
            assert first is not None
            return Answer(self._period(first), existed=True)
        rest = self._days[end] if end <= LAST else None
        if rest is not None and rest in entries:
            self._rename(rest, end)
        entry = (next(self._numbers), call.amount)
        self._days[call.start : end] = [entry] * (end - call.start)
        return Answer(self._period(entry), existed=False)

    def periods(self) -> list[tuple[Period, int]]:
        entries = dict.fromkeys(entry for entry in self._days if entry is not None)
        return [(self._period(entry), entry[1]) for entry in entries]

    def _next_start(self, start: int) -> int:
        for number in range(start + 1, LAST + 1):
            if self._days[number] is not None and self._days[number] != self._days[number - 1]:
                return number
        return LAST + 1

    def _rename(self, entry: tuple[int, int], start: int) -> None:
        renamed = (next(self._numbers), entry[1])
        self._days[start:] = [renamed if each == entry else each for each in self._days[start:]]

    def _period(self, entry: tuple[int, int]) -> Period:
        numbers = [number for number, each in enumerate(self._days) if each == entry]
        return day(numbers[0]), day(numbers[-1] + 1) if numbers[-1] < LAST else None


def as_days(prices: Iterable[Price]) -> list[tuple[Period, int]]:
    """The periods of real prices, to compare with the calendar's."""
    return [((price.valid_from, price.valid_to), int(price.amount.amount)) for price in prices]
