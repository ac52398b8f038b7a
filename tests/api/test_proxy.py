"""Two `prumo serve` behind Caddy, with the Caddyfile of the documentation."""

import asyncio
import signal
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import httpx
import pytest

from contexts.shared.adapters.database import connector
from gateway.settings import Settings
from tests.api.processes import SCRIPTS, Server, environment, free_port, readiness, serving
from tests.api.shop import OPERATIONS, PA, SP, Json, Shop

CHECKOUTS = 40
CLIENTS = 8
"""At once; each places its orders one after the other."""
SKU = "CIM-0002"
CHECK_OUT = (OPERATIONS / "portal/CheckOut.graphql").read_text()
