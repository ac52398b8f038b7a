"""Everything that can be configured, from the environment. What is absent is embedded or has a safe default."""

import re
import sys
from collections.abc import Iterable
from datetime import timedelta
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, ValidationInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from contexts.identity.api import MOST_SESSIONS
from contexts.shared.adapters.mail import SmtpMailer
from contexts.shared.adapters.replica import LONGEST_LAG
from gateway.http.forwarded import Networks
from gateway.http.open_connections import ConnectionLimits
from gateway.listening import reachable
from schema.accepted import AcceptedDocuments
from schema.execution.choice import ExecutorKind
from schema.limits import Limits

if TYPE_CHECKING:
    from schema.rate_limiter import RateLimiter

ISSUER = "prumo"
AUDIENCE = "prumo"


def _absolute(path: Path) -> Path:
    return path.expanduser().resolve()


# The messages below do not repeat the value: it may hold a password.


def _web_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a web address looks like https://host or http://host:port")
    _ = parts.port  # raises ValueError
    return text


def _database_url(text: str) -> str:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError("a database URL looks like postgresql://user:password@host:5432/database")
    return text


def _smtp_url(text: str) -> str:
    SmtpMailer.of_url(text)
    return text


SHORTEST_SECRET = 32
"""Characters of a secret that keys are derived from: 24 random bytes in base64."""


def separated_secrets(text: str) -> tuple[str, ...]:
    """One, or two with a comma between. Raises ValueError, which does not repeat them."""
    secrets = tuple(each.strip() for each in text.split(","))
    if not 1 <= len(secrets) <= 2 or any(len(each) < SHORTEST_SECRET for each in secrets):
        raise ValueError(
            f"a secret has at least {SHORTEST_SECRET} random characters, as `openssl rand -base64 32` prints them;"
            " there may be two, with a comma between"
        )
    return secrets


def _secrets(text: str) -> str:
    separated_secrets(text)
    return text


def _region(text: str) -> str:
    """It becomes a label of a host name."""
    if re.fullmatch("[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", text) is None:
        raise ValueError("a region looks like sa-east-1")
    return text


def _bucket(text: str) -> str:
    if re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]{1,254}", text) is None:
        raise ValueError("a bucket is named by letters, digits, dots, dashes and underscores")
    return text


def _with_key(secret: str, others: ValidationInfo) -> str:
    key = others.data.get("s3_key")
    if key and not secret:
        raise ValueError("it is absent, and PRUMO_S3_KEY is given; give both, or neither to use a role")
    if secret and not key:
        raise ValueError("PRUMO_S3_KEY, which goes with it, is absent; give both, or neither to use a role")
    return secret


def _off_is_zero(value: object) -> object:
    return 0 if isinstance(value, str) and value.strip().lower() == "off" else value


Points = Annotated[int, Field(ge=0), BeforeValidator(_off_is_zero)]

_LIMITS = Limits()
_DEEPEST = 100
"""Parsing, validating and executing go as deep as the document on Python's stack, which has to bear it."""


def _separated(given: object) -> object:
    return given.replace(",", " ").split() if isinstance(given, str) else given


def _origin(text: str) -> str:
    """As browsers send it: lower case, without the scheme's own port."""
    if text == "*":
        return text
    parts = urlsplit(_web_url(text))
    beyond = parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None
    if beyond or "*" in parts.netloc:
        raise ValueError("an origin is https://host or http://host:port, and nothing after it")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    own_port = parts.port in (None, {"http": 80, "https": 443}[parts.scheme])
    return f"{parts.scheme}://{host}" if own_port else f"{parts.scheme}://{host}:{parts.port}"


def _networks(text: str) -> str:
    try:
        Networks(text)
    except ValueError:
        raise ValueError(
            "addresses and networks look like 192.0.2.1 and 10.0.0.0/8, with commas between"
        ) from None
    return text


