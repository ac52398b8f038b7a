"""Random price tables, and a deliberately simple oracle to judge them by."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from hypothesis import strategies as st

from contexts.pricing.api import Line, Perspective, Price, PriceSource
from contexts.pricing.domain.resolver import Candidate
from contexts.shared.ids import new_id
from contexts.shared.money import Money

DAYS = 8
ACCOUNTS = (UUID(int=1), UUID(int=2))
STATES = ("SP", "PA")
TIERS = (None, "OURO", "PRATA")
MIN_QUANTITIES = (Decimal(0), Decimal("0.5"), Decimal(1), Decimal("10.000"), Decimal(100))
MINIMUM = Decimal("0.4")
"""The smallest quantity that can be bought, which all but the first are above."""
AMOUNTS = (Decimal(0), Decimal("9.9999"), Decimal(10), Decimal("20.50"))

Segment = tuple[int, int | None, Decimal]
Key = tuple[PriceSource, UUID | None, str | None, str | None, Decimal]


def day(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


@st.composite
def _segments(draw: st.DrawFn) -> list[Segment]:
    """Periods of one key: disjoint, some adjacent, some after a gap, the last one perhaps open."""
    starts = draw(st.lists(st.integers(0, DAYS - 1), min_size=1, max_size=3, unique=True).map(sorted))
    ends: list[int | None] = [*starts[1:], None]
    segments: list[Segment] = []
    for start, end in zip(starts, ends, strict=True):
        to = draw(st.sampled_from([end, *range(start + 1, end if end is not None else DAYS + 1)]))
        segments.append((start, to, draw(st.sampled_from(AMOUNTS))))
    return segments


_OWNERS: st.SearchStrategy[tuple[PriceSource, UUID | None, str | None]] = st.one_of(
    st.sampled_from(ACCOUNTS).map(lambda account: (PriceSource.BUYER, account, None)),
    st.sampled_from(STATES).map(lambda state: (PriceSource.STATE, None, state)),
    st.just((PriceSource.NATIONAL, None, None)),
)
_KEYS: st.SearchStrategy[Key] = st.tuples(
    _OWNERS, st.sampled_from(TIERS), st.sampled_from(MIN_QUANTITIES)
).map(lambda drawn: (*drawn[0], drawn[1], drawn[2]))

TABLES: st.SearchStrategy[dict[Key, list[Segment]]] = st.dictionaries(_KEYS, _segments(), max_size=9)
"""What is set for one product."""

PERSPECTIVES: st.SearchStrategy[Perspective] = st.builds(
    Perspective,
    st.sampled_from([None, *ACCOUNTS]),
    st.sampled_from([None, *STATES]),
    st.sampled_from(TIERS),
)
QUANTITIES = st.sampled_from(
    [Decimal(text) for text in ("0.4", "0.5", "1", "1.000", "9.999", "10", "99", "100", "5000")]
)
INSTANTS = st.integers(-1, 2 * DAYS + 1).map(lambda halves: day(0) + timedelta(hours=12 * halves))


def prices(product_id: UUID, table: dict[Key, list[Segment]]) -> list[Price]:
    return [
        Price(
            id=new_id(),
            product_id=product_id,
            source=source,
            account_id=account_id,
            state=state,
            tier=tier,
            min_quantity=min_quantity,
            amount=Money(amount),
            valid_from=day(start),
            valid_to=None if end is None else day(end),
        )
        for (source, account_id, state, tier, min_quantity), segments in table.items()
        for start, end, amount in segments
    ]


def candidates(rows: Sequence[Price], perspective: Perspective) -> list[Candidate]:
    """What the port finds for the perspective among the rows."""
    return [
        Candidate(row.source, row.tier, row.min_quantity, row.amount.amount, row.valid_from, row.valid_to)
        for row in rows
        if row.account_id in (None, perspective.account_id) and row.state in (None, perspective.state)
    ]


def winning_row(
    rows: Sequence[Price], perspective: Perspective, quantity: Decimal, at: datetime
) -> Price | None:
    """The rule, read aloud: level by level; own tier, then every tier; the largest quantity reached."""
    owners: list[tuple[PriceSource, UUID | None, str | None]] = [
        (PriceSource.BUYER, perspective.account_id, None),
        (PriceSource.STATE, None, perspective.state),
        (PriceSource.NATIONAL, None, None),
    ]
    for source, account_id, state in owners:
        for tier in (perspective.tier, None):
            best = None
            for row in rows:
                if row.source != source or row.account_id != account_id or row.state != state:
                    continue
                if row.tier != tier or row.min_quantity > quantity or row.valid_from > at:
                    continue
                if row.valid_to is not None and at >= row.valid_to:
                    continue
                if best is None or row.min_quantity > best.min_quantity:
                    best = row
            if best is not None:
                return best
    return None


def price_on_each_break(
    rows: Sequence[Price], perspective: Perspective, at: datetime
) -> list[tuple[Decimal, Decimal]]:
    """The price from each quantity on at which it changes, tried at every quantity any row has."""
    breaks: list[tuple[Decimal, Decimal]] = []
    for quantity in MIN_QUANTITIES:
        row = winning_row(rows, perspective, quantity, at)
        if row is not None and (not breaks or breaks[-1][1] != row.amount.amount):
            breaks.append((max(quantity, MINIMUM), row.amount.amount))
    return breaks


def next_change(rows: Sequence[Price], perspective: Perspective, line: Line, at: datetime) -> datetime | None:
    """The first later day on which another row wins, or none."""
    now = winning_row(rows, perspective, line.quantity, at)
    later = (day(number) for number in range(DAYS + 1))
    return next(
        (
            instant
            for instant in later
            if instant > at and winning_row(rows, perspective, line.quantity, instant) is not now
        ),
        None,
    )
