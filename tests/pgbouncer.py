"""A real PgBouncer in transaction mode, in front of the tests' PostgreSQL."""

import os
import pwd
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.embedded.child import Child, plain_environment
from gateway.embedded.postgres import SYSTEM_USER, Postgres
from tests.polling import until_now

# The one Debian's package has; `.ci/run` installs it.
BINARY = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")

needs_pgbouncer = pytest.mark.skipif(
    BINARY is None and not os.environ.get("CI"),
    reason="PgBouncer is not installed (apt-get install pgbouncer); CI installs it and does not skip",
)


class PgBouncer:
    """Listens on loopback and has `connections` connections to each database at most."""

    def __init__(self, port: int) -> None:
        self.port = port

    def url(self, database: str) -> str:
        """The URL of a database behind it."""
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{database}"


@contextmanager
def pgbouncer(postgres: Postgres, connections: int) -> Iterator[PgBouncer]:
    """Started and reachable; ended with the block."""
    assert BINARY is not None, "CI must have PgBouncer: .ci/run installs it"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    # A folder that the system user can walk into, which pytest's are not.
    with TemporaryDirectory(prefix="prumo-pgbouncer-") as name:
        folder = Path(name)
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            f"""
            [databases]
            * = host={postgres.socket_folder} port=5432 user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = {connections}
            max_client_conn = 200
            server_round_robin = 1
            query_wait_timeout = 20
            """
        )
        account = SYSTEM_USER if os.geteuid() == 0 else None
        if account is not None:
            owner = pwd.getpwnam(account)
            for each in (folder, configuration):
                os.chown(each, owner.pw_uid, owner.pw_gid)
        server = Child(
            "PgBouncer",
            [BINARY, configuration],
            folder=folder,
            log=folder / "log",
            environment=plain_environment(),
            account=account,
        )
        server.start()
        try:
            _wait_for(port, server)
            yield PgBouncer(port)
        finally:
            server.end()


def _wait_for(port: int, server: Child) -> None:
    def listens() -> bool:
        assert (why := server.exited()) is None, why
        with suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        return False

    until_now(listens)
