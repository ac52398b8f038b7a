"""Sessions that can be listed, retried and ended at once; throttled sign-in; single-use tokens; roles to edit.

Revision: identity_0002
"""

import sqlalchemy as sa
from alembic import op

revision = "identity_0002"
down_revision = "identity_0001"
branch_labels = None
depends_on = "shared_0002"
runs_with = "identity_0002"

INSTANT = sa.DateTime(timezone=True)
ADMINS = ("audit:read", "role:manage")


def upgrade() -> None:
    op.add_column(
        "roles",
        sa.Column("version", sa.Integer, nullable=False, server_default=sa.text("1")),
        schema="identity",
    )
    for scope in ADMINS:
        op.execute(f"INSERT INTO identity.role_scopes (role, scope) VALUES ('admin', '{scope}')")  # noqa: S608 - constants

    op.add_column("users", sa.Column("email_verified_at", INSTANT), schema="identity")

    op.add_column("sessions", sa.Column("last_used_at", INSTANT), schema="identity")
    op.execute("UPDATE identity.sessions SET last_used_at = created_at")
    op.alter_column("sessions", "last_used_at", nullable=False, schema="identity")
    op.add_column("sessions", sa.Column("user_agent", sa.Text), schema="identity")
    op.add_column("sessions", sa.Column("address", sa.Text), schema="identity")
    op.add_column("sessions", sa.Column("rotated_last", sa.LargeBinary), schema="identity")
    op.create_index("sessions_of_user", "sessions", ["user_id", "created_at"], schema="identity")
    op.create_index(
        "sessions_revoked",
        "sessions",
        ["revoked_at"],
        schema="identity",
        postgresql_where=sa.text("revoked_at IS NOT NULL"),
    )
    op.create_index("sessions_expired", "sessions", ["expires_at"], schema="identity")
    # One line of succession: whatever runs at once, a session has at most one token that can be used.
    op.create_index(
        "refresh_tokens_unspent",
        "refresh_tokens",
        ["session_id"],
        unique=True,
        schema="identity",
        postgresql_where=sa.text("spent_at IS NULL"),
    )

    op.create_table(
        "sign_in_failures",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("free_at", INSTANT, nullable=False),
        sa.Column("forgotten_at", INSTANT, nullable=False),
        sa.CheckConstraint("octet_length(key) = 32", name="sign_in_failures_key"),
        schema="identity",
    )
    op.create_index("sign_in_failures_forgotten", "sign_in_failures", ["forgotten_at"], schema="identity")

    op.create_table(
        "mailed_tokens",
        sa.Column("digest", sa.LargeBinary, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("user_id", sa.Uuid, sa.ForeignKey("identity.users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("issued_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.CheckConstraint("octet_length(digest) = 32", name="mailed_tokens_digest"),
        sa.CheckConstraint(
            "purpose IN ('PASSWORD_RESET', 'EMAIL_VERIFICATION')", name="mailed_tokens_purpose"
        ),
        schema="identity",
    )
    op.create_index("mailed_tokens_of_user", "mailed_tokens", ["user_id", "purpose"], schema="identity")
    op.create_index("mailed_tokens_expired", "mailed_tokens", ["expires_at"], schema="identity")


def downgrade() -> None:
    op.drop_table("mailed_tokens", schema="identity")
    op.drop_table("sign_in_failures", schema="identity")
    op.drop_index("refresh_tokens_unspent", "refresh_tokens", schema="identity")
    for name in ("sessions_expired", "sessions_revoked", "sessions_of_user"):
        op.drop_index(name, "sessions", schema="identity")
    for name in ("rotated_last", "address", "user_agent", "last_used_at"):
        op.drop_column("sessions", name, schema="identity")
    op.drop_column("users", "email_verified_at", schema="identity")
    for scope in ADMINS:
        op.execute(f"DELETE FROM identity.role_scopes WHERE scope = '{scope}'")  # noqa: S608 - constants
    op.drop_column("roles", "version", schema="identity")
