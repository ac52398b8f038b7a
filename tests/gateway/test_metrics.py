"""What Prometheus is told."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway import metrics


@pytest.fixture
def known() -> Iterator[None]:
    before = metrics._known
    metrics.count_by_name(["Products"])
    yield
    metrics.count_by_name(before)


def counted(operation: str) -> float:
    labels = {"operation": operation, "kind": "query", "outcome": "ok"}
    return metrics.registry.get_sample_value("prumo_graphql_requests_total", labels) or 0.0


def test_strangers_names_make_no_series(known: None) -> None:
    before = counted("Products"), counted(metrics.OTHER)
    series = len(next(iter(metrics.requests.collect())).samples)
    metrics.record("Products", "query", "ok", 0.01, 3, 40)
    for number in range(50):
        metrics.record(f"Products{number}", "query", "ok", 0.01, 3, 40)
    metrics.record("", "query", "ok", 0.01, 3, 40)
    assert (counted("Products"), counted(metrics.OTHER)) == (before[0] + 1, before[1] + 51)
    assert len(next(iter(metrics.requests.collect())).samples) <= series + 2 * 2 * 3


def test_an_operation_has_its_time_its_statements_and_its_points(known: None) -> None:
    def sums() -> list[float]:
        labels = {"operation": "Products", "kind": "mutation"}
        names = ("request_seconds_sum", "statements_sum", "points_total")
        return [metrics.registry.get_sample_value(f"prumo_graphql_{name}", labels) or 0.0 for name in names]

    before = sums()
    metrics.record("Products", "mutation", "errors", 0.25, 3, 40)
    assert [after - was for after, was in zip(sums(), before, strict=True)] == pytest.approx([0.25, 3, 40])


COUNTING = """
import sys
from gateway import metrics
metrics.count_in_flight(lambda: 3)
metrics.record("", "query", "ok", 0.01, 3, 40)
print("counted", flush=True)
sys.stdin.read()
"""


def test_processes_count_together_and_a_killed_one_has_nothing_in_flight(tmp_path: Path) -> None:
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}

    def told() -> str:
        script = "from gateway import metrics; print(metrics.exposition().decode())"
        told = [sys.executable, "-c", script]
        return subprocess.run(told, env=environment, capture_output=True, text=True, check=True).stdout

    processes = [
        subprocess.Popen(
            [sys.executable, "-c", COUNTING],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "counted\n"
        counted = 'prumo_graphql_requests_total{kind="query",operation="other",outcome="ok"} 2.0'
        before = told()
        processes[0].send_signal(signal.SIGKILL)
        processes[0].wait()
        after = told()
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    assert counted in before
    assert "prumo_graphql_in_flight 6.0" in before
    assert counted in after, "what it has counted stays counted"
    assert "prumo_graphql_in_flight 3.0" in after
