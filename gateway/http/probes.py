"""The routes around GraphQL: is the process alive, can it serve, what does it measure, which keys does it sign with."""

import asyncio
import time
from math import inf

import orjson
from asyncpg import UndefinedTableError
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Text, column, select, table
from starlette.requests import Request
from starlette.responses import Response

import migrations
from contexts.shared.adapters.query import Query
from contexts.shared.unavailable import Unavailable
from gateway import metrics
from gateway.stopping import Stopping
from gateway.wiring import Wired

DEADLINE_SECONDS = 2.0
"""For the database, whatever it does. Proxies and orchestrators give up a probe after a few seconds."""
STANDS_SECONDS = 1.0

_JSON = "application/json"
_HEADS = Query(select(column("version_num", Text)).select_from(table("alembic_version")))
"""Alembic's own table: the revisions the database stands at."""


async def healthz(request: Request) -> Response:
    """The process answers."""
    return Response(b'{"status":"ok"}', media_type=_JSON)


class Readiness:
    """Whether the database is reachable, takes writes and is at this code's revision, and we are here to stay.

    Anybody may ask, as often as they like: those who come while somebody is asking the database wait for the same
    answer, and it stands for a second.
    """

    def __init__(self, parts: Wired, stopping: Stopping) -> None:
        self._stopping = stopping
        self._database = parts.database
        self._heads = migrations.code_heads()
        self._asking: asyncio.Task[str | None] | None = None
        self._asked = -inf

    async def __call__(self, request: Request) -> Response:
        """200 when requests can be served, 503 and the reason when not."""
        if self._stopping.begun:
            return _not_ready("the server is stopping")
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
                # First, for a stopped server would keep a connection of the pool waiting.
                await self._database.require_writable()
                return await self._revision()
        except TimeoutError:
            return f"the database does not answer within {DEADLINE_SECONDS:g} s"
        except Unavailable as fault:
            return f"the database cannot be reached, or takes no writes ({fault.reason})"
        finally:
            self._asked = time.monotonic()

    async def _revision(self) -> str | None:
        try:
            heads = {head for (head,) in await self._database.fetch(_HEADS)}
        except UndefinedTableError:
            heads = set()
        if heads != self._heads:
            return "the database is not at this code's revision; run `prumo migrate`"
        return None


def _not_ready(reason: str) -> Response:
    return Response(
        orjson.dumps({"status": "not ready", "reason": reason}), status_code=503, media_type=_JSON
    )


async def exposition(request: Request) -> Response:
    """Prometheus' text format."""
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
