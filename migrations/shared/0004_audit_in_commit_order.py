"""The audit trail is paged in the order in which acts became visible.

Revision: shared_0004
"""

from migrations import concurrently

revision = "shared_0004"
down_revision = "shared_0003"
branch_labels = None
depends_on = None
runs_with = None

INDEXES = {
    "audit_trail_in_order": [],
    "audit_trail_in_order_of_actor": ["actor_id"],
    "audit_trail_in_order_of_account": ["account_id"],
    "audit_trail_in_order_of_subject": ["subject_type", "subject_id"],
    "audit_trail_in_order_of_action": ["action"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        concurrently.create_index(
            name, "audit_trail", [*columns, "commit_order", "at", "id"], schema="shared"
        )


def downgrade() -> None:
    for name in INDEXES:
        concurrently.drop_index(name, "audit_trail", schema="shared")
