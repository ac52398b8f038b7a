"""Give a CNPJ from the registration that holds it to another one: the sales team has found out whose it is."""

from dataclasses import dataclass
from uuid import UUID

from contexts.identity.domain.account import Account
from contexts.identity.domain.onboarding import AccountChange, AccountStep, AccountStepRefused, after
from contexts.identity.domain.user import Principal
from contexts.identity.ports import AccountRegister, Accounts, Directory
from contexts.identity.use_cases.move_account import (
    AccountMoved,
    CnpjNotHeld,
    MoveAccountCommand,
    NobodyProved,
    act_of,
    parse_step,
    reached_somebody,
    tell_administrators,
)
from contexts.shared.audit import Actor
from contexts.shared.clock import Clock
from contexts.shared.codes import DetailCode
from contexts.shared.ids import new_id
from contexts.shared.rejections import InvalidInput, NotFound
from contexts.shared.transaction import Transactions


@dataclass(frozen=True, slots=True)
class HandOverCnpjCommand:
    """`giver_id` holds the CNPJ as far as the one who sends this knows: if another does by now, it is refused.
    `reason` is told to both accounts, `note` stays with the staff."""

    giver_id: UUID
    taker_id: UUID
    reason: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class HandOverCnpj:
    """One step in the history of either account, both or neither. Neither may be approved: what buys in a firm's
    name is suspended first. A repetition by the same person, and nothing in between, is the same step."""

    accounts: Accounts
    register: AccountRegister
    directory: Directory
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, command: HandOverCnpjCommand
    ) -> AccountMoved | AccountStepRefused | CnpjNotHeld | NobodyProved | InvalidInput | NotFound:
        """The account that has the CNPJ now."""
        giving, taking = AccountStep.CNPJ_HANDED_OVER, AccountStep.CNPJ_RECEIVED
        parsed = parse_step(MoveAccountCommand(command.taker_id, command.reason, command.note), taking)
        if isinstance(parsed, InvalidInput):
            return parsed
        if command.giver_id == command.taker_id:
            return InvalidInput.at("toId", DetailCode.SAME, "must be another account: this one gives it")
        reason, note, ids = parsed.reason, parsed.note, [command.giver_id, command.taker_id]
        async with self.transactions.begin() as transaction:
            visible = await self.accounts.visible(principal, ids, within=transaction)
            locked: dict[UUID, Account] = {}
            for id in sorted(visible):  # one order, or two that hand over to each other would wait for ever
                if (account := await self.register.lock(transaction, id)) is not None:
                    locked[id] = account
            giver, taker = locked.get(command.giver_id), locked.get(command.taker_id)
            if giver is None:
                return NotFound("buyer account", ("input", "id"))
            if taker is None:
                return NotFound("buyer account", ("input", "toId"))
            if giver.cnpj != taker.cnpj:
                return InvalidInput.at(
                    "toId", DetailCode.OTHER_CNPJ, "this account was registered with another CNPJ"
                )
            given = await self.register.last_change(transaction, giver.id)
            taken = await self.register.last_change(transaction, taker.id)
            if (
                given is not None
                and taken is not None
                and given.repeats(giving, principal.user_id, reason, note)
                and taken.repeats(taking, principal.user_id, reason, note)
                and given.at == taken.at
            ):
                return AccountMoved(taker, replayed=True)
            for account, step in ((giver, giving), (taker, taking)):
                if isinstance(refused := after(account.status, step, None), AccountStepRefused):
                    return refused
            if not await reached_somebody(transaction, self.directory, taker.id):
                return NobodyProved(taking)
            now = self.clock.now()
            if not await self.register.hand_over(transaction, giver, taker, now):
                return CnpjNotHeld()
            facts = {"cnpj": taker.cnpj}
            for account, step in ((giver, giving), (taker, taking)):
                change = AccountChange(
                    new_id(), account.id, step, account.status, reason, note, principal.user_id, now
                )
                await self.register.change(transaction, change)
                act = act_of(
                    by,
                    account,
                    change,
                    before=facts | {"holder": str(giver.id)},
                    after=facts | {"holder": str(taker.id)},
                )
                await transaction.record(act)
                await tell_administrators(transaction, self.directory, change)
            await transaction.commit()
        return AccountMoved(taker, replayed=False)
