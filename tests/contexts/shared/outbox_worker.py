"""A worker process for test_outbox: `python -m tests.contexts.shared.outbox_worker URL`.

Its handler prints the event's id and then hangs, to be killed in the middle of it.
"""

import asyncio
import sys
from uuid import UUID

from contexts.shared.adapters.database import Database
from contexts.shared.adapters.outbox import OutboxRelay
from contexts.shared.transaction import Event


async def hang(event_id: UUID, event: Event) -> None:
    sys.stdout.write(f"{event_id}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(OutboxRelay(Database(sys.argv[1]), {"kill.me": hang}).run(asyncio.Event()))
