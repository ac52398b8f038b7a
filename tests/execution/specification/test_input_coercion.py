"""3.5 and 3.9 to 3.12, Input Coercion: scalars, enums, lists; each table by literal and by variable."""

from dataclasses import dataclass

import pytest

from tests.execution.specification.world import Json, echoed, sent

REFUSED = None


@dataclass(frozen=True, slots=True)
class Row:
    """An input, as a literal and as JSON, and what it is coerced to; REFUSED: a request error."""

    name: str
    type_: str
    literal: str
    json: Json
    expected: str | None
    by_variable: str | None = "same"

    @property
    def sent(self) -> str | None:
        return self.expected if self.by_variable == "same" else self.by_variable


TABLE = [
    # Int: whole numbers of 32 bits; nothing else is one.
    Row("ofInt", "Int", "1", 1, "1"),
    Row("ofInt", "Int", "-2147483648", -(2**31), "-2147483648"),
    Row("ofInt", "Int", "2147483647", 2**31 - 1, "2147483647"),
    Row("ofInt", "Int", "2147483648", 2**31, REFUSED),
    Row("ofInt", "Int", "1.0", 1.0, REFUSED, "1"),
    Row("ofInt", "Int", "1.5", 1.5, REFUSED),
    Row("ofInt", "Int", '"1"', "1", REFUSED),
    Row("ofInt", "Int", "true", True, REFUSED),
    Row("ofInt", "Int", "null", None, "None"),
    # Float: whole numbers too; no strings.
    Row("ofFloat", "Float", "1", 1, "1.0"),
    Row("ofFloat", "Float", "1.5", 1.5, "1.5"),
    Row("ofFloat", "Float", "1e2", 1e2, "100.0"),
    Row("ofFloat", "Float", '"1.5"', "1.5", REFUSED),
    Row("ofFloat", "Float", "true", True, REFUSED),
    # String: strings only.
    Row("ofText", "String", '"a"', "a", "'a'"),
    Row("ofText", "String", '"""a"""', "a", "'a'"),
    Row("ofText", "String", "1", 1, REFUSED),
    Row("ofText", "String", "true", True, REFUSED),
    Row("ofText", "String", "a", ["a"], REFUSED),
    # Boolean: booleans only.
    Row("ofFlag", "Boolean", "true", True, "True"),
    Row("ofFlag", "Boolean", "1", 1, REFUSED),
    Row("ofFlag", "Boolean", '"true"', "true", REFUSED),
    # ID: strings and whole numbers.
    Row("ofId", "ID", '"a"', "a", "'a'"),
    Row("ofId", "ID", "4", 4, "'4'"),
    Row("ofId", "ID", "1.5", 1.5, REFUSED),
    Row("ofId", "ID", "true", True, REFUSED),
    # Enum: the name, as a name in a document and as a string in JSON.
    Row("ofColour", "Colour", "RED", "RED", "<Colour.RED: 'red'>"),
    Row("ofColour", "Colour", '"RED"', "red", REFUSED),
    Row("ofColour", "Colour", "GREEN", "GREEN", REFUSED),
    Row("ofColour", "Colour", "0", 0, REFUSED),
    Row("ofColour", "Colour", "true", True, REFUSED),
    # Custom scalars say themselves.
    Row("ofDecimal", "Decimal", '"1.50"', "1.50", "Decimal('1.50')"),
    Row("ofDecimal", "Decimal", "3", 3, "Decimal('3')"),
    Row("ofDecimal", "Decimal", "1.5", 1.5, REFUSED),
    Row("ofDecimal", "Decimal", '"NaN"', "NaN", REFUSED),
    Row("ofDecimal", "Decimal", "true", True, REFUSED),
    Row("ofDecimal", "Decimal", "[1]", [1], REFUSED),
    Row("ofDecimal", "Decimal", "{a: 1}", {"a": 1}, REFUSED),
    Row("ofMoment", "DateTime", '"2026-01-01"', "2026-01-01", REFUSED),
    Row("ofMoment", "DateTime", "1", 1, REFUSED),
    # 3.11 List: [Int]
    Row("ofList", "[Int]", "[1, 2, 3]", [1, 2, 3], "[1, 2, 3]"),
    Row("ofList", "[Int]", '[1, "b", true]', [1, "b", True], REFUSED),
    Row("ofList", "[Int]", "1", 1, "[1]"),
    Row("ofList", "[Int]", "null", None, "None"),
    Row("ofList", "[Int]", "[null]", [None], "[None]"),
    Row("ofList", "[Int]", "[]", [], "[]"),
    # [Int!]
    Row("ofSureItems", "[Int!]", "[1, null]", [1, None], REFUSED),
    Row("ofSureItems", "[Int!]", "null", None, "None"),
    Row("ofSureItems", "[Int!]", "1", 1, "[1]"),
    # [[Int]]: a list is not wrapped twice, an item is.
    Row("ofNested", "[[Int]]", "[[1], [2, 3]]", [[1], [2, 3]], "[[1], [2, 3]]"),
    Row("ofNested", "[[Int]]", "[1, 2, 3]", [1, 2, 3], "[[1], [2], [3]]"),
    Row("ofNested", "[[Int]]", "[1, null, 3]", [1, None, 3], "[[1], None, [3]]"),
    Row("ofNested", "[[Int]]", "[[1], [null]]", [[1], [None]], "[[1], [None]]"),
    Row("ofNested", "[[Int]]", "1", 1, "[[1]]"),
    Row("ofNested", "[[Int]]", "null", None, "None"),
    Row("ofNested", "[[Int]]", '[1, [2], "3"]', [1, [2], "3"], REFUSED),
]
"""A row's name is the field it is asked of."""


def _described(row: Row) -> str:
    return f"{row.type_} {row.literal}"


@pytest.mark.parametrize("row", TABLE, ids=_described)
async def test_a_literal_is_coerced(row: Row) -> None:
    assert await echoed(row.name, row.literal) == row.expected


@pytest.mark.parametrize("row", TABLE, ids=_described)
async def test_a_variable_is_coerced(row: Row) -> None:
    assert await sent(row.name, row.type_, row.json) == row.sent
