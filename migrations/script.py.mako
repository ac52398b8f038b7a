"""${message}

Revision: ${up_revision}
Revises: ${down_revision | comma,n}
"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}
# Which code still runs once this is applied: None, all that ran before, since this only adds; or the earliest
# revision of this branch that code must have. It must not be later than what is deployed now: add here, and drop
# in a later release what nothing reads any more.
runs_with = ...
# Rules of squawk that are broken on purpose, each with the reason why nobody waits and nothing breaks.
accepted: dict[str, str] = {}


def upgrade() -> None:
    """Waiting for a lock is given up after seconds and tried again; `migrations.concurrently` makes indexes."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
