"""What somebody may do now, for changes of what people may do: a token may be minutes behind."""

from dataclasses import replace

from contexts.identity.domain.user import Principal
from contexts.identity.ports import Users
from contexts.shared.transaction import Transaction


async def with_present_scopes(transaction: Transaction, principal: Principal, users: Users) -> Principal:
    """The principal with those of their scopes that they still have; who would take one waits for the transaction's
    end. Locks the principal's row: after that of an account or of the roles, before that of an invitation."""
    present = await users.locked(transaction, principal.user_id)
    held = present.member.scopes if present is not None and present.member.active else frozenset()
    return replace(principal, scopes=principal.scopes & held)
