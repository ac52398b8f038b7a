"""Prices from the smallest quantity on become prices for every quantity.

Which those are, the rows tell by themselves, so that nothing of the catalog is read. A minimum quantity of 1 was what
`priceSet` took when none was given. One below 1 is the product's step when it was loaded (a load took the step, or 1
if that was less), or when the product has no smaller one; another one below 1 was set on purpose and stays.

Rows of one key that overlap by that are put together as if they had been set for this key, in the order of
`created_at`: the later one takes its period, and an open one lasts until the next that was there and begins after it.

It goes on in portions of products, each committed, under the lock that all who set prices take: they wait for a
portion, readers for nothing. What is done already is not found again, so it may be stopped and begun anew. The code
before this revision goes on writing rows from 1 or from the step on: see ADR 24.

Revision: pricing_0003
"""

from alembic import op

revision = "pricing_0003"
down_revision = "pricing_0002"
branch_labels = None
depends_on = None
runs_with = None

# `moved` are the rows of a portion that are to be for every quantity, and those that are already. `lasts` is the
# period each row would have got in the one key, `kept` what later rows leave of it. The first piece keeps the id.
FOLD = r"""
DO $fold$
DECLARE
  at bigint := 0;
  portion uuid[];
BEGIN
  CREATE TEMPORARY TABLE portions AS
    SELECT array_agg(product_id) AS product_ids, place / 500 AS number
      FROM (SELECT product_id, row_number() OVER () - 1 AS place
              FROM (SELECT DISTINCT product_id FROM pricing.prices WHERE min_quantity BETWEEN 0.001 AND 1) AS asked
           ) AS numbered
     GROUP BY 2;
  CREATE TEMPORARY TABLE moved (
    id uuid, product_id uuid, source text, account_id uuid, state text, tier text, amount numeric,
    valid_during tstzrange, set_by uuid, created_at timestamptz, lasts tstzrange
  );
  LOOP
    SELECT p.product_ids INTO portion FROM portions p WHERE p.number = at;
    EXIT WHEN portion IS NULL;
    PERFORM pg_advisory_xact_lock(hashtextextended('pricing.prices', 0));
    TRUNCATE moved;
    WITH rows AS (
      SELECT p.*, min(p.min_quantity) FILTER (WHERE p.min_quantity > 0) OVER (PARTITION BY p.product_id) AS smallest
        FROM pricing.prices p WHERE p.product_id = ANY (portion)
    ), folding AS (
      SELECT rows.*,
             min_quantity = 1
             OR min_quantity BETWEEN 0.001 AND 1 AND (set_by IS NULL OR min_quantity = smallest) AS folds
        FROM rows
    ), touched AS (
      SELECT *, bool_or(folds) OVER (PARTITION BY product_id, source, account_id, state, tier) AS any_folds
        FROM folding WHERE folds OR min_quantity = 0
    )
    INSERT INTO moved
    SELECT id, product_id, source, account_id, state, tier, amount, valid_during, set_by, created_at,
           CASE WHEN upper_inf(valid_during) THEN tstzrange(lower(valid_during), (
             SELECT min(lower(t.valid_during)) FROM touched t
              WHERE (t.product_id, t.source) = (r.product_id, r.source)
                AND t.account_id IS NOT DISTINCT FROM r.account_id
                AND t.state IS NOT DISTINCT FROM r.state
                AND t.tier IS NOT DISTINCT FROM r.tier
                AND (t.created_at, t.id) < (r.created_at, r.id)
                AND lower(t.valid_during) > lower(r.valid_during)
           )) ELSE valid_during END
      FROM touched r WHERE any_folds;
    DELETE FROM pricing.prices WHERE id IN (SELECT id FROM moved);
    INSERT INTO pricing.prices (
      id, product_id, source, account_id, state, tier, min_quantity, amount, valid_during, set_by, created_at
    )
    SELECT CASE WHEN place = 1 THEN id ELSE overlay(overlay(replace(gen_random_uuid()::text, '-', '')
             PLACING lpad(to_hex((extract(epoch FROM clock_timestamp()) * 1000)::bigint), 12, '0') FROM 1)
             PLACING '7' FROM 13)::uuid END,
           product_id, source, account_id, state, tier, 0, amount, piece, set_by, created_at
      FROM moved r,
           LATERAL (
             SELECT range_agg(t.lasts) AS taken FROM moved t
              WHERE (t.product_id, t.source) = (r.product_id, r.source)
                AND t.account_id IS NOT DISTINCT FROM r.account_id
                AND t.state IS NOT DISTINCT FROM r.state
                AND t.tier IS NOT DISTINCT FROM r.tier
                AND (t.created_at, t.id) > (r.created_at, r.id)
           ) AS later,
           unnest(lasts::tstzmultirange - coalesce(taken, '{}')) WITH ORDINALITY AS kept (piece, place);
    COMMIT;
    at := at + 1;
  END LOOP;
  DROP TABLE moved, portions;
END $fold$
"""


def upgrade() -> None:
    """PostgreSQL lets a DO block commit only outside a transaction."""
    with op.get_context().autocommit_block():
        op.execute("SET statement_timeout = 0")
        op.get_bind().exec_driver_sql(FOLD)
        op.execute("ALTER TABLE pricing.prices VALIDATE CONSTRAINT min_quantity_not_negative")
        op.execute("RESET statement_timeout")


def downgrade() -> None:
    """Nobody can buy less than a thousandth, so the code before sees the same prices."""
    op.execute("UPDATE pricing.prices SET min_quantity = 0.001 WHERE min_quantity = 0")
