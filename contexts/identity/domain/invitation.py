"""Invitations: somebody is asked by mail to become a user; the mail's link is good once, for a week."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final
from uuid import UUID

from contexts.shared.money import Money

INVITATION_LIFE: Final = timedelta(days=7)
RESEND_AFTER: Final = timedelta(minutes=10)
"""Sooner than that, sending again is the same request come twice, and nobody gets a second mail."""
MOST_INVITED: Final = 100
"""Mails for invitations by one account within INVITATION_LIFE, those sent again included."""
MOST_INVITED_UNAPPROVED: Final = 5
"""The same before the sales team has looked at it: anybody can register, and must not write to anybody through us."""
MOST_INVITED_MAILBOX: Final = 5
"""Those of them that may go to one mailbox, by whichever of its addresses."""


class InvitationStatus(Enum):
    """What has become of an invitation."""

    OPEN = "OPEN"
    EXPIRED = "EXPIRED"
    ACCEPTED = "ACCEPTED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class Invitation:
    """Who may become a user, of which account (None: of the staff), with which roles by their database names.
    `invited_by` None: an operator did, by a command. `mailings`: how often it was mailed."""

    id: UUID
    account_id: UUID | None
    email: str
    roles: tuple[str, ...]
    approval_limit: Money | None
    invited_by: UUID | None
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None = None
    revoked_at: datetime | None = None
    mailings: int = 1

    def status(self, at: datetime) -> InvitationStatus:
        """What it is at that instant."""
        if self.accepted_at is not None:
            return InvitationStatus.ACCEPTED
        if self.revoked_at is not None:
            return InvitationStatus.REVOKED
        return InvitationStatus.OPEN if at < self.expires_at else InvitationStatus.EXPIRED

    @property
    def sent_at(self) -> datetime:
        """When it was mailed last; its life begins anew then."""
        return self.expires_at - INVITATION_LIFE


def invitation_link(portal: str, secret: str) -> str:
    """Where the invitation is accepted. A browser sends the fragment, and so the secret, to no server."""
    return f"{portal}/convite#token={secret}"
