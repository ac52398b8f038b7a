"""`python -m benchmarks`: a server of its own, measured beside hand-written endpoints. Needs nothing running."""

import argparse
import asyncio
import os
import pickle
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from secrets import token_urlsafe
from tempfile import TemporaryDirectory

import httpx
import uvloop

from benchmarks import profile, recording, report, servers, world
from benchmarks.cases import Case, cases
from benchmarks.floor.app import Plan
from benchmarks.measure import Servers, measure, soak
from gateway.embedded.services import Services
from gateway.home import prepare
from gateway.migrate import migrate
from gateway.progress import CannotRun, complain, say, step
from gateway.settings import AUDIENCE, ISSUER, Settings

_BUILD = Path(__file__).parent.parent / "build"
_SECONDS = 80.0


def main() -> int:
    """The exit code says whether it could be measured, never how fast it was."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--case", action="append", default=[], help="only this case; may be repeated")
    parser.add_argument("--profile", metavar="CASE", help="tell what the time of a case is spent on, instead")
    parser.add_argument(
        "--soak", metavar="SECONDS", type=float, help="load the listing so long; tell the memory"
    )
    options = parser.parse_args()
    try:
        uvloop.run(_run(options))
    except CannotRun as reason:
        complain(str(reason))
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130
    return 0


async def _run(options: argparse.Namespace) -> None:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    begun = time.monotonic()
    async with _world() as stage:
        chosen = [
            each for each in cases(stage) if each.name in (options.case or [options.profile or each.name])
        ]
        if not chosen:
            raise CannotRun(f"There are only these cases: {', '.join(each.name for each in cases(stage))}.")
        if options.profile:
            say(await profile.profiled(chosen[0], stage))
            return
        async with _servers(stage, chosen) as running:
            if options.soak:
                await soak(chosen[0], stage, running.breadth, options.soak, say)
                return
            seconds = float(os.environ.get("BENCH_SECONDS") or _SECONDS)
            figures = await measure(chosen, stage, running, seconds, say)
    file = Path(os.environ.get("BENCH_JSON") or _BUILD / "bench.json")
    report.write(figures, file)
    say(
        f"\n{report.table(figures)}\n\n{report.targets(figures)}\n{time.monotonic() - begun:.0f} s; JSON: {file}"
    )


@asynccontextmanager
async def _world() -> AsyncIterator[world.World]:
    """PostgreSQL and S3 as in `prumo dev`, in a folder that is gone afterwards, with the data loaded."""
    _BUILD.mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="bench-", dir=_BUILD) as folder:
        home = Path(folder)
        prepare(home)
        settings = Settings(
            home=home,
            database_url=None,
            s3_endpoint=None,
            access_token_minutes=60,
            signing_key_secret=token_urlsafe(32),
        )
        async with Services(settings).running() as complete:
            async with step("migrating the database"):
                await migrate(complete)
            async with step(f"loading {world.PRODUCTS:,} products and their prices") as tell:
                stage = await world.made(complete, tell)
            yield stage


@asynccontextmanager
async def _servers(stage: world.World, chosen: list[Case]) -> AsyncIterator[Servers]:
    """All servers, the floor told what Prumo sends, and its answers found to be Prumo's."""
    home = stage.settings.home
    async with AsyncExitStack() as stack:
        async with step("starting the servers"):
            breadth = await stack.enter_async_context(
                servers.prumo(stage.settings, "breadth", home / "breadth.log")
            )
            stock = await stack.enter_async_context(
                servers.prumo(stage.settings, "stock", home / "stock.log")
            )
            async with httpx.AsyncClient(trust_env=False) as client:
                jwks = (await client.get(breadth.url("/.well-known/jwks.json"))).json()
        async with step("comparing the answers"):
            every = [each for each in cases(stage) if each.executor == "breadth"]
            plan = Plan(
                dsn=world.dsn(stage.settings),
                media_url=servers.MEDIA_URL,
                jwks=jwks,
                issuer=ISSUER,
                audience=AUDIENCE,
                statements=await recording.recorded(stage, every, breadth),
            )
            (home / "plan.pickle").write_bytes(pickle.dumps(plan))
            floor = await stack.enter_async_context(servers.floor(home / "plan.pickle", home / "floor.log"))
            running = Servers(breadth, stock, floor)
            for case in chosen:
                await recording.compare(case, stage, running.of(case), floor)
        yield running


if __name__ == "__main__":
    sys.exit(main())
