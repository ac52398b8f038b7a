"""From a document's text to something that can be executed: parse → limits → validate → guarded positions.

What is kept of a document depends on its text alone; nothing of a request, a caller or a variable enters here.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    parse,
    specified_rules,
    validate,
)
from schema.authorization import GuardedPosition, guarded_positions
from schema.limits import Limits, check_limits

REPORTED_ERRORS = 10


@dataclass(frozen=True, slots=True)
class Prepared:
    """A validated document and, for each of its operations by name ("" for an anonymous one), its guards."""

    document: DocumentNode
    operations: Mapping[str, OperationDefinitionNode]
    guarded: Mapping[str, tuple[GuardedPosition, ...]]


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
    capacity: int = 1_000
    longest_kept: int = 20_000
    """In characters; together with `capacity` this bounds the memory."""
    _kept: OrderedDict[str, Prepared] = field(default_factory=OrderedDict)

    def prepare(self, text: str) -> Prepared | Refused:
        """The document, prepared; from the cache when it was seen lately. Refusals are not kept."""
        if (known := self._kept.get(text)) is not None:
            self._kept.move_to_end(text)
            return known
        prepared = self._prepare(text)
        if isinstance(prepared, Prepared) and len(text) <= self.longest_kept:
            self._kept[text] = prepared
            if len(self._kept) > self.capacity:
                self._kept.popitem(last=False)
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
        except GraphQLSyntaxError as error:
            limited = (
                "tokens. Parsing aborted" in error.message or "comments. Parsing aborted" in error.message
            )
            return _refused("QUERY_TOO_COMPLEX" if limited else "GRAPHQL_PARSE_FAILED", error)
        except GraphQLError as error:  # nested beyond the interpreter's recursion limit
            return _refused("QUERY_TOO_COMPLEX", error)
        if (broken := check_limits(document, limits)) is not None:
            return Refused([broken])
        rules = specified_rules if self.introspection else (*specified_rules, NoSchemaIntrospectionCustomRule)
        errors = validate(self.schema, document, rules, REPORTED_ERRORS, hide_suggestions=True)
        if errors:
            return _refused("GRAPHQL_VALIDATION_FAILED", *errors)
        operations = {
            definition.name.value if definition.name else "": definition
            for definition in document.definitions
            if isinstance(definition, OperationDefinitionNode)
        }
        return Prepared(
            document,
            operations,
            {
                name: guarded_positions(self.schema, document, operation)
                for name, operation in operations.items()
            },
        )


def _refused(code: str, *errors: GraphQLError) -> Refused:
    for error in errors:
        error.extensions = {**(error.extensions or {}), "code": code}
    return Refused(list(errors))
