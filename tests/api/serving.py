"""The application behind a real socket, as `prumo serve` puts it there."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette

from gateway.serve import UVICORN, protocol
from gateway.settings import Settings
from tests.polling import until


@asynccontextmanager
async def served(
    app: Starlette,
    settings: Settings | None = None,
    **options: Any,  # Any: as in gateway.serve
) -> AsyncIterator[str]:
    """Serve an application whose lifespan runs already; yields host and port.

    `settings` say how long it waits for clients. `options` are uvicorn's, where a test must not wait as
    long as production does.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(
            uvicorn.Config(
                app, **{**UVICORN, "http": protocol(settings or Settings()), "lifespan": "off", **options}
            )
        )
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await until(lambda: server.started)
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
