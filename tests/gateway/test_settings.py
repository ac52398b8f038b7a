"""What settings mean, and what a process lets go of when it ends."""

import threading
from pathlib import Path

import pytest

from contexts.identity.api import Device
from contexts.shared.audit import SYSTEM
from gateway.settings import Settings
from gateway.wiring import wired


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104 - nobody listens here
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("shop.internal", "http://shop.internal:8000"),
    ],
)
def test_what_clients_are_told_can_be_called(tmp_path: Path, host: str, base: str) -> None:
    settings = Settings(home=tmp_path, host=host)
    assert settings.image_url == f"{base}/media"
    said = settings.model_copy(update={"public_url": "https://prumo.example/"})
    assert said.image_url == "https://prumo.example/media"


def test_passwords_in_settings_are_not_shown(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path,
        database_url="postgresql://ana:s3cret@h/x",
        smtp_url="smtp://ana:s3cret@h",
        s3_key="s3cret",
        s3_secret="s3cret",
    )
    assert "s3cret" not in repr(settings)


async def test_nothing_runs_on_when_the_block_ends(database_url: str, tmp_path: Path) -> None:
    async with wired(Settings(home=tmp_path, database_url=database_url), store=False) as parts:
        await parts.contexts.identity.sign_in("nobody@prumo.example", "prumo-demo", Device(), SYSTEM)
        assert any(thread.name.startswith("argon2") for thread in threading.enumerate())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("argon2")]
