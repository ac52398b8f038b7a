"""Alembic migrations, one branch per context (its own folder and label), run on our own connection.

A context's first revision may depend on a revision of a context it builds on, never the other way round.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from contexts.catalog.adapters.tables import metadata as catalog
from contexts.identity.adapters.tables import metadata as identity
from contexts.orders.adapters.tables import metadata as orders
from contexts.pricing.adapters.tables import metadata as pricing
from contexts.shared.adapters.tables import metadata as shared

METADATA = [shared, identity, catalog, pricing, orders]
SCHEMAS = tuple(str(metadata.schema) for metadata in METADATA)
_FOLDER = Path(__file__).parent


def alembic_config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without an ini file: the connection is handed over, nothing else varies."""
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(str(_FOLDER / schema) for schema in SCHEMAS))
    if connection is not None:
        config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest revision of every branch."""
    command.upgrade(alembic_config(connection), "heads")


def code_heads() -> frozenset[str]:
    """The revisions a database stands at when nothing is left to do.

    Those that others depend on are left out: Alembic's table does not list what another row implies.
    """
    script = ScriptDirectory.from_config(alembic_config())
    implied: set[str] = set()
    for revision in script.walk_revisions():
        depends_on = revision.dependencies or ()
        implied.update([depends_on] if isinstance(depends_on, str) else depends_on)
    return frozenset(script.get_heads()) - implied


def known_revisions() -> frozenset[str]:
    """Every revision this code knows; a database with another one was made by newer code."""
    script = ScriptDirectory.from_config(alembic_config())
    return frozenset(revision.revision for revision in script.walk_revisions())


def database_heads(connection: Connection) -> frozenset[str]:
    """The revisions the database stands at; empty for a new one."""
    return frozenset(MigrationContext.configure(connection).get_current_heads())
