r"""The argument of catalog.words gets a name, so that a dump can be restored.

PostgreSQL prints a body that it has parsed anew, and an argument without a name, below a FROM, as `words.""`, which it
does not read. pg_upgrade restores such a dump as well.

Revision: catalog_0003
"""

from alembic import op

revision = "catalog_0003"
down_revision = "catalog_0002"
branch_labels = None
depends_on = None
runs_with = None

# As in catalog_0002 but for the name. An argument that has none may be given one in place; what is generated with
# the function stays as it is.
WORDS = r"""
CREATE OR REPLACE FUNCTION catalog.words(written text) RETURNS TABLE (word text, place bigint, filler boolean)
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 12
BEGIN ATOMIC
  SELECT token[1], place, token[1] = ANY
         ('{a,as,o,os,ao,de,do,da,dos,das,e,em,no,na,nos,nas,com,para,p,c,por,um,uma,ou,x}'::text[])
    FROM regexp_matches(
      regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(
        translate(catalog.fold(written), '²³', '23'),
        '\md[''’´` ]?(?=agua)', '', 'g'),
        '(?<=[0-9])(?<!\m0)\.(?=[0-9]{3}(?![0-9]))', '', 'g'),
        '(?<=[0-9])\.(?=[0-9]+/[0-9])', ' ', 'g'),
        '(?<=[0-9]),(?=[0-9])', '.', 'g'),
        '(\.[0-9]*[1-9])0+(?![0-9])', '\1', 'g'),
        '\.0+(?![0-9])', '', 'g'),
      '[0-9]+(?:[./][0-9]+)?|[a-z]+', 'g') WITH ORDINALITY AS found (token, place);
END
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(WORDS)


def downgrade() -> None:
    """The function stays as it is: a name cannot be taken away in place, and the code of before does not mind it."""
