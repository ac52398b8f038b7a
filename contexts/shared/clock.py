"""Time comes in through a port, so that a rule about time can be tested at any time."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final, Protocol

BRASILIA: Final = timezone(timedelta(hours=-3))
"""The distributor's time of day. Brazil has had no daylight saving time since 2019."""


class Clock(Protocol):
    """Tells what time it is."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)
