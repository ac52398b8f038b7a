"""What identity needs from outside, in its own words."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from contexts.identity.domain.account import Account, AccountStatus
from contexts.identity.domain.address import AccountAddress
from contexts.identity.domain.invitation import Invitation
from contexts.identity.domain.mailed_token import MailedToken, Purpose
from contexts.identity.domain.onboarding import AccountChange, CnpjStanding
from contexts.identity.domain.role import Role
from contexts.identity.domain.session import RefreshToken, Session
from contexts.identity.domain.signing_key import SigningKeyTimes
from contexts.identity.domain.user import AccountMember, Member, Principal, StaffMember, User, Viewer
from contexts.shared.audit import Act
from contexts.shared.money import Money
from contexts.shared.pagination import Page, Window
from contexts.shared.rejections import Detail
from contexts.shared.transaction import Transaction


class Accounts(Protocol):
    """Reads buyer accounts. A missing key: there is no such account, or not for this principal."""

    async def by_ids(
        self, ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, Account]:
        """Without row scope: for other contexts, which hold the id of an account they may deal with."""
        ...

    async def visible(
        self, principal: Principal, ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, Account]:
        """Those the principal may see: all with `account:all`, a buyer their own, a rep their portfolio."""
        ...

    async def portfolio_of(self, rep_id: UUID, *, within: Transaction | None = None) -> frozenset[UUID]:
        """The ids of the accounts a sales rep looks after; empty for anybody else."""
        ...

    async def named(self, text: str, *, among: Collection[UUID] | None, most: int) -> frozenset[UUID]:
        """Without row scope: those, of these ids or of all, whose legal name has the text in it, accents and case
        aside, or whose CNPJ begins with its letters and digits; `most` at most."""
        ...

    async def reps_of(self, account_id: UUID) -> frozenset[UUID]:
        """The ids of the sales reps who look after an account: `portfolio_of`, the other way round."""
        ...


class AccountRegister(Protocol):
    """Writes buyer accounts."""

    async def add(
        self,
        transaction: Transaction,
        account: Account,
        addresses: Sequence[AccountAddress],
        rep_ids: Collection[UUID],
        at: datetime,
        *,
        state_registration: str | None = None,
    ) -> None:
        """Add the account with its addresses, one of them primary, in the reps' portfolios. It does not hold its
        CNPJ yet."""
        ...

    async def remove(self, transaction: Transaction, account_id: UUID) -> None:
        """Take back an account that this transaction has added, before it has people or a history."""
        ...

    async def remember(self, transaction: Transaction, cnpj: str, digest: bytes, at: datetime) -> bool:
        """Keep what this registration is known by; the same one waits for the transaction. False: it came before."""
        ...

    async def hold(self, transaction: Transaction, account: Account, at: datetime) -> bool:
        """Let the account hold its CNPJ if nobody does; who else wants it waits for the transaction.

        Whether the account holds it, now or since before. Lock the account first: every step that moves a CNPJ
        locks accounts, in the order of their ids, and then the hold.
        """
        ...

    async def release(self, transaction: Transaction, account_id: UUID) -> bool:
        """Free the CNPJ that the account holds. False: it held none."""
        ...

    async def hand_over(self, transaction: Transaction, giver: Account, taker: Account, at: datetime) -> bool:
        """Let the taker hold the CNPJ, which is both accounts', in the place of the giver. False: the giver did not."""
        ...

    async def lock(self, transaction: Transaction, account_id: UUID) -> Account | None:
        """The account, kept from every other change, its people's included, until the transaction ends."""
        ...

    async def change(self, transaction: Transaction, change: AccountChange, tier: str | None = None) -> None:
        """Keep a step with the status it leads to; with a tier, that too."""
        ...

    async def last_change(self, transaction: Transaction, account_id: UUID) -> AccountChange | None: ...


class AddressBook(Protocol):
    """The addresses of buyer accounts."""

    async def of(
        self, account_ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, list[AccountAddress]]:
        """By account, the primary one first, then as they were added."""
        ...

    async def put(self, transaction: Transaction, account_id: UUID, address: AccountAddress) -> None:
        """Add it, or replace the one with its id. A primary one takes the place of the one that was."""
        ...

    async def remove(self, transaction: Transaction, address_id: UUID) -> None: ...


