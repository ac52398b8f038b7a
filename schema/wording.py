"""graphql-core's messages in a client's terms: without suggestions, and without Python."""

import re

_FOUND = re.compile(r", found: .*", re.DOTALL)
_VALUE = re.compile(r"(?<! has invalid) value: .*", re.DOTALL)


def of_document(message: str) -> str:
    """What validation says. One rule suggests whatever `hide_suggestions` says, and a null is None."""
    return message.partition(" Did you mean ")[0].replace(" not to be None.", " not to be null.")


def of_variables(message: str) -> str:
    """What coercing variables says. Values are cut: they are written as Python would, and may be passwords."""
    return _VALUE.sub(" value.", _FOUND.sub(".", of_document(message)))
