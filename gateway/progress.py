"""What the terminal shows while a command works: each step with its time, alive while it lasts."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress


class CannotRun(Exception):
    """Prumo cannot run, or run on. The message tells the person at the terminal why and what to do."""


_TTY_EVERY = 0.1
_PLAIN_EVERY = 5.0


def say(line: str, *, end: str = "\n") -> None:
    """Print for a person. A reader that went away (`prumo dev | head`) stops nobody's shutdown."""
    with suppress(OSError, ValueError):
        sys.stdout.write(line + end)
        sys.stdout.flush()


def complain(sentence: str) -> None:
    """Print what went wrong, on stderr."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"prumo: {sentence}\n")
        sys.stderr.flush()


@asynccontextmanager
async def step(doing: str) -> AsyncIterator[Callable[[str], None]]:
    """Show `doing` ("starting PostgreSQL") with the seconds it takes; on a terminal in one living line.

    What is yielded shows a detail below it.
    """
    started = time.monotonic()
    on_terminal = sys.stdout.isatty()
    clear = "\r\033[K" if on_terminal else ""
    if not on_terminal:
        say(f"→ {doing} …")

    async def tick() -> None:
        while True:
            if on_terminal:
                say(f"{clear}→ {doing} … {time.monotonic() - started:.1f} s", end="")
            await asyncio.sleep(_TTY_EVERY if on_terminal else _PLAIN_EVERY)
            if not on_terminal:
                say(f"  still {doing}, {time.monotonic() - started:.0f} s")

    ticking = asyncio.create_task(tick())
    outcome = "✗"
    try:
        yield lambda detail: say(f"{clear}    {detail}")
        outcome = "✓"
    finally:
        ticking.cancel()
        if on_terminal:
            say(f"{clear}{outcome} {doing}  {time.monotonic() - started:.1f} s")
