"""PRUMO_HOME: the folder that holds everything a local Prumo keeps (database, files, keys, mail)."""

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.progress import CannotRun

# A new database takes 50 MB, the demo data and the write-ahead log about as much again.
_NEEDED_EMPTY = 300 * 2**20
_NEEDED_LATER = 20 * 2**20
# Reasons that lie in the disk and its permissions, not in our code; EFBIG is a limit set for the process.
_DISK = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
    errno.ELOOP,
}


class HomeTaken(CannotRun):
    """Another process works with this home."""


@contextmanager
def writing_to(home: Path) -> Iterator[None]:
    """Turns what a disk refuses inside the block into a CannotRun."""
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        raise CannotRun(
            f"PRUMO_HOME {home} cannot be written: {error.strerror}. "
            "Make room or permission for it, or set PRUMO_HOME to another folder."
        ) from error


def prepare(home: Path) -> None:
    """Make the folder if it is not there, private to the user, and see that it can be written."""
    with writing_to(home):
        is_new = not (home / "postgres").exists()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written, not asked for: root may write anywhere, quotas and read-only mounts have their own mind.
        probe = home / f"probe-{os.getpid()}"
        try:
            with probe.open("wb") as file:
                file.write(bytes(2**20))
                os.fsync(file.fileno())
        finally:
            probe.unlink(missing_ok=True)
        free, needed = shutil.disk_usage(home).free, _NEEDED_EMPTY if is_new else _NEEDED_LATER
    if free < needed:
        raise CannotRun(
            f"PRUMO_HOME {home} has {free >> 20} MB of disk left and needs {needed >> 20} MB. "
            "Make room, or set PRUMO_HOME to another folder."
        )


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Hold the home against every other process; the kernel lets go of it even after a kill -9.

    Raises HomeTaken, which names the process that has it.
    """
    with writing_to(home):
        lock = (home / "lock").open("a+")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise HomeTaken(
                f"PRUMO_HOME {home} is in use by another prumo (process {lock.read().strip() or 'unknown'}): "
                "stop that one, or give this one a PRUMO_HOME and a PORT of its own."
            ) from error
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
