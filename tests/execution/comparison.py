"""When two responses are equal: the rule of the proof."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import orjson

from schema.operations import Response

Json = Any  # Any: responses have the shape their documents give them
Path = tuple[str | int, ...]


def difference(stock: Response, breadth: Response) -> str | None:
    """How the answers differ; None when they are equal.

    `data` must be the same text, so the order of keys counts; the cost must be the same where nothing failed. Errors
    are compared by the null they explain: an error at its own null must be the same on both sides. Where a null was
    propagated upwards, each side must explain it, and graphql-core may report fewer of the errors below it, but none
    that we do not report: it stops working on a position once that is null, we have the whole level already.
    """
    if stock.executed != breadth.executed:
        return f"executed: {stock.executed} and {breadth.executed}"
    ours, theirs = orjson.dumps(breadth.data), orjson.dumps(stock.data)
    if ours != theirs:
        return f"data:\n  stock   {theirs.decode()}\n  breadth {ours.decode()}"
    if not stock.errors and stock.cost != breadth.cost:
        return f"cost: {stock.cost} and {breadth.cost}"
    expected, found = _by_null(stock), _by_null(breadth)
    for side, response in (("stock", stock), ("breadth", breadth)):
        places = [(*error.get("path", ()), error["message"]) for error in response.errors]
        if stock.executed and len(set(places)) != len(places):
            return f"{side} reports an error twice: {places}"
    if expected.keys() != found.keys():
        return f"nulls explained: stock {set(expected) - set(found)}, breadth {set(found) - set(expected)}"
    for null, errors in expected.items():
        if missing := errors - found[null]:
            return f"errors at {null} that only stock has: {missing}; breadth has {found[null]}"
        added = found[null] - errors
        if any(len(_path(error)) <= len(null) for error in added):
            return f"errors at {null} that only breadth has: {added}; stock has {errors}"
    return None


def _by_null(response: Response) -> dict[Path, set[bytes]]:
    """The errors by the position of the null they explain: the first null on the way to them."""
    found: dict[Path, set[bytes]] = defaultdict(set)
    for error in response.errors:
        path = tuple(error.get("path", ()))
        found[_null_on(path, response.data)].add(orjson.dumps(error))
    return found


def _null_on(path: Path, data: Json) -> Path:
    for depth, key in enumerate(path):
        if data is None:
            return path[:depth]
        if key not in data if isinstance(data, dict) else isinstance(key, str):
            return path  # a denied position stands for all items of a list
        data = data[key]
    return path


def _path(error: bytes) -> Sequence[str | int]:
    found: Sequence[str | int] = orjson.loads(error).get("path", ())
    return found
