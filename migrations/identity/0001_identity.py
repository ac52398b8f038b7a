"""Buyer accounts, users, roles as bundles of scopes, portfolios, sessions.

Revision: identity_0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import CITEXT

revision = "identity_0001"
down_revision = None
branch_labels = ("identity",)
depends_on = "shared_0001"
runs_with = "identity_0001"

INSTANT = sa.DateTime(timezone=True)

ROLES = {
    "buyer": (
        "Shops for the buyer account they belong to",
        "cart:write order:place order:read order:cancel price:read",
    ),
    "account_admin": (
        "Shops for the buyer account they belong to, and administers it",
        "cart:write order:place order:read order:cancel price:read account:manage",
    ),
    "sales_rep": (
        "Looks after the buyer accounts of their portfolio",
        "order:read order:manage price:read price:explain",
    ),
    "sales_manager": (
        "Looks after every buyer account",
        "order:read order:manage price:read price:explain account:all",
    ),
    "pricing": ("Keeps the price tables", "price:read price:explain price:write account:all"),
    "catalog": ("Keeps the catalog", "catalog:write"),
    "admin": (
        "May do everything but shop",
        "order:read order:cancel order:manage price:read price:explain price:write catalog:write "
        "account:all account:manage",
    ),
}


def upgrade() -> None:
    op.execute("CREATE SCHEMA identity")
    op.create_table(
        "buyer_accounts",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("legal_name", sa.Text, nullable=False),
        sa.Column("cnpj", sa.Text, nullable=False, unique=True),
        sa.Column("tier", sa.Text),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.CheckConstraint("cnpj ~ '^[0-9A-Z]{12}[0-9]{2}$'", name="buyer_accounts_cnpj"),
        sa.CheckConstraint(
            "status IN ('PENDING', 'APPROVED', 'REJECTED', 'SUSPENDED')", name="buyer_accounts_status"
        ),
        schema="identity",
    )
    op.create_table(
        "account_addresses",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("identity.buyer_accounts.id"), nullable=False),
        sa.Column("street", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("district", sa.Text, nullable=False),
        sa.Column("city", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("postal_code", sa.Text, nullable=False),
        sa.Column("is_primary", sa.Boolean, nullable=False),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name="account_addresses_state"),
        sa.CheckConstraint("postal_code ~ '^[0-9]{8}$'", name="account_addresses_postal_code"),
        schema="identity",
    )
    op.create_index(
        "account_addresses_primary",
        "account_addresses",
        ["account_id"],
        unique=True,
        schema="identity",
        postgresql_where=sa.text("is_primary"),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", CITEXT, nullable=False, unique=True),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("identity.buyer_accounts.id"), index=True),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        schema="identity",
    )
    roles = op.create_table(
        "roles",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        schema="identity",
    )
    role_scopes = op.create_table(
        "role_scopes",
        sa.Column("role", sa.Text, sa.ForeignKey("identity.roles.name"), primary_key=True),
        sa.Column("scope", sa.Text, primary_key=True),
        schema="identity",
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("identity.users.id"), primary_key=True),
        sa.Column("role", sa.Text, sa.ForeignKey("identity.roles.name"), primary_key=True),
        schema="identity",
    )
    op.create_table(
        "portfolio",
        sa.Column("rep_id", sa.Uuid, sa.ForeignKey("identity.users.id"), primary_key=True),
        sa.Column("account_id", sa.Uuid, sa.ForeignKey("identity.buyer_accounts.id"), primary_key=True),
        schema="identity",
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("identity.users.id"), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("revoked_at", INSTANT),
        schema="identity",
    )
    op.create_table(
        "refresh_tokens",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column(
            "session_id",
            sa.Uuid,
            sa.ForeignKey("identity.sessions.id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("spent_at", INSTANT),
        sa.CheckConstraint("octet_length(digest) = 32", name="refresh_tokens_digest"),
        schema="identity",
    )
    op.bulk_insert(roles, [{"name": name, "description": what} for name, (what, _) in ROLES.items()])
    op.bulk_insert(
        role_scopes,
        [{"role": name, "scope": scope} for name, (_, scopes) in ROLES.items() for scope in scopes.split()],
    )


def downgrade() -> None:
    op.execute("DROP SCHEMA identity CASCADE")
