"""The audit trail, append-only.

Revision: shared_0002
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "shared_0002"
down_revision = "shared_0001"
branch_labels = None
depends_on = None
runs_with = "shared_0002"


def upgrade() -> None:
    op.create_table(
        "audit_trail",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_id", sa.Uuid),
        sa.Column("session_id", sa.Uuid),
        sa.Column("request_id", sa.Text),
        sa.Column("account_id", sa.Uuid),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject_type", sa.Text, nullable=False),
        sa.Column("subject_id", sa.Text),
        sa.Column("before", JSONB),
        sa.Column("after", JSONB),
        schema="shared",
    )
    for name, columns in (
        ("latest", ["at", "id"]),
        ("of_actor", ["actor_id", "at", "id"]),
        ("of_account", ["account_id", "at", "id"]),
        ("of_subject", ["subject_type", "subject_id", "at", "id"]),
        ("of_action", ["action", "at", "id"]),
    ):
        op.create_index(f"audit_trail_{name}", "audit_trail", columns, schema="shared")
    op.execute(
        """
        CREATE FUNCTION shared.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% of %.% is refused: it is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
                USING ERRCODE = 'insufficient_privilege';
        END
        $$
        """
    )
    # A trigger, not a privilege: it binds the owner too, and the application connects as the owner. For each
    # statement, so that it also speaks when no row matches. ALWAYS: in a replication role as well.
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shared.audit_trail"
        " FOR EACH STATEMENT EXECUTE FUNCTION shared.refuse_change()"
    )
    op.execute("ALTER TABLE shared.audit_trail ENABLE ALWAYS TRIGGER append_only")


def downgrade() -> None:
    op.drop_table("audit_trail", schema="shared")
    op.execute("DROP FUNCTION shared.refuse_change()")
