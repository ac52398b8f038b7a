"""Accept an invitation: the mailed link becomes a user with a name and a password of their own."""

from dataclasses import dataclass, replace

from contexts.identity.domain.invitation import InvitationStatus
from contexts.identity.domain.session import digest
from contexts.identity.domain.user import MAX_NAME, User
from contexts.identity.ports import Invitations, Passwords, Users
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.ids import new_id
from contexts.shared.rejections import Detail, InvalidInput, Wrong
from contexts.shared.text import one_line
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class InvitationAccepted:
    """The user can sign in now."""

    user: User


@dataclass(frozen=True, slots=True)
class InvitationInvalid:
    """The link opens nothing: unknown, used, expired or taken back."""


@dataclass(frozen=True, slots=True)
class AddressTaken:
    """There is a user with the invited e-mail address by now. Whoever has the link reads that mailbox, so this
    tells them nothing about somebody else."""


@dataclass(frozen=True, slots=True)
class AcceptInvitation:
    """Of any number at once, one makes the user: the invitation's row is locked. No password is hashed for a
    link that opens nothing."""

    invitations: Invitations
    users: Users
    passwords: Passwords
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, by: Actor, token: str, name: str, password: str
    ) -> InvitationAccepted | InvitationInvalid | AddressTaken | InvalidInput:
        presented = digest(token)
        if presented is None:
            return InvitationInvalid()
        found = await self.invitations.by_digest(presented)
        if found is None or found.status(self.clock.now()) is not InvitationStatus.OPEN:
            return InvitationInvalid()
        details: list[Detail] = []
        full_name = one_line(name, MAX_NAME)
        if isinstance(full_name, Wrong):
            details.append(full_name.at("input", "name"))
        if problem := await self.passwords.problem(password, "password", name, found.email):
            details.append(problem)
        if details or isinstance(full_name, Wrong):
            return InvalidInput(tuple(details))
        password_hash = await self.passwords.hash(password)
        async with self.transactions.begin() as transaction:
            invitation = await self.invitations.locked_by(transaction, presented)
            # After the lock: time passed while another use of the link had it.
            now = self.clock.now()
            if invitation is None or invitation.status(now) is not InvitationStatus.OPEN:
                return InvitationInvalid()
            user = User(new_id(), full_name, invitation.email)
            if not await self.users.add(
                transaction,
                user,
                password_hash,
                invitation.roles,
                invitation.account_id,
                now,
                approval_limit=invitation.approval_limit,
            ):
                return AddressTaken()
            # The link came to that address, so that much is proved.
            await self.users.set_email_verified(transaction, user.id, user.email, now)
            await self.invitations.put(transaction, replace(invitation, accepted_at=now))
            await transaction.record(
                Act(
                    by,
                    "identity.invitation_accepted",
                    Subject("User", user.id),
                    now,
                    account_id=invitation.account_id,
                    after={"email": user.email, "name": user.name, "roles": list(invitation.roles)},
                )
            )
            await transaction.commit()
        return InvitationAccepted(user)
