"""Authority by directive, decided once per operation and before it runs.

The plan of an operation knows its guarded fields. Per request the caller's scopes and the variables of @skip and
@include decide which of them are denied. A denied field is null and is one error, however many objects have it. It is
noted where execution met one, for what no object has is no error.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from graphql import GraphQLError

from contexts.identity.api import Principal
from resolvers.vocabulary.directives import Authenticated, Guard, Public, RequiresScopes
from resolvers.vocabulary.extension_codes import ExtensionCode, coded
from schema.execution.plan import FieldPlan, GuardedField, OperationPlan, ResponsePath

Position = tuple[ResponsePath, str]
"""A response path, and the type of the objects that have the field there."""


@dataclass(frozen=True, slots=True)
class Denials:
    """What of an operation is denied: the fields, and the error of each position at which one of them can stand."""

    fields: frozenset[FieldPlan]
    positions: Mapping[Position, GraphQLError]

    def errors(self, met: Collection[Position], data: object) -> list[GraphQLError]:
        """What the caller is told of the answer's `data`: one error for each path at which a denied field is null.

        `met`: where execution found objects that have one. Where there is none (a fragment on another type, an empty
        list) or none that is left (a null was propagated over it), the answer has no such key.
        """
        told: dict[ResponsePath, GraphQLError] = {}
        for position, error in self.positions.items():
            path, _ = position
            if position in met and path not in told and _stands(path, data):
                told[path] = error
        return list(told.values())


NOTHING_DENIED = Denials(frozenset(), {})


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
    """What this caller is denied, in the order of the document."""
    denied = [
        guarded
        for guarded in plan.guarded
        if not grants(guarded.guard, principal) and guarded.plan.nodes(variables)
    ]
    if not denied:
        return NOTHING_DENIED
    return Denials(
        frozenset(guarded.plan for guarded in denied),
        {
            (guarded.path, guarded.plan.parent.name): _denial(guarded, principal, variables)
            for guarded in denied
        },
    )


def _stands(path: ResponsePath, data: object) -> bool:
    """Whether some object of the data has the last key of the path; it is looked for until one is found."""
    match data:
        case list():
            return any(_stands(path, item) for item in data)
        case dict():
            key, *below = path
            return key in data and (not below or _stands(tuple(below), data[key]))
        case _:
            return False


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
