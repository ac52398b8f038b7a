"""From a document's text, or its id, to something that can be executed: parse → limits → validate → plan.

What is kept of a document depends on its text alone; nothing of a request, a caller or a variable enters here.
The documents of the manifest are pinned, so that no stranger's can push them out.
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

from contexts.shared.tracing import span
from schema.accepted import AcceptedDocuments
from schema.execution.collect_fields import plan_operation
from schema.execution.plan import OperationPlan
from schema.limits import Limits, TooComplex, check_limits
from schema.manifest import Manifest, id_of
from schema.one_of import OneOfVariables
from schema.wording import of_document

REPORTED_ERRORS = 10

# The two messages of Apollo's protocol are their names: clients compare them.
_NOT_IN_MANIFEST = (
    "Only the documents of the persisted manifest are accepted here, and this text is none of them. Send it as it"
    " stands in `graphql/operations`, to the byte, or its id; a new one is accepted once it has been deployed."
)
_ID_REQUIRED = "Only ids of the persisted manifest are accepted here: send `documentId` instead of `query`."
_UNKNOWN_ID = (
    "No document has this id here. Ids are in the persisted manifest, `graphql/persisted.json`; a new document is"
    " known once it has been deployed."
)


@dataclass(frozen=True, slots=True)
class ById:
    """A document asked for by its id, the SHA-256 of its text in lower-case hexadecimal.

    `text`, when it was sent along, has that SHA-256. `automatic`: asked as Apollo's protocol does, in which a
    client sends the text after it was told that the id is unknown.
    """

    id: str
    text: str | None = None
    automatic: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A validated document, and the plan of each of its operations by name ("" for an anonymous one).

    `id`: what the manifest would call it, the SHA-256 of its text.
    """

    id: str
    document: DocumentNode
    plans: Mapping[str, OperationPlan]
    characters: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The document cannot be executed; every error has `extensions.code`."""

    errors: list[GraphQLError]


@dataclass(slots=True)
class Documents:
    """Prepares documents, keeping those of the manifest for good and of others the most recently used."""

    schema: GraphQLSchema
    limits: Limits
    introspection: bool = True
    accepted: AcceptedDocuments = AcceptedDocuments.OPEN
    capacity: int = 400_000
    """In characters of all kept documents. A document and its plan take about 150 bytes a character."""
    longest_kept: int = 10_000
    _pinned_ids: dict[str, Prepared] = field(default_factory=dict)
    _pinned_texts: dict[str, Prepared] = field(default_factory=dict)
    _kept: OrderedDict[str | bytes, Prepared] = field(default_factory=OrderedDict)
    """By text; what a client registered, by the bytes of its id, which are no text."""
    _weight: int = 0

    def pin(self, manifest: Manifest) -> list[str]:
        """Prepare every document of the manifest, to be kept for good. Why some cannot be, empty when all are."""
        problems = []
        for each in manifest.operations:
            prepared = self._prepare(each.text)
            if isinstance(prepared, Refused):
                problems.append(f"{each}: {' '.join(error.message for error in prepared.errors)}")
                continue
            self._pinned_ids[each.id] = prepared
            if self.accepted is not AcceptedDocuments.TRUSTED:
                self._pinned_texts[each.text] = prepared
        return problems

    @property
    def pinned_names(self) -> frozenset[str]:
        """The names of the manifest's operations."""
        return frozenset(name for prepared in self._pinned_ids.values() for name in prepared.plans)

    def prepare(self, asked: str | ById) -> Prepared | Refused:
        """The document, prepared; from the cache when it was seen lately. Refusals are not kept."""
        if isinstance(asked, ById):
            return self._named(asked)
        if (pinned := self._pinned_texts.get(asked)) is not None:
            return pinned
        match self.accepted:
            case AcceptedDocuments.OPEN:
                return self._remembered(asked, asked)
            case AcceptedDocuments.PERSISTED:
                return _refused("QUERY_NOT_IN_SAFELIST", GraphQLError(_NOT_IN_MANIFEST))
            case AcceptedDocuments.TRUSTED:
                return _refused("PERSISTED_QUERY_ID_REQUIRED", GraphQLError(_ID_REQUIRED))

    def _named(self, asked: ById) -> Prepared | Refused:
        if (pinned := self._pinned_ids.get(asked.id)) is not None:
            return pinned
        match self.accepted:
            case AcceptedDocuments.OPEN:
                return self._registered(asked)
            case AcceptedDocuments.PERSISTED if asked.automatic:
                if asked.text is not None:
                    return self.prepare(asked.text)
                return _refused("PERSISTED_QUERY_NOT_SUPPORTED", GraphQLError("PersistedQueryNotSupported"))
            case AcceptedDocuments.PERSISTED | AcceptedDocuments.TRUSTED:
                # Apollo's clients are told no less: after "not supported" they would send texts for ever.
                return _unknown()

    def _registered(self, asked: ById) -> Prepared | Refused:
        """The document that a client registered by this id, or registers now."""
        key = bytes.fromhex(asked.id)
        if asked.text is not None:
            return self._remembered(key, asked.text)
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return known
        if asked.automatic:
            return _refused("PERSISTED_QUERY_NOT_FOUND", GraphQLError("PersistedQueryNotFound"))
        return _unknown()

    def _remembered(self, key: str | bytes, text: str) -> Prepared | Refused:
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return known
        with span("plan", {"prumo.document.characters": len(text)}):
            prepared = self._prepare(text)
        if isinstance(prepared, Prepared) and prepared.characters <= self.longest_kept:
            self._kept[key] = prepared
            self._weight += prepared.characters
            while self._weight > self.capacity:
                _, oldest = self._kept.popitem(last=False)
                self._weight -= oldest.characters
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
        rules = (*specified_rules, OneOfVariables)
        if not self.introspection:
            rules = (*rules, NoSchemaIntrospectionCustomRule)
        errors = validate(self.schema, document, rules, REPORTED_ERRORS, hide_suggestions=True)
        if errors:
            for broken_rule in errors:
                broken_rule.message = of_document(broken_rule.message)
            return _refused("GRAPHQL_VALIDATION_FAILED", *errors)
        operations = (d for d in document.definitions if isinstance(d, OperationDefinitionNode))
        try:
            plans = {
                operation.name.value if operation.name else "": plan_operation(
                    self.schema, document, operation, limits.selections
                )
                for operation in operations
            }
        except TooComplex as error:
            return Refused([error])
        return Prepared(id_of(text), document, plans, len(text))


def _unknown() -> Refused:
    return _refused("PERSISTED_QUERY_NOT_IN_LIST", GraphQLError(_UNKNOWN_ID))


def _refused(code: str, *errors: GraphQLError) -> Refused:
    for error in errors:
        error.extensions = {**(error.extensions or {}), "code": code}
    return Refused(list(errors))
