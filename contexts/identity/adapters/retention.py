"""What identity need not keep."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import Delete, Table, delete, exists, func, or_, select

from contexts.identity.adapters.tables import (
    account_addresses,
    account_changes,
    buyer_accounts,
    cnpj_holds,
    invitations,
    mailed_tokens,
    portfolio,
    refresh_tokens,
    registrations,
    seen_networks,
    sessions,
    sign_in_failures,
    signing_keys,
    user_roles,
    users,
)
from contexts.identity.domain.account import AccountStatus
from contexts.identity.domain.onboarding import AccountStep
from contexts.identity.domain.session import REFRESH_LIFE
from contexts.shared.adapters.retention import RetentionRule

KEPT_SESSIONS: Final = timedelta(days=1)
"""After their end: longer than the longest life of an access token, which these rows have refused. Who signed in, and
from where, stays in the audit trail."""
KEPT_NETWORKS: Final = timedelta(days=90)
"""So long a person counts as seen there."""

KEPT_INVITATIONS: Final = timedelta(days=30)
"""After their last link has expired, whatever became of them."""

KEPT_KEYS: Final = timedelta(days=1)
"""After another key has come to sign, or after it was revoked: longer than the longest life of an access token. When it
is over by the rule (`domain.signing_key`) it verifies nothing any more, though the row is there."""

KEPT_UNPROVED: Final = timedelta(days=7)
"""A registration whose e-mail address nobody proves; the mail that answers it says so."""


@dataclass(frozen=True, slots=True)
class UnprovedRegistrations:
    """Accounts that registered themselves, with the one user each has: the address was not proved in time, no link
    that was mailed is good any more, and none of the staff has done anything with them. Whoever comes later
    registers as if they had never been; the audit trail keeps that they were."""

    table: Table = buyer_accounts

    def deletion(self, batch: int) -> Delete:
        account, changes = buyer_accounts.c, account_changes.c
        registered = changes.step == AccountStep.REGISTERED.value
        chosen = (
            select(account.id.label("account_id"), users.c.id.label("user_id"))
            .join_from(buyer_accounts, users, users.c.account_id == account.id)
            .where(
                account.status == AccountStatus.PENDING.value,
                account.created_at < func.now() - KEPT_UNPROVED,
                users.c.email_verified_at.is_(None),
                exists().where(changes.account_id == account.id, registered),
                ~exists().where(changes.account_id == account.id, ~registered),
                ~exists().where(cnpj_holds.c.account_id == account.id),
                ~exists().where(portfolio.c.account_id == account.id),
                ~exists().where(invitations.c.account_id == account.id),
                ~exists().where(
                    mailed_tokens.c.user_id == users.c.id, mailed_tokens.c.expires_at > func.now()
                ),
            )
            .limit(batch)
            # Both: who proves the address at this moment is waited for by nobody, and keeps the registration.
            .with_for_update(of=[buyer_accounts, users], skip_locked=True)
            .cte("chosen")
        )
        of_account = select(chosen.c.account_id)
        of_user = select(chosen.c.user_id)
        parts = (
            delete(account_addresses).where(account_addresses.c.account_id.in_(of_account)),
            delete(account_changes).where(changes.account_id.in_(of_account)),
            delete(user_roles).where(user_roles.c.user_id.in_(of_user)),
            delete(sessions).where(sessions.c.user_id.in_(of_user)),
            delete(users).where(users.c.id.in_(of_user)),
        )
        # One statement: foreign keys are looked at when all of it is done.
        deletion = delete(buyer_accounts).where(account.id.in_(of_account))
        return deletion.add_cte(*(part.cte(f"part_{number}") for number, part in enumerate(parts)))


_later = signing_keys.alias()

OF_IDENTITY: Final = (
    RetentionRule(
        signing_keys,
        or_(
            signing_keys.c.revoked_at < func.now() - KEPT_KEYS,
            # As `Succession.verifies_until`: one that was revoked before its turn follows nobody.
            exists().where(
                _later.c.signs_from > signing_keys.c.signs_from,
                _later.c.signs_from < func.now() - KEPT_KEYS,
                or_(_later.c.revoked_at.is_(None), _later.c.revoked_at > _later.c.signs_from),
            ),
        ),
    ),
    # What a client sends again after this is another registration.
    RetentionRule(registrations, registrations.c.at < func.now() - KEPT_UNPROVED),
    UnprovedRegistrations(),
    # Their tokens go with them.
    RetentionRule(
        sessions,
        or_(
            sessions.c.expires_at < func.now() - KEPT_SESSIONS,
            sessions.c.revoked_at < func.now() - KEPT_SESSIONS,
            # No token of theirs can be used any more.
            sessions.c.last_used_at < func.now() - REFRESH_LIFE - KEPT_SESSIONS,
        ),
    ),
    # A token that has expired proves nothing any more, not even that somebody has copied it.
    RetentionRule(refresh_tokens, refresh_tokens.c.expires_at < func.now()),
    RetentionRule(seen_networks, seen_networks.c.last_seen_at < func.now() - KEPT_NETWORKS),
    RetentionRule(sign_in_failures, sign_in_failures.c.forgotten_at < func.now()),
    # Their tokens go with them. Who was invited stays in the audit trail.
    RetentionRule(invitations, invitations.c.expires_at < func.now() - KEPT_INVITATIONS),
    RetentionRule(mailed_tokens, mailed_tokens.c.expires_at < func.now()),
)
