"""The services that the settings leave to us: started, watched and stopped together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

from gateway.database_tls import require_trusted
from gateway.embedded.child import ServiceError
from gateway.embedded.postgres import Postgres
from gateway.embedded.s3 import S3
from gateway.home import HomeTaken, exclusive, prepare, writing_to
from gateway.migrate import migrate, require_migrated
from gateway.progress import step
from gateway.settings import Settings
from gateway.signing_secrets import with_home_secret

_DATABASE = "prumo"
_LOOK_EVERY = 0.3


class Services:
    """PostgreSQL unless the settings name a database, S3 unless they name a `store`; both in PRUMO_HOME."""

    def __init__(self, settings: Settings, *, store: bool = True) -> None:
        self._settings = settings
        embeds_s3 = store and not settings.names_store
        self.postgres = Postgres(settings.home / "postgres") if settings.database_url is None else None
        self.s3 = S3(settings.home / "s3", settings.s3_bucket) if embeds_s3 else None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Settings]:
        """Start what is ours, and yield complete settings. PRUMO_HOME must be held.

        Raises CannotRun, also when the block fails because a service ended. A cancellation stops what has
        been started.
        """
        async with AsyncExitStack() as started:
            if self.postgres is not None:
                started.push_async_callback(self._in_thread, self.postgres.stop)
                async with step("starting PostgreSQL"):
                    await self._in_thread(self.postgres.start)
                    await self._in_thread(partial(self.postgres.create_database, _DATABASE))
            if self.s3 is not None:
                started.push_async_callback(self._in_thread, self.s3.stop)
                async with step("starting the S3 store"):
                    await self._in_thread(self.s3.start)
            try:
                yield self.completed()
            except Exception as error:
                # A lost connection is noticed before the end of the process behind it.
                await asyncio.sleep(_LOOK_EVERY)
                if (why := self.exited()) is not None:
                    raise ServiceError(why) from error
                raise

    def completed(self) -> Settings:
        """The settings with the addresses and keys of what is embedded; it may run in another process."""
        update: dict[str, str] = {}
        if self.postgres is not None:
            update["database_url"] = self.postgres.url(_DATABASE)
        if self.s3 is not None:
            update["s3_endpoint"] = self.s3.endpoint
            update["s3_key"] = self.s3.access_key
            update["s3_secret"] = self.s3.secret_key
        return self._settings.model_copy(update=update)

    def exited(self) -> str | None:
        """Why one of them does not run any more; None while all is well."""
        for service in (self.postgres, self.s3):
            if service is not None and (why := service.exited()) is not None:
                return why
        return None

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[asyncio.Task[None]]:
        """A task that fails with ServiceError when one of them ends during the block."""

        async def watch() -> None:
            while (why := self.exited()) is None:  # noqa: ASYNC110 - a process sets no event
                await asyncio.sleep(_LOOK_EVERY)
            raise ServiceError(why)

        task = asyncio.create_task(watch())
        try:
            yield task
        finally:
            task.cancel()

    def kill(self) -> None:
        """Have all of them end at once, without waiting."""
        for service in (self.postgres, self.s3):
            if service is not None:
                service.kill()

    async def _in_thread(self, work: Callable[[], None]) -> None:
        """To its end even when cancelled: a half-started server could not be stopped."""

        def writing() -> None:
            with writing_to(self._settings.home):
                work()

        task = asyncio.create_task(asyncio.to_thread(writing))
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            await asyncio.wait([task])
            raise


@asynccontextmanager
async def reached(settings: Settings, *, store: bool) -> AsyncIterator[Settings]:
    """Complete settings for a command that works on the database, whatever is in it, and returns.

    What is not configured is taken from the `prumo dev` that runs in PRUMO_HOME, or else started for the
    duration of the block; without `store` the object store is left alone. Raises CannotRun.
    """
    await require_trusted(settings)
    services = Services(settings, store=store)
    async with AsyncExitStack() as held:
        if services.postgres is not None or services.s3 is not None:
            prepare(settings.home)
            try:
                held.enter_context(exclusive(settings.home))
            except HomeTaken:
                settings = services.completed()
            else:
                settings = await held.enter_async_context(services.running())
        yield settings if services.postgres is None else with_home_secret(settings)


@asynccontextmanager
async def reached_migrated(settings: Settings, *, store: bool) -> AsyncIterator[Settings]:
    """As `reached`, for a command that needs the tables: the embedded database is migrated on the way, one
    that is configured is somebody else's and must have been."""
    async with reached(settings, store=store) as complete:
        if settings.database_url is None:
            await migrate(complete)
        else:
            await require_migrated(complete)
        yield complete
