"""Valid operations over a schema, made by chance: everything that CollectFields and the values can meet.

Two rules keep what is made valid. A response key stands for one field with one set of arguments in the whole document,
so that fields always merge; where types that can meet in one position disagree on a field's type, the key
carries the type's name. And a fragment spreads only fragments made before it.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from random import Random
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    SchemaMetaFieldDef,
    TypeMetaFieldDef,
    Undefined,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_leaf_type,
    is_non_null_type,
)

from resolvers.vocabulary.node import parse_node_id
from tests.execution.world import NODE_IDS

Composite = GraphQLObjectType | GraphQLInterfaceType
Json = Any  # Any: variables have the shapes their types give them


@dataclass(frozen=True, slots=True)
class Request:
    """One request: a document, the operation of it that is asked for, its variables."""

    text: str
    operation_name: str | None
    variables: dict[str, Json]


class _EnumName(str):
    """A value that literals spell without quotes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str


@dataclass(frozen=True, slots=True)
class _Declared:
    """A variable: how it is declared, and the value sent; Undefined: none."""

    type: str
    default: str | None
    value: Json


@dataclass(slots=True)
class _Uses:
    """What a piece of the document refers to."""

    variables: set[str] = field(default_factory=set)
    fragments: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class _Fragment:
    name: str
    on: Composite
    text: str
    uses: _Uses


def conflicting_fields(schema: GraphQLSchema) -> set[tuple[str, str]]:
    """Fields, by type, that differ in type from those of the same name on types that can stand in one position."""
    pairs: list[tuple[GraphQLObjectType, GraphQLObjectType]] = []
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLInterfaceType):
            pairs += combinations(schema.get_possible_types(type_), 2)
    seen: set[frozenset[str]] = set()
    found: set[tuple[str, str]] = set()
    while pairs:
        one, other = pairs.pop()
        if frozenset((one.name, other.name)) in seen:
            continue
        seen.add(frozenset((one.name, other.name)))
        for name in one.fields.keys() & other.fields.keys():
            mine, theirs = one.fields[name].type, other.fields[name].type
            shape, other_shape = _shape(mine), _shape(theirs)
            if shape != other_shape:
                found |= {(one.name, name), (other.name, name)}
            inner, other_inner = get_named_type(mine), get_named_type(theirs)
            if (
                isinstance(inner, GraphQLObjectType)
                and isinstance(other_inner, GraphQLObjectType)
                and inner is not other_inner
            ):
                pairs.append((inner, other_inner))
    return found


def _shape(type_: object) -> str:
    named = get_named_type(type_)  # type: ignore[call-overload]  # any GraphQL type
    return str(type_) if is_leaf_type(named) else str(type_).replace(named.name, "*")


