"""Signing keys for tests: a secret, keys that stand in no table, and those of a database."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contexts.identity.adapters.known_signing_keys import Known, KnownSigningKeys
from contexts.identity.adapters.signing_keys import SigningKey, SqlSigningKeys, Wrapping
from contexts.identity.domain.signing_key import SigningKeyTimes, Succession
from contexts.identity.use_cases.keep_signing_keys import MakeSigningKey
from contexts.shared.adapters.database import Database
from contexts.shared.clock import Clock, SystemClock
from gateway.settings import Settings

SECRET = "a-secret-that-no-one-but-the-tests-has"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LIFE = timedelta(minutes=10)


@dataclass(slots=True)
class FixedKeys:
    """Keys that a test puts there."""

    current: Known

    @property
    def signing(self) -> SigningKey:
        """The last one."""
        return self.current.keys[self.current.succession.keys[-1].kid]

    async def look_again(self) -> None:
        """There is nothing to be read."""


def fixed(*signs_from: datetime, life: timedelta = LIFE) -> FixedKeys:
    """New keys, each of which signs from then on; one that has always signed where no time is given."""
    keys = [(SigningKey.of(Ed25519PrivateKey.generate()), at) for at in signs_from or (LONG_AGO,)]
    times = [SigningKeyTimes(key.kid, at, at) for key, at in keys]
    return FixedKeys(Known(Succession(times, life), {key.kid: key for key, _ in keys}))


def table_of(database: Database, *secrets: str) -> SqlSigningKeys:
    """The table of keys, by the tests' secret or others."""
    return SqlSigningKeys(database, Wrapping(secrets or (SECRET,)))


async def first_key(database: Database, clock: Clock | None = None) -> None:
    """As `prumo keys make` on a new database."""
    await MakeSigningKey(table_of(database), database, clock or SystemClock(), LIFE)("tests", only_first=True)


async def first_key_at(url: str) -> None:
    """As `first_key`, before a server reads the keys: one that finds none looks again later."""
    database = Database(url)
    await first_key(database)
    await database.close()


async def keys_of(settings: Settings) -> FixedKeys:
    """What a server with these settings signs with."""
    database = Database(settings.database_url or "")
    known = KnownSigningKeys(table_of(database), settings.access_token_life)
    await known.look_again()
    await database.close()
    return FixedKeys(known.current)