@dataclass(frozen=True, slots=True)
class AccountFilter:
    """Which accounts of a listing. `search`: part of the legal name, accents and case aside, or how a CNPJ begins.
    `cnpj_contested`: those only for whose CNPJ there are rivals."""

    statuses: frozenset[AccountStatus] | None = None
    search: str | None = None
    state: str | None = None
    rep_id: UUID | None = None
    cnpj_contested: bool = False


@dataclass(frozen=True, slots=True)
class Registration:
    """What an account told about itself besides its name, and when."""

    state_registration: str | None
    registered_at: datetime


class AccountFiles(Protocol):
    """Accounts as those see them who look after them. What is asked by id is of accounts already seen."""

    async def page(self, principal: Principal, filter: AccountFilter, window: Window) -> Page[Account]:
        """Those the principal may see, newest first. Raises InvalidPosition."""
        ...

    async def count(self, principal: Principal, filter: AccountFilter) -> int: ...

    async def registrations(self, account_ids: Collection[UUID]) -> dict[UUID, Registration]: ...

    async def histories(self, account_ids: Collection[UUID]) -> dict[UUID, list[AccountChange]]:
        """Oldest first; of an account that was opened here, not registered, from its first step on."""
        ...

    async def reasons(self, account_ids: Collection[UUID]) -> dict[UUID, str]:
        """What the account was told last about where it stands; a missing key: nothing."""
        ...

    async def changes(self, ids: Collection[UUID]) -> dict[UUID, AccountChange]: ...

    async def standings(self, account_ids: Collection[UUID]) -> dict[UUID, CnpjStanding]: ...

    async def rivals(self, principal: Principal, account_ids: Collection[UUID]) -> dict[UUID, list[Account]]:
        """By account, the others registered with its CNPJ that the principal may see and that count: they hold it,
        or somebody there has proved their e-mail address. The holder first, then the oldest; few of many."""
        ...

    async def reps(self, account_ids: Collection[UUID]) -> dict[UUID, list[User]]:
        """The active sales reps who look after each."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """A member with the hash that their password is verified against; `seen_here`: they have proved who they
    are from this network before."""

    member: Member
    password_hash: str = field(repr=False)
    seen_here: bool = False


class Users(Protocol):
    """Reads and writes users."""

    async def credentials(self, email: str, address: str | None = None) -> Credentials | None:
        """Of the user with that e-mail address in any case, active or not."""
        ...

    async def see(self, transaction: Transaction, user_id: UUID, address: str | None, at: datetime) -> None:
        """Remember that the user has proved who they are from that network address."""
        ...

    async def credentials_of(self, user_id: UUID) -> Credentials | None:
        """Of that user, active or not."""
        ...

    async def set_password(
        self,
        transaction: Transaction,
        user_id: UUID,
        password_hash: str,
        *,
        replacing: str | None = None,
    ) -> bool:
        """Keep the hash. False: the user is inactive, or their hash is not the one it was to replace."""
        ...

    async def set_email_verified(
        self, transaction: Transaction, user_id: UUID, email: str, at: datetime
    ) -> bool:
        """Note that the address is proved, if not before. False: the user is gone or has another by now."""
        ...

    async def locked(
        self, transaction: Transaction, user_id: UUID, *, alone: bool = False
    ) -> Credentials | None:
        """Of that user as they are now, active or not; who would change their password or roles, or deactivate
        them, waits for the transaction's end. `alone`: whoever else asks for this waits too."""
        ...

    async def member(self, user_id: UUID, *, within: Transaction | None = None) -> Member | None:
        """That user, active or not."""
        ...

    async def reps(self, ids: Collection[UUID], *, within: Transaction | None = None) -> frozenset[UUID]:
        """Which of these are active sales reps."""
        ...

    async def add(
        self,
        transaction: Transaction,
        user: User,
        password_hash: str,
        roles: Collection[str],
        account_id: UUID | None,
        at: datetime,
        *,
        approval_limit: Money | None = None,
    ) -> bool:
        """Add an active user. False: the e-mail address is taken."""
        ...


