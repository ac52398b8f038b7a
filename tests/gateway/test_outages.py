"""One line for each cause of an outage, others while it lasts, and one when it is over."""

import logging

import pytest

from contexts.shared.unavailable import Unavailable
from gateway.outages import Outages
from tests.polling import until


def refused() -> Unavailable:
    return Unavailable("database", ConnectionRefusedError("nobody there"))


async def logged(caplog: pytest.LogCaptureFixture, count: int) -> list[str]:
    """What was logged, when it is so many lines."""
    await until(lambda: len(caplog.records) >= count)
    return [record.getMessage() for record in caplog.records]


async def test_a_line_for_each_cause_and_not_for_each_request(caplog: pytest.LogCaptureFixture) -> None:
    outages = Outages()
    for _ in range(100):
        outages.met(refused())
        outages.met(Unavailable("database", TimeoutError()))
    assert [record.getMessage() for record in caplog.records] == [
        "the database is away: requests are answered 503. database: ConnectionRefusedError: nobody there",
        "the database is away: requests are answered 503. database: TimeoutError: ",
    ]
    assert all(record.exc_info is None for record in caplog.records)


async def test_how_many_more_and_that_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outages = Outages(line_seconds=0.05)
    for _ in range(8):
        outages.met(refused())
    told = await logged(caplog, 3)
    assert told[1:] == [
        "the database is still away (ConnectionRefusedError): 7 requests more",
        "no request fails for want of the database any more (ConnectionRefusedError)",
    ]
    outages.met(refused())
    assert (await logged(caplog, 4))[3] == told[0]
