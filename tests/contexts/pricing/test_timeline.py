"""Setting prices against a naive model: what is paid on each day, one day after the other."""

from decimal import Decimal
from uuid import UUID

from hypothesis import given, settings

from contexts.pricing.api import Price, PriceSource
from contexts.pricing.domain.timeline import Timeline
from contexts.shared.ids import new_id
from contexts.shared.money import Money
from tests.contexts.pricing.days import CALLS, Calendar, Call, as_days
from tests.contexts.pricing.tables import day

PRODUCT = UUID(int=77)


def _set(timeline: Timeline, call: Call) -> tuple[Timeline, Price]:
    start = day(call.start)
    end = day(call.end) if call.end is not None else timeline.next_start(start)
    amount = Money(Decimal(call.amount))
    if (existing := timeline.covering(amount, start, end)) is not None:
        return timeline, existing
    price = Price(new_id(), PRODUCT, PriceSource.NATIONAL, None, None, None, Decimal(1), amount, start, end)
    return timeline.with_price(price), price


@given(CALLS)
@settings(max_examples=300, deadline=None)
def test_agrees_with_the_calendar(calls: list[Call]) -> None:
    timeline = Timeline()
    calendar = Calendar()
    for call in calls:
        before = timeline
        timeline, price = _set(timeline, call)
        expected = calendar.set(call)

        assert as_days(timeline.prices) == calendar.periods()
        assert (price.valid_from, price.valid_to) == expected.period
        if expected.existed:
            assert timeline == before
            assert price in before.prices
        else:
            assert price in timeline.prices
            assert price.id not in {each.id for each in before.prices}


def test_a_cut_price_keeps_its_id_and_resumes_under_a_new_one() -> None:
    timeline, first = _set(Timeline(), Call(start=0, end=None, amount=10))

    timeline, second = _set(timeline, Call(start=2, end=4, amount=20))

    cut, set_, resumed = timeline.prices
    assert (cut.id, cut.valid_to) == (first.id, day(2))
    assert set_ == second
    assert resumed.id not in (first.id, second.id)
    assert (resumed.amount, resumed.valid_from, resumed.valid_to) == (first.amount, day(4), None)
