"""graphql/messages: the texts that apps show people, by code; the keys are the schema's and the lists' of codes.

Texts are in ICU MessageFormat. What may stand in braces are the facts that the error is sent with.
"""

import json
from collections.abc import Mapping

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
)

from contexts.shared.codes import DetailCode, WarningCode
from resolvers.vocabulary.extension_codes import FACTS, ExtensionCode

LANGUAGES = ("en", "pt-BR")

Facts = Mapping[str, Mapping[str, frozenset[str]]]
"""By section and key, both as they stand in a file: the names that the text may have in braces."""

Texts = Mapping[str, Mapping[str, str]]
"""By section and key: the text; "" for one that nobody has written yet."""


def facts(schema: GraphQLSchema) -> Facts:
    """Every key that a file of texts has, with the facts that its text may name.

    Errors have one by their code, and by their type where it is not called after its code (a CONFLICT is several
    things): `errors[__typename] ?? errors[code]` is what to show.
    """
    none = frozenset[str]()
    types = _facts_of_types(schema)
    codes = schema.type_map["ErrorCode"]
    assert isinstance(codes, GraphQLEnumType)
    named = {code: _type_of(code) for code in codes.values}
    return {
        "extensions": {code.value: frozenset(FACTS.get(code, ())) for code in sorted(ExtensionCode)},
        "errors": {code: types.get(name, none) for code, name in sorted(named.items())}
        | {name: told for name, told in sorted(types.items()) if name not in named.values()},
        "details": {code.value: none for code in sorted(DetailCode)},
        "warnings": {code.value: none for code in sorted(WarningCode)},
    }


def completed(texts: Texts, keys: Facts) -> str:
    """A file with just these keys, sorted, and what texts there are for them."""
    whole = {
        section: {key: texts.get(section, {}).get(key, "") for key in named}
        for section, named in keys.items()
    }
    return json.dumps(whole, ensure_ascii=False, indent=2) + "\n"


def _facts_of_types(schema: GraphQLSchema) -> dict[str, frozenset[str]]:
    interface = schema.type_map["DomainError"]
    assert isinstance(interface, GraphQLInterfaceType)
    return {
        type_.name: frozenset(
            name
            for name, field in type_.fields.items()
            if name not in interface.fields and _sayable(field.type)
        )
        for type_ in schema.get_possible_types(interface)
    }


def _sayable(type_: object) -> bool:
    """Whether a value can stand in a sentence; Money is told as text, as the app writes amounts. Null cannot."""
    if not isinstance(type_, GraphQLNonNull):
        return False
    match type_.of_type:
        case GraphQLScalarType() | GraphQLEnumType():
            return True
        case GraphQLObjectType(name="Money"):
            return True
        case _:
            return False


def _type_of(code: str) -> str:
    """OUT_OF_STOCK is told by OutOfStockError."""
    return "".join(word.capitalize() for word in code.split("_")) + "Error"
