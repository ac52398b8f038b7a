"""How many points callers may spend: a token bucket for each, kept by this process (docs/adr/0012-throttle.md)."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar
from uuid import UUID

from contexts.identity.api import Principal
from contexts.shared.network import network

MOST_BUCKETS = 20_000
"""Of each kind. A caller who rests as long as a bucket takes to fill has a full one again anyway, remembered or not."""

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Allowance:
    """`maximum` points at a stretch, and `restore_rate` more every second; both at least 1."""

    maximum: int
    restore_rate: int


@dataclass(slots=True)
class Bucket:
    """What one caller has left. `at`: when that was worked out, in seconds of the limiter's clock.

    `available` is below zero when work had to be done before it was known how dear it is.
    """

    allowance: Allowance
    available: float
    at: float

    def refill(self, now: float) -> None:
        """Add what has been restored since."""
        restored = (now - self.at) * self.allowance.restore_rate
        self.available = min(self.available + restored, self.allowance.maximum)
        self.at = now

    def take(self, points: int) -> bool:
        """Reserve the points; False: there are not so many."""
        if points > self.available:
            return False
        self.available -= points
        return True

    def spend(self, points: int) -> None:
        """Take the points for work that is done, though there may not be so many."""
        self.available -= points

    def give_back(self, points: int) -> None:
        """Return what was reserved and not needed."""
        self.available = min(self.available + points, self.allowance.maximum)

    def seconds_until(self, points: int) -> int:
        """Whole seconds until so many points will be there, at least one."""
        return max(1, math.ceil((points - self.available) / self.allowance.restore_rate))


@dataclass(slots=True)
class _Buckets(Generic[Key]):
    """The buckets of one kind of caller; of too many, the longest unused is forgotten."""

    allowance: Allowance
    most: int
    _of: OrderedDict[Key, Bucket] = field(default_factory=OrderedDict)

    def bucket(self, key: Key, now: float) -> Bucket:
        if (known := self._of.get(key)) is not None:
            self._of.move_to_end(key)
            known.refill(now)
            return known
        new = self._of[key] = Bucket(self.allowance, self.allowance.maximum, now)
        if len(self._of) > self.most:
            self._of.popitem(last=False)
        return new


class RateLimiter:
    """The buckets of everybody: of users by their id, of anonymous callers by their network.

    Two kinds, so that no flood of addresses can make the process forget what a user has spent.
    """

    def __init__(
        self,
        signed_in: Allowance,
        anonymous: Allowance,
        *,
        most: int = MOST_BUCKETS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: seconds that only ever grow."""
        self._users: _Buckets[UUID] = _Buckets(signed_in, most)
        self._networks: _Buckets[str] = _Buckets(anonymous, most)
        self._clock = clock

    def bucket(self, principal: Principal | None, address: str) -> Bucket:
        """The caller's bucket, filled up to now."""
        if principal is not None:
            return self._users.bucket(principal.user_id, self._clock())
        return self._networks.bucket(network(address), self._clock())
