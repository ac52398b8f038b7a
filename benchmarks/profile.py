"""Where the time of a request goes: the application in this process, under cProfile."""

import cProfile
import io
import pstats
from collections.abc import MutableMapping
from typing import Any

from benchmarks.cases import Case
from benchmarks.servers import MEDIA_URL, NEVER_THROTTLED, Server
from benchmarks.world import World
from gateway.app import create_app

REQUESTS = 300
_LINES = 40


async def profiled(case: Case, world: World) -> str:
    """The functions that most time is spent in, by their own time and with what they call.

    cProfile makes calls dearer than they are, so that this exaggerates many small functions. What waits for
    PostgreSQL shows as `poll`.
    """
    changes = {"media_url": MEDIA_URL, "throttle_points": NEVER_THROTTLED}
    app = create_app(world.settings.model_copy(update=changes))
    scripts = case.scripts(Server(0, 0, "/graphql"), world, 1)
    requests = [scripts[0][number % len(scripts[0])] for number in range(REQUESTS)]
    await world.fill_carts()
    async with app.router.lifespan_context(app):
        for request in requests[:20] if not case.spends_carts else ():
            await _call(app, request)
        profile = cProfile.Profile()
        profile.enable()
        for request in requests:
            await _call(app, request)
        profile.disable()
    text = io.StringIO()
    stats = pstats.Stats(profile, stream=text).strip_dirs()
    for order in ("tottime", "cumulative"):
        stats.sort_stats(order).print_stats(_LINES)
    return f"{REQUESTS} requests of {case.name}\n{text.getvalue()}"


async def _call(app: Any, request: bytes) -> None:  # Any: an ASGI application
    head, _, body = request.partition(b"\r\n\r\n")
    _, *fields = head.split(b"\r\n")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/graphql",
        "raw_path": b"/graphql",
        "query_string": b"",
        "headers": [(name.lower(), value) for name, _, value in (field.partition(b": ") for field in fields)],
        "server": ("127.0.0.1", 0),
        "client": ("127.0.0.1", 0),
    }
    status = 0

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)

    await app(scope, receive, send)
    if status != 200:
        raise RuntimeError(f"answered {status}")