class Directory(Protocol):
    """The people of the accounts, and the staff."""

    async def visible(self, principal: Principal, ids: Collection[UUID]) -> dict[UUID, User]:
        """Of these users those the principal may see: themselves, the people of accounts they administer or look
        after, the staff for who manages it."""
        ...

    async def of_accounts(
        self, account_ids: Collection[UUID], *, within: Transaction | None = None
    ) -> dict[UUID, list[AccountMember]]:
        """By account, active and inactive, oldest first."""
        ...

    async def staff(
        self, ids: Collection[UUID] | None = None, *, within: Transaction | None = None
    ) -> list[StaffMember]:
        """Those of the staff, or of these users, oldest first."""
        ...

    async def staff_roles(self, *, within: Transaction | None = None) -> dict[str, frozenset[str]]:
        """The scopes of each role that staff can have."""
        ...

    async def set_active(self, transaction: Transaction, user_id: UUID, active: bool) -> None: ...

    async def set_roles(self, transaction: Transaction, user_id: UUID, roles: Collection[str]) -> None:
        """Give these and no others, once a session that is beginning has begun."""
        ...

    async def set_approval_limit(
        self, transaction: Transaction, user_id: UUID, limit: Money | None
    ) -> None: ...

    async def approval_limit(self, transaction: Transaction, user_id: UUID) -> Money | None:
        """What the user may order without asking; who would set another one waits for the transaction's end.
        None: no limit."""
        ...


class Portfolios(Protocol):
    """Which sales rep looks after which accounts."""

    async def lock(self, transaction: Transaction, rep_ids: Collection[UUID]) -> None:
        """Keep every other change of these reps' portfolios waiting, in one order, until the transaction ends."""
        ...

    async def add(self, transaction: Transaction, rep_id: UUID, account_ids: Collection[UUID]) -> None:
        """Into the portfolio; what is in it stays."""
        ...

    async def remove(self, transaction: Transaction, rep_id: UUID, account_ids: Collection[UUID]) -> None: ...


class Invitations(Protocol):
    """Keeps invitations and the digests of the secrets that were mailed."""

    async def add(self, transaction: Transaction, invitation: Invitation) -> bool:
        """False: there is an open one for this account and e-mail address already."""
        ...

    async def open_for(
        self, transaction: Transaction, account_id: UUID | None, email: str
    ) -> Invitation | None:
        """The one neither accepted nor revoked, expired or not, locked until the transaction ends."""
        ...

    async def mailings_since(
        self, transaction: Transaction, account_id: UUID, since: datetime
    ) -> Sequence[tuple[str, int]]:
        """To which e-mail addresses the account had invitations mailed and how often, whatever became of them. Of
        one that was mailed since then its earlier mails count too."""
        ...

    async def lock(self, transaction: Transaction, invitation_id: UUID) -> Invitation | None: ...

    async def locked_by(self, transaction: Transaction, digest: bytes) -> Invitation | None:
        """The one that a secret of this digest was mailed for, locked until the transaction ends."""
        ...

    async def by_digest(self, digest: bytes) -> Invitation | None: ...

    async def by_ids(self, ids: Collection[UUID]) -> dict[UUID, Invitation]: ...

    async def put(self, transaction: Transaction, invitation: Invitation) -> None:
        """Keep when it expires, was accepted, was revoked, and how often it was mailed."""
        ...

    async def give(self, transaction: Transaction, invitation_id: UUID, digest: bytes) -> None:
        """Let the secret of this digest accept the invitation, like those given before."""
        ...

    async def revoke_of(self, transaction: Transaction, inviter_id: UUID, at: datetime) -> None:
        """Take back all that this user sent and nobody has accepted."""
        ...

    async def open_of(self, account_ids: Collection[UUID]) -> dict[UUID, list[Invitation]]:
        """Neither accepted nor revoked, by account, newest first."""
        ...

    async def open_of_staff(self) -> list[Invitation]: ...


class Viewers(Protocol):
    """Reads people for showing them."""

    async def of(self, principal: Principal) -> Viewer | None:
        """The principal with their account; None when the user is gone or inactive."""
        ...

    async def users(self, ids: Collection[UUID], *, within: Transaction | None = None) -> dict[UUID, User]:
        """Active and inactive users; a missing key: there is none."""
        ...


