"""Which documents this process executes: the persisted manifest, found, read and planned."""

from pathlib import Path

from graphql import GraphQLSchema

from gateway.progress import CannotRun
from gateway.settings import Settings
from schema.documents import Documents
from schema.manifest import BrokenManifest, read

_PACKAGED = Path(__file__).with_name("persisted.json")
"""Where a wheel has it; beside the sources it is graphql/persisted.json."""
MANIFEST = _PACKAGED if _PACKAGED.exists() else Path(__file__).parents[1] / "graphql" / "persisted.json"


def accepted_documents(settings: Settings, schema: GraphQLSchema) -> Documents:
    """The documents the settings ask for, those of the manifest planned. Raises CannotRun where that fails."""
    documents = Documents(
        schema, settings.limits, introspection=bool(settings.introspection), accepted=settings.documents
    )
    path = settings.manifest or MANIFEST
    try:
        manifest = read(path.read_bytes())
    except OSError as error:
        raise CannotRun(
            f"The persisted manifest {path} cannot be read: {error.strerror}. Set PRUMO_MANIFEST, or make one:"
            " `prumo documents --output FILE`."
        ) from error
    problems = manifest.problems if isinstance(manifest, BrokenManifest) else documents.pin(manifest)
    if problems:
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise CannotRun(
            f"The persisted manifest {path} does not fit this server; `prumo documents --output FILE` makes it"
            f" anew.{listed}"
        )
    return documents
