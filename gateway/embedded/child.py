"""A server process of ours: started apart from the terminal, watched, and ended in the order we choose."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from gateway.progress import CannotRun


class ServiceError(CannotRun):
    """An embedded service does not run."""


class Child:
    """One process of `command`, its output in `log` (of this run only).

    It has a session of its own, so that the terminal's Ctrl-C reaches us alone. It works in `folder`, by
    which a later run knows it again. `account` is the system user to run as, for root only.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        folder: Path,
        log: Path,
        environment: Mapping[str, str],
        account: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._folder = folder
        self._command = [str(part) for part in command]
        self._environment = environment
        self._account = account
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns at once; whether the server answers is for the caller to find out."""
        with open(self.log, "wb", opener=_private) as log:
            self._process = subprocess.Popen(
                self._command,
                user=self._account,
                group=self._account,
                extra_groups=None if self._account is None else [],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(self._environment),
                cwd=self._folder,
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """None before `start` and after `end`."""
        return None if self._process is None else self._process.pid

    def exited(self) -> str | None:
        """Why a process that should be running is not, with the end of its log; None while it runs."""
        if self._process is None or (code := self._process.poll()) is None:
            return None
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with code {code}"
        return f"{self.name} {how}. The end of {self.log}:\n{self.log_tail()}"

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of the log, indented."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(f"    {line}" for line in text.splitlines()[-lines:]) or "    (empty)"

    def end(self, *ways: tuple[signal.Signals, float]) -> None:
        """Send each signal and wait its seconds for the end, then SIGKILL. Harmless when nothing runs."""
        if self._process is None:
            return
        for way, seconds in ways:
            self._process.send_signal(way)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        else:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self, way: signal.Signals = signal.SIGKILL) -> None:
        """End it without waiting."""
        if self._process is not None:
            self._process.send_signal(way)


def _private(path: str, flags: int) -> int:
    """A log tells statements, with what is in them."""
    file = os.open(path, flags, 0o600)
    os.fchmod(file, 0o600)
    return file


def leftover(pid_file: Path, program: str, folder: Path) -> psutil.Process | None:
    """The process a killed run left running, or None.

    The number may be anybody's by now (after a container's restart it nearly surely is), so it counts only
    for this program working in this folder.
    """
    with suppress(OSError, ValueError, IndexError, psutil.Error):
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        if _runs(process) and process.name() == program and Path(process.cwd()) == folder:
            return process
    return None


def end_leftover(process: psutil.Process, *ways: tuple[signal.Signals, float]) -> None:
    """As `Child.end`, for a process that is not a child of ours."""
    for way, seconds in (*ways, (signal.SIGKILL, 10.0)):
        with suppress(psutil.NoSuchProcess):
            process.send_signal(way)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not _runs(process):
                return
            time.sleep(0.02)
    raise ServiceError(f"Process {process.pid}, left by an earlier run, cannot be ended.")


def _runs(process: psutil.Process) -> bool:
    """A zombie that nobody reaps (a container without init) has ended, too."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def plain_environment(**more: str) -> dict[str, str]:
    """A server's environment: nothing of ours (PGPORT, RCLONE_ADDR, …) may change what it does."""
    return {"PATH": os.defpath, "LC_ALL": "C.UTF-8", **more}
