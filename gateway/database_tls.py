"""Whether PostgreSQL's certificate is looked at, on every way to it that leaves this machine.

Without `sslmode` the driver takes TLS where the server offers it, and any certificate with it: whoever can answer in
the database's place gets its password and our customers' data (docs/adr/0029-tls-to-the-database.md).
"""

import asyncio
import os
import ssl
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import unquote

import asyncpg
from sqlalchemy.engine import make_url

from contexts.shared.adapters.database import NAMED, connector, tls_mode
from contexts.shared.unavailable import Unavailable
from gateway.progress import CannotRun, complain
from gateway.settings import Settings, variable_of

_WAYS = ("database_url", "database_direct_url", "replica_url")
_PATIENCE = 5.0


def require_verified(settings: Settings, environment: Mapping[str, str] = os.environ) -> None:
    """Raises CannotRun when the settings lead somewhere without a look at the certificate; told to trust the network,
    it complains."""
    for variable, url in _ways(settings):
        if not _is_local(url, environment) and tls_mode(url, environment) != "verify-full":
            if settings.database_tls:
                raise CannotRun(
                    f"{variable} leads to another machine, and any certificate would do there: append"
                    " sslmode=verify-full and sslrootcert=FILE (or system) to it, or set PRUMO_DATABASE_TLS=off where"
                    " nobody else is in the network."
                )
            complain(f"PRUMO_DATABASE_TLS is off: {variable} is believed whoever answers there.")


async def require_trusted(settings: Settings) -> None:
    """Raises CannotRun when a server shows no certificate that is good: waiting would not mend it. One that is away is
    waited for elsewhere."""
    for variable, url in _ways(settings):
        if tls_mode(url) in ("verify-ca", "verify-full"):
            authorities = make_url(url).query.get("sslrootcert", "system")
            if authorities != "system" and not os.access(str(authorities), os.R_OK):
                raise CannotRun(
                    f"{variable} names an sslrootcert that cannot be read: {authorities}. Give the file of the"
                    " database's authority, readable by this user, or system."
                )
            try:
                async with asyncio.timeout(_PATIENCE):
                    connection = await connector(url, NAMED)()
                    await connection.close()
            except Unavailable as fault:
                if (why := _mistrust(fault.__cause__)) is not None:
                    raise CannotRun(f"{variable} leads to a server that is not trusted: {why}") from fault
            except TimeoutError:
                continue


def _ways(settings: Settings) -> Iterator[tuple[str, str]]:
    for name in _WAYS:
        if (url := getattr(settings, name)) is not None:
            yield variable_of(name), url


def _is_local(url: str, environment: Mapping[str, str]) -> bool:
    """Whether all its hosts are this machine: sockets and loopback, of which no packet leaves it."""
    parts = make_url(url)
    if "service" in parts.query or "PGSERVICE" in environment:
        return False  # a file says where it leads
    if parts.host:
        # Only here the driver undoes percent signs: those of the query are undone once already.
        return all(_is_this_machine(unquote(host)) for host in parts.host.split(","))
    named = parts.query.get("host") or environment.get("PGHOST", "")
    hosts = [host for each in ([named] if isinstance(named, str) else named) for host in each.split(",")]
    return all(_is_this_machine(host) for host in hosts)


def _is_this_machine(host: str) -> bool:
    """None is the driver's default: a socket, or else localhost."""
    if host in ("", "localhost") or host.startswith("/"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _mistrust(cause: BaseException | None) -> str | None:
    """What is wrong with its certificate, or with what ours is compared with, and what to do; None: something else."""
    match cause:
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return None  # it went away in the middle
        case ssl.SSLCertVerificationError():
            return f"{cause.verify_message.rstrip('.')}. {_remedy(cause)}"
        case ssl.SSLError():
            return (
                f"TLS failed ({cause.reason}). sslrootcert names a file of certificates in PEM form; the"
                " server speaks TLS 1.2 or newer."
            )
        case asyncpg.exceptions.ClientConfigurationError():
            # No sslrootcert, nor a file in libpq's place for it.
            return f"{str(cause).partition(chr(10))[0]}. Append sslrootcert=FILE (or system)."
        case ConnectionError() if "rejected SSL upgrade" in str(cause):
            return "it speaks no TLS. Switch it on there, or set PRUMO_DATABASE_TLS=off and no sslmode here."
        case _:
            return None


def _remedy(cause: ssl.SSLCertVerificationError) -> str:
    match cause.verify_code:
        case 62 | 64:  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
            return "Call the server in the URL by a name that its certificate has."
        case 9 | 10:  # X509_V_ERR_CERT_NOT_YET_VALID, _CERT_HAS_EXPIRED
            return "Renew it there, or set this machine's clock."
        case _:
            return "Give the certificate of the server's authority: sslrootcert=FILE (or system)."
