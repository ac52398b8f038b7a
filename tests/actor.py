"""Who does something, in tests of use cases that are audited."""

from uuid import UUID

from contexts.shared.audit import Actor
from contexts.shared.ids import new_id


def by(user_id: UUID | None = None) -> Actor:
    """This user, or somebody nobody else is, in a session and a request of their own."""
    return Actor(user_id or new_id(), new_id(), new_id().hex)
