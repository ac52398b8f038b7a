"""The tables of the PostgreSQL schema `shared`."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="shared")

outbox = Table(
    "outbox",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column(
        "created_at",
        DateTime(timezone=True),
        nullable=False,
        server_default=text("now()"),
    ),
    Column("due_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("handled_at", DateTime(timezone=True)),
    Column("failed_at", DateTime(timezone=True)),
    Column("last_error", Text),
    Index(
        "outbox_due",
        "due_at",
        postgresql_where=text("handled_at IS NULL AND failed_at IS NULL"),
    ),
)
"""`handled_at`: done. `failed_at`: given up after the last attempt, kept for a person to look at, for 30 days."""

audit_trail = Table(
    "audit_trail",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("actor_id", Uuid),
    Column("session_id", Uuid),
    Column("request_id", Text),
    Column("account_id", Uuid),
    Column("action", Text, nullable=False),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text),
    Column("before", JSONB(none_as_null=True)),
    Column("after", JSONB(none_as_null=True)),
    Column("commit_order", BigInteger, nullable=False, server_default=text("0")),
    Index("audit_trail_in_order", "commit_order", "at", "id"),
    Index("audit_trail_in_order_of_actor", "actor_id", "commit_order", "at", "id"),
    Index("audit_trail_in_order_of_account", "account_id", "commit_order", "at", "id"),
    Index("audit_trail_in_order_of_subject", "subject_type", "subject_id", "commit_order", "at", "id"),
    Index("audit_trail_in_order_of_action", "action", "commit_order", "at", "id"),
    Index("audit_trail_latest", "at", "id"),
    Index("audit_trail_of_actor", "actor_id", "at", "id"),
    Index("audit_trail_of_account", "account_id", "at", "id"),
    Index("audit_trail_of_subject", "subject_type", "subject_id", "at", "id"),
    Index("audit_trail_of_action", "action", "at", "id"),
)
"""Append-only: triggers refuse UPDATE, DELETE and TRUNCATE to everybody, the table's owner included. Another one sets
`commit_order` at COMMIT (docs/adr/0025-commit-order.md); of acts of before it is 0. The indexes by `at` alone but for
`audit_trail_latest` are for gateways of before that still run, and go in a later release."""
