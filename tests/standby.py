"""A streaming standby of an embedded PostgreSQL."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import psutil

from gateway.embedded.postgres import Postgres


class Standby(Postgres):
    """Replays what its primary writes, unless it is told not to."""

    def copy(self, primary: Postgres) -> None:
        """A base backup that follows the primary when it is started."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(mode=0o700)
        self._give(self.data)
        primary._run(
            "pg_basebackup",
            *("--host", str(primary.socket_folder), "--port", "5432", "--username", "postgres"),
            *(
                "--pgdata",
                self._place(self.data),
                "--write-recovery-conf",
                "--checkpoint",
                "fast",
                "--no-sync",
            ),
            folder=self.data,
        )

    @property
    def process(self) -> psutil.Process:
        """The postmaster."""
        return psutil.Process(self._server.pid)

    def tree(self, way: signal.Signals) -> None:
        """Send a signal to the postmaster and all its servers."""
        for process in (self.process, *self.process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # awake again, some find that they are not needed
                process.send_signal(way)

    async def replay(self, *, paused: bool) -> None:
        """Pause what it replays, or go on. Returns when it is so."""
        connection = await asyncpg.connect(self.url("postgres").replace("+asyncpg", ""))
        try:
            await connection.execute(f"SELECT pg_wal_replay_{'pause' if paused else 'resume'}()")
            wanted = "paused" if paused else "not paused"
            while await connection.fetchval("SELECT pg_get_wal_replay_pause_state()") != wanted:
                pass
        finally:
            await connection.close()


@contextmanager
def standby_of(primary: Postgres) -> Iterator[Standby]:
    """Running and following; stopped with the block."""
    # Not in pytest's folders, which any other pytest that starts takes away from the system user.
    with TemporaryDirectory(prefix="prumo-standby-") as folder:
        standby = Standby(Path(folder), durable=False)
        standby.copy(primary)
        standby.start()
        try:
            yield standby
        finally:
            standby.stop()
