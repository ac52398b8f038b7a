"""What is made of the measurements."""

import pytest

from benchmarks.load import succeeded
from benchmarks.measure import Figures, percentiles, statements_sent
from benchmarks.report import table, targets

METRICS = """\
prumo_graphql_statements_bucket{kind="query",le="1.0"} 0.0
prumo_graphql_statements_count{kind="query"} 10.0
prumo_graphql_statements_sum{kind="query"} 30.0
prumo_graphql_statements_created{kind="query"} 1.7e+09
prumo_graphql_statements_count{kind="mutation"} 1.0
prumo_graphql_statements_sum{kind="mutation"} 9.0
"""


def figures(name: str, cpu: float, floor: float, p99: float = 20.0) -> Figures:
    return Figures(name, cpu, floor, round(cpu / floor, 2), 100.0, 10.0, p99, 3.0)


def test_statements_are_added_up_over_the_kinds_of_operation() -> None:
    assert statements_sent(METRICS) == (39.0, 11.0)


def test_percentiles() -> None:
    assert percentiles([number / 100 for number in range(101)]) == pytest.approx((0.5, 0.99))
    assert percentiles([0.2]) == (0.2, 0.2)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"data":{"product":null}}', True),
        (b'{"data":{"cartLineSet":{"data":{},"error":null}}}', True),
        (b'{"data":{"cartLineSet":{"data":null,"error":{"code":"NOT_FOUND"}}}}', False),
        (b'{"errors":[],"data":null}', False),
        (b"<html>", False),
    ],
    ids=["data", "mutation", "refused", "errors", "no JSON"],
)
def test_only_an_answer_without_any_error_counts(body: bytes, expected: bool) -> None:
    assert succeeded(body) is expected


def test_the_line_of_targets_says_which_are_met() -> None:
    line = targets(
        [
            figures("listing", 1.0, 0.5),
            figures("listing_stock_executor", 9.0, 0.5),
            figures("large_list", 2.6, 1.0, p99=31.0),
        ]
    )
    assert line == (
        "Targets: listing 2.00 × floor, at most 2.0: met; large_list 2.60 × floor, at most 2.5: NOT met; "
        "stock executor 9.0 × listing, at least 10: NOT met; p99 3.1 × p50 (large_list), at most 3: NOT met"
    )


def test_the_table_has_a_line_per_case() -> None:
    head, line = table([figures("listing", 1.0, 0.5)]).splitlines()
    assert head.split() == [
        "name",
        "server_cpu_ms",
        "floor_cpu_ms",
        "ratio",
        "rps",
        "p50_ms",
        "p99_ms",
        "sql_statements",
    ]
    assert line.split() == ["listing", "1.0", "0.5", "2.0", "100.0", "10.0", "20.0", "3.0"]
