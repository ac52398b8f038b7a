"""Rounds of load, ours and the floor's in turn, and what comes of them."""

import asyncio
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from statistics import median, quantiles

import httpx

from benchmarks.cases import Case
from benchmarks.load import Load, Outcome, drive
from benchmarks.servers import Server
from benchmarks.world import World
from gateway.progress import CannotRun

ROUNDS = 3
CPU_CONNECTIONS = 16
LATENCY_CONNECTIONS = 64

_STATEMENTS = re.compile(r"^prumo_graphql_statements_(sum|count)\{[^}]*\} ([\d.e+]+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a case; CPU in ms of the server process per request, latencies in ms."""

    name: str
    server_cpu_ms: float
    floor_cpu_ms: float
    ratio: float
    rps: float
    p50_ms: float
    p99_ms: float
    sql_statements: float


@dataclass(frozen=True, slots=True)
class Servers:
    """Who is measured."""

    breadth: Server
    stock: Server
    floor: Server

    def of(self, case: Case) -> Server:
        """Prumo with the case's executor."""
        return self.stock if case.executor == "stock" else self.breadth


@dataclass(slots=True)
class _Measured:
    """What the rounds of a case brought."""

    cpu: list[float] = field(default_factory=list)
    floor_cpu: list[float] = field(default_factory=list)
    rps: list[float] = field(default_factory=list)
    statements: list[float] = field(default_factory=list)
    latencies: list[float] = field(default_factory=list)

    def figures(self, name: str) -> Figures:
        cpu, floor_cpu = median(self.cpu), median(self.floor_cpu)
        p50, p99 = percentiles(self.latencies)
        return Figures(
            name=name,
            server_cpu_ms=round(cpu * 1000, 3),
            floor_cpu_ms=round(floor_cpu * 1000, 3),
            ratio=round(cpu / floor_cpu, 2),
            rps=round(median(self.rps), 1),
            p50_ms=round(p50 * 1000, 2),
            p99_ms=round(p99 * 1000, 2),
            sql_statements=round(median(self.statements), 2),
        )


async def measure(
    cases: Sequence[Case], world: World, servers: Servers, seconds: float, report: Callable[[str], None]
) -> list[Figures]:
    """The figures of each case; all rounds together are some `seconds` of load.

    A round goes through all cases, so that what disturbs this machine for a while disturbs them alike. The
    first one only warms up.
    """
    each = seconds / len(cases) / (2 * ROUNDS + 2)
    measured = {case.name: _Measured() for case in cases}
    with _generator() as generator:
        for number in range(ROUNDS + 1):
            for case in cases:
                found = measured[case.name]
                ours = servers.of(case)
                slice = each if number else each / 2
                before = await _statements_sent(ours)
                cpu, outcome = await _run(generator, case, world, ours, CPU_CONNECTIONS, slice)
                after = await _statements_sent(ours)
                floor_cpu, _ = await _run(generator, case, world, servers.floor, CPU_CONNECTIONS, slice)
                report(
                    f"{f'round {number}' if number else 'warm-up'}  {case.name:22} "
                    f"{cpu * 1000:7.2f} ms CPU, floor {floor_cpu * 1000:6.2f}"
                )
                if number:
                    found.cpu.append(cpu)
                    found.floor_cpu.append(floor_cpu)
                    found.rps.append(len(outcome.latencies) / outcome.seconds)
                    found.statements.append((after[0] - before[0]) / (after[1] - before[1]))
        for case in cases:
            ours = servers.of(case)
            _, outcome = await _run(generator, case, world, ours, LATENCY_CONNECTIONS, each)
            measured[case.name].latencies = outcome.latencies
            p50, p99 = percentiles(outcome.latencies)
            report(f"latency  {case.name:22} p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms")
    return [measured[case.name].figures(case.name) for case in cases]


async def soak(
    case: Case, world: World, server: Server, seconds: float, report: Callable[[str], None]
) -> None:
    """Load for a long time, reporting the memory of the server ten times."""
    with _generator() as generator:
        for part in range(11):
            report(f"{part * seconds / 10:5.0f} s  {server.resident_megabytes():7.1f} MB resident")
            if part < 10:
                await _run(generator, case, world, server, CPU_CONNECTIONS, seconds / 10)


def _generator() -> ProcessPoolExecutor:
    """A process for the load. Spawned: this one has an event loop and threads, which do not survive a fork."""
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))


async def _run(
    generator: ProcessPoolExecutor,
    case: Case,
    world: World,
    server: Server,
    connections: int,
    seconds: float,
) -> tuple[float, Outcome]:
    """CPU seconds of the server per request, and the outcome. Raises CannotRun for any failed request."""
    if case.spends_carts:
        await world.fill_carts()
    load = Load(server.port, case.scripts(server, world, connections), seconds, not case.spends_carts)
    before = server.cpu_seconds()
    outcome = await asyncio.get_running_loop().run_in_executor(generator, drive, load)
    spent = server.cpu_seconds() - before
    if outcome.failure is not None or not outcome.latencies:
        raise CannotRun(f"{case.name}, {server.url('')}: a request failed: {outcome.failure}")
    return spent / len(outcome.latencies), outcome


async def _statements_sent(server: Server) -> tuple[float, float]:
    """The sum of SQL statements and the number of requests so far, from /metrics."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return statements_sent((await client.get(server.url("/metrics"))).text)


def statements_sent(metrics: str) -> tuple[float, float]:
    """The two, of all kinds of operation, in Prometheus' text."""
    totals = {"sum": 0.0, "count": 0.0}
    for what, value in _STATEMENTS.findall(metrics):
        totals[what] += float(value)
    return totals["sum"], totals["count"]


def percentiles(latencies: Sequence[float]) -> tuple[float, float]:
    """p50 and p99."""
    if len(latencies) < 2:
        return latencies[0], latencies[0]
    cuts = quantiles(latencies, n=100, method="inclusive")
    return cuts[49], cuts[98]
