"""Rules for the tests themselves: what makes a test slow, or fail on a busy machine, is found here."""

import ast
from collections.abc import Callable, Container, Iterator
from pathlib import Path

TESTS = Path(__file__).parent
CLOCKS = {"time", "monotonic", "perf_counter", "time_ns", "monotonic_ns", "perf_counter_ns"}
MAY_READ_A_CLOCK = {
    "polling.py": "the end of a test that would hang",
    "api/test_sessions.py": "the claims of a token, which are in seconds since 1970",
    "contexts/identity/test_sessions.py": "durations compared by rank, never with a bound",
}


def _calls(source: str) -> Iterator[tuple[str, ast.Call]]:
    """The calls in a file, each with the dotted name that is called."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def sleeps(source: str) -> list[int]:
    """The lines on which Python sleeps; sleep(0) only gives others their turn."""
    return sorted(
        call.lineno
        for name, call in _calls(source)
        if name in {"time.sleep", "asyncio.sleep"} and ast.unparse(call.args[0]) != "0"
    )


def clock_reads(source: str) -> list[int]:
    """The lines on which a wall clock is read."""
    return sorted(call.lineno for name, call in _calls(source) if name.removeprefix("time.") in CLOCKS)


def _found(rule: Callable[[str], list[int]], excepted: Container[str]) -> list[str]:
    """Where the rule is broken, as file:line."""
    files = {str(path.relative_to(TESTS)): path for path in sorted(TESTS.rglob("*.py"))}
    return [
        f"{name}:{line}"
        for name, path in files.items()
        if name not in excepted
        for line in rule(path.read_text())
    ]


def test_no_test_sleeps_until_something_has_surely_happened() -> None:
    assert _found(sleeps, {"polling.py"}) == [], "wait for the condition instead: tests.polling"


def test_no_test_bounds_a_duration() -> None:
    assert _found(clock_reads, MAY_READ_A_CLOCK) == [], (
        "count statements or calls, or compare CPU within one run"
    )


def test_the_rules_find_what_they_forbid() -> None:
    assert sleeps("await asyncio.sleep(0.1)\ntime.sleep(n)\nawait asyncio.sleep(0)\nfunc.pg_sleep(1)") == [
        1,
        2,
    ]
    assert clock_reads("time.monotonic()\nperf_counter()\ntime.process_time()\nclock.now()") == [1, 2]
