"""TLS to PostgreSQL: what is required of its certificate, and what becomes of one that is not good."""

import asyncio
import ssl
import sysconfig
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from sqlalchemy import literal, select
from sqlalchemy.engine import make_url

from contexts.shared.adapters.database import Database
from contexts.shared.adapters.query import Query
from gateway.connections import require_connections
from gateway.database_tls import require_trusted, require_verified
from gateway.embedded.postgres import Postgres
from gateway.embedded.services import reached
from gateway.migrate import require_migrated
from gateway.progress import CannotRun
from gateway.settings import Settings
from tests.polling import PATIENCE

ONE = Query(select(literal(1)))
TRUSTED = "sslmode=verify-full&sslrootcert=/ca.pem"


class Authority:
    """Signs certificates; its own is the file that clients are told."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        unlimited = x509.BasicConstraints(ca=True, path_length=None)
        own = self._builder(self._name, self._key).add_extension(unlimited, critical=True)
        self._write(self.file, own)

    def server(self, host: str) -> ssl.SSLContext:
        """A server's side of TLS under this name."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        named = self._builder(subject, key).add_extension(
            x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False
        )
        certificate, secret = self._folder / f"{host}.crt", self._folder / f"{host}.key"
        self._write(certificate, named)
        secret.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, secret)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
        )

    def _write(self, file: Path, unsigned: x509.CertificateBuilder) -> None:
        signed = unsigned.sign(self._key, hashes.SHA256())
        file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))


