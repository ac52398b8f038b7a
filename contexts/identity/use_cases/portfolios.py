"""Which rep looks after which accounts: assign, unassign, transfer from one rep to another."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from contexts.identity.domain.user import Principal
from contexts.identity.ports import Accounts, Portfolios, Users
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.rejections import InvalidInput, NotFound
from contexts.shared.transaction import Transaction, Transactions


@dataclass(frozen=True, slots=True)
class PortfolioChanged:
    """What has changed: the accounts that came, went or moved. `replayed`: none, all was so before."""

    account_ids: frozenset[UUID]

    @property
    def replayed(self) -> bool:
        return not self.account_ids


@dataclass(frozen=True, slots=True)
class ChangePortfolio:
    """Puts an account into a rep's portfolio or takes it out, as `change` fixes. An account may have several reps."""

    change: Literal["assign", "unassign"]
    accounts: Accounts
    users: Users
    portfolios: Portfolios
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, rep_id: UUID, account_id: UUID
    ) -> PortfolioChanged | InvalidInput | NotFound:
        async with self.transactions.begin() as transaction:
            if not await self.accounts.visible(principal, [account_id], within=transaction):
                return NotFound("buyer account", ("input", "accountId"))
            await self.portfolios.lock(transaction, [rep_id])
            assigning = self.change == "assign"
            if assigning and not await self.users.reps([rep_id], within=transaction):
                return _not_a_rep("repId")
            has = account_id in await self.accounts.portfolio_of(rep_id, within=transaction)
            if has is assigning:
                return PortfolioChanged(frozenset())
            write = self.portfolios.add if assigning else self.portfolios.remove
            await write(transaction, rep_id, [account_id])
            await _record(
                transaction, by, f"identity.portfolio_{self.change}ed", rep_id, account_id, self.clock.now()
            )
            await transaction.commit()
        return PortfolioChanged(frozenset({account_id}))


@dataclass(frozen=True, slots=True)
class TransferPortfolio:
    """Moves accounts from one rep to another, all or none: these, or every one the rep has. Once more: nothing
    is left to move."""

    accounts: Accounts
    users: Users
    portfolios: Portfolios
    transactions: Transactions
    clock: Clock

    async def __call__(
        self,
        principal: Principal,
        by: Actor,
        from_rep: UUID,
        to_rep: UUID,
        account_ids: Collection[UUID] | None,
    ) -> PortfolioChanged | InvalidInput | NotFound:
        if from_rep == to_rep:
            return InvalidInput.at(
                "toRepId", DetailCode.SAME, "must be another rep: this one has the portfolio"
            )
        async with self.transactions.begin() as transaction:
            await self.portfolios.lock(transaction, [from_rep, to_rep])
            if not await self.users.reps([to_rep], within=transaction):
                return _not_a_rep("toRepId")
            held = await self.accounts.portfolio_of(from_rep, within=transaction)
            wanted = held if account_ids is None else frozenset(account_ids)
            seen = frozenset(await self.accounts.visible(principal, wanted, within=transaction))
            if account_ids is None:
                moving = seen
            elif seen != wanted:
                return NotFound("buyer account", ("input", "accountIds"))
            elif wanted.isdisjoint(held) and wanted <= await self.accounts.portfolio_of(
                to_rep, within=transaction
            ):
                return PortfolioChanged(frozenset())  # the same request come twice
            elif not wanted <= held:
                return InvalidInput.at(
                    "accountIds",
                    DetailCode.NOT_HELD,
                    "each must be in the portfolio it is to leave; none was moved",
                )
            else:
                moving = wanted
            if not moving:
                return PortfolioChanged(frozenset())
            await self.portfolios.remove(transaction, from_rep, moving)
            await self.portfolios.add(transaction, to_rep, moving)
            now = self.clock.now()
            await transaction.record(
                *(
                    Act(
                        by,
                        "identity.portfolio_transferred",
                        Subject("BuyerAccount", account_id),
                        now,
                        account_id=account_id,
                        before={"rep": str(from_rep)},
                        after={"rep": str(to_rep)},
                    )
                    for account_id in sorted(moving)
                )
            )
            await transaction.commit()
        return PortfolioChanged(moving)


def _not_a_rep(field: str) -> InvalidInput:
    return InvalidInput.at(field, DetailCode.NOT_A_REP, "must be an active sales rep")


async def _record(
    transaction: Transaction, by: Actor, action: str, rep_id: UUID, account_id: UUID, at: datetime
) -> None:
    await transaction.record(
        Act(
            by,
            action,
            Subject("BuyerAccount", account_id),
            at,
            account_id=account_id,
            after={"rep": str(rep_id)},
        )
    )
