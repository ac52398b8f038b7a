"""The routes around GraphQL: is the process alive, can it serve, what does it measure, which keys does it sign with."""

import orjson
from asyncpg import InterfaceError, PostgresError, UndefinedTableError
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Text, column, select, table
from starlette.requests import Request
from starlette.responses import Response

import migrations
from contexts.shared.adapters.query import Query
from gateway import metrics
from gateway.stopping import Stopping
from gateway.wiring import Wired

_JSON = "application/json"
_HEADS = Query(select(column("version_num", Text)).select_from(table("alembic_version")))
"""Alembic's own table: the revisions the database stands at."""


async def healthz(request: Request) -> Response:
    """The process answers."""
    return Response(b'{"status":"ok"}', media_type=_JSON)


class Readiness:
    """Whether the database is reachable and at this code's revision, and we are here to stay."""

    def __init__(self, parts: Wired, stopping: Stopping) -> None:
        self._stopping = stopping
        self._database = parts.database
        self._heads = migrations.code_heads()

    async def __call__(self, request: Request) -> Response:
        """200 when requests can be served, 503 and the reason when not."""
        if self._stopping.begun:
            return _not_ready("the server is stopping")
        try:
            heads = {head for (head,) in await self._database.fetch(_HEADS)}
        except UndefinedTableError:
            heads = set()
        except (OSError, PostgresError, InterfaceError, TimeoutError):
            return _not_ready("the database cannot be reached")
        if heads != self._heads:
            return _not_ready("the database is not at this code's revision; run `prumo migrate`")
        return Response(b'{"status":"ready"}', media_type=_JSON)


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
