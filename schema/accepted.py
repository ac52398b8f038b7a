"""Which documents are executed: a choice that settings know without knowing GraphQL."""

from enum import StrEnum


class AcceptedDocuments(StrEnum):
    """Which documents are executed, and how they may be asked for."""

    OPEN = "open"
    """Any. Clients may register theirs, to ask for them by id (Apollo's automatic persisted queries)."""
    PERSISTED = "persisted"
    """Those of the manifest, by id or by the same text."""
    TRUSTED = "trusted"
    """Those of the manifest, by id only."""
