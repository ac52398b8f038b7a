"""A price may be for every quantity: its minimum quantity is 0 then.

The code before this revision reads such rows as it reads others; it writes none.

Revision: pricing_0002
"""

import sqlalchemy as sa
from alembic import op

revision = "pricing_0002"
down_revision = "pricing_0001"
branch_labels = None
depends_on = None
runs_with = None
accepted = {
    "ban-drop-constraint": "a looser one takes its place; the code of before writes nothing that the old one refused",
}


def upgrade() -> None:
    """The new rule is looser than the old one, so all rows fulfil it; 0003 has that checked."""
    op.drop_constraint("min_quantity_positive", "prices", schema="pricing")
    op.create_check_constraint(
        "min_quantity_not_negative",
        "prices",
        sa.text("min_quantity >= 0"),
        schema="pricing",
        postgresql_not_valid=True,
    )


def downgrade() -> None:
    op.drop_constraint("min_quantity_not_negative", "prices", schema="pricing")
    op.create_check_constraint(
        "min_quantity_positive", "prices", sa.text("min_quantity > 0"), schema="pricing"
    )