@asynccontextmanager
async def reached_over_tcp(postgres: Postgres, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    """The port of the tests' PostgreSQL with TLS in front, since the embedded one is built without; None: with none."""

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            target.write(data)
            await target.drain()
        target.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            asked = await reader.readexactly(8)  # PostgreSQL's SSLRequest, of this length
            assert asked[4:] == (80877103).to_bytes(4)
            writer.write(b"N" if tls is None else b"S")
            await writer.drain()
            if tls is not None:
                await writer.start_tls(tls)
            inside, out = await asyncio.open_unix_connection(postgres.socket_folder / ".s.PGSQL.5432")
            await asyncio.gather(copy(reader, out), copy(inside, writer))
        except (OSError, asyncio.IncompleteReadError):
            writer.close()  # the client did not like it

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ours"), "ours")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("other"), "other")


def settings_of(tmp_path: Path, port: int, database_url: str, trusting: Authority) -> Settings:
    """They lead to `localhost`."""
    name = make_url(database_url).database
    return Settings(
        home=tmp_path,
        database_url=f"postgresql://postgres@localhost:{port}/{name}?sslmode=verify-full&sslrootcert={trusting.file}",
    )


async def test_a_good_certificate_connects(
    postgres: Postgres, database_url: str, tmp_path: Path, ours: Authority
) -> None:
    async with reached_over_tcp(postgres, ours.server("localhost")) as port:
        settings = settings_of(tmp_path, port, database_url, ours)
        require_verified(settings)
        await require_connections(settings, 1)
        await require_migrated(settings)
        # Both pools, the listener's and the pooler's way.
        for direct in (None, settings.database_url):
            database = Database(settings.database_url or "", direct_url=direct, pool_size=1)
            assert [row[0] for row in await database.fetch(ONE)] == [1]
            async with database.begin() as transaction:
                assert [row[0] for row in await database.fetch(ONE, within=transaction)] == [1]
            await database.close()


@pytest.mark.parametrize("place", ["database_url", "database_direct_url", "replica_url"])
@pytest.mark.parametrize(
    ("signed_by", "host", "why"),
    [
        (
            "other",
            "localhost",
            "unable to get local issuer certificate. Give the certificate of the server's authority: sslrootcert=FILE",
        ),
        (
            "ours",
            "db.prumo.example",
            "Hostname mismatch, certificate is not valid for 'localhost'. Call the server in the URL by a name",
        ),
        (None, None, "it speaks no TLS. Switch it on there"),
    ],
)
async def test_a_server_that_is_not_trusted_is_refused_in_a_sentence(
    postgres: Postgres,
    database_url: str,
    tmp_path: Path,
    ours: Authority,
    other: Authority,
    signed_by: str | None,
    host: str | None,
    why: str,
    place: str,
) -> None:
    tls = None if host is None else {"ours": ours, "other": other}[signed_by or ""].server(host)
    async with reached_over_tcp(postgres, tls) as port:
        bad = settings_of(tmp_path, port, database_url, ours).database_url
        settings = Settings(home=tmp_path, database_url=database_url).model_copy(update={place: bad})
        with pytest.raises(CannotRun) as refused:
            await require_trusted(settings)
        assert str(refused.value).startswith(
            f"PRUMO_{place.upper()} leads to a server that is not trusted: {why}"
        )
        if place == "database_url":
            with pytest.raises(CannotRun, match="is not trusted"):
                await require_connections(settings, 1)
            with pytest.raises(CannotRun, match="cannot be reached"):
                await require_migrated(settings)


async def test_a_command_that_works_on_the_database_tells_the_same(
    postgres: Postgres, database_url: str, tmp_path: Path, ours: Authority, other: Authority
) -> None:
    async with reached_over_tcp(postgres, other.server("localhost")) as port:
        with pytest.raises(CannotRun, match="PRUMO_DATABASE_URL leads to a server that is not trusted: "):
            async with reached(settings_of(tmp_path, port, database_url, ours), store=False):
                raise AssertionError("reached")


async def test_authorities_that_cannot_be_read_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql://postgres@localhost:1/x?sslmode=verify-full"
    missing = tmp_path / "ca.pem"
    with pytest.raises(
        CannotRun, match=f"PRUMO_DATABASE_URL names an sslrootcert that cannot be read: {missing}"
    ):
        await require_trusted(Settings(home=tmp_path, database_url=f"{url}&sslrootcert={missing}"))
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(
        CannotRun, match=r"is not trusted: root certificate file .* does not exist.*\. Append sslrootcert="
    ):
        await require_trusted(Settings(home=tmp_path, database_url=url))
    missing.write_text("no certificate\n")
    with pytest.raises(CannotRun, match=r"is not trusted: TLS failed"):
        await require_trusted(Settings(home=tmp_path, database_url=f"{url}&sslrootcert={missing}"))


async def test_a_worker_ends_with_that_sentence(
    postgres: Postgres, database_url: str, tmp_path: Path, ours: Authority, other: Authority
) -> None:
    async with reached_over_tcp(postgres, other.server("localhost")) as port:
        settings = settings_of(tmp_path, port, database_url, ours)
        process = await asyncio.create_subprocess_exec(
            Path(sysconfig.get_path("scripts")) / "prumo",
            "worker",
            env={
                "PRUMO_HOME": str(tmp_path),
                "PRUMO_DATABASE_URL": settings.database_url or "",
                "PRUMO_SMTP_URL": "smtp://127.0.0.1:1",
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
    assert process.returncode == 1
    assert len(said.decode().splitlines()) == 1, said.decode()
    assert said.startswith(b"prumo: ")
    assert b"is not trusted: unable to get local issuer certificate" in said


@pytest.mark.parametrize("variable", ["database_url", "database_direct_url", "replica_url"])
@pytest.mark.parametrize(
    "url",
    [
        "postgresql://db.example/prumo",
        "postgresql+asyncpg://10.0.0.5:5432/prumo?ssl=require",
        "postgresql://db.example/prumo?sslmode=verify-ca&sslrootcert=/ca.pem",
        "postgresql:///prumo?host=db.example",
        "postgresql:///prumo?host=/run/postgresql,db.example",
        "postgresql:///prumo?service=prumo",
        # Of the two, `sslmode` is the one that connects.
        "postgresql://db.example/prumo?sslmode=disable&ssl=verify-full",
        "postgresql://db.example/prumo?ssl=verify-full&sslmode=require",
        "postgresql:///prumo?host=%252Fdb.example",
    ],
)
def test_a_way_to_another_machine_needs_its_certificate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], variable: str, url: str
) -> None:
    urls = {"database_url": "postgresql:///prumo?host=/run/postgresql", variable: url}
    settings = Settings.model_validate({"home": tmp_path, **urls})
    with pytest.raises(
        CannotRun, match=f"PRUMO_{variable.upper()} leads to another machine.*sslmode=verify-full"
    ):
        require_verified(settings, {})
    require_verified(settings.model_copy(update={"database_tls": False}), {})
    assert f"PRUMO_DATABASE_TLS is off: PRUMO_{variable.upper()}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("url", "environment"),
    [
        (f"postgresql://db.example/prumo?{TRUSTED}", {}),
        ("postgresql://db.example/prumo?ssl=verify-full", {}),
        ("postgresql://db.example/prumo?sslrootcert=system", {}),
        ("postgresql://db.example/prumo", {"PGSSLMODE": "verify-full"}),
        ("postgresql://127.0.0.1:6432/prumo", {}),
        ("postgresql://[::1]/prumo", {}),
        ("postgresql://localhost/prumo", {}),
        ("postgresql:///prumo", {}),
        ("postgresql://%2Frun%2Fpostgresql/prumo", {}),
    ],
)
def test_what_is_verified_or_stays_on_this_machine_is_taken(
    tmp_path: Path, url: str, environment: dict[str, str]
) -> None:
    require_verified(Settings(home=tmp_path, database_url=url), environment)


def test_a_host_of_the_environment_counts(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="leads to another machine"):
        require_verified(
            Settings(home=tmp_path, database_url="postgresql:///prumo"), {"PGHOST": "db.example"}
        )


async def test_the_authorities_of_the_machine_are_those_of_sslrootcert_system(
    postgres: Postgres, database_url: str, tmp_path: Path, ours: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with reached_over_tcp(postgres, ours.server("localhost")) as port:
        url = (settings_of(tmp_path, port, database_url, ours).database_url or "").split("?")[0]
        settings = Settings(home=tmp_path, database_url=f"{url}?sslrootcert=system")
        with pytest.raises(CannotRun, match="unable to get local issuer certificate"):
            await require_trusted(settings)
        monkeypatch.setenv("SSL_CERT_FILE", str(ours.file))
        await require_trusted(settings)
        await require_migrated(settings)