class Sessions(Protocol):
    """Keeps sessions and their refresh tokens. A session that ends is refused at once, by every process."""

    async def live(self, user_id: UUID, at: datetime) -> list[Session]:
        """The user's sessions that can go on, the one used last first."""
        ...

    async def start(self, transaction: Transaction, session: Session, token: RefreshToken) -> None: ...

    async def locked(self, transaction: Transaction, digest: bytes) -> tuple[Session, RefreshToken] | None:
        """The token with its session, both locked until the transaction ends, so that uses of it queue up."""
        ...

    async def rotate(
        self, transaction: Transaction, presented: RefreshToken, successor: RefreshToken
    ) -> None:
        """Keep the successor in the place of whichever token could be used until now."""
        ...

    async def end(
        self, transaction: Transaction, session_ids: Collection[UUID], of: UUID | None, at: datetime
    ) -> frozenset[UUID]:
        """End these sessions, those `of` a user only if one is given; which of them were live until now."""
        ...

    async def end_oldest(
        self, transaction: Transaction, user_id: UUID, at: datetime, *, keep: int
    ) -> frozenset[UUID]:
        """End the user's sessions but those `keep` that were used last; which were live until now. Of several at
        once none counts too few only if each holds the user alone (`Users.locked`)."""
        ...

    async def end_all(
        self,
        transaction: Transaction,
        user_ids: Collection[UUID],
        at: datetime,
        *,
        but: UUID | None = None,
    ) -> frozenset[UUID]:
        """End every session of these users, `but` one perhaps; which were live until now.

        Who suspends an account or deactivates a user calls this after that change, in its transaction: no
        session slips through, because one that begins holds `Users.locked`, and this waits for it.
        """
        ...


class Repetitions(Protocol):
    """Writes acts to the audit trail that somebody may repeat without end, and without a change: so that the trail
    grows by days and not by requests. Those it does not write at once it counts, and the worker tells their number
    when the day (in Brasília) is over."""

    async def record(
        self, transaction: Transaction, act: Act, of: UUID | str, *, remarkable: bool = False
    ) -> None:
        """Write the act if it is the first with its name `of` that user, or e-mail address, today; or if it is
        `remarkable` and few such acts were written today. Else count it."""
        ...

    async def tell_over(self, at: datetime) -> int:
        """Write how often each was done on the days that are over by then; how many acts that were."""
        ...


class MailedTokens(Protocol):
    """Keeps the tokens that were mailed."""

    async def add(self, transaction: Transaction, token: MailedToken) -> None: ...

    async def find(self, digest: bytes, purpose: Purpose, at: datetime) -> MailedToken | None:
        """The token, if it can be used now."""
        ...

    async def take(
        self, transaction: Transaction, digest: bytes, purpose: Purpose, at: datetime
    ) -> MailedToken | None:
        """Use the token: it and its user's others for the same purpose are gone. Of two at once one gets it."""
        ...

    async def withdraw(self, transaction: Transaction, user_id: UUID, purpose: Purpose) -> None:
        """The user's tokens for this are good for nothing any more."""
        ...


class Roles(Protocol):
    """Keeps what each role may do."""

    async def all(self) -> list[Role]:
        """By name."""
        ...

    async def lock_all(self, transaction: Transaction) -> dict[str, Role]:
        """All roles by name, kept from every other change until the transaction ends."""
        ...

    async def put(self, transaction: Transaction, role: Role) -> None:
        """Keep the role's scopes and version."""
        ...

    async def somebody_has(self, transaction: Transaction, scope: str) -> bool:
        """Whether an active user has the scope by one of their roles."""
        ...


class EndedSessions(Protocol):
    """Knows the sessions that ended so lately that their access tokens would still be good."""

    async def has(self, session_id: UUID) -> bool:
        """Whether that session is over. Asked for every request: without a statement as a rule."""
        ...

    def watching(self, session_id: UUID, ended: Callable[[], None]) -> AbstractContextManager[None]:
        """Have `ended` called when the session ends inside the block."""
        ...


