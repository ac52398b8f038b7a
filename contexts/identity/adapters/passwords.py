"""Argon2id for passwords."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from unicodedata import normalize

from argon2 import PasswordHasher, Type
from argon2.exceptions import VerifyMismatchError

from contexts.identity.domain.password import password_problem
from contexts.shared.rejections import Detail

CONCURRENCY = 2


class Argon2Passwords:
    """Hashes with Argon2id in threads of its own: it keeps a core busy for tens of milliseconds, without the GIL.

    At most two at a time, so a burst of sign-ins takes neither all cores nor all memory. The defaults are
    OWASP's recommendation (19 MiB, two passes, one lane). Composed and decomposed accents are the same password.

    Judges in one more thread, one at a time: zxcvbn keeps what is personal in a global, and takes a core for up to
    half a second that no sign-in should wait for.
    """

    def __init__(self, *, time_cost: int = 2, memory_kib: int = 19_456) -> None:
        self._hasher = PasswordHasher(time_cost, memory_kib, parallelism=1, type=Type.ID)
        self._threads = ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="argon2")
        self._judge = ThreadPoolExecutor(1, thread_name_prefix="zxcvbn")
        self._nobodys_hash = self._hasher.hash("no password, but as expensive as one")

    async def problem(self, text: str, field: str, *personal: str) -> Detail | None:
        return await asyncio.get_running_loop().run_in_executor(
            self._judge, password_problem, text, field, *personal
        )

    async def hash(self, password: str) -> str:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._hasher.hash, normalize("NFC", password)
        )

    async def verify(self, password: str, password_hash: str | None) -> bool:
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._matches, normalize("NFC", password), password_hash
        )

    def close(self) -> None:
        """Let the threads go; what is being judged or hashed is finished first."""
        self._judge.shutdown()
        self._threads.shutdown()

    def _matches(self, password: str, password_hash: str | None) -> bool:
        try:
            self._hasher.verify(password_hash or self._nobodys_hash, password)
        except VerifyMismatchError:
            return False
        return password_hash is not None
