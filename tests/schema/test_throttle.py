"""Token buckets: how they fill, whose they are, what is forgotten."""

from uuid import UUID, uuid4

import pytest

from contexts.identity.api import Principal
from contexts.shared.network import network
from schema.rate_limiter import Allowance, RateLimiter


class Seconds:
    """A clock that stands still until it is put forward."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def principal(user_id: UUID | None = None) -> Principal:
    return Principal(user_id or uuid4(), uuid4(), None, frozenset(), frozenset())


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


@pytest.fixture
def throttle(clock: Seconds) -> RateLimiter:
    return RateLimiter(Allowance(100, 10), Allowance(20, 2), most=3, clock=clock)


def test_a_bucket_empties_and_fills_again(throttle: RateLimiter, clock: Seconds) -> None:
    ana = principal()
    assert throttle.bucket(ana, "").take(60)
    assert not throttle.bucket(ana, "").take(60)
    assert throttle.bucket(ana, "").available == 40, "a refusal takes nothing"
    clock.now += 1.5
    assert throttle.bucket(ana, "").available == 55
    clock.now += 3600
    assert throttle.bucket(ana, "").available == 100, "never more than the maximum"


def test_when_to_come_again_is_soon_enough_and_not_too_soon(throttle: RateLimiter, clock: Seconds) -> None:
    ana = principal()
    assert throttle.bucket(ana, "").take(95)
    seconds = throttle.bucket(ana, "").seconds_until(42)
    assert seconds == 4
    clock.now += seconds
    assert throttle.bucket(ana, "").take(42)
    assert throttle.bucket(ana, "").seconds_until(0) == 1


def test_what_is_given_back_does_not_overflow(throttle: RateLimiter) -> None:
    bucket = throttle.bucket(principal(), "")
    assert bucket.take(10)
    bucket.give_back(90)
    assert bucket.available == 100


def test_users_are_told_apart_wherever_they_are(throttle: RateLimiter) -> None:
    ana, bia = principal(), principal()
    assert throttle.bucket(ana, "192.0.2.1").take(100)
    same_user = principal(ana.user_id)
    assert throttle.bucket(same_user, "192.0.2.9").available == 0, (
        "another session and address, the same user"
    )
    assert throttle.bucket(bia, "192.0.2.1").available == 100
    assert throttle.bucket(None, "192.0.2.1").available == 20


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "_hidden", True),
        ("x" * 10_000, "y", True),
    ],
)
def test_anonymous_callers_are_told_apart_by_network(one: str, other: str, same: bool) -> None:
    assert (network(one) == network(other)) is same


def test_the_longest_unused_is_forgotten(throttle: RateLimiter) -> None:
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1", "192.0.2.4"):
        assert throttle.bucket(None, address).take(5)
    left = {host: throttle.bucket(None, f"192.0.2.{host}").available for host in (1, 3, 4)}
    assert left == {1: 10, 3: 15, 4: 15}
    assert throttle.bucket(None, "192.0.2.2").available == 20


def test_a_flood_of_addresses_refills_no_user(throttle: RateLimiter) -> None:
    ana = principal()
    assert throttle.bucket(ana, "").take(100)
    for host in range(250):
        throttle.bucket(None, f"192.0.2.{host}")
    assert throttle.bucket(ana, "").available == 0
