"""What identity needs from outside, in its own words."""

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from contexts.identity.domain.account import Account, Address
from contexts.identity.domain.mailed_token import MailedToken, Purpose
from contexts.identity.domain.role import Role
from contexts.identity.domain.session import RefreshToken, Session
from contexts.identity.domain.user import Member, Principal, User, Viewer
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


class AccountRegister(Protocol):
    """Writes buyer accounts."""

    async def add(
        self,
        transaction: Transaction,
        account: Account,
        address: Address,
        rep_ids: Collection[UUID],
        at: datetime,
    ) -> bool:
        """Add the account with its primary address, in the reps' portfolios. False: the CNPJ is taken."""
        ...


@dataclass(frozen=True, slots=True)
class Credentials:
    """A member with the hash that their password is verified against; `seen_here`: they have signed in from
    the address before."""

    member: Member
    password_hash: str = field(repr=False)
    seen_here: bool = False


class Users(Protocol):
    """Reads and writes users."""

    async def credentials(self, email: str, address: str | None = None) -> Credentials | None:
        """Of the user with that e-mail address in any case, active or not."""
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

    async def lock_active(self, transaction: Transaction, user_id: UUID) -> bool:
        """Whether the user is active; who would deactivate them waits for the transaction's end."""
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
    ) -> bool:
        """Add an active user. False: the e-mail address is taken."""
        ...


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
        session slips through, because one that begins holds `Users.lock_active`.
        """
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
    """Hashes passwords, slowly on purpose; takes a few at a time, the others wait."""

    async def hash(self, password: str) -> str: ...

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Whether the password has that hash. With None: False, after as long as it would have taken."""
        ...


@dataclass(frozen=True, slots=True)
class TokenVerified:
    """An access token that proves its principal, until just before `expires_at`."""

    principal: Principal
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRejected:
    """An access token that proves nothing. `reason` is for the log, not for the client."""

    reason: str


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


class Throttle(Protocol):
    """Limits failures to prove who one is, in all processes together."""

    def attempt(
        self, what: str, email: str, address: str | None, at: datetime, *, seen_here: bool
    ) -> AbstractAsyncContextManager[Attempt | TooManyAttempts]:
        """An attempt at `what`, counted apart from other things: for an e-mail address, whoever it belongs to,
        from a network address.

        Those for one e-mail take turns, so that a hundred at once that are right are a hundred successes, and
        of a hundred that are wrong as few are verified as one after another. `seen_here` has a count of its
        own: a stranger's failures do not keep out who has signed in from this address before.
        """
        ...

    async def release(self, transaction: Transaction, email: str, address: str | None) -> None:
        """Forget the failures for the e-mail address: its owner has proved to be that by other means."""
        ...


@dataclass(frozen=True, slots=True)
class KeyInUse:
    """A key by its id. `verifies_until` None: it signs."""

    kid: str
    since: datetime
    verifies_until: datetime | None


class KeyRing(Protocol):
    """The keys that sign access tokens."""

    def in_use(self) -> list[KeyInUse]:
        """Oldest first; the last one signs."""
        ...

    def rotate(self, at: datetime) -> list[KeyInUse]:
        """Have a new key sign from now on; the others verify until the last token they signed has expired."""
        ...

    def retire(self, at: datetime) -> None:
        """Remove the keys that have nothing left to verify."""
        ...


class AccessTokens(Protocol):
    """Issues and verifies access tokens. They are not looked up: one that was issued is good until it expires,
    or until `EndedSessions` knows that its session is over."""

    def issue(self, principal: Principal, at: datetime) -> tuple[str, datetime]:
        """The token and the instant it expires."""
        ...

    def verify(self, token: str, at: datetime) -> TokenVerified | TokenRejected:
        """Whom the token proves and until when; takes any text."""
        ...

    def jwks(self) -> Mapping[str, list[dict[str, str]]]:
        """The public keys that verify the tokens, as a JSON Web Key Set (RFC 7517)."""
        ...
