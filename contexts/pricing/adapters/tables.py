"""The tables of the PostgreSQL schema `pricing`."""

from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Index,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint

metadata = MetaData(schema="pricing")

prices = Table(
    "prices",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("product_id", Uuid, nullable=False),
    Column("source", Text, nullable=False),
    Column("account_id", Uuid),
    Column("state", Text),
    Column("tier", Text),
    Column("min_quantity", Numeric(14, 3), nullable=False),
    Column("amount", Numeric(14, 4), nullable=False),
    Column("valid_during", TSTZRANGE, nullable=False),
    Column("set_by", Uuid),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint("source IN ('BUYER', 'STATE', 'NATIONAL')", name="source_known"),
    CheckConstraint(
        "(source = 'BUYER') = (account_id IS NOT NULL) AND (source = 'STATE') = (state IS NOT NULL)",
        name="owner_fits_source",
    ),
    CheckConstraint("state ~ '^[A-Z]{2}$'", name="state_two_letters"),
    CheckConstraint("tier <> ''", name="tier_not_empty"),
    CheckConstraint("min_quantity >= 0", name="min_quantity_not_negative"),
    CheckConstraint("amount >= 0", name="amount_not_negative"),
    CheckConstraint(
        "NOT isempty(valid_during) AND NOT lower_inf(valid_during)"
        " AND lower_inc(valid_during) AND NOT upper_inc(valid_during)",
        name="valid_during_from_until",
    ),
)
"""Amounts are in BRL. `min_quantity` 0 is every quantity. `valid_during` is [from, until), open above for a price
without an end."""

no_overlap = ExcludeConstraint(
    (prices.c.product_id, "="),
    # NULL equals nothing, not even NULL, so it would let overlaps through.
    (text("COALESCE(account_id, '00000000-0000-0000-0000-000000000000'::uuid)"), "="),
    # In one: each column of the index makes checking a million rows some ten seconds slower.
    (text("(COALESCE(state, '') || ' ' || COALESCE(tier, ''))"), "="),
    (prices.c.min_quantity, "="),
    (prices.c.valid_during, "&&"),
    name="prices_never_overlap",
    using="gist",
)
prices.append_constraint(no_overlap)


def _level(name: str, source: str, *owner: Column[UUID] | Column[str]) -> Index:
    """In the order in which a level's prices are preferred, holding all that a listing by price reads."""
    return Index(
        name,
        *owner,
        prices.c.product_id,
        prices.c.tier,
        prices.c.min_quantity.desc(),
        postgresql_include=["amount", "valid_during"],
        postgresql_where=text(f"source = '{source}'"),
    )


levels = (
    _level("prices_of_buyer", "BUYER", prices.c.account_id),
    _level("prices_of_state", "STATE", prices.c.state),
    _level("prices_national", "NATIONAL"),
)
