"""Take an account one step on: approve it, ask for more, reject, suspend, reactivate, price it anew, free its CNPJ;
and the account's answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from contexts.identity.domain.account import Account, AccountStatus
from contexts.identity.domain.onboarding import (
    MAX_REASON,
    AccountChange,
    AccountStep,
    AccountStepRefused,
    after,
)
from contexts.identity.domain.user import AccountRole, Principal
from contexts.identity.ports import AccountRegister, Accounts, Directory, Sessions
from contexts.shared.audit import Act, Actor, Json, Subject
from contexts.shared.clock import Clock
from contexts.shared.ids import new_id
from contexts.shared.rejections import Detail, InvalidInput, NotFound, Wrong
from contexts.shared.text import one_line, several_lines
from contexts.shared.tier import MAX_TIER
from contexts.shared.transaction import Event, Transaction, Transactions

ACCOUNT_CHANGED = "identity.account_changed"


@dataclass(frozen=True, slots=True)
class MoveAccountCommand:
    """`reason` is told to the account, `note` stays with the staff. `tier`: the price tier from now on."""

    account_id: UUID
    reason: str
    note: str | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class AccountMoved:
    """The account. `replayed`: the same person had sent the same step before, and nothing came in between."""

    account: Account
    replayed: bool


@dataclass(frozen=True, slots=True)
class NobodyProved:
    """No active administrator of the account has proved their e-mail address, so the step has to wait."""

    step: AccountStep = AccountStep.APPROVED


@dataclass(frozen=True, slots=True)
class CnpjTaken:
    """Another account holds the CNPJ of this one, so this one is not approved."""


@dataclass(frozen=True, slots=True)
class CnpjNotHeld:
    """The account does not hold the CNPJ that it was to release or to give away."""


@dataclass(frozen=True, slots=True)
class MoveAccount:
    """Takes the step `step`, which is fixed: one of these approves, another suspends. A repetition of the last
    step by the same person, with the tier the account has by now, is that step, not another one. Steps of one
    account queue up on its row.

    Whoever is approved holds the CNPJ, and takes it if nobody does; whoever is rejected frees it.
    """

    step: AccountStep
    accounts: Accounts
    register: AccountRegister
    directory: Directory
    sessions: Sessions
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, command: MoveAccountCommand
    ) -> AccountMoved | AccountStepRefused | NobodyProved | CnpjTaken | CnpjNotHeld | InvalidInput | NotFound:
        parsed = parse_step(command, self.step)
        if isinstance(parsed, InvalidInput):
            return parsed
        reason, note, tier = parsed.reason, parsed.note, parsed.tier
        async with self.transactions.begin() as transaction:
            ids = [command.account_id]
            if not await self.accounts.visible(principal, ids, within=transaction):
                return NotFound("buyer account", ("input", "id"))
            account = await self.register.lock(transaction, command.account_id)
            if account is None:
                return NotFound("buyer account", ("input", "id"))
            last = await self.register.last_change(transaction, account.id)
            same_tier = tier is None or tier == account.tier
            if last is not None and last.repeats(self.step, principal.user_id, reason, note) and same_tier:
                return AccountMoved(account, replayed=True)
            status = after(account.status, self.step, None if last is None else last.step)
            if isinstance(status, AccountStepRefused):
                return status
            change = AccountChange(
                new_id(), account.id, self.step, status, reason, note, principal.user_id, self.clock.now()
            )
            if refused := await self._settle_cnpj(transaction, account, change):
                return refused
            await self.register.change(transaction, change, tier)
            await self._tell(transaction, by, account, change, tier)
            moved = (await self.accounts.by_ids(ids, within=transaction))[account.id]
            await transaction.commit()
        return AccountMoved(moved, replayed=False)

    async def _settle_cnpj(
        self, transaction: Transaction, account: Account, change: AccountChange
    ) -> NobodyProved | CnpjTaken | CnpjNotHeld | None:
        """Who holds the CNPJ after this step; a refusal when it cannot be as the step wants it."""
        match change.step:
            case AccountStep.APPROVED:
                if not await reached_somebody(transaction, self.directory, account.id):
                    return NobodyProved()
                if not await self.register.hold(transaction, account, change.at):
                    return CnpjTaken()
            case AccountStep.REACTIVATED:
                # Pending again: a claim like before, which may find the CNPJ with somebody else by now.
                counts = await reached_somebody(transaction, self.directory, account.id)
                if change.status is AccountStatus.APPROVED or counts:
                    held = await self.register.hold(transaction, account, change.at)
                    if change.status is AccountStatus.APPROVED and not held:
                        return CnpjTaken()
            case AccountStep.REJECTED:
                await self.register.release(transaction, account.id)
            case AccountStep.CNPJ_RELEASED:
                if not await self.register.release(transaction, account.id):
                    return CnpjNotHeld()
            case _:
                pass
        return None

    async def _tell(
        self, transaction: Transaction, by: Actor, account: Account, change: AccountChange, tier: str | None
    ) -> None:
        """The audit trail, the account's administrators and, when it is stopped, everybody signed in for it."""
        before: dict[str, Json] = {"tier": account.tier}
        then: dict[str, Json] = {"tier": tier or account.tier}
        if change.step is AccountStep.CNPJ_RELEASED:
            before |= {"cnpj": account.cnpj, "holder": str(account.id)}
            then |= {"cnpj": account.cnpj, "holder": None}
        await transaction.record(act_of(by, account, change, before=before, after=then))
        if change.step is not AccountStep.INFORMATION_PROVIDED:  # they wrote it themselves
            await tell_administrators(transaction, self.directory, change)
        if change.step is AccountStep.SUSPENDED:
            members = (await self.directory.of_accounts([account.id], within=transaction))[account.id]
            # They may sign in again, and then see why, and no prices.
            await self.sessions.end_all(transaction, [member.user.id for member in members], change.at)


