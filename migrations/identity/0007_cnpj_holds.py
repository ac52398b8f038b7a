"""A CNPJ is held by one account of those that registered with it, once its e-mail address is proved.

The code before this revision runs on it, but for two things. `buyerAccountRegister` and the opening of accounts by
command name the constraint that goes here in ON CONFLICT: they fail and keep nothing until the last process of that
code has ended. It could not stay: it is what let a registration keep everybody else out. Nor does that code know the
three new steps: the history of an account that has taken one is an error there, and its worker tries the mail of it
again until a new worker takes it.

Revision: identity_0007
"""

import sqlalchemy as sa
from alembic import op

revision = "identity_0007"
down_revision = "identity_0006"
branch_labels = None
depends_on = None
runs_with = None
accepted = {
    "ban-drop-constraint": "the one is what kept firms out, see above; the other is made anew below",
    "require-concurrent-index-creation": "an account is a firm and a registration lives for days: thousands of rows",
    "constraint-missing-not-valid": "as above",
    "adding-serial-primary-key-field": "as above",
}


def upgrade() -> None:
    op.create_table(
        "cnpj_holds",
        sa.Column("cnpj", sa.Text, primary_key=True),
        sa.Column(
            "account_id",
            sa.Uuid,
            sa.ForeignKey("identity.buyer_accounts.id"),
            nullable=False,
            unique=True,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        schema="identity",
    )
    # A rejected account holds nothing any more, nor does one that registered itself and proved nothing.
    op.execute(
        """
        INSERT INTO identity.cnpj_holds (cnpj, account_id, at)
        SELECT cnpj, id, created_at FROM identity.buyer_accounts a
        WHERE status IN ('APPROVED', 'SUSPENDED') OR status = 'PENDING' AND (
            NOT EXISTS (
                SELECT FROM identity.account_changes c WHERE c.account_id = a.id AND c.step = 'REGISTERED'
            )
            OR EXISTS (
                SELECT FROM identity.users u JOIN identity.user_roles r ON r.user_id = u.id
                WHERE u.account_id = a.id AND u.email_verified_at IS NOT NULL AND r.role = 'account_admin'
            )
        )
        """
    )
    op.drop_constraint("buyer_accounts_cnpj_key", "buyer_accounts", schema="identity")
    op.create_index(op.f("ix_identity_buyer_accounts_cnpj"), "buyer_accounts", ["cnpj"], schema="identity")
    op.drop_constraint("registrations_pkey", "registrations", schema="identity")
    op.create_primary_key("registrations_pkey", "registrations", ["digest"], schema="identity")
    op.create_index("registrations_at", "registrations", ["at"], schema="identity")


def downgrade() -> None:
    """Fails while several accounts have one CNPJ: which of them goes is not a migration's to say. Of what several
    registrations with one CNPJ are known by, the latest stays."""
    op.drop_index("registrations_at", "registrations", schema="identity")
    op.execute(
        "DELETE FROM identity.registrations r USING identity.registrations s"
        " WHERE s.cnpj = r.cnpj AND (s.at, s.digest) > (r.at, r.digest)"
    )
    op.drop_constraint("registrations_pkey", "registrations", schema="identity")
    op.create_primary_key("registrations_pkey", "registrations", ["cnpj"], schema="identity")
    op.drop_index(op.f("ix_identity_buyer_accounts_cnpj"), "buyer_accounts", schema="identity")
    op.create_unique_constraint("buyer_accounts_cnpj_key", "buyer_accounts", ["cnpj"], schema="identity")
    op.drop_table("cnpj_holds", schema="identity")
