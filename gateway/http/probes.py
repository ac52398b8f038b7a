"""The routes around GraphQL: is the process alive, can it serve, what does it measure, which keys does it sign with."""

from collections.abc import Mapping

import orjson
from asyncpg import InterfaceError, PostgresError, UndefinedTableError
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

import migrations
from contexts.shared.adapters.query import Query
from contexts.shared.network import parsed
from gateway import metrics
from gateway.authentication import client_address
from gateway.http.capacity import Capacity
from gateway.http.forwarded import Networks, is_forwarded
from gateway.stopping import Stopping
from gateway.wiring import Wired
from migrations import Ahead, Applied, Behind, TooNew

_JSON = "application/json"
_APPLIED = migrations.COMPATIBILITY.c
_COMPATIBILITY = Query(select(_APPLIED.branch, _APPLIED.revision, _APPLIED.runs_with))
"""By branch: the newest revision of the database, and the earliest that code must have."""


async def healthz(request: Request) -> Response:
    """The process answers."""
    return Response(b'{"status":"ok"}', media_type=_JSON)


class Readiness:
    """Whether the database is there and this code runs on it, operations end, and we are here to stay."""

    def __init__(
        self, parts: Wired, stopping: Stopping, capacity: Capacity, code: Mapping[str, int] | None = None
    ) -> None:
        self._stopping = stopping
        self._capacity = capacity
        self._database = parts.database
        self._code = code or migrations.newest()

    async def __call__(self, request: Request) -> Response:
        """200 when requests can be served, 503 and the reason when not."""
        if self._stopping.begun:
            return _not_ready("the server is stopping")
        if self._capacity.is_stuck:
            return _not_ready("as many operations as allowed are being answered, and none has ended lately")
        try:
            rows = await self._database.fetch(_COMPATIBILITY)
        except UndefinedTableError:
            rows = []
        except (OSError, PostgresError, InterfaceError, TimeoutError):
            return _not_ready("the database cannot be reached")
        database = {branch: Applied(revision, runs_with) for branch, revision, runs_with in rows}
        match migrations.compared(database, self._code):
            case Behind(branches):
                return _not_ready(
                    f"the database is behind this code in {', '.join(branches)}; run `prumo migrate`"
                )
            case TooNew(needs):
                return _not_ready(f"the database is newer than this code, which must have {', '.join(needs)}")
            case Ahead() | None:
                return Response(b'{"status":"ready"}', media_type=_JSON)


def _not_ready(reason: str) -> Response:
    return Response(
        orjson.dumps({"status": "not ready", "reason": reason}), status_code=503, media_type=_JSON
    )


class Exposition:
    """/metrics: for machines of our own network that ask us directly.

    A proxy may be in that network, and pass on what strangers ask: then it says so in a header. One that does not
    (nginx, unless it is told to) must not pass /metrics on.
    """

    def __init__(self, readers: Networks) -> None:
        self._readers = readers

    async def __call__(self, request: Request) -> Response:
        """Prometheus' text format, or 403."""
        if is_forwarded(request.scope["headers"]) or not self._readers.hold(
            parsed(client_address(request.scope))
        ):
            reason = b"Ask directly, from an address that PRUMO_METRICS_ALLOW_IPS allows."
            return Response(reason, status_code=403, media_type="text/plain")
        return Response(metrics.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})


class KeySet:
    """/.well-known/jwks.json: the public keys that access tokens can be verified with."""

    def __init__(self, parts: Wired) -> None:
        self._tokens = parts.contexts.identity.access_tokens

    async def __call__(self, request: Request) -> Response:
        """RFC 7517."""
        headers = {"Cache-Control": "public, max-age=300"}
        return Response(
            orjson.dumps(self._tokens.jwks()), media_type="application/jwk-set+json", headers=headers
        )
