"""The tables of the PostgreSQL schema `identity`."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, CITEXT, JSONB

metadata = MetaData(schema="identity")

buyer_accounts = Table(
    "buyer_accounts",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("legal_name", Text, nullable=False),
    Column("cnpj", Text, nullable=False, index=True),
    Column("tier", Text),
    Column("status", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("state_registration", Text),
    Column("commit_order", BigInteger, nullable=False, server_default=text("0")),
    Index("buyer_accounts_in_order", "commit_order", "id"),
    CheckConstraint("cnpj ~ '^[0-9A-Z]{12}[0-9]{2}$'", name="buyer_accounts_cnpj"),
    CheckConstraint(
        "status IN ('PENDING', 'APPROVED', 'REJECTED', 'SUSPENDED')", name="buyer_accounts_status"
    ),
)
"""A trigger sets `commit_order` at COMMIT (docs/adr/0025-commit-order.md); of accounts of before it is 0."""

cnpj_holds = Table(
    "cnpj_holds",
    metadata,
    Column("cnpj", Text, primary_key=True),
    Column("account_id", ForeignKey("identity.buyer_accounts.id"), nullable=False, unique=True),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""Which account has a CNPJ that many may have registered with. An approved or suspended one has its own, or it was
handed over; a pending one has it since its administrator proved their e-mail address, unless another was first."""

registrations = Table(
    "registrations",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("cnpj", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    CheckConstraint("cnpj ~ '^[0-9A-Z]{12}[0-9]{2}$'", name="registrations_cnpj"),
    CheckConstraint("octet_length(digest) = 32", name="registrations_digest"),
    Index("registrations_at", "at"),
)
"""What a registration that comes again is known by, the SHA-256 of it; also of those whose e-mail address was
taken, of which there is no account. They hold nothing."""

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
    Column("complement", Text),
    Column("label", Text),
    Column("delivery", Boolean, nullable=False, server_default=true()),
    Column("billing", Boolean, nullable=False, server_default=true()),
    CheckConstraint("state ~ '^[A-Z]{2}$'", name="account_addresses_state"),
    CheckConstraint("postal_code ~ '^[0-9]{8}$'", name="account_addresses_postal_code"),
    Index("account_addresses_of_account", "account_id"),
    Index("account_addresses_primary", "account_id", unique=True, postgresql_where=text("is_primary")),
)

account_changes = Table(
    "account_changes",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", ForeignKey("identity.buyer_accounts.id"), nullable=False, index=True),
    Column("step", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("note", Text),
    Column("by", ForeignKey("identity.users.id"), nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
"""The history of each account, oldest first by id. `reason` is told to the account, `note` is not."""

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
    Column("approval_limit", Numeric(14, 2)),
    CheckConstraint("approval_limit >= 0", name="users_approval_limit"),
)
"""`approval_limit`: in BRL, what a buyer may order without asking; NULL: no limit."""

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
    Column("account_id", ForeignKey("identity.buyer_accounts.id"), primary_key=True, index=True),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("account_id", ForeignKey("identity.buyer_accounts.id")),
    Column("email", CITEXT, nullable=False),
    Column("roles", ARRAY(Text), nullable=False),
    Column("approval_limit", Numeric(14, 2)),
    Column("invited_by", ForeignKey("identity.users.id")),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Column("accepted_at", DateTime(timezone=True)),
    Column("revoked_at", DateTime(timezone=True)),
    Column("mailings", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("approval_limit >= 0", name="invitations_approval_limit"),
    CheckConstraint("accepted_at IS NULL OR revoked_at IS NULL", name="invitations_one_end"),
    Index(
        "invitations_open",
        "account_id",
        "email",
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=text("accepted_at IS NULL AND revoked_at IS NULL"),
    ),
    Index("invitations_expired", "expires_at"),
)
"""Without an account: of the staff; `invited_by` nobody: an operator, by a command. One that has expired is open
until another replaces it."""

invitation_tokens = Table(
    "invitation_tokens",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column(
        "invitation_id",
        ForeignKey("identity.invitations.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    CheckConstraint("octet_length(digest) = 32", name="invitation_tokens_digest"),
)
"""One for each time an invitation was mailed: a mail that came twice works from either copy."""

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
    # Who signs in all day has many that are over.
    Index("sessions_unended", "user_id", postgresql_where=text("revoked_at IS NULL")),
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

seen_networks = Table(
    "seen_networks",
    metadata,
    Column("user_id", ForeignKey("identity.users.id", ondelete="CASCADE"), primary_key=True),
    Column("network", Text, primary_key=True),
    Column("last_seen_at", DateTime(timezone=True), nullable=False),
    Index("seen_networks_last", "last_seen_at"),
)
"""Where people have signed in from, or reset their password, by what `contexts.shared.network` makes of addresses."""

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

repeated_acts = Table(
    "repeated_acts",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    Column("ends_at", DateTime(timezone=True), nullable=False),
    Column("action", Text, nullable=False),
    Column("actor_id", Uuid),
    Column("account_id", Uuid),
    Column("subject_type", Text, nullable=False),
    Column("subject_id", Text),
    Column("times", Integer, nullable=False),
    Column("told", Integer, nullable=False),
    Column("first_at", DateTime(timezone=True), nullable=False),
    Column("last_at", DateTime(timezone=True), nullable=False),
    Column("after", JSONB(none_as_null=True)),
    CheckConstraint("octet_length(key) = 32", name="repeated_acts_key"),
    Index("repeated_acts_over", "ends_at"),
)
"""Acts of one name, person and day, until `ends_at`. `told`: the first, and those that were remarkable."""

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

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("kid", Text, primary_key=True),
    Column("algorithm", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("signs_from", DateTime(timezone=True), nullable=False),
    Column("revoked_at", DateTime(timezone=True)),
    Column("wrapped_by", Text, nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    CheckConstraint("algorithm = 'EdDSA'", name="signing_keys_algorithm"),
    # A nonce of 12 bytes, a key of 32, a tag of 16: what is not wrapped does not fit.
    CheckConstraint("octet_length(wrapped) = 60", name="signing_keys_wrapped"),
)
