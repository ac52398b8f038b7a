"""When a key that signs access tokens is announced, signs, verifies, and is over (docs/adr/0030-signing-keys.md).

All of it follows from times that stand beside the key, so that processes change to the next key without talking.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

KEY_SET_CACHED: Final = timedelta(minutes=5)
"""How long others may keep our key set: its Cache-Control says so."""
NOTICED: Final = timedelta(minutes=1)
"""By then every process that reaches the database has read the keys again, a slow statement included."""
MARGIN: Final = timedelta(minutes=2)
"""By which the clocks of processes may differ."""
ANNOUNCED: Final = KEY_SET_CACHED + NOTICED + MARGIN
"""A new key is known for so long before it signs: longer than anybody keeps a key set without it."""


@dataclass(frozen=True, slots=True)
class SigningKeyTimes:
    """A key by its id. It was made at `created_at`; with `revoked_at` it proves nothing, whatever the other times
    say."""

    kid: str
    created_at: datetime
    signs_from: datetime
    revoked_at: datetime | None = None

    @property
    def has_signed(self) -> bool:
        """Whether it came to its turn, or may yet; one that was revoked before has not."""
        return self.revoked_at is None or self.revoked_at > self.signs_from


class KeyState(Enum):
    ANNOUNCED = "announced"
    """In the key set; verifies, for a process whose clock is ahead may sign with it."""
    SIGNS = "signs"
    VERIFIES = "verifies"
    """Another signs; the tokens of this one are not all over."""
    OVER = "over"
    REVOKED = "revoked"


class Succession:
    """Keys in the order in which they sign. `life`: of an access token."""

    def __init__(self, keys: Iterable[SigningKeyTimes], life: timedelta) -> None:
        self.keys = tuple(sorted(keys, key=lambda key: (key.signs_from, key.kid)))
        self._life = life

    def signing(self, at: datetime) -> SigningKeyTimes | None:
        """The key that signs; the first to come where none has come to its turn. None: there is no key."""
        usable = [key for key in self.keys if self._verifies(key, at)]
        return next((key for key in reversed(usable) if key.signs_from <= at), usable[0] if usable else None)

    def announced(self, at: datetime) -> SigningKeyTimes | None:
        """The next one to sign."""
        signing = self.signing(at)
        return next((key for key in self.verifying(at) if key.signs_from > at and key is not signing), None)

    def verifying(self, at: datetime) -> tuple[SigningKeyTimes, ...]:
        """Those whose tokens are good, and those that are announced."""
        return tuple(key for key in self.keys if self._verifies(key, at))

    def verifies_until(self, key: SigningKeyTimes) -> datetime | None:
        """When the last token that it signed is over, by the slowest clock; None while no other key follows."""
        after = self.keys[self.keys.index(key) + 1 :]
        successor = next((each for each in after if each.has_signed), None)
        return None if successor is None else successor.signs_from + self._life + MARGIN

    def state(self, key: SigningKeyTimes, at: datetime) -> KeyState:
        if key.revoked_at is not None:
            return KeyState.REVOKED
        if not self._verifies(key, at):
            return KeyState.OVER
        if key == self.signing(at):
            return KeyState.SIGNS
        return KeyState.ANNOUNCED if key.signs_from > at else KeyState.VERIFIES

    def _verifies(self, key: SigningKeyTimes, at: datetime) -> bool:
        if key.revoked_at is not None:
            return False
        until = self.verifies_until(key)
        return until is None or at < until
