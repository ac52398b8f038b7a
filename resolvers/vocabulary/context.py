"""What a resolver knows about the request it serves.

No connection and no session: sibling fields run at the same time.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast
from uuid import UUID

import strawberry

from contexts.catalog.api import Catalog
from contexts.identity.api import Account, Device, Identity, Principal
from contexts.orders.api import Ordering
from contexts.pricing.api import Pricing
from contexts.shared.audit import Actor, AuditTrail
from resolvers.vocabulary.asked import Asked
from resolvers.vocabulary.client import UNKNOWN_CLIENT, Client

Loader = TypeVar("Loader")


@dataclass(frozen=True, slots=True)
class Contexts:
    """The doors of the four contexts, and the audit trail they all write to."""

    catalog: Catalog
    pricing: Pricing
    orders: Ordering
    identity: Identity
    audit_trail: AuditTrail


@dataclass(slots=True)
class RequestContext:
    """One operation's context.

    `principal` is None for an anonymous caller. `at` is the one instant at which the whole operation sees
    prices, so that a page sorted by price and the prices on it agree. `address` is where the request came from,
    behind trusted proxies; empty when that is not known.
    """

    contexts: Contexts
    principal: Principal | None
    request_id: str
    at: datetime
    address: str = ""
    client: Client = UNKNOWN_CLIENT
    _loaders: dict[Hashable, object] = field(default_factory=dict)
    _accounts: dict[UUID, Asked[dict[UUID, Account]]] = field(default_factory=dict)
    _gathering: tuple[set[UUID], Asked[dict[UUID, Account]]] | None = None

    def loader(self, key: Hashable, make: Callable[[], Loader]) -> Loader:
        """This operation's loader under `key`. The key carries every argument that changes the answer."""
        if (found := self._loaders.get(key)) is None:
            found = self._loaders[key] = make()
        return cast(Loader, found)

    def signed_in(self) -> Principal:
        """The caller of a field whose guard has already refused anonymous ones."""
        if self.principal is None:
            raise AssertionError("this field needs a guard: @authenticated or @requiresScopes")
        return self.principal

    @property
    def actor(self) -> Actor:
        """The caller, as the audit trail names them."""
        if self.principal is None:
            return Actor(None, None, self.request_id)
        return Actor(self.principal.user_id, self.principal.session_id, self.request_id)

    @property
    def device(self) -> Device:
        """Where the request comes from, as sessions remember it."""
        return Device(self.address or None, self.client.user_agent)

    async def account(self, account_id: UUID) -> Account | None:
        """The buyer account, if the caller may see it; asked once per operation, however many fields need it."""
        asked = self._accounts.get(account_id)
        if asked is None or asked.given_up:
            asked = self._accounts[account_id] = self._asked_together(account_id)
        return (await asked.answer()).get(account_id)

    def _asked_together(self, account_id: UUID) -> Asked[dict[UUID, Account]]:
        """The question for the account. It waits one turn for the other fields, and asks for their accounts too."""
        if self._gathering is None or self._gathering[1].given_up:
            ids: set[UUID] = set()

            async def ask() -> dict[UUID, Account]:
                self._gathering = None
                return await self.contexts.identity.accounts.visible(self.signed_in(), ids)

            self._gathering = ids, Asked(ask())
        ids, asked = self._gathering
        ids.add(account_id)
        return asked


Info = strawberry.Info[RequestContext, None]
