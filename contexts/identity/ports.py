"""What identity needs from outside, in its own words."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from contexts.identity.domain.account import Account, Address
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
    """A member with the hash that their password is verified against."""

    member: Member
    password_hash: str = field(repr=False)


class Users(Protocol):
    """Reads and writes users."""

    async def credentials(self, email: str) -> Credentials | None:
        """Of the user with that e-mail address in any case, active or not."""
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
    """Keeps sessions and their refresh tokens."""

    async def start(self, transaction: Transaction, session: Session, token: RefreshToken) -> None: ...

    async def locked(self, transaction: Transaction, digest: bytes) -> tuple[Session, RefreshToken] | None:
        """The token with its session, both locked until the transaction ends, so that uses of it queue up."""
        ...

    async def rotate(self, transaction: Transaction, spent: RefreshToken, successor: RefreshToken) -> None:
        """Mark the one as spent when the other was issued, and keep the other."""
        ...

    async def revoke(self, transaction: Transaction, session_id: UUID, at: datetime) -> datetime:
        """End the session, and say since when it is over: earlier than `at` when it was revoked already."""
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


class AccessTokens(Protocol):
    """Issues and verifies access tokens. They are short-lived because they are not looked up: one that was
    issued is good until it expires, though its session be revoked."""

    def issue(self, principal: Principal, at: datetime) -> tuple[str, datetime]:
        """The token and the instant it expires."""
        ...

    def verify(self, token: str, at: datetime) -> TokenVerified | TokenRejected:
        """Whom the token proves and until when; takes any text."""
        ...

    def jwks(self) -> Mapping[str, list[dict[str, str]]]:
        """The public keys that verify the tokens, as a JSON Web Key Set (RFC 7517)."""
        ...
