"""Families of refresh tokens, against a model: whatever is presented in whatever order, by owner or thief.

The rules are run through the domain, as the use case runs them, by a state machine; `test_sessions.py` has the
same rules on PostgreSQL, where they meet real concurrency.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from contexts.identity.domain.session import (
    REFRESH_LIFE,
    Device,
    RefreshToken,
    Session,
    TokenState,
    judge,
    new_secret,
    refresh_token,
    start_session,
)
from contexts.shared.ids import new_id

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@dataclass(slots=True)
class Family:
    """What the adapter keeps, in memory: `rotate` and `end` do what its statements do."""

    session: Session
    tokens: dict[bytes, RefreshToken] = field(default_factory=dict)

    def rotate(self, presented: RefreshToken, successor: RefreshToken) -> None:
        for digest, token in self.tokens.items():
            if token.spent_at is None:
                self.tokens[digest] = replace(token, spent_at=successor.issued_at)
        self.tokens[successor.digest] = successor
        self.session = replace(self.session, rotated_last=presented.digest)

    @property
    def unspent(self) -> list[bytes]:
        return [digest for digest, token in self.tokens.items() if token.spent_at is None]


class Families(RuleBasedStateMachine):
    """One family; everybody who ever got a token of it may present it, any number of times."""

    tokens = Bundle("tokens")

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.family: Family | None = None
        self.parent: dict[bytes, bytes | None] = {}
        self.dead = False

    @rule(target=tokens)
    def sign_in(self) -> object:
        if self.family is not None:
            return multiple()
        session = start_session(new_id(), Device(), self.now)
        first = refresh_token(session, new_secret(), self.now)
        self.family = Family(session, {first.digest: first})
        self.parent[first.digest] = None
        return first.digest

    @rule(target=tokens, digest=tokens)
    def present(self, digest: bytes) -> object:
        assert self.family is not None
        family = self.family
        token = family.tokens[digest]
        state = judge(family.session, token, self.now)
        expected = self._expected(digest, token)
        assert state is expected
        if state is TokenState.REUSED:
            family.session = replace(family.session, revoked_at=self.now)
            self.dead = True
        if state in {TokenState.DEAD, TokenState.REUSED}:
            return multiple()
        successor = refresh_token(family.session, new_secret(), self.now)
        family.rotate(token, successor)
        self.parent[successor.digest] = digest
        return successor.digest

    def _expected(self, digest: bytes, token: RefreshToken) -> TokenState:
        """By the line of descent, not by the fields that `judge` looks at."""
        assert self.family is not None
        if self.dead or self.now >= self.family.session.expires_at:
            return TokenState.DEAD
        (newest,) = self.family.unspent
        if digest == newest:
            return TokenState.LIVE if self.now < token.expires_at else TokenState.DEAD
        if digest == self.parent[newest] and self.now < token.expires_at:
            return TokenState.RETRIED
        return TokenState.REUSED

    @rule(hours=st.integers(1, 24 * 8))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def sign_out(self) -> None:
        if self.family is not None and not self.dead:
            self.family.session = replace(self.family.session, revoked_at=self.now)
            self.dead = True

    @invariant()
    def one_line_goes_on(self) -> None:
        """However often anything was retried, one token can be used next."""
        if self.family is not None:
            assert len(self.family.unspent) == 1

    @invariant()
    def nothing_outlives_the_session(self) -> None:
        if self.family is not None:
            ends = self.family.session.expires_at
            assert all(token.expires_at <= ends for token in self.family.tokens.values())
            assert all(
                token.expires_at - token.issued_at <= REFRESH_LIFE for token in self.family.tokens.values()
            )


TestFamilies = Families.TestCase
TestFamilies.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
