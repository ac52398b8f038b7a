"""Authority by directive, decided once per operation and before it runs.

The plan of an operation knows its guarded fields. Per request the caller's scopes and the variables of @skip and
@include decide which of them are denied. A denied field is null and is one error, however many objects have it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLError

from contexts.identity.api import Principal
from resolvers.vocabulary.directives import Authenticated, Guard, Public, RequiresScopes
from resolvers.vocabulary.extension_codes import ExtensionCode, coded
from schema.execution.plan import FieldPlan, GuardedField, OperationPlan, ResponsePath


@dataclass(frozen=True, slots=True)
class Denials:
    """What of an operation is denied: the fields, where they stand, and the errors that say so."""

    fields: frozenset[FieldPlan]
    positions: frozenset[tuple[ResponsePath, str]]
    """Response path and object type of each denied field."""
    errors: list[GraphQLError]


NOTHING_DENIED = Denials(frozenset(), frozenset(), [])


def grants(guard: Guard, principal: Principal | None) -> bool:
    """Whether the caller satisfies the guard."""
    match guard:
        case Public():
            return True
        case Authenticated():
            return principal is not None
        case RequiresScopes():
            return principal is not None and any(principal.scopes.issuperset(s) for s in guard.scopes)


def denials(plan: OperationPlan, principal: Principal | None, variables: Mapping[str, object]) -> Denials:
    """What this caller is denied; one error for each path, and none for what lies below a denied one."""
    denied = [
        guarded
        for guarded in plan.guarded
        if not grants(guarded.guard, principal) and guarded.plan.nodes(variables)
    ]
    if not denied:
        return NOTHING_DENIED
    paths = {guarded.path for guarded in denied}
    errors = {
        guarded.path: _denial(guarded, principal, variables)
        for guarded in denied
        if not any(guarded.path[:length] in paths for length in range(1, len(guarded.path)))
    }
    return Denials(
        frozenset(guarded.plan for guarded in denied),
        frozenset((guarded.path, guarded.plan.parent.name) for guarded in denied),
        list(errors.values()),
    )


def _denial(
    guarded: GuardedField, principal: Principal | None, variables: Mapping[str, object]
) -> GraphQLError:
    if principal is None:
        message, code = "Sign in to see this field.", ExtensionCode.UNAUTHENTICATED
    else:
        message, code = "Your role does not include this field.", ExtensionCode.FORBIDDEN
    return GraphQLError(
        message,
        nodes=guarded.plan.nodes(variables),
        path=list(guarded.path),
        extensions=coded(code),
    )
