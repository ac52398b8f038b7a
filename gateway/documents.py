"""Which documents this process executes: the persisted manifest, found, read and planned."""

from collections.abc import Iterable
from pathlib import Path

from graphql import GraphQLSchema

from gateway.progress import CannotRun
from gateway.settings import Settings
from schema.documents import Documents
from schema.manifest import BrokenManifest, Manifest, read

_PACKAGED = Path(__file__).with_name("persisted.json")
"""Where a wheel has it; beside the sources it is graphql/persisted.json."""
MANIFEST = _PACKAGED if _PACKAGED.exists() else Path(__file__).parents[1] / "graphql" / "persisted.json"


def manifest_of(settings: Settings) -> Manifest:
    """The manifest the settings name. Raises CannotRun where it cannot be read."""
    path = settings.manifest or MANIFEST
    try:
        manifest = read(path.read_bytes())
    except OSError as error:
        raise CannotRun(
            f"The persisted manifest {path} cannot be read: {error.strerror}. Set PRUMO_MANIFEST, or make one:"
            " `prumo documents --output FILE`."
        ) from error
    if isinstance(manifest, BrokenManifest):
        raise _unfit(path, manifest.problems)
    return manifest


def accepted_documents(
    settings: Settings, schema: GraphQLSchema, manifest: Manifest | None = None
) -> Documents:
    """The documents the settings ask for, those of the manifest prepared; `manifest`: where it has been read.

    Raises CannotRun where that fails.
    """
    documents = Documents(
        schema, settings.limits, introspection=bool(settings.introspection), accepted=settings.documents
    )
    if problems := documents.pin(manifest or manifest_of(settings)):
        raise _unfit(settings.manifest or MANIFEST, problems)
    return documents


def _unfit(path: Path, problems: Iterable[str]) -> CannotRun:
    listed = "".join(f"\n  {problem}" for problem in problems)
    return CannotRun(
        f"The persisted manifest {path} does not fit this server; `prumo documents --output FILE` makes it"
        f" anew.{listed}"
    )
