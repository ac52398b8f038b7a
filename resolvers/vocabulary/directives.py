"""Who may see a field. The directives print in the SDL; `schema.authorization` enforces them."""

import strawberry
from strawberry.schema_directive import Location

_PLACES = [Location.FIELD_DEFINITION, Location.OBJECT]


@strawberry.schema_directive(
    locations=_PLACES, name="public", description="Anyone may ask for this, signed in or not."
)
class Public:
    """Written out, so that a field nobody thought about is told from one that is meant to be open."""


@strawberry.schema_directive(
    locations=_PLACES, name="authenticated", description="Asks for a valid access token."
)
class Authenticated:
    """Any signed-in user."""


@strawberry.schema_directive(
    locations=_PLACES,
    name="requiresScopes",
    description="Asks for an access token whose scopes include every scope of at least one inner list.",
)
class RequiresScopes:
    """The outer list is OR, the inner lists are AND."""

    scopes: list[list[str]]


Guard = Public | Authenticated | RequiresScopes

PUBLIC = [Public()]
AUTHENTICATED = [Authenticated()]


def requires(*alternatives: str) -> list[RequiresScopes]:
    """Guard a field by scopes; each argument is one alternative: scopes that must come together, spaced."""
    return [RequiresScopes(scopes=[alternative.split() for alternative in alternatives])]
