"""Buyer accounts are paged in the order in which they became visible.

Revision: identity_0012
"""

from migrations import concurrently

revision = "identity_0012"
down_revision = "identity_0011"
branch_labels = None
depends_on = None
runs_with = None


def upgrade() -> None:
    concurrently.create_index(
        "buyer_accounts_in_order", "buyer_accounts", ["commit_order", "id"], schema="identity"
    )


def downgrade() -> None:
    concurrently.drop_index("buyer_accounts_in_order", "buyer_accounts", schema="identity")
