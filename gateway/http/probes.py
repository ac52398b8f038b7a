"""The routes around GraphQL: is the process alive, can it serve, what does it measure, which keys does it sign with."""

import asyncio
import time
from collections.abc import Mapping
from math import inf

import orjson
from asyncpg import UndefinedTableError
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

import migrations
from contexts.identity.api import KEY_SET_CACHED
from contexts.shared.adapters.query import Query
from contexts.shared.network import parsed
from contexts.shared.unavailable import Unavailable
from gateway import metrics
from gateway.authentication import client_address
from gateway.bootstrap import Parts
from gateway.http.capacity import Capacity
from gateway.http.forwarded import Networks, is_forwarded
from gateway.stopping import Stopping
from migrations import Ahead, Applied, Behind, TooNew

DEADLINE_SECONDS = 2.0
"""For the database, whatever it does. Proxies and orchestrators give up a probe after a few seconds."""
STANDS_SECONDS = 1.0

_JSON = "application/json"
_APPLIED = migrations.COMPATIBILITY.c
_COMPATIBILITY = Query(select(_APPLIED.branch, _APPLIED.revision, _APPLIED.runs_with))
"""By branch: the newest revision of the database, and the earliest that code must have."""


async def healthz(request: Request) -> Response:
    """The process answers."""
    return Response(b'{"status":"ok"}', media_type=_JSON)


class Readiness:
    """Whether the database is there, takes writes and has a schema that this code runs on, a key signs, operations end,
    and we are here to stay.

    Anybody may ask, as often as they like: those who come while somebody is asking the database wait for the same
    answer, and it stands for a second.
    """

    def __init__(
        self, parts: Parts, stopping: Stopping, capacity: Capacity, code: Mapping[str, int] | None = None
    ) -> None:
        self._stopping = stopping
        self._capacity = capacity
        self._database = parts.database
        self._tokens = parts.contexts.identity.access_tokens
        self._clock = parts.clock
        self._code = code or migrations.newest()
        self._asking: asyncio.Task[str | None] | None = None
        self._asked = -inf

    async def __call__(self, request: Request) -> Response:
        """200 when requests can be served, 503 and the reason when not."""
        if self._stopping.begun:
            return _not_ready("the server is stopping")
        if self._capacity.is_stuck:
            return _not_ready("as many operations as allowed are being answered, and none has ended lately")
        if (reason := await self._of_database()) is not None:
            return _not_ready(reason)
        return Response(b'{"status":"ready"}', media_type=_JSON)

    async def _of_database(self) -> str | None:
        now = time.monotonic()
        if self._asking is None or (self._asking.done() and now - self._asked >= STANDS_SECONDS):
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)  # one that hangs up takes nobody's answer away

    async def _ask(self) -> str | None:
        """Why the database is no use, or None."""
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                await self._database.require_writable()
                return await self._revisions() or await self._signing()
        except TimeoutError:
            return f"the database does not answer within {DEADLINE_SECONDS:g} s"
        except Unavailable as fault:
            return f"the database cannot be reached, or takes no writes ({fault.reason})"
        finally:
            self._asked = time.monotonic()

    async def _signing(self) -> str | None:
        if self._tokens.can_issue(self._clock.now()):
            return None
        await self._tokens.look_again()
        if self._tokens.can_issue(self._clock.now()):
            return None
        return (
            "there is no key to sign access tokens with, or PRUMO_SIGNING_KEY_SECRET does not unwrap it; see"
            " `prumo keys list`"
        )

    async def _revisions(self) -> str | None:
        try:
            rows = await self._database.fetch_apart(_COMPATIBILITY)
        except UndefinedTableError:
            rows = []
        database = {branch: Applied(revision, runs_with) for branch, revision, runs_with in rows}
        match migrations.compared(database, self._code):
            case Behind(branches):
                return f"the database is behind this code in {', '.join(branches)}; run `prumo migrate`"
            case TooNew(needs):
                return f"the database is newer than this code, which must have {', '.join(needs)}"
            case Ahead() | None:
                return None


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

    def __init__(self, parts: Parts) -> None:
        self._tokens = parts.contexts.identity.access_tokens
        self._clock = parts.clock

    async def __call__(self, request: Request) -> Response:
        """RFC 7517."""
        headers = {"Cache-Control": f"public, max-age={KEY_SET_CACHED.total_seconds():.0f}"}
        return Response(
            orjson.dumps(self._tokens.jwks(self._clock.now())),
            media_type="application/jwk-set+json",
            headers=headers,
        )
