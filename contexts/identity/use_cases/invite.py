"""Invite somebody by mail, send it again, take it back."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from contexts.identity.domain.account import Account, AccountStatus
from contexts.identity.domain.invitation import (
    INVITATION_LIFE,
    MOST_INVITED,
    MOST_INVITED_MAILBOX,
    MOST_INVITED_UNAPPROVED,
    RESEND_AFTER,
    Invitation,
    InvitationStatus,
    invitation_link,
)
from contexts.identity.domain.scopes import ACCOUNT_MANAGE, USER_MANAGE
from contexts.identity.domain.session import digest, new_secret
from contexts.identity.domain.user import (
    ROLE_NAMES,
    AccountRole,
    Principal,
    mailbox,
    no_email,
    parse_email,
)
from contexts.identity.ports import AccountRegister, Accounts, Directory, Invitations, Users
from contexts.identity.use_cases.keep_addresses import reached
from contexts.identity.use_cases.present_scopes import with_present_scopes
from contexts.shared.audit import SYSTEM, Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.ids import new_id
from contexts.shared.money import CENTAVO, TOTAL_DECIMALS, Money
from contexts.shared.number import number_problem
from contexts.shared.rejections import NONE_GIVEN, Forbidden, InvalidInput, NotFound
from contexts.shared.transaction import Event, Transaction, Transactions

USER_INVITED = "identity.user_invited"
MAX_LIMIT = Decimal("999999999999.99")
TOO_MANY = "too many mails for invitations this week; go on later"
BEYOND_YOU = Forbidden("You cannot give a role that may do what you may not.")
NO_LONGER = Forbidden("You may not invite to the staff any more.")
UNPROVED = Forbidden(
    "Prove your e-mail address first: follow the link that was mailed to you, or ask for another one."
)


@dataclass(frozen=True, slots=True)
class InviteUserCommand:
    """Who becomes a user of the account."""

    account_id: UUID
    email: str
    role: AccountRole
    approval_limit: Decimal | None


@dataclass(frozen=True, slots=True)
class Invited:
    """The invitation; a mail goes out, or, `replayed`, had gone out before."""

    invitation: Invitation
    replayed: bool


@dataclass(frozen=True, slots=True)
class InvitationClosed:
    """It was accepted or revoked, so there is nothing left to send or to take back."""

    status: InvitationStatus


@dataclass(frozen=True, slots=True)
class InviteUser:
    """Invites to a buyer account. An address that belongs to a user of another account is invited like any
    other, and the mail says what to do: the inviter learns nothing of people elsewhere."""

    users: Users
    accounts: Accounts
    register: AccountRegister
    directory: Directory
    invitations: Invitations
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, command: InviteUserCommand
    ) -> Invited | InvalidInput | NotFound | Forbidden:
        email = parse_email(command.email)
        if email is None:
            return no_email(command.email)
        limit = parse_limit(command.role, command.approval_limit)
        if isinstance(limit, InvalidInput):
            return limit
        async with self.transactions.begin() as transaction:
            account = await reached(transaction, principal, command.account_id, self.accounts, self.register)
            if isinstance(account, NotFound):
                return account
            acting = await with_present_scopes(transaction, principal, self.users)
            if ACCOUNT_MANAGE not in acting.scopes:
                return NotFound("buyer account", ("input", "accountId"))
            members = (await self.directory.of_accounts([account.id], within=transaction))[account.id]
            if any(member.user.email.lower() == email.lower() for member in members):
                return InvalidInput.at(
                    "email", DetailCode.TAKEN, "this person is one of the account's users already"
                )
            if account.status is not AccountStatus.APPROVED and any(
                member.user.id == principal.user_id and not member.email_verified for member in members
            ):
                return UNPROVED
            roles, now = (ROLE_NAMES[command.role],), self.clock.now()
            draft = _draft(account.id, email, roles, limit, principal.user_id, now)
            invited = await _invite(transaction, by, self.invitations, draft)
            if not invited.replayed and await _too_many(transaction, account, self.invitations, draft):
                return InvalidInput.at("email", DetailCode.TOO_MANY, TOO_MANY)
            await transaction.commit()
        return invited


@dataclass(frozen=True, slots=True)
class InviteStaff:
    """Invites to the staff. Nobody gives a role that may do more than they may themselves."""

    users: Users
    directory: Directory
    invitations: Invitations
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, email: str, roles: Collection[str]
    ) -> Invited | InvalidInput | Forbidden:
        address = parse_email(email)
        if address is None:
            return no_email(email)
        async with self.transactions.begin() as transaction:
            held = tuple(sorted(set(roles)))
            acting = await with_present_scopes(transaction, principal, self.users)
            if USER_MANAGE not in acting.scopes:
                return NO_LONGER
            wrong = grantable(acting, held, await self.directory.staff_roles(within=transaction))
            if wrong is not None:
                return wrong
            staff = await self.directory.staff(within=transaction)
            if any(member.user.email.lower() == address.lower() for member in staff):
                return InvalidInput.at("email", DetailCode.TAKEN, "this person is one of the staff already")
            draft = _draft(None, address, held, None, principal.user_id, self.clock.now())
            invited = await _invite(transaction, by, self.invitations, draft)
            await transaction.commit()
        return invited


@dataclass(frozen=True, slots=True)
class InvitedByOperator:
    """The invitation; `link` accepts it, or is None where it is mailed."""

    invitation: Invitation
    link: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class InviteByOperator:
    """Invites to the staff from a console beside the database: the way in for the first administrator.

    No role is refused: who may run this may do anything there. Asked again, it gives another link, or sends another
    mail, for the same invitation, and the week begins anew.
    """

    users: Users
    directory: Directory
    invitations: Invitations
    transactions: Transactions
    clock: Clock
    portal: str

    async def __call__(
        self, operator: str, email: str, roles: Collection[str], *, by_mail: bool
    ) -> InvitedByOperator | InvalidInput:
        """`operator`: what the console calls who is there; the trail knows no user."""
        address = parse_email(email)
        if address is None:
            return no_email(email)
        if await self.users.credentials(address) is not None:
            return InvalidInput.at(
                "email", DetailCode.TAKEN, "there is a user with this e-mail address already"
            )
        held, now = tuple(sorted(set(roles))), self.clock.now()
        async with self.transactions.begin() as transaction:
            wrong = _unknown(held, await self.directory.staff_roles(within=transaction))
            if wrong is not None:
                return wrong
            invitation, action = await self._open(transaction, _draft(None, address, held, None, None, now))
            link = None
            if by_mail:
                await _send(transaction, invitation)
            else:
                secret = new_secret()
                kept = digest(secret)
                assert kept is not None
                await self.invitations.give(transaction, invitation.id, kept)
                link = invitation_link(self.portal, secret)
            act = _act(SYSTEM, action, invitation, now)
            await transaction.record(replace(act, after={**(act.after or {}), "operator": operator}))
            await transaction.commit()
        return InvitedByOperator(invitation, link)

    async def _open(self, transaction: Transaction, draft: Invitation) -> tuple[Invitation, str]:
        """The invitation, new or renewed, and what was done."""
        held = await _added(transaction, self.invitations, draft)
        if held is None:
            return draft, "identity.user_invited"
        renewed = replace(held, expires_at=draft.expires_at, mailings=held.mailings + 1)
        await self.invitations.put(transaction, renewed)
        return renewed, "identity.invitation_resent"


@dataclass(frozen=True, slots=True)
class ResendInvitation:
    """Mails an invitation once more and lets it live another week; the links sent before work too. Within ten
    minutes of the last mail it is that request come twice."""

    users: Users
    accounts: Accounts
    register: AccountRegister
    invitations: Invitations
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, invitation_id: UUID
    ) -> Invited | InvitationClosed | InvalidInput | NotFound:
        found = (await self.invitations.by_ids([invitation_id])).get(invitation_id)
        account_id = None if found is None else found.account_id
        async with self.transactions.begin() as transaction:
            # The account before the invitation, as who invites does.
            account = None if account_id is None else await self.register.lock(transaction, account_id)
            held = await _reached(
                transaction, principal, invitation_id, self.users, self.accounts, self.invitations
            )
            if isinstance(held, NotFound):
                return held
            now = self.clock.now()
            status = held.status(now)
            if status not in (InvitationStatus.OPEN, InvitationStatus.EXPIRED):
                return InvitationClosed(status)
            if now - held.sent_at < RESEND_AFTER:
                return Invited(held, replayed=True)
            sent = replace(held, expires_at=now + INVITATION_LIFE, mailings=held.mailings + 1)
            await self.invitations.put(transaction, sent)
            if account is not None and await _too_many(transaction, account, self.invitations, sent):
                return InvalidInput.at("id", DetailCode.TOO_MANY, TOO_MANY)
            await _send(transaction, sent)
            await transaction.record(_act(by, "identity.invitation_resent", sent, now))
            await transaction.commit()
        return Invited(sent, replayed=False)


@dataclass(frozen=True, slots=True)
class RevokeInvitation:
    """Takes an invitation back: its links open nothing from now on."""

    users: Users
    accounts: Accounts
    invitations: Invitations
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, invitation_id: UUID
    ) -> Invited | InvitationClosed | NotFound:
        async with self.transactions.begin() as transaction:
            held = await _reached(
                transaction, principal, invitation_id, self.users, self.accounts, self.invitations
            )
            if isinstance(held, NotFound):
                return held
            now = self.clock.now()
            status = held.status(now)
            if status is InvitationStatus.REVOKED:
                return Invited(held, replayed=True)
            if status is InvitationStatus.ACCEPTED:
                return InvitationClosed(status)
            revoked = replace(held, revoked_at=now)
            await self.invitations.put(transaction, revoked)
            await transaction.record(_act(by, "identity.invitation_revoked", revoked, now))
            await transaction.commit()
        return Invited(revoked, replayed=False)


def parse_limit(role: AccountRole, amount: Decimal | None) -> Money | InvalidInput | None:
    """What a buyer may order without asking. Only buyers have one: viewers order nothing, administrators approve."""
    if amount is None:
        return None
    if role is not AccountRole.BUYER:
        return InvalidInput.at("approvalLimit", DetailCode.NOT_A_BUYER, "only a buyer has an approval limit")
    if (wrong := number_problem(amount, MAX_LIMIT, TOTAL_DECIMALS)) is not None:
        return InvalidInput((wrong.at("input", "approvalLimit"),))
    return Money(amount.quantize(CENTAVO))


def grantable(
    principal: Principal, roles: Collection[str], known: dict[str, frozenset[str]]
) -> InvalidInput | Forbidden | None:
    """Why the principal may not give these staff roles; None when they may."""
    return _unknown(roles, known) or beyond(principal, roles, known)


def _unknown(roles: Collection[str], known: dict[str, frozenset[str]]) -> InvalidInput | None:
    if not roles:
        return InvalidInput((NONE_GIVEN.at("input", "roles"),))
    if not known.keys() >= set(roles):
        return InvalidInput.at(
            "roles", DetailCode.UNKNOWN_ROLE, f"must be one or more of {', '.join(sorted(known))}"
        )
    return None


def beyond(
    principal: Principal, roles: Collection[str], known: dict[str, frozenset[str]]
) -> Forbidden | None:
    """Whether these roles may do anything the principal may not: such roles they neither give nor take."""
    held = frozenset[str]().union(*(known.get(role, frozenset()) for role in roles))
    return None if held <= principal.scopes else BEYOND_YOU


def _draft(
    account_id: UUID | None,
    email: str,
    roles: tuple[str, ...],
    limit: Money | None,
    inviter_id: UUID | None,
    now: datetime,
) -> Invitation:
    return Invitation(new_id(), account_id, email, roles, limit, inviter_id, now, now + INVITATION_LIFE)


async def _invite(
    transaction: Transaction, by: Actor, invitations: Invitations, draft: Invitation
) -> Invited:
    held = await _added(transaction, invitations, draft)
    if held is not None:
        return Invited(held, replayed=True)
    await _send(transaction, draft)
    await transaction.record(_act(by, "identity.user_invited", draft, draft.created_at))
    return Invited(draft, replayed=False)


async def _added(transaction: Transaction, invitations: Invitations, draft: Invitation) -> Invitation | None:
    """One open invitation for each account and address: another replaces it. None: the draft is added; else the one
    like it that there was."""
    now = draft.created_at
    while not await invitations.add(transaction, draft):
        held = await invitations.open_for(transaction, draft.account_id, draft.email)
        if held is None:
            continue  # accepted or revoked just now
        alike = (held.roles, held.approval_limit) == (draft.roles, draft.approval_limit)
        if alike and held.status(now) is InvitationStatus.OPEN:
            return held
        await invitations.put(transaction, replace(held, revoked_at=now))
    return None


async def _too_many(
    transaction: Transaction, account: Account, invitations: Invitations, mailed: Invitation
) -> bool:
    """With the mail just asked for, which is not committed yet. The account is locked, so the count holds."""
    most = MOST_INVITED if account.status is AccountStatus.APPROVED else MOST_INVITED_UNAPPROVED
    mailings = await invitations.mailings_since(transaction, account.id, mailed.sent_at - INVITATION_LIFE)
    there = mailbox(mailed.email)
    return (
        sum(times for _, times in mailings) > most
        or sum(times for email, times in mailings if mailbox(email) == there) > MOST_INVITED_MAILBOX
    )


async def _reached(
    transaction: Transaction,
    principal: Principal,
    invitation_id: UUID,
    users: Users,
    accounts: Accounts,
    invitations: Invitations,
) -> Invitation | NotFound:
    principal = await with_present_scopes(transaction, principal, users)
    held = await invitations.lock(transaction, invitation_id)
    absent = NotFound("invitation", ("input", "id"))
    if held is None:
        return absent
    if held.account_id is None:
        may = USER_MANAGE in principal.scopes and principal.account_id is None
        return held if may else absent
    seen = await accounts.visible(principal, [held.account_id], within=transaction)
    return held if seen and ACCOUNT_MANAGE in principal.scopes else absent


async def _send(transaction: Transaction, invitation: Invitation) -> None:
    await transaction.publish(Event(USER_INVITED, {"invitation_id": str(invitation.id)}))


def _act(by: Actor, action: str, invitation: Invitation, at: datetime) -> Act:
    limit = invitation.approval_limit
    return Act(
        by,
        action,
        Subject("Invitation", invitation.id),
        at,
        account_id=invitation.account_id,
        after={
            "email": invitation.email,
            "roles": list(invitation.roles),
            "approvalLimit": None if limit is None else str(limit.amount),
            "expiresAt": invitation.expires_at.isoformat(),
        },
    )
