"""What identity need not keep."""

from datetime import timedelta
from typing import Final

from sqlalchemy import func, or_

from contexts.identity.adapters.tables import (
    invitations,
    mailed_tokens,
    refresh_tokens,
    seen_networks,
    sessions,
    sign_in_failures,
)
from contexts.identity.domain.session import REFRESH_LIFE
from contexts.shared.adapters.leftovers import Leftovers

KEPT_SESSIONS: Final = timedelta(days=1)
"""After their end: longer than the longest life of an access token, which these rows have refused. Who signed in, and
from where, stays in the audit trail."""
KEPT_NETWORKS: Final = timedelta(days=90)
"""So long a person counts as seen there."""

KEPT_INVITATIONS: Final = timedelta(days=30)
"""After their last link has expired, whatever became of them."""

OF_IDENTITY: Final = (
    # Their tokens go with them.
    Leftovers(
        sessions,
        or_(
            sessions.c.expires_at < func.now() - KEPT_SESSIONS,
            sessions.c.revoked_at < func.now() - KEPT_SESSIONS,
            # No token of theirs can be used any more.
            sessions.c.last_used_at < func.now() - REFRESH_LIFE - KEPT_SESSIONS,
        ),
    ),
    # A token that has expired proves nothing any more, not even that somebody has copied it.
    Leftovers(refresh_tokens, refresh_tokens.c.expires_at < func.now()),
    Leftovers(seen_networks, seen_networks.c.last_seen_at < func.now() - KEPT_NETWORKS),
    Leftovers(sign_in_failures, sign_in_failures.c.forgotten_at < func.now()),
    # Their tokens go with them. Who was invited stays in the audit trail.
    Leftovers(invitations, invitations.c.expires_at < func.now() - KEPT_INVITATIONS),
    Leftovers(mailed_tokens, mailed_tokens.c.expires_at < func.now()),
)
