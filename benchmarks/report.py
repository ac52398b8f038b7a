"""The table, the JSON, and which targets are met."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path

import orjson

from benchmarks.measure import Figures

_AT_MOST = {"listing": 2.0, "large_list": 2.5, "cart_line_set": 2.0}
"""Times the floor."""
_STOCK_AT_LEAST = 10.0
_P99_AT_MOST = 3.0


def table(figures: Sequence[Figures]) -> str:
    """One line per case."""
    columns = [field.name for field in fields(Figures)]
    rows = [columns, *([str(value) for value in asdict(each).values()] for each in figures)]
    widths = [max(len(row[place]) for row in rows) for place in range(len(columns))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def targets(figures: Sequence[Figures]) -> str:
    """One line: each target with what was measured."""
    return "Targets: " + "; ".join(_targets({each.name: each for each in figures}))


def _targets(by_name: dict[str, Figures]) -> Iterator[str]:
    for name, most in _AT_MOST.items():
        if (each := by_name.get(name)) is not None:
            yield f"{name} {each.ratio:.2f} × floor, at most {most}: {_met(each.ratio <= most)}"
    listing, stock = by_name.get("listing"), by_name.get("listing_stock_executor")
    if listing is not None and stock is not None:
        times = stock.server_cpu_ms / listing.server_cpu_ms
        yield f"stock executor {times:.1f} × listing, at least {_STOCK_AT_LEAST:.0f}: {_met(times >= _STOCK_AT_LEAST)}"
    spread = {name: each.p99_ms / each.p50_ms for name, each in by_name.items()}
    if spread:
        worst = max(spread, key=lambda name: spread[name])
        met = _met(spread[worst] <= _P99_AT_MOST)
        yield f"p99 {spread[worst]:.1f} × p50 ({worst}), at most {_P99_AT_MOST:.0f}: {met}"


def write(figures: Sequence[Figures], file: Path) -> None:
    """The figures as JSON."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(orjson.dumps([asdict(each) for each in figures], option=orjson.OPT_INDENT_2) + b"\n")


def _met(met: bool) -> str:
    return "met" if met else "NOT met"
