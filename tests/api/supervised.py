"""`python -m tests.api.supervised`: two workers of the supervisor, with five seconds of patience."""

import socket

import uvicorn


async def app(scope: dict[str, object], receive: object, send: object) -> None:
    """Never asked."""


if __name__ == "__main__":
    # Not above: the workers, which import this module, would take most of that for it.
    from gateway.log_lines import configure_logging
    from gateway.serve import _Supervisor

    configure_logging()
    config = uvicorn.Config(
        "tests.api.supervised:app", workers=2, lifespan="off", log_config=None, timeout_worker_healthcheck=5
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _Supervisor(config, [listener], "ready").run()
