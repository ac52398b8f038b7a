"""The embedded S3 store: real signatures, stable addresses, and what killed runs leave behind."""

import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from aiobotocore.session import get_session
from botocore.exceptions import ClientError

from gateway.embedded.s3 import S3
from tests.polling import until_now

pytestmark = pytest.mark.services


_KILLED_RUN = """
import os, signal, sys
from pathlib import Path
from gateway.embedded.s3 import S3

S3(Path(sys.argv[1])).start()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[S3]:
    """Not started; stopped afterwards in any case."""
    store = S3(tmp_path)
    yield store
    store.stop()


async def put(store: S3, secret_key: str) -> None:
    async with get_session().create_client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id=store.access_key,
        aws_secret_access_key=secret_key,
    ) as client:
        await client.put_object(Bucket=store.bucket, Key="materiais/cimento.png", Body=b"x")


async def test_it_takes_our_key_and_no_other(store: S3, tmp_path: Path) -> None:
    store.start()
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        await put(store, "0" * 40)
    await put(store, store.secret_key)
    assert (tmp_path / "data" / "prumo" / "materiais" / "cimento.png").read_bytes() == b"x"


def test_keys_and_port_stay_and_are_nobody_elses_to_read(store: S3, tmp_path: Path) -> None:
    store.start()
    first = (store.endpoint, store.access_key, store.secret_key)
    rclone = psutil.Process(int((tmp_path / "rclone.pid").read_text()))
    assert store.secret_key not in " ".join(rclone.cmdline())
    assert stat.S_IMODE((tmp_path / "identity.json").stat().st_mode) == 0o600
    store.stop()
    assert not rclone.is_running()

    again = S3(tmp_path)
    again.start()
    try:
        assert (again.endpoint, again.access_key, again.secret_key) == first
    finally:
        again.stop()


def test_a_port_taken_meanwhile_is_replaced(store: S3, tmp_path: Path) -> None:
    store.start()
    endpoint = store.endpoint
    store.stop()
    with socket.create_server(("127.0.0.1", int(endpoint.rpartition(":")[2]))):
        again = S3(tmp_path)
        again.start()
        try:
            assert again.endpoint != endpoint
        finally:
            again.stop()


def test_what_a_killed_run_left_running_is_stopped(store: S3, tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", _KILLED_RUN, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    left = psutil.Process(int((tmp_path / "rclone.pid").read_text()))
    assert left.name() == "rclone"
    endpoint = S3(tmp_path).endpoint

    store.start()

    assert not left.is_running() or left.status() == psutil.STATUS_ZOMBIE
    assert store.endpoint == endpoint


def test_a_pid_that_is_somebody_elses_by_now_is_left_alone(store: S3, tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/sleep", "60"]) as other:
        try:
            (tmp_path / "rclone.pid").write_text(f"{other.pid}\n")
            store.start()
            assert other.poll() is None
        finally:
            other.kill()


def test_its_death_is_reported(store: S3, tmp_path: Path) -> None:
    store.start()
    assert store.exited() is None
    os.kill(int((tmp_path / "rclone.pid").read_text()), signal.SIGKILL)
    until_now(store.exited)
    assert "The S3 store was killed by SIGKILL" in (store.exited() or "")
