"""Migrating while servers work: locks, indexes, a kill in the middle, and code that is older than the database."""

import asyncio
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from starlette.applications import Starlette
from starlette.routing import Route

import migrations
from gateway.bootstrap import bootstrap
from gateway.embedded.postgres import Postgres
from gateway.http.capacity import Capacity
from gateway.http.probes import Readiness
from gateway.migrate import Patience, migrate, require_migrated
from gateway.progress import CannotRun
from gateway.settings import Settings
from gateway.stopping import Stopping
from migrations.lint import BEFORE, complaints
from tests.conftest import copied
from tests.polling import until
from tests.signing import SECRET, first_key_at

PATIENCE = Patience(lock_seconds=0.2, attempts=2, pause_seconds=0)
NEWEST = migrations.newest()
NEXT = NEWEST["orders"] + 1


class Later:
    """The code of a later release: with further revisions of orders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))

    def add(self, upgrade: str, *, declared: str = "runs_with = None", more: str = "") -> None:
        """A revision with this body."""
        number = migrations.newest(self.folder)["orders"] + 1
        (self.folder / "orders" / f"{number:04}_later.py").write_text(
            "from alembic import op\n"
            "import sqlalchemy as sa\n"
            "from migrations.concurrently import create_index, drop_index\n"
            f"revision = 'orders_{number:04}'\n"
            f"down_revision = 'orders_{number - 1:04}'\n"
            "branch_labels = depends_on = None\n"
            f"{declared}\n"
            f"{more}\n"
            f"def upgrade():\n    {upgrade}\n"
            "def downgrade():\n    pass\n"
        )


@pytest.fixture
def later(tmp_path: Path) -> Later:
    return Later(tmp_path / "migrations")


@pytest.fixture
async def settings(postgres: Postgres, template: str, tmp_path: Path) -> Settings:
    """They name a migrated database with a signing key: without one, no server is ready."""
    url = await copied(postgres, template)
    await first_key_at(url)
    return Settings(home=tmp_path, database_url=url, signing_key_secret=SECRET)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    assert settings.database_url is not None
    engine = create_async_engine(settings.database_url)
    yield engine
    await engine.dispose()


async def scalar(engine: AsyncEngine, sql: str) -> object:
    async with engine.connect() as connection:
        return await connection.scalar(text(sql))


async def standing(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return (await connection.run_sync(migrations.applied))["orders"].revision


async def readiness(settings: Settings, code: dict[str, int]) -> tuple[int, str]:
    """What /readyz of code with these newest revisions answers: its status, and the reason."""
    async with bootstrap(settings, store=False, listening=False) as parts:
        app = Starlette(
            routes=[Route("/readyz", Readiness(parts, Stopping(), Capacity(1, 1.0), code).__call__)]
        )
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://prumo.test"
        ) as http:
            answer = await http.get("/readyz")
    return answer.status_code, answer.json().get("reason", "")


async def test_code_that_is_older_than_the_database_serves_on_where_the_revision_says_so(
    settings: Settings, later: Later
) -> None:
    assert await readiness(settings, NEWEST) == (200, "")
    later.add("op.execute('ALTER TABLE orders.orders ADD COLUMN remark text')")
    await migrate(settings, folder=later.folder)
    assert await readiness(settings, NEWEST) == (200, "")
    assert await readiness(settings, migrations.newest(later.folder)) == (200, "")
    await require_migrated(settings)
    assert await migrate(settings) == []  # the older code's leaves it as it is

    later.add("pass", declared=f"runs_with = 'orders_{NEXT:04}'")
    later.add("pass")
    assert await migrate(settings, folder=later.folder) == [f"orders_{NEXT + 2:04}"]
    refused = f"the database is newer than this code, which must have orders_{NEXT:04}"
    assert await readiness(settings, NEWEST) == (503, refused)
    assert await readiness(settings, {**NEWEST, "orders": NEXT}) == (200, "")
    for refusing in (migrate(settings), require_migrated(settings)):
        with pytest.raises(CannotRun, match=f"needs code that has orders_{NEXT:04}"):
            await refusing


async def test_code_that_is_newer_than_the_database_does_not_serve(settings: Settings) -> None:
    status, reason = await readiness(settings, {**NEWEST, "orders": NEXT})
    assert (status, reason) == (503, "the database is behind this code in orders; run `prumo migrate`")


async def test_a_context_that_the_older_code_does_not_have(settings: Settings, engine: AsyncEngine) -> None:
    """Its first revision says whether code without it runs."""
    for runs_with, status in ((0, 200), (1, 503)):
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM prumo_compatibility WHERE branch = 'payments'"))
            await connection.execute(
                text("INSERT INTO prumo_compatibility VALUES ('payments', 1, :runs_with)"),
                {"runs_with": runs_with},
            )
        assert (await readiness(settings, NEWEST))[0] == status


async def test_a_database_from_before_the_table_gets_it(settings: Settings, engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        before = await connection.run_sync(migrations.applied)
        await connection.execute(text("DROP TABLE prumo_compatibility"))
    assert (await readiness(settings, NEWEST))[0] == 503
    await migrate(settings)
    async with engine.begin() as connection:
        assert await connection.run_sync(migrations.applied) == before


@pytest.mark.parametrize(
    ("declared", "said"),
    [
        ("", "does not say `runs_with`"),
        ("runs_with = ...", "does not say `runs_with`"),
        ("runs_with = 'orders_0099'", "no revision of orders up to its own"),
        ("runs_with = 'identity_0001'", "no revision of orders up to its own"),
    ],
)
async def test_a_revision_that_does_not_say_what_runs_on_it_is_not_applied(
    settings: Settings, engine: AsyncEngine, later: Later, declared: str, said: str
) -> None:
    later.add("op.execute('DROP SCHEMA orders CASCADE')", declared=declared)
    with pytest.raises(migrations.Misdeclared, match=said):
        await migrate(settings, folder=later.folder)
    assert await standing(engine) == NEWEST["orders"]


def test_each_of_ours_does() -> None:
    assert list(migrations.problems()) == []


async def test_a_lock_that_others_hold_stops_the_migration_and_not_everybody(
    settings: Settings, engine: AsyncEngine, later: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    later.add("op.execute('ALTER TABLE orders.orders ADD COLUMN first text')")
    later.add("op.execute('ALTER TABLE orders.carts ADD COLUMN second text')")
    reading = text("SELECT count(*) FROM orders.carts")
    async with engine.connect() as holder:
        await holder.execute(reading)  # and its transaction stays open
        migrating = asyncio.create_task(migrate(settings, PATIENCE, later.folder))
        await until(lambda: waits(engine, "ALTER TABLE orders.carts%"))
        async with engine.connect() as behind:
            await behind.execute(reading)  # queued behind the migration, and answered
            with pytest.raises(CannotRun, match=r"waited 2 times 0\.2 s for a lock that others hold"):
                await migrating
    told = capsys.readouterr().err
    assert "attempt 1 of 2" in told
    assert "The oldest transactions: process " in told
    assert await standing(engine) == NEXT  # the first is applied for good
    assert await migrate(settings, PATIENCE, later.folder) == [f"orders_{NEXT + 1:04}"]


async def test_a_lock_that_is_let_go_is_got_at_the_next_attempt(
    settings: Settings, engine: AsyncEngine, later: Later
) -> None:
    later.add("op.execute('ALTER TABLE orders.carts ADD COLUMN second text')")
    patience = Patience(lock_seconds=0.1, attempts=1000, pause_seconds=0)
    async with engine.connect() as holder:
        await holder.execute(text("SELECT count(*) FROM orders.carts"))
        migrating = asyncio.create_task(migrate(settings, patience, later.folder))
        await until(lambda: waits(engine, "ALTER TABLE orders.carts%"))
    assert await migrating == [f"orders_{NEXT:04}"]


async def test_a_statement_that_takes_too_long_is_cancelled(
    settings: Settings, engine: AsyncEngine, later: Later
) -> None:
    later.add("op.execute('SELECT pg_sleep(3600)')")
    with pytest.raises(CannotRun, match=r"took longer than 0\.1 s"):
        await migrate(settings, Patience(statement_seconds=0.1), later.folder)
    assert await standing(engine) == NEWEST["orders"]


DUPLICATES = "INSERT INTO orders.tags SELECT 'a' FROM generate_series(1, 2)"
UNIQUE = "create_index('tags_unique', 'tags', ['tag'], schema='orders', unique=True)"
VALID = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('orders.tags_unique')"


async def test_an_index_that_failed_is_made_again(
    settings: Settings, engine: AsyncEngine, later: Later
) -> None:
    later.add("op.execute('CREATE TABLE orders.tags (tag text)')")
    later.add(f'op.execute("{DUPLICATES}")')
    later.add(UNIQUE)
    with pytest.raises(IntegrityError):
        await migrate(settings, folder=later.folder)
    assert await scalar(engine, VALID) is False
    assert await standing(engine) == NEXT + 1
    async with engine.begin() as connection:
        await connection.execute(text("TRUNCATE orders.tags"))
    # Older transactions are waited for, whatever the limit for locks: nobody queues behind that.
    async with engine.connect() as older:
        await older.execute(text("SELECT count(*) FROM orders.tags"))
        patience = Patience(lock_seconds=0.1, attempts=1, statement_seconds=0.1)
        migrating = asyncio.create_task(migrate(settings, patience, later.folder))
        await until(lambda: waits(engine, "%DROP INDEX CONCURRENTLY%"))
        await scalar(engine, "SELECT pg_sleep(0.3)")  # longer than either limit
        assert not migrating.done()
    await migrating
    assert await scalar(engine, VALID) is True
    later.add("drop_index('tags_unique', 'tags', schema='orders')")
    await migrate(settings, folder=later.folder)
    assert await scalar(engine, VALID) is None


async def test_an_index_that_is_there_is_not_made_again(
    settings: Settings, engine: AsyncEngine, later: Later
) -> None:
    """A kill between the index and the note that its revision is applied."""
    later.add("op.execute('CREATE TABLE orders.tags (tag text)')")
    await migrate(settings, folder=later.folder)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE UNIQUE INDEX tags_unique ON orders.tags (tag)"))
    file = "SELECT pg_relation_filenode('orders.tags_unique')"
    made = await scalar(engine, file)
    later.add(UNIQUE)
    await migrate(settings, folder=later.folder)
    assert await scalar(engine, file) == made


async def test_of_two_at_once_one_waits(
    settings: Settings, engine: AsyncEngine, later: Later, capsys: pytest.CaptureFixture[str]
) -> None:
    """The one that waits has no transaction, which CREATE INDEX CONCURRENTLY of the other would wait for."""
    later.add("op.execute('CREATE TABLE orders.tags (tag text)')")
    later.add("op.execute('SELECT pg_advisory_xact_lock(17)')")
    later.add(UNIQUE)
    patience = Patience(lock_seconds=60)
    async with engine.connect() as holder:
        await holder.execute(text("SELECT pg_advisory_xact_lock(17)"))
        first = asyncio.create_task(migrate(settings, patience, later.folder))
        await until(lambda: waits(engine, "SELECT pg_advisory_xact_lock(17)"))
        second = asyncio.create_task(migrate(settings, patience, later.folder))
        await until(lambda: told(capsys, "another `prumo migrate` is at work"))
    assert (await first, await second) == ([f"orders_{NEXT + 2:04}"], [])


async def told(capsys: pytest.CaptureFixture[str], part: str) -> bool:
    return part in capsys.readouterr().err


async def test_killed_in_the_middle_it_goes_on_where_it_was(
    settings: Settings, engine: AsyncEngine, later: Later
) -> None:
    later.add("op.execute('CREATE TABLE orders.tags (tag text)')")
    later.add("op.execute(\"INSERT INTO orders.tags VALUES ('once')\")")
    later.add(
        "op.execute(\"INSERT INTO orders.tags VALUES ('not yet')\")\n"
        "    op.execute('SELECT pg_advisory_xact_lock(17)')"
    )
    script = (
        "import asyncio, pathlib, sys\n"
        "from gateway.migrate import Patience, migrate\n"
        "from gateway.settings import Settings\n"
        "settings = Settings(database_url=sys.argv[1])\n"
        "asyncio.run(migrate(settings, Patience(lock_seconds=600), pathlib.Path(sys.argv[2])))\n"
    )
    assert settings.database_url is not None
    async with engine.connect() as holder:
        await holder.execute(text("SELECT pg_advisory_xact_lock(17)"))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, settings.database_url, str(later.folder)
        )
        await until(lambda: waits(engine, "SELECT pg_advisory_xact_lock(17)"))
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        assert await standing(engine) == NEXT + 1
        going_on = asyncio.create_task(migrate(settings, folder=later.folder))
    assert await going_on == [f"orders_{NEXT + 2:04}"]
    assert (
        await scalar(engine, "SELECT string_agg(tag, ', ' ORDER BY tag) FROM orders.tags") == "not yet, once"
    )


async def waits(engine: AsyncEngine, query: str) -> bool:
    """Whether somebody waits for a lock with such a statement."""
    async with engine.connect() as connection:
        return await waiting(connection, query)


async def waiting(connection: AsyncConnection, query: str) -> bool:
    found = text(
        "SELECT count(*) > 0 FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND query LIKE :query AND datname = current_database()"
    )
    return bool(await connection.scalar(found, {"query": query}))


@pytest.mark.parametrize(
    ("upgrade", "rule"),
    [
        (
            "op.add_column('orders', sa.Column('n', sa.Text, nullable=False), schema='orders')",
            "adding-required",
        ),
        ("op.create_index('n', 'orders', ['number'], schema='orders')", "require-concurrent-index-creation"),
        ("op.alter_column('orders', 'number', new_column_name='n', schema='orders')", "renaming-column"),
        ("op.drop_column('orders', 'number', schema='orders')", "ban-drop-column"),
        ("op.drop_table('orders', schema='orders')", "ban-drop-table"),
        ("op.rename_table('orders', 'o', schema='orders')", "renaming-table"),
        ("op.create_check_constraint('n', 'orders', 'number > 0', schema='orders')", "not-valid"),
        ("op.alter_column('orders', 'number', type_=sa.Text, schema='orders')", "changing-column-type"),
        ("op.get_bind().exec_driver_sql('DROP FUNCTION orders.f')", "ban-drop-function"),
        (
            "op.execute('CREATE INDEX CONCURRENTLY n ON orders.orders (number)')",
            "concurrent-index-creation-in",
        ),
        ("op.execute('SELEKT 1')", "syntax-error"),
        ("op.get_bind().execute(sa.text('SELECT 1')).all()", "cannot be written without a database"),
    ],
)
def test_a_revision_that_makes_others_wait_or_breaks_them_is_complained_about(
    later: Later, upgrade: str, rule: str
) -> None:
    later.add(upgrade)
    found = list(complaints(later.folder, {**BEFORE, **NEWEST}))
    assert found, upgrade
    assert all(f"{NEXT:04}_later.py" in each for each in found)
    assert any(rule in each for each in found), found


def test_a_revision_that_does_not_is_not(later: Later) -> None:
    later.add(
        "op.add_column('orders', sa.Column('n', sa.Text), schema='orders')\n"
        "    op.create_table('tags', sa.Column('tag', sa.Text, primary_key=True), schema='orders')\n"
        "    op.create_index('tags_tag', 'tags', ['tag'], schema='orders')\n"
        "    op.get_bind().exec_driver_sql(\"SELECT 'a:b' LIKE '%'\")"
    )
    later.add(UNIQUE.replace("tags", "orders"))
    later.add("drop_index('orders_unique', 'orders', schema='orders')")
    assert list(complaints(later.folder, {**BEFORE, **NEWEST})) == []


def test_a_rule_is_broken_with_a_reason_and_no_reason_is_left_over(later: Later) -> None:
    dropping = "op.drop_column('orders', 'number', schema='orders')"
    later.add(dropping, more="accepted = {'ban-drop-column': 'nothing reads it since orders_0002'}")
    assert list(complaints(later.folder, {**BEFORE, **NEWEST})) == []
    later.add("pass", more="accepted = {'ban-drop-column': 'nothing reads it since orders_0002'}")
    (complaint,) = complaints(later.folder, {**BEFORE, **NEWEST})
    assert "accepts ban-drop-column, which it does not break" in complaint


def test_what_there_was_before_is_left_alone_and_all_that_came_since_is_in_order() -> None:
    assert list(complaints()) == []
