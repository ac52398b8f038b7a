"""PRUMO_HOME: one process at a time, and a sentence when the disk does not play along."""

import os
import resource
import shutil
import signal
import stat
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from gateway.home import HomeTaken, exclusive, prepare
from gateway.progress import CannotRun

pytestmark = pytest.mark.services


PRUMO = Path(sysconfig.get_path("scripts")) / "prumo"

_HOLD_UNTIL_KILLED = """
import sys
from pathlib import Path
from gateway.home import exclusive

with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def run_dev(home: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """`prumo dev` where it cannot start; `before`: the command that runs it."""
    return subprocess.run(
        [*before, str(PRUMO), "dev"],
        env={**os.environ, "PRUMO_HOME": str(home), "PORT": "0"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_sentence(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def test_it_is_made_private_to_the_user(tmp_path: Path) -> None:
    home = tmp_path / "deep" / "home"
    prepare(home)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert list(home.iterdir()) == []


def test_a_second_process_is_told_who_has_it_and_a_kill_frees_it(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD_UNTIL_KILLED, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(HomeTaken, match=rf"in use by another prumo \(process {other.pid}\)"):
            with exclusive(tmp_path):
                pass
        other.send_signal(signal.SIGKILL)
    with exclusive(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_home_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotRun, match="cannot be written: Not a directory"):
        prepare(tmp_path / "file" / "home")


def test_a_file_size_limit_is_met_with_a_sentence(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(CannotRun, match="cannot be written: File too large"):
            prepare(tmp_path / "home")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def in_own_mounts(script: str) -> list[str]:
    """A command that runs another in a mount namespace of its own, where root may mount what it likes."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("no unshare(1) here")
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    command = [unshare, *user, "--mount", "/bin/sh", "-ec", f'{script}\nexec "$@"', "sh"]
    if subprocess.run([*command, "/bin/true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    return command


def test_dev_on_a_read_only_home(tmp_path: Path) -> None:
    inside = in_own_mounts(f"mount -t tmpfs -o ro,size=1m none '{tmp_path}'")
    assert_one_sentence(run_dev(tmp_path / "home", *inside), str(tmp_path), "Read-only file system")
    assert_one_sentence(run_dev(tmp_path, *inside), str(tmp_path), "Read-only file system")


@pytest.mark.parametrize("size", ["512k", "50m"])
def test_dev_on_a_full_home(tmp_path: Path, size: str) -> None:
    inside = in_own_mounts(f"mount -t tmpfs -o size={size} none '{tmp_path}'")
    result = run_dev(tmp_path, *inside)
    assert_one_sentence(result, str(tmp_path), "Make room")


def test_dev_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert_one_sentence(run_dev(tmp_path / "file"), str(tmp_path / "file"))
    assert_one_sentence(run_dev(tmp_path / "file" / "home"), str(tmp_path / "file"))


def test_a_wrong_port_is_named(tmp_path: Path) -> None:
    result = subprocess.run(
        [str(PRUMO), "dev"],
        env={**os.environ, "PRUMO_HOME": str(tmp_path), "PORT": "eighty"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert_one_sentence(result, "PORT", "eighty")
