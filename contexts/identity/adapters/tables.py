"""The tables of the PostgreSQL schema `identity`."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import CITEXT

metadata = MetaData(schema="identity")

buyer_accounts = Table(
    "buyer_accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("legal_name", Text, nullable=False),
    Column("cnpj", Text, nullable=False, unique=True),
    Column("tier", Text),
    Column("status", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("cnpj ~ '^[0-9A-Z]{12}[0-9]{2}$'", name="buyer_accounts_cnpj"),
    CheckConstraint(
        "status IN ('PENDING', 'APPROVED', 'REJECTED', 'SUSPENDED')", name="buyer_accounts_status"
    ),
)

account_addresses = Table(
    "account_addresses",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", ForeignKey("identity.buyer_accounts.id"), nullable=False),
    Column("street", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("district", Text, nullable=False),
    Column("city", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("postal_code", Text, nullable=False),
    Column("is_primary", Boolean, nullable=False),
    CheckConstraint("state ~ '^[A-Z]{2}$'", name="account_addresses_state"),
    CheckConstraint("postal_code ~ '^[0-9]{8}$'", name="account_addresses_postal_code"),
    Index("account_addresses_primary", "account_id", unique=True, postgresql_where=text("is_primary")),
)

users = Table(
    "users",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("email", CITEXT, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("account_id", ForeignKey("identity.buyer_accounts.id"), index=True),
    Column("active", Boolean, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("email_verified_at", DateTime(timezone=True)),
)

roles = Table(
    "roles",
    metadata,
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("version", Integer, nullable=False, server_default=text("1")),
)

role_scopes = Table(
    "role_scopes",
    metadata,
    Column("role", ForeignKey("identity.roles.name"), primary_key=True),
    Column("scope", Text, primary_key=True),
)

user_roles = Table(
    "user_roles",
    metadata,
    Column("user_id", ForeignKey("identity.users.id"), primary_key=True),
    Column("role", ForeignKey("identity.roles.name"), primary_key=True),
)

portfolio = Table(
    "portfolio",
    metadata,
    Column("rep_id", ForeignKey("identity.users.id"), primary_key=True),
    Column("account_id", ForeignKey("identity.buyer_accounts.id"), primary_key=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("user_id", ForeignKey("identity.users.id"), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("last_used_at", DateTime(timezone=True), nullable=False),
    Column("user_agent", Text),
    Column("address", Text),
    Column("rotated_last", LargeBinary),
    Index("sessions_of_user", "user_id", "created_at"),
    Index("sessions_revoked", "revoked_at", postgresql_where=text("revoked_at IS NOT NULL")),
    Index("sessions_expired", "expires_at"),
)

refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    # The index is for the cascade when the worker deletes old sessions.
    Column("session_id", ForeignKey("identity.sessions.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("spent_at", DateTime(timezone=True)),
    CheckConstraint("octet_length(digest) = 32", name="refresh_tokens_digest"),
    # One line of succession: whatever runs at once, a session has at most one token that can be used.
    Index("refresh_tokens_unspent", "session_id", unique=True, postgresql_where=text("spent_at IS NULL")),
)

sign_in_failures = Table(
    "sign_in_failures",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("free_at", DateTime(timezone=True), nullable=False),
    Column("forgotten_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("octet_length(key) = 32", name="sign_in_failures_key"),
    Index("sign_in_failures_forgotten", "forgotten_at"),
)

mailed_tokens = Table(
    "mailed_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("user_id", ForeignKey("identity.users.id", ondelete="CASCADE"), nullable=False),
    Column("email", Text, nullable=False),
    Column("issued_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    CheckConstraint("octet_length(digest) = 32", name="mailed_tokens_digest"),
    CheckConstraint("purpose IN ('PASSWORD_RESET', 'EMAIL_VERIFICATION')", name="mailed_tokens_purpose"),
    Index("mailed_tokens_of_user", "user_id", "purpose"),
    Index("mailed_tokens_expired", "expires_at"),
)
