"""From a document's text to something that can be executed: parse → limits → validate → plan.

What is kept of a document depends on its text alone; nothing of a request, a caller or a variable enters here.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)

from schema.execution.collect_fields import plan_operation
from schema.execution.plan import OperationPlan
from schema.limits import Limits, check_limits

REPORTED_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """A validated document, and the plan of each of its operations by name ("" for an anonymous one)."""

    document: DocumentNode
    plans: Mapping[str, OperationPlan]


@dataclass(frozen=True, slots=True)
class Refused:
    """The document cannot be executed; every error has `extensions.code`."""

    errors: list[GraphQLError]


@dataclass(slots=True)
class Documents:
    """Prepares documents, keeping the most recently used ones."""

    schema: GraphQLSchema
    limits: Limits
    introspection: bool = True
    capacity: int = 400_000
    """In characters of all kept documents. A document and its plan take about 150 bytes a character."""
    longest_kept: int = 10_000
    _kept: OrderedDict[str, Prepared] = field(default_factory=OrderedDict)
    _weight: int = 0

    def prepare(self, text: str) -> Prepared | Refused:
        """The document, prepared; from the cache when it was seen lately. Refusals are not kept."""
        if (known := self._kept.get(text)) is not None:
            self._kept.move_to_end(text)
            return known
        prepared = self._prepare(text)
        if isinstance(prepared, Prepared) and len(text) <= self.longest_kept:
            self._kept[text] = prepared
            self._weight += len(text)
            while self._weight > self.capacity:
                oldest, _ = self._kept.popitem(last=False)
                self._weight -= len(oldest)
        return prepared

    def _prepare(self, text: str) -> Prepared | Refused:
        limits = self.limits
        if len(text) > limits.characters:
            return _refused(
                "QUERY_TOO_COMPLEX",
                GraphQLError(f"The document is longer than {limits.characters} characters."),
            )
        try:
            document = parse(text, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
        except GraphQLError as error:
            too_much = "Parsing aborted" in error.message  # tokens, comments, or levels of nesting
            return _refused("QUERY_TOO_COMPLEX" if too_much else "GRAPHQL_PARSE_FAILED", error)
        if (broken := check_limits(document, limits)) is not None:
            return Refused([broken])
        rules = specified_rules if self.introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
        errors = validate(self.schema, document, rules, REPORTED_ERRORS, hide_suggestions=True)
        if errors:
            return _refused("GRAPHQL_VALIDATION_FAILED", *errors)
        operations = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        return Prepared(
            document,
            {
                operation.name.value if operation.name else "": plan_operation(
                    self.schema, document, operation
                )
                for operation in operations
            },
        )


def _refused(code: str, *errors: GraphQLError) -> Refused:
    for error in errors:
        error.extensions = {**(error.extensions or {}), "code": code}
    return Refused(list(errors))
