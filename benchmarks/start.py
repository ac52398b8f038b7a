"""`python -m benchmarks.start`: the CPU that a start takes, of all processes together, until it says that it is ready.

Needs PRUMO_DATABASE_URL, a migrated database with a signing key (`prumo keys make`), and PRUMO_SIGNING_KEY_SECRET. On a
machine that does other work read the ratio of the two.
"""

import os
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

PRUMO = Path(sysconfig.get_path("scripts")) / "prumo"


def started(workers: int) -> float:
    """CPU seconds, user and system, of `prumo serve` with so many workers."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with TemporaryDirectory(prefix="prumo-start-") as home:
        variables = {
            "PRUMO_S3_ENDPOINT": "http://127.0.0.1:1",  # not asked at the start
            "PRUMO_S3_KEY": "x",
            "PRUMO_S3_SECRET": "x",
            **os.environ,
            "PRUMO_HOME": home,
            "PORT": str(port),
        }
        command = [str(PRUMO), "serve", "--workers", str(workers)]
        with subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            if "is ready" not in server.stdout.readline():
                raise SystemExit("`prumo serve` did not start; see above.")
            top = psutil.Process(server.pid)
            spent = sum(sum(each.cpu_times()[:4]) for each in (top, *top.children(recursive=True)))
            server.terminate()
    return spent


def main() -> None:
    for workers in (1, 2):
        sys.stdout.write(f"prumo serve --workers {workers}: {started(workers):.1f} s of CPU\n")


if __name__ == "__main__":
    main()
