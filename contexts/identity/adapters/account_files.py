"""Buyer accounts as the sales team works with them: listing, history, who looks after them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    case,
    exists,
    func,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from contexts.identity.adapters.accounts import (
    ACCOUNT_COLUMNS,
    ACCOUNT_WITH_STATE,
    CALLED,
    account_of,
    called,
)
from contexts.identity.adapters.tables import (
    account_addresses,
    account_changes,
    buyer_accounts,
    cnpj_holds,
    portfolio,
    user_roles,
    users,
)
from contexts.identity.domain.account import Account, AccountStatus
from contexts.identity.domain.onboarding import AccountChange, AccountStep, CnpjStanding
from contexts.identity.domain.scopes import ALL_ACCOUNTS
from contexts.identity.domain.user import ROLE_NAMES, AccountRole, Principal, User
from contexts.identity.ports import AccountFilter, Registration
from contexts.shared.adapters.commit_order import bounds, in_order, inside, number_of
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.query import Query
from contexts.shared.pagination import Page, Window, page_of

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_CHANGE = (
    account_changes.c.id,
    account_changes.c.account_id,
    account_changes.c.step,
    account_changes.c.status,
    account_changes.c.reason,
    account_changes.c.note,
    account_changes.c.by,
    account_changes.c.at,
)
_HISTORIES = Query(
    select(*_CHANGE).where(account_changes.c.account_id == any_(_IDS)).order_by(account_changes.c.id)
)
_CHANGES = Query(select(*_CHANGE).where(account_changes.c.id == any_(_IDS)))
_REASONS = Query(
    select(account_changes.c.account_id, account_changes.c.reason)
    .ext(distinct_on(account_changes.c.account_id))
    .where(
        account_changes.c.account_id == any_(_IDS),
        # What the account itself said is not a reason it was told.
        account_changes.c.step != AccountStep.REGISTERED.value,
        account_changes.c.step != AccountStep.INFORMATION_PROVIDED.value,
    )
    .order_by(account_changes.c.account_id, account_changes.c.id.desc())
)
_REGISTRATIONS = Query(
    select(buyer_accounts.c.id, buyer_accounts.c.state_registration, buyer_accounts.c.created_at).where(
        buyer_accounts.c.id == any_(_IDS)
    )
)
_REPS = Query(
    select(portfolio.c.account_id, users.c.id, users.c.name, users.c.email)
    .join_from(portfolio, users, users.c.id == portfolio.c.rep_id)
    .join(user_roles, user_roles.c.user_id == users.c.id)
    .where(portfolio.c.account_id == any_(_IDS), users.c.active, user_roles.c.role == "sales_rep")
    .order_by(users.c.id)
)


def _counts(accounts: Any) -> ColumnElement[bool]:  # Any: the table of accounts, or an alias of it
    """Whether it holds its CNPJ, or an administrator of it has proved their e-mail address and nobody has rejected
    it: anybody can type a CNPJ, and that says nothing."""
    proved = (
        exists()
        .where(
            users.c.account_id == accounts.c.id,
            users.c.email_verified_at.is_not(None),
            user_roles.c.user_id == users.c.id,
            user_roles.c.role == ROLE_NAMES[AccountRole.ADMINISTRATOR],
        )
        .correlate(accounts)
    )
    holds = exists().where(cnpj_holds.c.account_id == accounts.c.id).correlate(accounts)
    return or_(holds, and_(proved, accounts.c.status != AccountStatus.REJECTED.value))


_STANDINGS = Query(
    select(
        buyer_accounts.c.id,
        case(
            (cnpj_holds.c.account_id == buyer_accounts.c.id, CnpjStanding.HELD.value),
            (cnpj_holds.c.account_id.is_not(None), CnpjStanding.HELD_BY_ANOTHER.value),
            else_=CnpjStanding.FREE.value,
        ),
    )
    .join_from(buyer_accounts, cnpj_holds, cnpj_holds.c.cnpj == buyer_accounts.c.cnpj, isouter=True)
    .where(buyer_accounts.c.id == any_(_IDS))
)
_asking = buyer_accounts.alias("asking")


@cache
def _rivals(own: bool, looked_after: bool) -> Query[*tuple[Any, ...]]:
    found = (
        select(*ACCOUNT_COLUMNS, cnpj_holds.c.account_id.is_(None).label("holds_not"))
        .select_from(ACCOUNT_WITH_STATE.outerjoin(cnpj_holds, cnpj_holds.c.account_id == buyer_accounts.c.id))
        .where(
            buyer_accounts.c.cnpj == _asking.c.cnpj,
            buyer_accounts.c.id != _asking.c.id,
            _counts(buyer_accounts),
        )
    )
    if own:
        found = found.where(buyer_accounts.c.id == bindparam("own", type_=Uuid))
    if looked_after:
        found = found.where(_looked_after_by("user_id"))
    first = (
        found.correlate(_asking)
        .order_by(cnpj_holds.c.account_id.is_(None), buyer_accounts.c.id)
        .limit(MOST_RIVALS)
        .lateral("rivals")
    )
    columns = [column for column in first.c if column.name != "holds_not"]
    return Query(
        select(_asking.c.id, *columns)
        .join_from(_asking, first, true())
        .where(_asking.c.id == any_(_IDS))
        .order_by(_asking.c.id, first.c.holds_not, first.c.account_id)
    )


MOST_RIVALS = 20
STATUSES = {status.value: status for status in AccountStatus}
STEPS = {step.value: step for step in AccountStep}


class _Shape(NamedTuple):
    """What the text of a listing depends on: which filters are given, and how the window is cut."""

    own: bool
    portfolio: bool
    statuses: bool
    called: bool
    state: bool
    rep: bool
    contested: bool


def _asked(shape: _Shape, statement: Select[Any]) -> Select[Any]:
    accounts = buyer_accounts.c
    if shape.own:
        statement = statement.where(accounts.id == bindparam("own", type_=Uuid))
    if shape.portfolio:
        statement = statement.where(_looked_after_by("user_id"))
    if shape.statuses:
        statement = statement.where(accounts.status == any_(bindparam("statuses", type_=ARRAY(Text))))
    if shape.called:
        statement = statement.where(CALLED)
    if shape.state:
        statement = statement.where(account_addresses.c.state == bindparam("state", type_=Text))
    if shape.rep:
        statement = statement.where(_looked_after_by("rep_id"))
    if shape.contested:
        rival = buyer_accounts.alias("rival")
        rivals = exists().where(rival.c.cnpj == accounts.cnpj, rival.c.id != accounts.id, _counts(rival))
        statement = statement.where(_counts(buyer_accounts), rivals.correlate(buyer_accounts))
    return statement


def _looked_after_by(name: str) -> Any:  # Any: SQLAlchemy's Exists, as a condition
    return exists().where(
        portfolio.c.account_id == buyer_accounts.c.id, portfolio.c.rep_id == bindparam(name, type_=Uuid)
    )


@cache
def _page(shape: _Shape, backward: bool, after: bool, before: bool) -> Query[*tuple[Any, ...]]:
    columns = (buyer_accounts.c.commit_order, *ACCOUNT_COLUMNS)
    asked = _asked(shape, select(*columns).select_from(ACCOUNT_WITH_STATE))
    asked = asked.where(inside(buyer_accounts, after, before)).order_by(*in_order(buyer_accounts, backward))
    return Query(asked.limit(bindparam("limit")))


_NUMBER = number_of(buyer_accounts)


@cache
def _count(shape: _Shape) -> Query[int]:
    return Query(_asked(shape, select(func.count()).select_from(ACCOUNT_WITH_STATE)))


@dataclass(frozen=True, slots=True)
class SqlAccountFiles:
    """Reads, one statement each however many accounts are asked for."""

    database: Database

    async def page(self, principal: Principal, filter: AccountFilter, window: Window) -> Page[Account]:
        shape, values = _filtered(principal, filter)
        values |= await bounds(self.database, _NUMBER, window)
        query = _page(shape, window.backward, window.after is not None, window.before is not None)
        rows = await self.database.fetch(query, {**values, "limit": window.limit + 1})
        return page_of(window, [(account_of(row[1:]), (str(row[0]), str(row[1]))) for row in rows])

    async def count(self, principal: Principal, filter: AccountFilter) -> int:
        shape, values = _filtered(principal, filter)
        ((count,),) = await self.database.fetch(_count(shape), values)
        return count

    async def registrations(self, account_ids: Collection[UUID]) -> dict[UUID, Registration]:
        rows = await self.database.fetch(_REGISTRATIONS, {"ids": list(account_ids)})
        return {account_id: Registration(number, at) for account_id, number, at in rows}

    async def histories(self, account_ids: Collection[UUID]) -> dict[UUID, list[AccountChange]]:
        found: dict[UUID, list[AccountChange]] = {account_id: [] for account_id in account_ids}
        for row in await self.database.fetch(_HISTORIES, {"ids": list(account_ids)}):
            change = change_of(row)
            found[change.account_id].append(change)
        return found

    async def reasons(self, account_ids: Collection[UUID]) -> dict[UUID, str]:
        rows = await self.database.fetch(_REASONS, {"ids": list(account_ids)})
        return {account_id: reason for account_id, reason in rows if reason is not None}

    async def changes(self, ids: Collection[UUID]) -> dict[UUID, AccountChange]:
        rows = await self.database.fetch(_CHANGES, {"ids": list(ids)})
        return {row[0]: change_of(row) for row in rows}

    async def standings(self, account_ids: Collection[UUID]) -> dict[UUID, CnpjStanding]:
        rows = await self.database.fetch(_STANDINGS, {"ids": list(account_ids)})
        return {account_id: CnpjStanding(standing) for account_id, standing in rows}

    async def rivals(self, principal: Principal, account_ids: Collection[UUID]) -> dict[UUID, list[Account]]:
        every = ALL_ACCOUNTS in principal.scopes
        own = not every and principal.account_id is not None
        found: dict[UUID, list[Account]] = {account_id: [] for account_id in account_ids}
        reach = {"own": principal.account_id, "user_id": principal.user_id}
        query = _rivals(own, not every and not own)
        for row in await self.database.fetch(query, {"ids": list(account_ids), **reach}):
            found[row[0]].append(account_of(row[1:]))
        return found

    async def reps(self, account_ids: Collection[UUID]) -> dict[UUID, list[User]]:
        found: dict[UUID, list[User]] = {account_id: [] for account_id in account_ids}
        for account_id, *user in await self.database.fetch(_REPS, {"ids": list(account_ids)}):
            found[account_id].append(User(*user))
        return found


ChangeRow = tuple[UUID, UUID, str, str, str | None, str | None, UUID, datetime]


def change_of(row: ChangeRow) -> AccountChange:
    """The step in the values of _CHANGE."""
    id_, account_id, step, status, reason, note, by, at = row
    return AccountChange(id_, account_id, STEPS[step], STATUSES[status], reason, note, by, at)


def _filtered(principal: Principal, filter: AccountFilter) -> tuple[_Shape, dict[str, object]]:
    every = ALL_ACCOUNTS in principal.scopes
    own = not every and principal.account_id is not None
    search = (filter.search or "").strip()
    shape = _Shape(
        own=own,
        portfolio=not every and not own,
        statuses=filter.statuses is not None,
        called=bool(search),
        state=filter.state is not None,
        rep=filter.rep_id is not None,
        contested=filter.cnpj_contested,
    )
    return shape, {
        **called(search),
        "own": principal.account_id,
        "user_id": principal.user_id,
        "statuses": [status.value for status in filter.statuses or ()],
        "state": filter.state,
        "rep_id": filter.rep_id,
    }
