"""Take an account one step on: approve it, ask for more, reject, suspend, reactivate, price it anew; and
the account's answer."""

from dataclasses import dataclass
from uuid import UUID

from contexts.identity.domain.account import Account, AccountStatus
from contexts.identity.domain.line import one_line
from contexts.identity.domain.onboarding import (
    MAX_REASON,
    AccountChange,
    AccountStep,
    AccountStepRefused,
    after,
)
from contexts.identity.domain.user import AccountRole, Principal
from contexts.identity.ports import AccountRegister, Accounts, Directory, Sessions
from contexts.shared.audit import Act, Actor, Subject
from contexts.shared.clock import Clock
from contexts.shared.ids import new_id
from contexts.shared.rejections import Detail, InvalidInput, NotFound
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
    """No active administrator of the account has proved their e-mail address, so it is not approved yet."""


@dataclass(frozen=True, slots=True)
class MoveAccount:
    """Takes the step `step`, which is fixed: one of these approves, another suspends. A repetition of the last
    step by the same person, with the tier the account has by now, is that step, not another one. Steps of one
    account queue up on its row."""

    step: AccountStep
    accounts: Accounts
    register: AccountRegister
    directory: Directory
    sessions: Sessions
    transactions: Transactions
    clock: Clock

    async def __call__(
        self, principal: Principal, by: Actor, command: MoveAccountCommand
    ) -> AccountMoved | AccountStepRefused | NobodyProved | InvalidInput | NotFound:
        parsed = _parse(command, self.step)
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
            if self.step is AccountStep.APPROVED and not await self._reached_somebody(
                transaction, account.id
            ):
                return NobodyProved()
            change = AccountChange(
                new_id(), account.id, self.step, status, reason, note, principal.user_id, self.clock.now()
            )
            await self.register.change(transaction, change, tier)
            await self._tell(transaction, by, account, change, tier)
            moved = (await self.accounts.by_ids(ids, within=transaction))[account.id]
            await transaction.commit()
        return AccountMoved(moved, replayed=False)

    async def _reached_somebody(self, transaction: Transaction, account_id: UUID) -> bool:
        """Whether an administrator reads the mail of the address they registered: it may be a stranger's."""
        members = (await self.directory.of_accounts([account_id], within=transaction))[account_id]
        return any(
            member.active and member.role is AccountRole.ADMINISTRATOR and member.email_verified
            for member in members
        )

    async def _tell(
        self, transaction: Transaction, by: Actor, account: Account, change: AccountChange, tier: str | None
    ) -> None:
        """The audit trail, the account's administrators and, when it is stopped, everybody signed in for it."""
        await transaction.record(
            Act(
                by,
                f"identity.account_{change.step.value.lower()}",
                Subject("BuyerAccount", account.id),
                change.at,
                account_id=account.id,
                before={"status": account.status.value, "tier": account.tier},
                after={
                    "status": change.status.value,
                    "tier": tier or account.tier,
                    "reason": change.reason,
                    "note": change.note,
                },
            )
        )
        members = (await self.directory.of_accounts([account.id], within=transaction))[account.id]
        if change.step is not AccountStep.INFORMATION_PROVIDED:  # they wrote it themselves
            for member in members:
                if member.active and member.role is AccountRole.ADMINISTRATOR:
                    told = {"change_id": str(change.id), "user_id": str(member.user.id)}
                    await transaction.publish(Event(ACCOUNT_CHANGED, told))
        if change.status is AccountStatus.SUSPENDED:
            # They may sign in again, and then see why, and no prices.
            await self.sessions.end_all(transaction, [member.user.id for member in members], change.at)


def _parse(command: MoveAccountCommand, step: AccountStep) -> MoveAccountCommand | InvalidInput:
    details: list[Detail] = []
    reason = _text(command.reason)
    if reason is None:
        field = "information" if step is AccountStep.INFORMATION_PROVIDED else "reason"
        details.append(Detail(("input", field), "INVALID", f"1 to {MAX_REASON} readable characters"))
    note = _text(command.note) if command.note is not None and command.note.strip() else None
    if command.note is not None and command.note.strip() and note is None:
        details.append(Detail(("input", "note"), "INVALID", f"up to {MAX_REASON} characters"))
    tier = one_line(command.tier, MAX_TIER) if command.tier is not None else None
    if command.tier is not None and tier is None:
        details.append(
            Detail(("input", "tier"), "INVALID", f"1 to {MAX_TIER} printable characters, or absent")
        )
    if details or reason is None:
        return InvalidInput(tuple(details))
    return MoveAccountCommand(command.account_id, reason, note, tier)


def _text(text: str) -> str | None:
    """Several lines, trimmed; None for what is blank, too long, or cannot be kept."""
    lines = [line.rstrip() for line in text.strip().splitlines()]
    kept = "\n".join(lines)
    readable = all(not line or line.replace("\t", " ").isprintable() for line in lines)
    return kept if kept and len(kept) <= MAX_REASON and readable else None
