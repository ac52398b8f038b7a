"""CPU compared within one run: how it grows with the input, never how long something takes on this machine."""

import gc
import time
from collections.abc import Callable
from typing import TypeVar

Input = TypeVar("Input")


def cpu(read: Callable[[Input], object], given: Input) -> float:
    """Seconds for reading it once."""
    begun = time.thread_time()
    read(given)
    return time.thread_time() - begun


SMALLEST, FLOOR = 4_000, 0.002
"""Characters, and the seconds below which nothing is too slow."""


def _repeated(unit: str, size: int) -> str:
    """Always so often that quotes, three for a block, are closed: an open one is refused at once."""
    return unit * (size // len(unit) // 6 * 6)


def _is_steep(before: float, after: float) -> bool:
    """Four times the input takes a linear reader four times as long, and a quadratic one sixteen times."""
    return after > FLOOR and after > 8 * max(before, FLOOR / 16)


def super_linear(read: Callable[[str], object], unit: str, largest: int) -> str | None:
    """Why it is, when it still is after many looks: another process makes one look long, and hardly each of thirty."""
    gc.disable()
    try:
        size, before = SMALLEST, cpu(read, _repeated(unit, SMALLEST))
        while size * 4 <= largest:
            small, large = _repeated(unit, size), _repeated(unit, size * 4)
            after = cpu(read, large)
            looks = 1
            while _is_steep(before, after) and looks < 30:
                looks += 1
                before, after = min(before, cpu(read, small)), min(after, cpu(read, large))
            if _is_steep(before, after):
                return f"{size * 4} characters take {after:.4f} s, a quarter of them {before:.4f} s"
            size, before = size * 4, after
    finally:
        gc.enable()
    return None