@dataclass(slots=True)
class Documents:
    """Makes requests. `random` decides everything."""

    schema: GraphQLSchema
    random: Random
    conflicting: set[tuple[str, str]]
    _budget: int = 0
    _variables: dict[str, _Declared] = field(default_factory=dict)
    _arguments: dict[tuple[str, str, int], tuple[str, _Uses]] = field(default_factory=dict)
    _swapped: dict[str, Mapping[str, str]] = field(default_factory=dict)
    _fragments: list[_Fragment] = field(default_factory=list)

    def request(self) -> Request:
        """One request, valid except perhaps for the values of its variables."""
        random = self.random
        for number in range(random.choice([0, 0, 1, 2, 3])):
            self._budget = 12
            on = random.choice(self._composites())
            uses = _Uses()
            text = self._selection_set(on, 3, uses)
            self._fragments.append(_Fragment(f"F{number}", on, text, uses))
        made = [self._operation() for _ in range(random.choice([1] * 6 + [2, 3]))]
        names = [f"Op{number}" for number in range(len(made))]
        texts = [
            self._headed(f"{kind} {name}", text, uses)
            for name, (kind, text, uses) in zip(names, made, strict=True)
        ]
        chosen = random.randrange(len(made))
        operation_name: str | None = names[chosen]
        if len(made) == 1 and random.random() < 0.5:
            operation_name = None
            kind, text, uses = made[0]
            texts = [self._headed(kind, text, uses)]
        fragments = {name for _, _, uses in made for name in self._reached(uses)}
        texts += [
            f"fragment {each.name} on {each.on.name} {each.text}"
            for each in self._fragments
            if each.name in fragments
        ]
        random.shuffle(texts)
        asked = self._needed(made[chosen][2])
        values = {name: self._variables[name].value for name in sorted(asked)}
        return Request(
            "\n".join(texts),
            operation_name,
            {name: value for name, value in values.items() if value is not Undefined},
        )

    # Operations and fragments.

    def _operation(self) -> tuple[str, str, _Uses]:
        self._budget = self.random.choice([8, 20, 50])
        uses = _Uses()
        if self.random.random() < 0.25:
            assert self.schema.mutation_type is not None
            return "mutation", self._selection_set(self.schema.mutation_type, 6, uses), uses
        assert self.schema.query_type is not None
        return "query", self._selection_set(self.schema.query_type, 7, uses), uses

    def _headed(self, head: str, text: str, uses: _Uses) -> str:
        declared = [
            f"${name}: {self._variables[name].type}"
            + ("" if self._variables[name].default is None else f" = {self._variables[name].default}")
            for name in sorted(self._needed(uses))
        ]
        return " ".join([head, f"({', '.join(declared)})" if declared else "", text])

    def _reached(self, uses: _Uses) -> set[str]:
        reached = set(uses.fragments)
        for fragment in reversed(self._fragments):  # a fragment spreads only those made before it
            if fragment.name in reached:
                reached |= fragment.uses.fragments
        return reached

    def _needed(self, uses: _Uses) -> set[str]:
        reached = self._reached(uses)
        inside = (each.uses.variables for each in self._fragments if each.name in reached)
        return uses.variables.union(*inside)

    def _composites(self) -> list[Composite]:
        return [
            type_
            for type_ in self.schema.type_map.values()
            if isinstance(type_, Composite)
            and not type_.name.startswith("__")
            and type_ not in (self.schema.mutation_type, self.schema.subscription_type)
        ]

    # Selection sets.

    def _selection_set(self, on: Composite, depth: int, uses: _Uses) -> str:
        parts: list[str] = []
        for _ in range(self.random.choice([1, 2, 2, 3, 4, 5])):
            if self._budget <= 0:
                break
            parts.append(self._selection(on, depth, uses))
            if self.random.random() < 0.1:  # the same again, perhaps under another condition
                repeated = self._selection(on, depth, uses)
                parts += [repeated, self.random.choice(parts)]
        if not parts:
            parts.append(self._leaf(on, uses))
        return "{ " + " ".join(parts) + " }"

    def _selection(self, on: Composite, depth: int, uses: _Uses) -> str:
        if (
            self._budget > 3
            and depth > 1
            and self.random.random() < 0.5
            and (inner := self._composite_fields(on))
        ):
            return self._selected(on, self.random.choice(inner), depth, uses)
        kind = self.random.random()
        spreadable = [each for each in self._fragments if self._overlap(each.on, on)]
        if kind < 0.15 and spreadable:
            fragment = self.random.choice(spreadable)
            uses.fragments.add(fragment.name)
            self._budget -= 4
            return f"...{fragment.name}{self._directives(uses)}"
        if kind < 0.4 and depth > 0:
            inside = self.random.choice(
                [None, on, *(each for each in self._composites() if self._overlap(each, on))]
            )
            condition = "" if inside is None else f" on {inside.name}"
            directives = self._directives(uses)
            self._budget -= 1
            return f"...{condition}{directives} {self._selection_set(inside or on, depth - 1, uses)}"
        if kind < 0.47:
            return f"{self.random.choice(['', '', 'kind_: '])}__typename{self._directives(uses)}"
        return self._field(on, depth, uses)

    def _composite_fields(self, on: Composite) -> list[str]:
        names = [name for name, each in on.fields.items() if is_composite_type(get_named_type(each.type))]
        # Where most of what there is lies.
        return names + [name for name in names if name in _POPULAR] * 2

    def _leaf(self, on: Composite, uses: _Uses) -> str:
        leaves = [name for name, each in on.fields.items() if is_leaf_type(get_named_type(each.type))]
        if not leaves or self.random.random() < 0.2:
            return "__typename"
        return self._selected(on, self.random.choice(leaves), 0, uses)

    def _field(self, on: Composite, depth: int, uses: _Uses) -> str:
        names = list(on.fields)
        if on is self.schema.query_type and self.random.random() < 0.05:
            names = ["__schema", "__type"]
        if depth <= 0 or (on.name.startswith("__") and self.random.random() < 0.7):
            return self._leaf(on, uses)
        return self._selected(on, self.random.choice(names), depth, uses)

    def _selected(self, on: Composite, name: str, depth: int, uses: _Uses) -> str:
        self._budget -= 1
        meta = {"__schema": SchemaMetaFieldDef, "__type": TypeMetaFieldDef}
        definition: GraphQLField = on.fields[name] if name in on.fields else meta[name]
        variant = self.random.choice([0, 0, 0, 1]) if definition.args else self.random.choice([0] * 7 + [1])
        key = self._key(on, name, variant)
        arguments, used = self._arguments_of(on, name, definition, variant)
        uses.variables |= used.variables
        directives = self._directives(uses)
        named = get_named_type(definition.type)
        below = ""
        if is_composite_type(named):
            assert isinstance(named, Composite)
            depth = min(depth - 1, 2) if named.name.startswith("__") else depth - 1
            below = f" {self._selection_set(named, depth, uses)}"
        return f"{'' if key == name else f'{key}: '}{name}{arguments}{directives}{below}"

    def _key(self, on: Composite, name: str, variant: int) -> str:
        if (on.name, name) in self.conflicting:
            return f"{on.name}_{name}_{variant}"
        if variant:
            return f"{name.strip('_')}_{variant}"
        if on.name not in self._swapped:
            self._swapped[on.name] = self._swap(on) if self.random.random() < 0.2 else {}
        return self._swapped[on.name].get(name, name)

    def _swap(self, on: Composite) -> dict[str, str]:
        """Some fields of one type answer under each other's names."""
        if isinstance(on, GraphQLInterfaceType) or on.interfaces:
            return {}  # the name has to mean the same on interface and object
        by_type: dict[str, list[str]] = {}
        for name, each in on.fields.items():
            if is_leaf_type(get_named_type(each.type)) and not each.args:
                by_type.setdefault(str(each.type), []).append(name)
        return {
            name: other
            for names in by_type.values()
            for name, other in zip(names, [*names[1:], names[0]], strict=True)
            if all((on.name, each) not in self.conflicting for each in names)
        }

    def _overlap(self, one: Composite, other: Composite) -> bool:
        return bool(self._possible(one) & self._possible(other))

    def _possible(self, type_: Composite) -> set[str]:
        if is_abstract_type(type_):
            return {each.name for each in self.schema.get_possible_types(type_)}
        return {type_.name}

    # Directives, arguments, values, variables.

    def _directives(self, uses: _Uses) -> str:
        asked = ""
        for name in self.random.choice([()] * 13 + [("include",), ("skip",), ("skip", "include")]):
            if self.random.random() < 0.3:
                kept = self.random.random() < 0.8
                condition = json.dumps(kept is (name == "include"))
            else:
                variable = self._condition()
                uses.variables.add(variable)
                condition = f"${variable}"
            asked += f" @{name}(if: {condition})"
        return asked

    def _condition(self) -> str:
        name = f"c{self.random.randrange(4)}"
        if name not in self._variables:
            value = self.random.random() < 0.6
            declared = self.random.choice(
                [
                    _Declared("Boolean!", None, value),
                    _Declared("Boolean!", json.dumps(not value), value),
                    _Declared("Boolean", json.dumps(value), Undefined),
                    _Declared("Boolean!", json.dumps(value), Undefined),
                ]
            )
            self._variables[name] = declared
        return name

    def _arguments_of(
        self, on: Composite, name: str, definition: GraphQLField, variant: int
    ) -> tuple[str, _Uses]:
        if not definition.args:
            return "", _Uses()
        place = (_declaring(on, name).name, name, variant)
        if place not in self._arguments:
            uses = _Uses()
            given = dict(definition.args)
            optional = [each for each, spec in given.items() if not is_non_null_type(spec.type)]
            if name in {"product", "order"} and self.random.random() < 0.85:
                keep = {self.random.choice(optional)}
            else:
                keep = {each for each in optional if self.random.random() < 0.12}
            values = {
                each: self._value(spec, f"{name}_id" if each == "id" else each, uses, can_vary=True)
                for each, spec in given.items()
                if each not in optional or each in keep
            }
            inside = ", ".join(f"{each}: {_literal(value)}" for each, value in values.items())
            self._arguments[place] = (f"({inside})" if inside else "", uses)
        return self._arguments[place]

    def _value(
        self, spec: GraphQLArgument | GraphQLInputField, name: str, uses: _Uses, *, can_vary: bool
    ) -> object:
        """A value for an argument or an input field: a literal, a variable, or a literal with variables in it."""
        if can_vary and self.random.random() < 0.4:
            defaulted = spec.default_value is not Undefined
            variable = self._variable(spec.type, name, defaulted)
            uses.variables.add(variable)
            return _Variable(variable)
        return self._literal_of(spec.type, name, uses, can_vary=can_vary)

    def _one_of(self, type_: GraphQLInputObjectType, uses: _Uses, *, can_vary: bool) -> object:
        """One field of a @oneOf input object, never null, and no variable that could be."""
        name = self.random.choice(list(type_.fields))
        spec = _sure(type_.fields[name].type)
        if can_vary and self.random.random() < 0.3:
            variable = self._variable(spec, name, False, sure=True)
            uses.variables.add(variable)
            return {name: _Variable(variable)}
        return {name: self._literal_of(spec, name, uses, can_vary=can_vary)}

    def _variable(self, type_: GraphQLInputType, name: str, defaulted: bool, *, sure: bool = False) -> str:
        """A variable of the type; `sure`: declared so that it cannot be null."""
        nullable = _sure(type_).of_type
        again = [
            known
            for known, each in self._variables.items()
            if known.startswith(f"{name}_") and each.type == f"{nullable}!"
        ]
        if again and self.random.random() < 0.3:
            return self.random.choice(again)
        value = self._json_of(_sure(type_), name)
        named = get_named_type(type_)
        if isinstance(named, GraphQLInputObjectType) and named.is_one_of and self.random.random() < 0.1:
            value = self.random.choice([{}, dict.fromkeys(named.fields), {next(iter(named.fields)): None}])
        default = _literal(self._literal_of(_sure(type_), name, _Uses(), can_vary=False))
        choices = [
            _Declared(f"{nullable}!", None, value),
            _Declared(f"{nullable}!", default, self.random.choice([value, Undefined])),
            # Allowed everywhere because it has a default; null may still be sent.
            _Declared(str(nullable), default, self.random.choice([value, Undefined, None])),
        ]
        if not isinstance(type_, GraphQLNonNull) or defaulted:
            choices.append(_Declared(str(nullable), None, self.random.choice([value, Undefined, None])))
        if not isinstance(type_, GraphQLNonNull):
            choices.append(_Declared(str(nullable), "null", self.random.choice([value, Undefined, None])))
        made = f"{name}_{len(self._variables)}"
        self._variables[made] = self.random.choice(choices[:2] if sure else choices)
        return made

    def _json_of(self, type_: GraphQLInputType, name: str) -> Json:
        return _plain(self._literal_of(type_, name, _Uses(), can_vary=False))

    def _literal_of(self, type_: GraphQLInputType, name: str, uses: _Uses, *, can_vary: bool) -> object:
        if isinstance(type_, GraphQLNonNull):
            return self._present(type_.of_type, name, uses, can_vary=can_vary)
        return None if self.random.random() < 0.1 else self._present(type_, name, uses, can_vary=can_vary)

    def _present(self, type_: GraphQLInputType, name: str, uses: _Uses, *, can_vary: bool) -> object:
        match type_:
            case GraphQLList():
                if self.random.random() < 0.1:  # a single value stands for a list of it
                    return self._literal_of(_sure(type_.of_type), name, uses, can_vary=False)
                return [
                    self._value(GraphQLArgument(type_.of_type), name, uses, can_vary=can_vary)
                    for _ in range(self.random.randrange(3))
                ]
            case GraphQLInputObjectType() if type_.is_one_of:
                return self._one_of(type_, uses, can_vary=can_vary)
            case GraphQLInputObjectType():
                return {
                    each: self._value(spec, each, uses, can_vary=can_vary)
                    for each, spec in type_.fields.items()
                    if _required(spec) or self.random.random() < 0.3
                }
            case GraphQLEnumType():
                return _EnumName(self.random.choice(list(type_.values)))
            case GraphQLScalarType():
                return self._scalar(type_.name, name)
            case _:
                raise AssertionError(f"not an input type: {type_}")

    def _scalar(self, type_name: str, name: str) -> object:
        choose = self.random.choice
        match type_name:
            case "ID":
                fitting = [id for id in NODE_IDS if name in _IDS and _names(id, _IDS[name])]
                return choose(fitting if fitting and self.random.random() < 0.9 else NODE_IDS)
            case "Boolean":
                return choose([True, False])
            case "Int":
                return choose([1, 2, 3, 5, 100, 3, 2, 5, 4, 3, 2, 0])
            case "Decimal":
                return choose(["1", "2", "10", "0.5", "2.5", "0", "-1", "0.0001", 3])
            case "DateTime":
                return choose(["2026-11-22T09:00:00-03:00", "2026-12-01T00:00:00+00:00"])
            case "String":
                return choose(_WORDS.get(name, ["", "cimento", "SP", 'a "quoted" word', "ação"]))
            case _:
                raise AssertionError(f"no values for {type_name}")


