"""From a document's text, or its id, to something that can be executed: parse → limits → validate, and plan what
is asked for.

What is kept of a document depends on its text alone; nothing of a request, a caller or a variable enters here.
The documents of the manifest are pinned, so that no stranger's can push them out.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    NoSchemaIntrospectionCustomRule,
    OperationDefinitionNode,
    specified_rules,
    validate,
)
from graphql.language.parser import Parser
from graphql.validation.rules import overlapping_fields_can_be_merged

from contexts.shared.tracing import span
from resolvers.vocabulary.extension_codes import ExtensionCode, give
from schema.accepted import AcceptedDocuments
from schema.cost import planning, reading
from schema.execution.collect_fields import plan_operation
from schema.execution.plan import OperationPlan, Weight
from schema.limits import Limits, TooComplex, check_limits
from schema.manifest import Manifest, id_of
from schema.one_of import OneOfVariables
from schema.wording import of_document

REPORTED_ERRORS = 5
"""The last of them may say that there are more."""

_LONGEST_MESSAGE = 500

# Comparing what is merged is the one part of validation that is not linear. Six fields of a listing, each asked for
# twenty times, spend 4,400 of this, and shipped documents nothing.
overlapping_fields_can_be_merged.MAX_COMPLEXITY_BUDGET = 10_000

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


Pay = Callable[[int], None]
"""Told the points that the work on a document costs whoever asks for it first."""


def _gratis(points: int) -> None:
    pass


@dataclass(slots=True, eq=False)
class Prepared:
    """A validated document, its operations by name ("" for an anonymous one), and the plans of those asked for.

    `id`: what the manifest would call it, the SHA-256 of its text. `pinned`: it is of the manifest.
    """

    id: str
    document: DocumentNode
    operations: Mapping[str, OperationDefinitionNode]
    tokens: int
    characters: int
    pinned: bool = False
    plans: dict[str, OperationPlan] = field(default_factory=dict)

    @property
    def weight(self) -> int:
        """About how many bytes it holds, plans included; rather too many than too few."""
        planned = sum(plan.weight.bytes for plan in self.plans.values())
        return _DOCUMENT + _TOKEN * self.tokens + _CHARACTER * self.characters + planned


# In bytes, measured. A document's text may be of four bytes a character, and is kept as the key and in strings.
_DOCUMENT, _TOKEN, _CHARACTER = 15_000, 480, 8


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
    capacity: int = 64_000_000
    """In bytes of all kept documents."""
    most_kept: int = 1_000
    heaviest_kept: int = 2_000_000
    """In bytes; a heavier one is prepared each time, or a few would push out all others."""
    _pinned_ids: dict[str, Prepared] = field(default_factory=dict)
    _pinned_texts: dict[str, Prepared] = field(default_factory=dict)
    _kept: OrderedDict[str | bytes, Prepared] = field(default_factory=OrderedDict)
    """By text; what a client registered, by the bytes of its id, which are no text."""

    def pin(self, manifest: Manifest) -> list[str]:
        """Prepare every document of the manifest, to be kept for good. Why some cannot be, empty when all are."""
        problems = []
        for each in manifest.operations:
            prepared = self._prepare(each.text)
            if isinstance(prepared, Refused):
                problems.append(f"{each}: {' '.join(error.message for error in prepared.errors)}")
                continue
            prepared.pinned = True
            self._pinned_ids[each.id] = prepared
            if self.accepted is not AcceptedDocuments.TRUSTED:
                self._pinned_texts[each.text] = prepared
        return problems

    def plan_pinned(self) -> list[str]:
        """Plan what was pinned, which otherwise waits until it is asked for. Why some cannot be, empty when all are."""
        planned = (
            (name, self.plan(prepared, name))
            for prepared in self._pinned_ids.values()
            for name in prepared.operations
        )
        return [f"{name}: {plan.errors[0].message}" for name, plan in planned if isinstance(plan, Refused)]

    @property
    def pinned_names(self) -> frozenset[str]:
        """The names of the manifest's operations."""
        return frozenset(name for prepared in self._pinned_ids.values() for name in prepared.operations)

    def prepare(self, asked: str | ById, pay: Pay = _gratis) -> Prepared | Refused:
        """The document, prepared; from the cache when it was seen lately. Refusals are not kept."""
        if isinstance(asked, ById):
            return self._named(asked, pay)
        if (pinned := self._pinned_texts.get(asked)) is not None:
            return pinned
        match self.accepted:
            case AcceptedDocuments.OPEN:
                return self._remembered(asked, asked, pay)
            case AcceptedDocuments.PERSISTED:
                return _refused(ExtensionCode.QUERY_NOT_IN_SAFELIST, GraphQLError(_NOT_IN_MANIFEST))
            case AcceptedDocuments.TRUSTED:
                return _refused(ExtensionCode.PERSISTED_QUERY_ID_REQUIRED, GraphQLError(_ID_REQUIRED))

    def plan(self, prepared: Prepared, name: str, pay: Pay = _gratis) -> OperationPlan | Refused | None:
        """The plan of that operation, made when it is first asked for; None: the document has no such operation."""
        if (known := prepared.plans.get(name)) is not None:
            return known
        if (operation := prepared.operations.get(name)) is None:
            return None
        weight = Weight()
        try:
            plan = plan_operation(
                self.schema, prepared.document, operation, weight, most_selections=self.limits.selections
            )
        except TooComplex as error:
            return Refused([error])
        finally:
            if not prepared.pinned:
                pay(planning(weight.bytes))
        prepared.plans[name] = plan
        if not prepared.pinned:
            self._forget_too_much()
        return plan

    def _named(self, asked: ById, pay: Pay) -> Prepared | Refused:
        if (pinned := self._pinned_ids.get(asked.id)) is not None:
            return pinned
        match self.accepted:
            case AcceptedDocuments.OPEN:
                return self._registered(asked, pay)
            case AcceptedDocuments.PERSISTED if asked.automatic:
                if asked.text is not None:
                    return self.prepare(asked.text, pay)
                return _refused(
                    ExtensionCode.PERSISTED_QUERY_NOT_SUPPORTED, GraphQLError("PersistedQueryNotSupported")
                )
            case AcceptedDocuments.PERSISTED | AcceptedDocuments.TRUSTED:
                # Apollo's clients are told no less: after "not supported" they would send texts for ever.
                return _unknown()

    def _registered(self, asked: ById, pay: Pay) -> Prepared | Refused:
        """The document that a client registered by this id, or registers now."""
        key = bytes.fromhex(asked.id)
        if asked.text is not None:
            return self._remembered(key, asked.text, pay)
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return known
        if asked.automatic:
            return _refused(ExtensionCode.PERSISTED_QUERY_NOT_FOUND, GraphQLError("PersistedQueryNotFound"))
        return _unknown()

    def _remembered(self, key: str | bytes, text: str, pay: Pay) -> Prepared | Refused:
        if (known := self._kept.get(key)) is not None:
            self._kept.move_to_end(key)
            return known
        with span("plan", {"prumo.document.characters": len(text)}):
            prepared = self._prepare(text, pay)
        if isinstance(prepared, Prepared):
            self._kept[key] = prepared
            self._forget_too_much()
        return prepared

    def _forget_too_much(self) -> None:
        """Forget the longest unused documents, and those too heavy. All are weighed: plans grow while they are kept."""
        weights = {key: prepared.weight for key, prepared in self._kept.items()}
        total = sum(weights.values())
        for key, weight in weights.items():
            if weight > self.heaviest_kept or total > self.capacity or len(self._kept) > self.most_kept:
                del self._kept[key]
                total -= weight

    def _prepare(self, text: str, pay: Pay = _gratis) -> Prepared | Refused:
        limits = self.limits
        if len(text) > limits.characters:
            return _refused(
                ExtensionCode.QUERY_TOO_COMPLEX,
                GraphQLError(f"The document is longer than {limits.characters} characters."),
            )
        parser = Parser(text, max_lexical_tokens=limits.tokens, max_comments=limits.tokens)
        try:
            document = parser.parse_document()
        except GraphQLError as error:
            too_much = "Parsing aborted" in error.message  # tokens, comments, or levels of nesting
            return _refused(
                ExtensionCode.QUERY_TOO_COMPLEX if too_much else ExtensionCode.GRAPHQL_PARSE_FAILED, error
            )
        except RecursionError:
            return _refused(
                ExtensionCode.QUERY_TOO_COMPLEX, GraphQLError("The document is nested too deeply.")
            )
        finally:
            pay(reading(parser.token_count, len(text)))
        if (broken := check_limits(document, limits)) is not None:
            return Refused([broken])
        if errors := self._broken_rules(document):
            return Refused(errors)
        operations = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        return Prepared(
            id_of(text),
            document,
            {each.name.value if each.name else "": each for each in operations},
            parser.token_count,
            len(text),
        )

    def _broken_rules(self, document: DocumentNode) -> list[GraphQLError]:
        rules = (*specified_rules, OneOfVariables)
        if not self.introspection:
            rules = (*rules, NoSchemaIntrospectionCustomRule)
        # graphql-core says after the last one that there are more.
        errors = validate(self.schema, document, rules, REPORTED_ERRORS - 1, hide_suggestions=True)
        for error in errors:
            too_much = error.message == "Validation aborted."  # merging its fields is too much work
            code = ExtensionCode.QUERY_TOO_COMPLEX if too_much else ExtensionCode.GRAPHQL_VALIDATION_FAILED
            error.message = of_document(error.message)[:_LONGEST_MESSAGE]  # it may quote most of the document
            give(error, code)
        return errors


def _unknown() -> Refused:
    return _refused(ExtensionCode.PERSISTED_QUERY_NOT_IN_LIST, GraphQLError(_UNKNOWN_ID))


def _refused(code: ExtensionCode, *errors: GraphQLError) -> Refused:
    for error in errors:
        give(error, code)
    return Refused(list(errors))