async def reached_somebody(transaction: Transaction, directory: Directory, account_id: UUID) -> bool:
    """Whether an administrator reads the mail of the address they registered: it may be a stranger's."""
    members = (await directory.of_accounts([account_id], within=transaction))[account_id]
    return any(
        member.active and member.role is AccountRole.ADMINISTRATOR and member.email_verified
        for member in members
    )


def act_of(
    by: Actor,
    account: Account,
    change: AccountChange,
    *,
    before: Mapping[str, Json],
    after: Mapping[str, Json],
) -> Act:
    """The step for the audit trail: `account` as it was, and what else was so before and is so after."""
    return Act(
        by,
        f"identity.account_{change.step.value.lower()}",
        Subject("BuyerAccount", account.id),
        change.at,
        account_id=account.id,
        before={"status": account.status.value, **before},
        after={"status": change.status.value, **after, "reason": change.reason, "note": change.note},
    )


async def tell_administrators(transaction: Transaction, directory: Directory, change: AccountChange) -> None:
    """Have the step mailed to those who administer the account."""
    members = (await directory.of_accounts([change.account_id], within=transaction))[change.account_id]
    for member in members:
        if member.active and member.role is AccountRole.ADMINISTRATOR:
            told = {"change_id": str(change.id), "user_id": str(member.user.id)}
            await transaction.publish(Event(ACCOUNT_CHANGED, told))


def parse_step(command: MoveAccountCommand, step: AccountStep) -> MoveAccountCommand | InvalidInput:
    """The command with its texts as they are kept."""
    details: list[Detail] = []
    reason = several_lines(command.reason, MAX_REASON)
    if isinstance(reason, Wrong):
        field = "information" if step is AccountStep.INFORMATION_PROVIDED else "reason"
        details.append(reason.at("input", field))
    noted = command.note is not None and command.note.strip()
    note = several_lines(command.note or "", MAX_REASON) if noted else None
    if isinstance(note, Wrong):
        details.append(note.at("input", "note"))
    tier = one_line(command.tier, MAX_TIER) if command.tier is not None else None
    if isinstance(tier, Wrong):
        details.append(tier.at("input", "tier"))
    if isinstance(reason, Wrong) or isinstance(note, Wrong) or isinstance(tier, Wrong):
        return InvalidInput(tuple(details))
    return MoveAccountCommand(command.account_id, reason, note, tier)
