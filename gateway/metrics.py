"""What is counted, and how it is told to Prometheus."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

registry = CollectorRegistry()
requests = Counter(
    "prumo_graphql_requests",
    "GraphQL requests, by operation, its kind, and outcome (ok, errors, refused).",
    ["operation", "kind", "outcome"],
    registry=registry,
)
seconds = Histogram(
    "prumo_graphql_request_seconds",
    "Time to answer a GraphQL request; of a subscription, how long it ran.",
    ["operation", "kind"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)
statements = Histogram(
    "prumo_graphql_statements",
    "SQL statements per GraphQL request.",
    ["operation", "kind"],
    buckets=(0, 1, 2, 3, 4, 6, 8, 12, 20, 40),
    registry=registry,
)
points = Counter(
    "prumo_graphql_points",
    "Points that executed operations cost, see extensions.cost.",
    ["operation", "kind"],
    registry=registry,
)
errors = Counter("prumo_graphql_errors", "Top-level GraphQL errors, by code.", ["code"], registry=registry)
unavailable = Counter(
    "prumo_unavailable",
    "Requests not answered because a service was away, by service: database, object storage.",
    ["service"],
    registry=registry,
)
stock_executions = Counter(
    "prumo_graphql_stock_executions",
    "Operations that graphql-core's executor ran instead of ours, by reason.",
    ["reason"],
    registry=registry,
)
closed_connections = Counter(
    "prumo_http_connections_closed",
    "Connections closed because the client kept us waiting, by reason: head, body, answer (too slow); address, bytes,"
    " connections, files (too many).",
    ["reason"],
    registry=registry,
)
in_flight = Gauge(
    "prumo_graphql_in_flight",
    "GraphQL operations being answered now.",
    registry=registry,
    multiprocess_mode="livesum",
)
reads = Counter(
    "prumo_database_reads",
    "Reads while there is a replica, by server; `repeated`: on the primary, after the replica failed.",
    ["server"],
    registry=registry,
)
replica_lag = Gauge(
    "prumo_replica_lag_seconds",
    "How far the replica is behind, of all processes the most; +Inf: it does not answer.",
    registry=registry,
    multiprocess_mode="livemax",
)

OTHER = "other"
"""What operations are counted as that are none of our clients': their names are free text, and metrics are for ever."""
_known: frozenset[str] = frozenset()
_taken: Callable[[], int] | None = None

_SHARED_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client's variable; it looks at it when it is imported, and never again."""
_folder = os.environ.get(_SHARED_FOLDER)


def count_by_name(operations: Iterable[str]) -> None:
    """Count these operations by their names from now on."""
    global _known
    _known = frozenset(operations)


def label(operation: str) -> str:
    """What the operation is counted as."""
    return operation if operation in _known else OTHER


@dataclass(frozen=True, slots=True)
class _Series:
    """The metrics of one operation, looked up once."""

    outcomes: Mapping[str, Counter]
    seconds: Histogram
    statements: Histogram
    points: Counter


class Reads:
    """Counts where reads go while there is a replica."""

    def __init__(self) -> None:
        self._by_server = {server: reads.labels(server) for server in ("primary", "replica", "repeated")}

    def read(self, server: str) -> None:
        """One more."""
        self._by_server[server].inc()

    def lag(self, seconds: float) -> None:
        """How far the replica is behind now."""
        replica_lag.set(seconds)


@cache
def _series(operation: str, kind: str) -> _Series:
    return _Series(
        {outcome: requests.labels(operation, kind, outcome) for outcome in ("ok", "errors", "refused")},
        seconds.labels(operation, kind),
        statements.labels(operation, kind),
        points.labels(operation, kind),
    )


def count_in_flight(taken: Callable[[], int]) -> None:
    """Let `taken` tell how many operations are being answered.

    Of several processes, each tells it whenever a request ends, for they cannot be asked.
    """
    global _taken
    _taken = taken
    if _folder is None:
        in_flight.set_function(taken)


def shared_by_processes() -> AbstractContextManager[object]:
    """Processes started inside the block count together, in files that are gone afterwards."""
    folder = TemporaryDirectory(prefix="prumo-metrics-")
    os.environ[_SHARED_FOLDER] = folder.name
    return folder


def exposition() -> bytes:
    """All metrics in Prometheus' text format, of all processes that count together, whichever is asked."""
    if _folder is None:
        return generate_latest(registry)
    for file in Path(_folder).glob("gauge_live*_*.db"):
        process = file.stem.rpartition("_")[2]
        if not psutil.pid_exists(int(process)):
            # Killed: nobody else takes back what it had in flight.
            mark_process_dead(process)  # type: ignore[no-untyped-call]  # prometheus_client's
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]  # prometheus_client's
    return generate_latest(together)


def record(operation: str, kind: str, outcome: str, duration: float, sent: int, spent: int) -> None:
    """Count a request: how long it took in seconds, how many statements it sent and points it spent."""
    series = _series(label(operation), kind)
    series.outcomes[outcome].inc()
    series.seconds.observe(duration)
    series.statements.observe(sent)
    series.points.inc(spent)
    if _folder is not None and _taken is not None:
        in_flight.set(_taken())