class Passwords(Protocol):
    """Judges and hashes passwords, slowly on purpose; takes a few at a time, the others wait."""

    async def problem(self, text: str, field: str, *personal: str) -> Detail | None:
        """What `password_problem` says, without keeping anybody else waiting."""
        ...

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password has that hash. With None: False, after as long as it would have taken."""
        ...


@dataclass(frozen=True, slots=True)
class TokenVerified:
    """An access token that proves its principal, until just before `expires_at`, while its key is good."""

    principal: Principal
    expires_at: datetime
    kid: str


@dataclass(frozen=True, slots=True)
class TokenRejected:
    """An access token that proves nothing. `reason` is for the log, not for the client."""

    reason: str


@dataclass(frozen=True, slots=True)
class KeyUnknown:
    """An access token of a key that this process does not know, or not yet."""

    kid: str


@dataclass(frozen=True, slots=True)
class TooManyAttempts:
    """Nothing was verified: there were too many failures. Worth trying again from `retry_at` on."""

    retry_at: datetime


class Attempt(Protocol):
    """An attempt that was let through. It counts as a failure until it is forgiven."""

    @property
    def is_last(self) -> bool:
        """Whether the next one is refused, if this one fails."""
        ...

    async def forgive(self, transaction: Transaction) -> None:
        """It has succeeded: the failures in a row are over."""
        ...


SIGN_IN: Final = "sign-in"
"""What is attempted by who says who they are. Every other attempt has mail sent."""


class Throttle(Protocol):
    """Limits failures to prove who one is, and mails to one mailbox, in all processes together."""

    def attempt(
        self, what: str, email: str, address: str | None, *, seen_here: bool
    ) -> AbstractAsyncContextManager[Attempt | TooManyAttempts]:
        """An attempt at `what`, counted apart from other things: for an e-mail address, whoever it belongs to,
        from a network address. Only SIGN_IN is counted for the address as it is written; all else for its mailbox
        (`domain.user.mailbox`), since it has mail sent there.

        Those for one e-mail take turns, so that a hundred at once that are right are a hundred successes, and
        of a hundred that are wrong as few are verified as one after another. `seen_here` has a count of its
        own: no stranger's failures, for that person or from the same network, keep out who has proved before
        to be that person from this network.
        """
        ...

    async def release(self, transaction: Transaction, email: str, address: str | None) -> None:
        """Forget the failures for the e-mail address: its owner has proved to be that by other means."""
        ...


@dataclass(frozen=True, slots=True)
class NotAKey:
    """What was to be imported is no private key of ours. `reason` does not repeat it."""

    reason: str


class SigningKeys(Protocol):
    """The keys that sign access tokens, where all processes find them; private keys are kept wrapped."""

    async def all(self) -> list[SigningKeyTimes]: ...

    async def locked(self, transaction: Transaction) -> list[SigningKeyTimes]:
        """All of them, and nobody else makes or changes one before the transaction ends."""
        ...

    async def unreadable(self, kids: Collection[str], within: Transaction | None = None) -> list[str]:
        """Those of these keys that our secrets do not unwrap."""
        ...

    async def make(
        self, transaction: Transaction, created_at: datetime, signs_from: datetime
    ) -> SigningKeyTimes:
        """Make and keep a key."""
        ...

    async def take_in(
        self, transaction: Transaction, pem: bytes, born: datetime
    ) -> SigningKeyTimes | NotAKey:
        """Keep a key that was made elsewhere; it signs from then on."""
        ...

    async def sign_from(self, transaction: Transaction, kid: str, at: datetime) -> None:
        """Have an announced key sign earlier."""
        ...

    async def revoke(self, transaction: Transaction, kid: str, at: datetime) -> None: ...

    async def rewrap(self, transaction: Transaction) -> list[str]:
        """Wrap all that another secret has wrapped with the one that wraps now; which keys that were."""
        ...


class AccessTokens(Protocol):
    """Issues and verifies access tokens. They are not looked up: one that was issued is good until it expires,
    or until `EndedSessions` knows that its session is over."""

    def issue(self, principal: Principal, at: datetime) -> tuple[str, datetime]:
        """The token and the instant it expires. Raises Unavailable while no key is known."""
        ...

    def verify(self, token: str, at: datetime) -> TokenVerified | TokenRejected | KeyUnknown:
        """Whom the token proves and until when; takes any text."""
        ...

    async def look_again(self) -> None:
        """Read the keys, if that was not done just now: after KeyUnknown, verify once more. Raises Unavailable."""
        ...

    def has_key(self, kid: str) -> bool:
        """Whether the key of a token that was verified is still one."""
        ...

    def can_issue(self, at: datetime) -> bool:
        """Whether a key is known that signs."""
        ...

    def jwks(self, at: datetime) -> Mapping[str, list[dict[str, str]]]:
        """The public keys that verify the tokens, as a JSON Web Key Set (RFC 7517). Raises Unavailable while no key
        is known."""
        ...
