"""Roles as administrators edit them: bundles of scopes out of a fixed catalogue."""

from dataclasses import dataclass

from contexts.identity.domain.scopes import ALL_ACCOUNTS, AUDIT_READ, BUYER_ROLES, ROLES, SCOPES


@dataclass(frozen=True, slots=True)
class Role:
    """A named bundle of scopes. `version` grows with every change."""

    name: str
    description: str
    scopes: frozenset[str]
    version: int

    @property
    def assignable(self) -> frozenset[str]:
        """The scopes it may have beside those it has. A buyer's role none beyond what `AccountRole` says of it: a
        viewer who ordered, or a buyer who set limits, would have no limit. Only a role that sees all accounts may
        have the audit trail, which is of all."""
        if self.name in BUYER_ROLES:
            return ROLES[self.name]
        return SCOPES if ALL_ACCOUNTS in self.scopes else SCOPES - {AUDIT_READ}
