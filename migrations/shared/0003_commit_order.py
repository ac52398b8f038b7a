"""The order in which rows become visible, and the audit trail in it.

Revision: shared_0003
"""

import sqlalchemy as sa
from alembic import op

revision = "shared_0003"
down_revision = "shared_0002"
branch_labels = None
depends_on = None
runs_with = None

# A row trigger that runs at COMMIT, after everything else of the transaction. Who comes there next waits for the lock,
# and the lock is let go of only when the commit is visible: so a row with a larger number is never seen earlier.
# Rows are numbered whatever code inserts them. One lock for all tables, since two would deadlock.
# A number is the time in microseconds, or one more than the last where that is not later. Cursors carry it, and a count
# would tell a buyer how much everybody else orders (docs/adr/0019-order-numbers.md).
TAKE = """
CREATE FUNCTION shared.take_commit_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(7061676510025);
    SELECT setval(
        'shared.commit_order', greatest(last_value + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
    ) INTO number FROM shared.commit_order;
    EXECUTE format('UPDATE %I.%I SET commit_order = $1 WHERE id = $2', TG_TABLE_SCHEMA, TG_TABLE_NAME)
        USING number, NEW.id;
    RETURN NULL;
END
$$
"""


def upgrade() -> None:
    """Acts of before have 0. Only the trigger below may change an act, and only its number."""
    op.execute("CREATE SEQUENCE shared.commit_order")
    op.execute(TAKE)
    op.add_column(
        "audit_trail",
        sa.Column("commit_order", sa.BigInteger, nullable=False, server_default="0"),
        schema="shared",
    )
    op.execute(
        "CREATE CONSTRAINT TRIGGER take_commit_order AFTER INSERT ON shared.audit_trail"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.commit_order = 0)"
        " EXECUTE FUNCTION shared.take_commit_order()"
    )
    op.execute("DROP TRIGGER append_only ON shared.audit_trail")
    op.execute(
        "CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON shared.audit_trail"
        " FOR EACH STATEMENT EXECUTE FUNCTION shared.refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER unchangeable BEFORE UPDATE ON shared.audit_trail"
        " FOR EACH STATEMENT WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION shared.refuse_change()"
    )
    for trigger in ("append_only", "unchangeable"):
        op.execute(f"ALTER TABLE shared.audit_trail ENABLE ALWAYS TRIGGER {trigger}")


def downgrade() -> None:
    op.execute("DROP TRIGGER unchangeable ON shared.audit_trail")
    op.execute("DROP TRIGGER append_only ON shared.audit_trail")
    op.execute("DROP TRIGGER take_commit_order ON shared.audit_trail")
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON shared.audit_trail"
        " FOR EACH STATEMENT EXECUTE FUNCTION shared.refuse_change()"
    )
    op.execute("ALTER TABLE shared.audit_trail ENABLE ALWAYS TRIGGER append_only")
    op.drop_column("audit_trail", "commit_order", schema="shared")
    op.execute("DROP FUNCTION shared.take_commit_order()")
    op.execute("DROP SEQUENCE shared.commit_order")
