"""Roles as administrators edit them: bundles of scopes out of a fixed catalogue."""

from dataclasses import dataclass

from contexts.identity.domain.scopes import BUYER_ROLES, BUYER_SCOPES, SCOPES


@dataclass(frozen=True, slots=True)
class Role:
    """A named bundle of scopes. `version` grows with every change."""

    name: str
    description: str
    scopes: frozenset[str]
    version: int

    @property
    def assignable(self) -> frozenset[str]:
        """The scopes it may have: a buyer's role none of those that reach beyond the own account."""
        return BUYER_SCOPES if self.name in BUYER_ROLES else SCOPES