_WORDS: Mapping[str, list[str]] = {
    "sku": ["SKU-0", "SKU-1", "SKU-2", "NOPE"],
    "skus": ["SKU-0", "SKU-1"],
    "slug": ["produto-0", "produto-1", "produto-3", "nope"],
    "number": ["P-2026-000000", "P-2026-000001", "P-2026-000002", "nope"],
    # The positions of a RELEVANCE and a PLACED_AT listing, and nonsense.
    "after": ["WyJSRUxFVkFOQ0UiLCIxIiwiaWQiXQ", "WyJQTEFDRURfQVQiLCIxIiwiaWQiXQ", "nonsense"],
    "before": ["WyJSRUxFVkFOQ0UiLCIxIiwiaWQiXQ", "WyJSRUxFVkFOQ0UiLCJiYWQiXQ", "nonsense"],
    "name": ["Product", "Node", "ErrorCode", "ProductFilter", "Decimal", "Nothing"],
}

_POPULAR = {"products", "cart", "orders", "nodes", "price", "explanation"}
_IDS = {"product_id": "Product", "order_id": "Order", "onBehalfOf": "BuyerAccount"}


def _names(id: str, type_name: str) -> bool:
    decoded = parse_node_id(id)
    return decoded is not None and decoded.type_name == type_name


def _declaring(on: Composite, name: str) -> Composite:
    """The interface that a field comes from: on each of its types the same is meant by one key."""
    above = [each for each in on.interfaces if name in each.fields]
    return min(above, key=lambda each: len(each.interfaces), default=on)


def _sure(type_: GraphQLInputType) -> GraphQLNonNull[Any]:
    """The type without null."""
    return type_ if isinstance(type_, GraphQLNonNull) else GraphQLNonNull(type_)


def _required(spec: GraphQLInputField) -> bool:
    return is_non_null_type(spec.type) and spec.default_value is Undefined


def _literal(value: object) -> str:
    match value:
        case _Variable(name):
            return f"${name}"
        case _EnumName():
            return str.__str__(value)
        case dict():
            return "{" + ", ".join(f"{key}: {_literal(each)}" for key, each in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(_literal, value)) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> Json:
    match value:
        case dict():
            return {key: _plain(each) for key, each in value.items()}
        case list():
            return [_plain(each) for each in value]
        case str():
            return str.__str__(value)
        case _:
            return value
