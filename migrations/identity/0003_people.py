"""Onboarding with its history, several addresses, invitations, approval limits, the viewer's role.

Revision: identity_0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, CITEXT

revision = "identity_0003"
down_revision = "identity_0002"
branch_labels = None
depends_on = None
runs_with = "identity_0003"

INSTANT = sa.DateTime(timezone=True)

VIEWER = ("account_viewer", "Sees the orders and prices of the buyer account they belong to")
SCOPES = {
    "account_viewer": ("order:read", "price:read"),
    "sales_rep": ("account:read",),
    "sales_manager": ("account:read", "account:approve", "portfolio:manage"),
    "pricing": ("account:read",),
    "admin": ("account:read", "account:approve", "portfolio:manage", "user:manage"),
}


def upgrade() -> None:
    op.add_column("buyer_accounts", sa.Column("state_registration", sa.Text), schema="identity")
    op.add_column("buyer_accounts", sa.Column("registration", sa.LargeBinary), schema="identity")
    op.add_column("account_addresses", sa.Column("complement", sa.Text), schema="identity")
    op.add_column("account_addresses", sa.Column("label", sa.Text), schema="identity")
    for use in ("delivery", "billing"):
        op.add_column(
            "account_addresses",
            sa.Column(use, sa.Boolean, nullable=False, server_default=sa.true()),
            schema="identity",
        )
    op.create_index("account_addresses_of_account", "account_addresses", ["account_id"], schema="identity")
    op.create_index(op.f("ix_identity_portfolio_account_id"), "portfolio", ["account_id"], schema="identity")
    op.add_column("users", sa.Column("approval_limit", sa.Numeric(14, 2)), schema="identity")
    op.create_check_constraint("users_approval_limit", "users", "approval_limit >= 0", schema="identity")
    op.create_table(
        "account_changes",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column(
            "account_id",
            sa.Uuid,
            sa.ForeignKey("identity.buyer_accounts.id"),
            nullable=False,
            index=True,
        ),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("note", sa.Text),
        sa.Column("by", sa.Uuid, sa.ForeignKey("identity.users.id"), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        schema="identity",
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("identity.buyer_accounts.id")),
        sa.Column("email", CITEXT, nullable=False),
        sa.Column("roles", ARRAY(sa.Text), nullable=False),
        sa.Column("approval_limit", sa.Numeric(14, 2)),
        sa.Column("invited_by", sa.Uuid, sa.ForeignKey("identity.users.id"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("accepted_at", INSTANT),
        sa.Column("revoked_at", INSTANT),
        sa.CheckConstraint("approval_limit >= 0", name="invitations_approval_limit"),
        sa.CheckConstraint("accepted_at IS NULL OR revoked_at IS NULL", name="invitations_one_end"),
        schema="identity",
    )
    op.create_index(
        "invitations_open",
        "invitations",
        ["account_id", "email"],
        unique=True,
        schema="identity",
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("accepted_at IS NULL AND revoked_at IS NULL"),
    )
    op.create_table(
        "invitation_tokens",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column(
            "invitation_id",
            sa.Uuid,
            sa.ForeignKey("identity.invitations.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.CheckConstraint("octet_length(digest) = 32", name="invitation_tokens_digest"),
        schema="identity",
    )
    name, description = VIEWER
    roles = sa.table("roles", sa.column("name"), sa.column("description"), schema="identity")
    role_scopes = sa.table("role_scopes", sa.column("role"), sa.column("scope"), schema="identity")
    op.bulk_insert(roles, [{"name": name, "description": description}])
    op.bulk_insert(
        role_scopes,
        [{"role": role, "scope": scope} for role, scopes in SCOPES.items() for scope in scopes],
    )


def downgrade() -> None:
    """People who only viewed are left without a role, and may do nothing."""
    op.execute("DELETE FROM identity.user_roles WHERE role = 'account_viewer'")
    op.execute(
        "DELETE FROM identity.role_scopes WHERE role = 'account_viewer'"
    )  # whatever was given to it since
    for role, scopes in SCOPES.items():
        names = ", ".join(f"'{scope}'" for scope in scopes)
        op.execute(f"DELETE FROM identity.role_scopes WHERE role = '{role}' AND scope IN ({names})")  # noqa: S608
    op.execute("DELETE FROM identity.roles WHERE name = 'account_viewer'")
    op.drop_table("invitation_tokens", schema="identity")
    op.drop_table("invitations", schema="identity")
    op.drop_table("account_changes", schema="identity")
    op.drop_column("users", "approval_limit", schema="identity")
    op.drop_index(op.f("ix_identity_portfolio_account_id"), "portfolio", schema="identity")
    op.drop_index("account_addresses_of_account", "account_addresses", schema="identity")
    for column in ("billing", "delivery", "label", "complement"):
        op.drop_column("account_addresses", column, schema="identity")
    for column in ("registration", "state_registration"):
        op.drop_column("buyer_accounts", column, schema="identity")
