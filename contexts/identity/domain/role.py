"""Roles as administrators edit them: bundles of scopes out of a fixed catalogue."""

from dataclasses import dataclass

from contexts.identity.domain.scopes import ALL_ACCOUNTS, AUDIT_READ, BUYER_ROLES, BUYER_SCOPES, SCOPES


@dataclass(frozen=True, slots=True)
class Role:
    """A named bundle of scopes. `version` grows with every change."""

    name: str
    description: str
    scopes: frozenset[str]
    version: int

    @property
    def assignable(self) -> frozenset[str]:
        """The scopes it may have beside those it has: a buyer's role none that reach beyond the own account, and
        only one that sees all accounts the audit trail, which is of all."""
        if self.name in BUYER_ROLES:
            return BUYER_SCOPES
        return SCOPES if ALL_ACCOUNTS in self.scopes else SCOPES - {AUDIT_READ}