Origin = Annotated[str, AfterValidator(_origin)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
Addresses = Annotated[str, AfterValidator(_networks)]


class Settings(BaseSettings):
    """Read once at start-up. Each field's variable is PRUMO_ and its name; PORT alone goes without."""

    model_config = SettingsConfigDict(env_prefix="PRUMO_", frozen=True, env_ignore_empty=True)

    home: Annotated[Path, AfterValidator(_absolute)] = Field(
        Path(".prumo"),
        validate_default=True,
        description="State of what is embedded, kept mail.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(
        8000, ge=0, le=65535, validation_alias=AliasChoices("PORT", "port"), description="Port to listen on."
    )
    public_url: WebUrl | None = Field(
        None, description="Where clients reach this server; absent: the address it listens on."
    )
    portal_url: WebUrl | None = Field(
        None, description="The buyers' portal, where links in mails lead; absent: where this server is."
    )
    database_url: Annotated[str, AfterValidator(_database_url)] | None = Field(
        None, description="PostgreSQL 15+; absent: embedded (`prumo dev`).", repr=False
    )
    database_direct_url: Annotated[str, AfterValidator(_database_url)] | None = Field(
        None,
        description=(
            "The same database past its pooler, for listening and migrations. Given, PRUMO_DATABASE_URL leads to a"
            " pooler in transaction mode, such as PgBouncer."
        ),
        repr=False,
    )
    replica_url: Annotated[str, AfterValidator(_database_url)] | None = Field(
        None, description="A streaming standby of the database, for queries; absent: none.", repr=False
    )
    database_tls: bool = Field(
        True,
        description=(
            "on: each of these three URLs that leads to another machine has sslmode=verify-full, or nothing but"
            " `prumo dev` runs; off: the network is trusted."
        ),
    )
    replica_max_lag_seconds: float = Field(
        5, gt=0, le=LONGEST_LAG, description="A replica that is further behind is not read from."
    )
    database_pool: int = Field(
        10, ge=1, description="Connections per process for reads, and as many for writes."
    )
    s3_endpoint: WebUrl | None = Field(
        None,
        description="S3-compatible storage; absent: AWS in PRUMO_S3_REGION, or without that embedded (`prumo dev`).",
    )
    s3_region: Annotated[str, AfterValidator(_region)] | None = Field(
        None,
        description="Region of the bucket; absent: what look-alikes call us-east-1.",
    )
    s3_bucket: Annotated[str, AfterValidator(_bucket)] = Field(
        "prumo", description="Bucket of the product images."
    )
    s3_key: str = Field(
        "",
        description=(
            "Access key; absent, with the secret: credentials come from where AWS's tools look for them (environment,"
            " web identity, container, instance)."
        ),
        repr=False,
    )
    s3_secret: Annotated[str, AfterValidator(_with_key)] = Field(
        "", validate_default=True, description="Secret key.", repr=False
    )
    media_url: WebUrl | None = Field(
        None, description="Public address of the bucket (a CDN); absent: this server's /media/."
    )
    smtp_url: Annotated[str, AfterValidator(_smtp_url)] | None = Field(
        None,
        description="smtp[s]://user:password@host:port; absent: mail is kept under PRUMO_HOME.",
        repr=False,
    )
    introspection: bool | None = Field(None, description="on or off; absent: on in `prumo dev` only.")
    ide: bool | None = Field(None, description="GraphiQL for browsers; absent: on in `prumo dev` only.")
    cors_origins: Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_separated)] = Field(
        (),
        description=(
            "Origins of the web pages that may call besides our own, separated by commas; `*`: any, without"
            " credentials."
        ),
    )
    hsts_seconds: int = Field(
        0, ge=0, description="Strict-Transport-Security's max-age, for a server behind HTTPS; 0: not sent."
    )
    documents: AcceptedDocuments = Field(
        AcceptedDocuments.OPEN,
        description=(
            "open: any document, and clients may register theirs (APQ); persisted: those of the manifest, by id or"
            " by the same text; trusted: those of the manifest, by id only."
        ),
    )
    manifest: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None, description="The persisted manifest; absent: the one that comes with Prumo."
    )
    public_cache_seconds: int = Field(
        30,
        ge=0,
        le=86_400,
        description=(
            "How long caches may keep what a GET by document id answered to an anonymous caller; 0: not at all."
        ),
    )
    executor: ExecutorKind = Field(
        ExecutorKind.BREADTH, description="breadth, or stock: graphql-core's, for comparison."
    )
    max_body_bytes: int = Field(1_000_000, ge=1_000, description="Largest request body; beyond it 413.")
    max_in_flight: int = Field(
        256, ge=1, description="Operations answered at once, per process; beyond it 503."
    )
    head_seconds: float = Field(
        10,
        gt=0,
        le=600,
        description="From accepting a connection to the end of a request's headers; beyond it 408, or just closed.",
    )
    body_seconds: float = Field(
        30, gt=0, le=3600, description="From there to the end of the body, in all; beyond it 408."
    )
    answer_seconds: float = Field(
        30, gt=0, le=3600, description="A client that has not read its answer by then is cut."
    )
    keep_alive_seconds: int = Field(
        75,
        ge=1,
        le=3600,
        description=(
            "A connection on which nothing follows an answer is closed after that time: longer than the proxy keeps its"
            " own idle ones (an AWS load balancer 60 s), or it sends requests into closed connections."
        ),
    )
    max_connections: int = Field(
        4_000,
        ge=8,
        description=(
            "Open HTTP connections per process, as far as its file limit allows; beyond it the longest unfinished or"
            " idle one is closed."
        ),
    )
    max_unfinished: int = Field(
        64,
        ge=1,
        description=(
            "Unfinished requests and unread answers of one network address, per process; beyond it its longest"
            " unfinished one is closed."
        ),
    )
    request_seconds: float = Field(
        30, gt=0, le=3600, description="A request that takes longer is given up, its SQL cancelled."
    )
    drain_seconds: float = Field(
        0,
        ge=0,
        le=600,
        description=(
            "How long `prumo serve` serves on when told to stop, with 503 at /readyz: until the proxy has looked there."
        ),
    )
    stop_seconds: int = Field(
        10,
        ge=1,
        le=3600,
        description="How long what is under way may take when the server stops; then it is cut.",
    )
    max_sockets: int = Field(1_000, ge=1, description="Open websockets per process; beyond it 1013.")
    max_sockets_per_user: int = Field(
        30, ge=1, description="Open websockets of one user per process; beyond it 1013."
    )
    max_socket_operations_per_user: int = Field(
        60,
        ge=1,
        description=(
            "Subscriptions and other operations under way on all websockets of one user, or of the anonymous callers of"
            " one address, per process; one more is THROTTLED."
        ),
    )
    max_anonymous_sockets: int = Field(
        100,
        ge=1,
        description="Open websockets without a sign-in of one address, per process; beyond it 1013.",
    )
    limit_characters: int = Field(_LIMITS.characters, ge=1, description="Longest document.")
    limit_tokens: int = Field(_LIMITS.tokens, ge=1, description="Most tokens of a document.")
    limit_depth: int = Field(
        _LIMITS.depth,
        ge=1,
        le=_DEEPEST,
        description="Most fields inside one another; fragments count as what they stand for.",
    )
    limit_aliases: int = Field(
        _LIMITS.aliases, ge=0, description="Most aliases of a document, fragments spread."
    )
    limit_operations: int = Field(_LIMITS.operations, ge=1, description="Most operations of a document.")
    limit_root_fields: int = Field(
        _LIMITS.root_fields, ge=1, description="Most fields at the root of an operation."
    )
    limit_fields: int = Field(
        _LIMITS.fields, ge=1, description="Most fields of a document, fragments spread."
    )
    limit_directives: int = Field(
        _LIMITS.directives, ge=0, description="Most directives of a document, fragments spread."
    )
    limit_fragments: int = Field(_LIMITS.fragments, ge=0, description="Most named fragments of a document.")
    limit_spreads: int = Field(
        _LIMITS.spreads,
        ge=0,
        description="Most fragments spread in a document, those inside fragments counted at each spread.",
    )
    limit_selections: int = Field(
        _LIMITS.selections,
        ge=1,
        description="Most combinations of types and selections that an operation is planned for.",
    )
    limit_values: int = Field(
        _LIMITS.values,
        ge=0,
        description="Most values in an operation's variables, those inside lists and objects too.",
    )
    limit_repetitions: int = Field(
        _LIMITS.repetitions, ge=1, description="How often one position of an operation may be asked for."
    )
    cost_limit: Points = Field(
        _LIMITS.cost, description="Most points an operation may ask for; 0 or off: any number."
    )
    throttle_points: Points = Field(
        20_000,
        description="Points a signed-in user may spend at a stretch, in each process; 0 or off: any number.",
    )
    throttle_restore_rate: int = Field(2_000, ge=1, description="Points a user gets back every second.")
    throttle_anonymous_share: float = Field(
        0.2, gt=0, le=1, description="Which part of both an anonymous network address has."
    )
    forwarded_allow_ips: Addresses = Field(
        "127.0.0.1",
        description=(
            "Proxies whose X-Forwarded-For is believed: addresses and networks with commas between; *: all that are"
            " named in it, so that clients may call themselves what they like."
        ),
    )
    metrics_allow_ips: Addresses = Field(
        "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7",
        description=(
            "Who may read /metrics, and directly: what a proxy passed on is refused. Loopback and private networks."
        ),
    )
    otel_endpoint: WebUrl | None = Field(
        None,
        description=(
            "OpenTelemetry collector that spans are sent to over OTLP/HTTP (needs prumo[otel]); absent:"
            " OTEL_EXPORTER_OTLP_ENDPOINT, or none."
        ),
    )
    sessions_per_user: int = Field(
        MOST_SESSIONS,
        ge=1,
        le=1_000,
        description="Sessions of one user at once; the next sign-in ends the one used last longest ago.",
    )
    signing_key_secret: Annotated[str, AfterValidator(_secrets)] | None = Field(
        None,
        description=(
            "Wraps the keys that sign access tokens, in the database: 32 random characters or more, the same for all"
            " instances; two with a comma between: both unwrap, the first wraps. Absent: made by `prumo dev` only."
        ),
        repr=False,
    )
    signing_key_secret_file: Annotated[Path, AfterValidator(_absolute)] | None = Field(
        None, description="A file that holds it instead."
    )
    access_token_minutes: int = Field(10, ge=1, le=60, description="Life of an access token.")

    def in_development(self) -> Self:
        """The same, with what helps a developer switched on unless it was switched off."""
        return self.model_copy(
            update={
                "introspection": self.introspection is not False,
                "ide": self.ide is not False,
            }
        )

    @property
    def names_store(self) -> bool:
        """Whether the images are in a store that is somebody else's; otherwise it is embedded."""
        return self.s3_endpoint is not None or self.s3_region is not None

    @property
    def limits(self) -> Limits:
        """What a document may have."""
        return Limits(
            characters=self.limit_characters,
            tokens=self.limit_tokens,
            depth=self.limit_depth,
            aliases=self.limit_aliases,
            operations=self.limit_operations,
            root_fields=self.limit_root_fields,
            fields=self.limit_fields,
            directives=self.limit_directives,
            fragments=self.limit_fragments,
            spreads=self.limit_spreads,
            repetitions=self.limit_repetitions,
            selections=self.limit_selections,
            values=self.limit_values,
            cost=self.cost_limit or sys.maxsize,
        )

    @property
    def connections(self) -> ConnectionLimits:
        """What clients may keep waiting."""
        return ConnectionLimits(
            head_seconds=self.head_seconds,
            body_seconds=self.body_seconds,
            answer_seconds=self.answer_seconds,
            keep_alive_seconds=self.keep_alive_seconds,
            most=self.max_connections,
            most_waited_for=self.max_unfinished,
            max_body_bytes=self.max_body_bytes,
        )

    @property
    def throttle(self) -> "RateLimiter | None":
        """Nobody's bucket is touched yet; None: switched off."""
        from schema.rate_limiter import Allowance, RateLimiter

        if not self.throttle_points:
            return None
        share = self.throttle_anonymous_share
        return RateLimiter(
            Allowance(self.throttle_points, self.throttle_restore_rate),
            Allowance(ceil(self.throttle_points * share), ceil(self.throttle_restore_rate * share)),
        )

    @property
    def base_url(self) -> str:
        """Where clients reach this server, without a slash at the end."""
        return (self.public_url or f"http://{reachable(self.host)}:{self.port}").rstrip("/")

    @property
    def own_origin(self) -> str:
        """The origin of pages that this server sends."""
        parts = urlsplit(self.base_url)
        return _origin(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")

    @property
    def links_url(self) -> str:
        """Where links in mails lead, without a slash at the end."""
        return (self.portal_url or self.base_url).rstrip("/")

    @property
    def access_token_life(self) -> timedelta:
        """How long an access token is good, unless its session ends before."""
        return timedelta(minutes=self.access_token_minutes)

    @property
    def image_url(self) -> str:
        """What `/` and an image's key are appended to."""
        return (self.media_url or f"{self.base_url}/media").rstrip("/")


def variable_of(name: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[name].validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"PRUMO_{name.upper()}"


def misspelt(environment: Iterable[str]) -> list[str]:
    """The variables that look like settings and are none."""
    known = {variable_of(name) for name in Settings.model_fields}
    return sorted(each for each in environment if each.startswith("PRUMO_") and each not in known)
