"""Mail, as the contexts see it."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Mail:
    """A plain-text message to one address.

    `reference` makes the Message-ID, so that a repeated delivery can be told from a second message.
    """

    to: str
    subject: str
    text: str
    reference: str


class Undeliverable(Exception):
    """The mail was refused for good: sending it again would be refused again."""


class Mailer(Protocol):
    """Hands mail over to somebody who delivers it."""

    async def send(self, mail: Mail) -> None:
        """Returns when the mail was accepted. Raises Undeliverable when it never will be, anything else when it may
        be later."""
        ...
