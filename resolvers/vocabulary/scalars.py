"""The custom scalars: Decimal travels as a string, DateTime is ISO 8601 with an offset."""

import re
from datetime import UTC, datetime
from decimal import Decimal

import strawberry
from graphql import GraphQLError, IntValueNode, StringValueNode, ValueNode
from strawberry.types.scalar import ScalarDefinition

_YEARS = range(1900, 9001)
_DECIMAL = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")


def _parse_decimal(value: object) -> Decimal:
    """Plain notation only: no exponent, no NaN, at most 20 digits on either side; integers may be numbers.

    A JSON float is refused because it has already lost the digits the client meant.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**20 else ""
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value) or Decimal(0)  # there is no minus zero in a price list
    raise GraphQLError('A Decimal is a string like "12.50": digits, at most one point, no exponent.')


def _parse_decimal_literal(node: ValueNode, variables: object = None) -> Decimal:
    if isinstance(node, StringValueNode | IntValueNode):
        return _parse_decimal(node.value)
    raise GraphQLError('A Decimal is a string like "12.50": digits, at most one point, no exponent.')


def _serialize_decimal(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, str):
        return value
    raise TypeError(f"Decimal cannot represent value: {value!r}")


def _parse_datetime(value: object) -> datetime:
    if isinstance(value, str) and len(value) <= 40:
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            parsed = None
        if parsed is not None and parsed.tzinfo is not None:
            # The year is bounded so that converting to another offset can never overflow.
            if parsed.year not in _YEARS:
                raise GraphQLError(f"A DateTime is in the years {_YEARS.start} to {_YEARS.stop - 1}.")
            return parsed.astimezone(UTC)
    raise GraphQLError('A DateTime is ISO 8601 with an offset, like "2026-11-22T09:00:00-03:00".')


def _parse_datetime_literal(node: ValueNode, variables: object = None) -> datetime:
    return _parse_datetime(node.value if isinstance(node, StringValueNode) else None)


SCALARS: dict[object, ScalarDefinition] = {
    Decimal: strawberry.scalar(
        name="Decimal",
        description='An exact decimal number, as a string in plain notation: "36.90". Never a float.',
        serialize=_serialize_decimal,
        parse_value=_parse_decimal,
        parse_literal=_parse_decimal_literal,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description='An instant in ISO 8601 with an offset, in the years 1900 to 9000: "2026-11-22T09:00:00-03:00".',
        serialize=datetime.isoformat,
        parse_value=_parse_datetime,
        parse_literal=_parse_datetime_literal,
    ),
}
