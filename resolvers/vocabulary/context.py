"""What a resolver knows about the request it serves.

No connection and no session: sibling fields run at the same time.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar, cast
from uuid import UUID

import strawberry
from strawberry.dataloader import DataLoader

from contexts.catalog.api import Catalog
from contexts.identity.api import Account, Identity, Principal
from contexts.orders.api import Ordering
from contexts.pricing.api import Pricing

Loader = TypeVar("Loader")


@dataclass(frozen=True, slots=True)
class Contexts:
    """The doors of the four contexts."""

    catalog: Catalog
    pricing: Pricing
    orders: Ordering
    identity: Identity


@dataclass(slots=True)
class RequestContext:
    """One operation's context.

    `principal` is None for an anonymous caller. `at` is the one instant at which the whole operation sees
    prices, so that a page sorted by price and the prices on it agree.
    """

    contexts: Contexts
    principal: Principal | None
    request_id: str
    at: datetime
    _loaders: dict[Hashable, object] = field(default_factory=dict)

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

    async def account(self, account_id: UUID) -> Account | None:
        """The buyer account, if the caller may see it; asked once per operation."""
        principal = self.signed_in()

        async def load(ids: list[UUID]) -> list[Account | None]:
            accounts = await self.contexts.identity.accounts.visible(principal, ids)
            return [accounts.get(id) for id in ids]

        loader: DataLoader[UUID, Account | None] = self.loader("accounts", lambda: DataLoader(load))
        return await loader.load(account_id)


Info = strawberry.Info[RequestContext, None]
