"""docs/settings.md: every setting with its variable, type, default and meaning, as gateway/settings.py says."""

from enum import Enum
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic.fields import FieldInfo

from gateway.settings import Origin, Settings, WebUrl, variable_of

_INTRODUCTION = """\
# Settings

Everything that can be configured, read once from the environment at start-up. An empty variable counts as absent.
This page is written by `make schema`, from `gateway/settings.py`.

| variable | type | default | meaning |
| --- | --- | --- | --- |
"""

_BOUNDS = ((Ge, "from", "ge"), (Gt, "above", "gt"), (Le, "to", "le"), (Lt, "below", "lt"))


def settings_table() -> str:
    """The page, in Markdown."""
    rows = (
        f"| `{variable_of(name)}` | {_type(field)} | {_default(field)} | {_cell(field.description or '')} |\n"
        for name, field in Settings.model_fields.items()
    )
    return _INTRODUCTION + "".join(rows)


def _type(field: FieldInfo) -> str:
    bounds = (
        f"{words} {getattr(each, attribute)}"
        for each in field.metadata
        for bound, words, attribute in _BOUNDS
        if isinstance(each, bound)
    )
    return " ".join((_words(field.annotation), *bounds))


def _words(annotation: Any) -> str:  # Any: what Python lets one write after the colon
    if annotation in (WebUrl, Origin):
        return "web address"
    if get_origin(annotation) is Annotated:
        return _words(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        (only,) = (each for each in get_args(annotation) if each is not NoneType)
        return _words(only)
    if get_origin(annotation) is tuple:
        return f"list of: {_words(get_args(annotation)[0])}"
    if issubclass(annotation, Enum):
        return ", ".join(f"`{each.value}`" for each in annotation)
    return {bool: "`on`, `off`", int: "whole number", float: "number", Path: "path", str: "text"}[annotation]


def _default(field: FieldInfo) -> str:
    match field.default:
        case None | "" | ():
            return ""
        case Enum() as chosen:
            return f"`{chosen.value}`"
        case bool() as switch:
            return "`on`" if switch else "`off`"
        case given:
            return f"`{given}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
