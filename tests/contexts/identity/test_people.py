"""What happens at once, what expires, and what cannot be repeated: people and portfolios on the real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select

from contexts.identity.adapters.tables import account_changes, invitation_tokens, portfolio, users
from contexts.identity.api import (
    ROLES,
    USER_INVITED,
    Account,
    AccountMember,
    AccountOpened,
    AccountRole,
    Device,
    Identity,
    InvitationAccepted,
    InvitationInvalid,
    InvitationStatus,
    Invited,
    InvitedByOperator,
    InviteUserCommand,
    LastAdministrator,
    MemberChanged,
    PortfolioChanged,
    Principal,
    RoleScopesSet,
    SignedIn,
    StaffChanged,
    User,
    UserAdded,
)
from contexts.shared.adapters.database import Database
from contexts.shared.ids import new_id
from contexts.shared.rejections import Forbidden, InvalidInput, NotFound
from contexts.shared.transaction import Event
from tests.actor import by
from tests.contexts.identity.clock import HandClock
from tests.contexts.identity.conftest import PA_ADDRESS, PASSWORD, KeptMail, People


def principal(user: User, role: str, account: Account | None = None) -> Principal:
    return Principal(user.id, new_id(), account.id if account else None, frozenset({role}), ROLES[role])


async def added(identity: Identity, role: str, account: Account | None = None) -> User:
    outcome = await identity.add_user(
        email=f"{new_id().hex}@prumo.example",
        name="Nova Pessoa",
        password=PASSWORD,
        roles=[role],
        account_id=account.id if account else None,
    )
    assert isinstance(outcome, UserAdded)
    return outcome.user


@pytest.fixture(scope="module")
async def boss(identity: Identity, people: People) -> Principal:
    """Administers the SP account."""
    return principal(await added(identity, "account_admin", people.sp), "account_admin", people.sp)


async def invited(identity: Identity, boss: Principal, mail: KeptMail) -> tuple[UUID, str]:
    """An invitation, and the token that was mailed for it."""
    assert boss.account_id is not None
    command = InviteUserCommand(boss.account_id, f"{new_id().hex}@obra.example", AccountRole.BUYER, None)
    outcome = await identity.personnel.invite_user(boss, by(boss.user_id), command)
    assert isinstance(outcome, Invited)
    return outcome.invitation.id, await mailed(identity, outcome.invitation.id, mail)


async def mailed(identity: Identity, invitation_id: UUID, mail: KeptMail) -> str:
    event = Event(USER_INVITED, {"invitation_id": str(invitation_id)})
    await identity.personnel.mail_invitation(new_id(), event)
    return mail.mails[-1].text.partition("#token=")[2].split()[0]


async def test_one_link_used_ten_times_at_once_makes_one_user(
    identity: Identity, boss: Principal, mail: KeptMail
) -> None:
    _, token = await invited(identity, boss, mail)
    accept = identity.personnel.accept_invitation
    outcomes = await asyncio.gather(*(accept(by(), token, "Nova Pessoa", PASSWORD) for _ in range(10)))
    assert [isinstance(outcome, InvitationAccepted) for outcome in outcomes].count(True) == 1
    assert outcomes.count(InvitationInvalid()) == 9


async def test_two_links_of_one_invitation_at_once_make_one_user(
    identity: Identity, boss: Principal, mail: KeptMail
) -> None:
    id, first = await invited(identity, boss, mail)
    second = await mailed(identity, id, mail)
    assert first != second
    accept = identity.personnel.accept_invitation
    outcomes = await asyncio.gather(*(accept(by(), token, "Nova", PASSWORD) for token in (first, second)))
    assert outcomes.count(InvitationInvalid()) == 1


async def test_an_invitation_lives_a_week_from_its_last_mail(
    identity: Identity, boss: Principal, mail: KeptMail, clock: HandClock
) -> None:
    id, token = await invited(identity, boss, mail)
    clock.advance(timedelta(days=6))
    again = await identity.personnel.resend_invitation(boss, by(), id)
    assert isinstance(again, Invited)
    assert not again.replayed
    clock.advance(timedelta(days=6, hours=23, minutes=59))
    assert again.invitation.status(clock.now()) is InvitationStatus.OPEN
    clock.advance(timedelta(minutes=1))
    accept = identity.personnel.accept_invitation
    assert await accept(by(), token, "Nova", PASSWORD) == InvitationInvalid()
    # Nobody is written to about an invitation that is over.
    sent = len(mail.mails)
    await identity.personnel.mail_invitation(new_id(), Event(USER_INVITED, {"invitation_id": str(id)}))
    assert len(mail.mails) == sent
    resent = await identity.personnel.resend_invitation(boss, by(), id)
    assert isinstance(resent, Invited)
    assert isinstance(await accept(by(), token, "Nova", PASSWORD), InvitationAccepted)


async def test_who_was_not_looked_at_yet_has_few_mails_sent_however(
    identity: Identity, clock: HandClock, database: Database
) -> None:
    """Five mails a week: five strangers, or one stranger five times."""
    opened = await identity.open_account(
        legal_name="Nova Ltda", cnpj="11.222.333/0001-81", address=PA_ADDRESS
    )
    assert isinstance(opened, AccountOpened)
    boss = principal(await added(identity, "account_admin", opened.account), "account_admin", opened.account)
    async with database.begin() as transaction:
        await transaction.connection.raw.execute(
            "UPDATE identity.users SET email_verified_at = now() WHERE id = $1", boss.user_id
        )
        await transaction.commit()
    email = f"{new_id().hex}@obra.example"
    personnel = identity.personnel

    async def invite(role: AccountRole) -> Invited | InvalidInput | NotFound | Forbidden:
        return await personnel.invite_user(
            boss, by(), InviteUserCommand(opened.account.id, email, role, None)
        )

    first = await invite(AccountRole.BUYER)
    assert isinstance(first, Invited)
    replaced = await invite(AccountRole.VIEWER)
    assert isinstance(replaced, Invited)
    for _ in range(2):
        clock.advance(timedelta(minutes=11))
        assert isinstance(await personnel.resend_invitation(boss, by(), replaced.invitation.id), Invited)
    clock.advance(timedelta(minutes=11))
    # Of two at once only one is the fifth.
    outcomes = await asyncio.gather(
        personnel.resend_invitation(boss, by(), replaced.invitation.id), invite(AccountRole.BUYER)
    )
    refused = [outcome for outcome in outcomes if not isinstance(outcome, Invited)]
    assert len(refused) == 1
    clock.advance(timedelta(minutes=11))
    again = await invite(AccountRole.ADMINISTRATOR)
    assert isinstance(again, InvalidInput)
    assert again.details[0].code == "TOO_MANY"
    clock.advance(timedelta(days=8))
    assert isinstance(await invite(AccountRole.ADMINISTRATOR), Invited)


async def test_a_link_is_kept_nowhere_and_works_though_its_mail_came_twice(
    identity: Identity, boss: Principal, mail: KeptMail, database: Database
) -> None:
    assert boss.account_id is not None
    command = InviteUserCommand(boss.account_id, f"{new_id().hex}@obra.example", AccountRole.BUYER, None)
    outcome = await identity.personnel.invite_user(boss, by(), command)
    assert isinstance(outcome, Invited)
    mail.refusing.append(True)
    with pytest.raises(OSError, match="try again"):
        await mailed(identity, outcome.invitation.id, mail)
    mail.refusing.clear()
    token = await mailed(identity, outcome.invitation.id, mail)
    async with database.reading() as connection:
        digests = await connection.scalars(
            select(invitation_tokens.c.digest).where(
                invitation_tokens.c.invitation_id == outcome.invitation.id
            )
        )
        kept = digests.all()
    assert len(kept) == 2
    assert token.encode() not in kept
    accept = identity.personnel.accept_invitation
    assert isinstance(await accept(by(), token, "Nova", PASSWORD), InvitationAccepted)


async def test_two_administrators_demote_each_other_at_once(identity: Identity, people: People) -> None:
    for _ in range(5):
        pair = [await added(identity, "account_admin", people.pa) for _ in range(2)]
        first, second = (principal(user, "account_admin", people.pa) for user in pair)
        change = identity.personnel.change_role
        outcomes = await asyncio.gather(
            change(first, by(), second.user_id, AccountRole.VIEWER, None),
            change(second, by(), first.user_id, AccountRole.VIEWER, None),
        )
        assert [type(outcome) for outcome in outcomes].count(MemberChanged) == 1
        # Whoever came second had no right left.
        assert [type(outcome) for outcome in outcomes].count(NotFound) == 1
        # The next pair shall be alone again.
        await demoted(identity, people, [user.id for user in pair])


async def demoted(identity: Identity, people: People, ids: list[UUID]) -> None:
    """Take both out of the way, which needs another administrator for a moment."""
    helper = await added(identity, "account_admin", people.pa)
    acting = principal(helper, "account_admin", people.pa)
    for id in ids:
        assert isinstance(await identity.personnel.deactivate(acting, by(), id), MemberChanged)
    async with identity.personnel.deactivate.transactions.begin() as transaction:
        await identity.personnel.directory.set_active(transaction, helper.id, False)
        await transaction.commit()


async def test_one_is_demoted_and_the_other_deactivated_at_once(identity: Identity, people: People) -> None:
    pair = [await added(identity, "account_admin", people.pa) for _ in range(2)]
    first, second = (principal(user, "account_admin", people.pa) for user in pair)
    outcomes = await asyncio.gather(
        identity.personnel.change_role(first, by(), second.user_id, AccountRole.BUYER, None),
        identity.personnel.deactivate(second, by(), first.user_id),
    )
    assert [type(outcome) for outcome in outcomes].count(NotFound) == 1
    members = (await identity.personnel.directory.of_accounts([people.pa.id]))[people.pa.id]
    assert len([each for each in members if each.active and each.role is AccountRole.ADMINISTRATOR]) == 1
    await demoted(identity, people, [user.id for user in pair])


async def test_two_admins_of_the_staff_remove_each_other_at_once(identity: Identity, people: People) -> None:
    pair = [principal(await added(identity, "admin"), "admin") for _ in range(2)]
    first, second = pair
    outcomes = await asyncio.gather(
        identity.personnel.deactivate(first, by(), second.user_id),
        identity.personnel.change_staff_roles(second, by(), first.user_id, ["catalog"]),
    )
    assert {type(outcome) for outcome in outcomes} == {StaffChanged, NotFound}


@asynccontextmanager
async def also(identity: Identity, role: str, scope: str) -> AsyncIterator[None]:
    """The role may do that too, until the end of the block."""
    root = principal(await added(identity, "admin"), "admin")

    async def give(scopes: frozenset[str]) -> None:
        (version,) = [each.version for each in await identity.roles.all() if each.name == role]
        outcome = await identity.set_role_scopes(root, by(), role, scopes, version)
        assert isinstance(outcome, RoleScopesSet)

    await give(ROLES[role] | {scope})
    try:
        yield
    finally:
        await give(ROLES[role])


async def signed_in(identity: Identity, user: User) -> Principal:
    outcome = await identity.sign_in(user.email, PASSWORD, Device(), by())
    assert isinstance(outcome, SignedIn)
    return outcome.principal


async def test_who_is_demoted_cannot_undo_it_with_the_token_in_hand(
    identity: Identity, people: People, boss: Principal
) -> None:
    demoted = await signed_in(identity, await added(identity, "account_admin", people.sp))
    personnel, id = identity.personnel, demoted.user_id
    assert not await identity.ended_sessions.has(demoted.session_id)
    # Another limit, or more than before, ends nothing.
    await personnel.change_role(boss, by(), id, AccountRole.ADMINISTRATOR, None)
    assert not await identity.ended_sessions.has(demoted.session_id)
    outcome = await personnel.change_role(boss, by(), id, AccountRole.BUYER, None)
    assert isinstance(outcome, MemberChanged)
    assert await identity.ended_sessions.has(demoted.session_id)
    command = InviteUserCommand(people.sp.id, f"{new_id().hex}@obra.example", AccountRole.ADMINISTRATOR, None)
    for refused in (
        await personnel.change_role(demoted, by(), id, AccountRole.ADMINISTRATOR, None),
        await personnel.deactivate(demoted, by(), boss.user_id),
        await personnel.invite_user(demoted, by(), command),
    ):
        assert isinstance(refused, NotFound)


async def test_staff_demoted_cannot_undo_it_with_the_token_in_hand(
    identity: Identity, people: People
) -> None:
    root = principal(await added(identity, "admin"), "admin")
    demoted = await signed_in(identity, await added(identity, "admin"))
    personnel, id = identity.personnel, demoted.user_id
    await personnel.change_staff_roles(root, by(), id, ["admin", "catalog"])
    assert not await identity.ended_sessions.has(demoted.session_id)
    assert isinstance(await personnel.change_staff_roles(root, by(), id, ["catalog"]), StaffChanged)
    assert await identity.ended_sessions.has(demoted.session_id)
    catalog = ROLES["catalog"] | {"user:manage"}
    assert isinstance(await personnel.change_staff_roles(demoted, by(), id, ["admin"]), NotFound)
    assert isinstance(await personnel.invite_staff(demoted, by(), "x@prumo.example", ["admin"]), Forbidden)
    assert isinstance(await identity.set_role_scopes(demoted, by(), "catalog", catalog, 1), Forbidden)


async def test_a_scope_taken_from_a_role_changes_no_people_any_more(
    identity: Identity, people: People
) -> None:
    async with also(identity, "catalog", "user:manage"):
        clerk = await signed_in(identity, await added(identity, "catalog"))
        other = await added(identity, "catalog")
        assert isinstance(await identity.personnel.deactivate(clerk, by(), other.id), StaffChanged)
    assert isinstance(await identity.personnel.reactivate(clerk, by(), other.id), NotFound)


@pytest.mark.parametrize("how", ["demoted", "deactivated"])
async def test_the_invitations_of_who_may_less_open_nothing(
    identity: Identity, people: People, boss: Principal, mail: KeptMail, how: str
) -> None:
    inviter = principal(await added(identity, "account_admin", people.sp), "account_admin", people.sp)
    _, theirs = await invited(identity, inviter, mail)
    _, others = await invited(identity, boss, mail)
    if how == "demoted":
        change_role = identity.personnel.change_role
        await change_role(boss, by(), inviter.user_id, AccountRole.BUYER, None)
    else:
        await identity.personnel.deactivate(boss, by(), inviter.user_id)
    accept = identity.personnel.accept_invitation
    assert await accept(by(), theirs, "Nova", PASSWORD) == InvitationInvalid()
    assert isinstance(await accept(by(), others, "Nova", PASSWORD), InvitationAccepted)


async def test_an_invitation_is_accepted_while_its_sender_is_deactivated(
    identity: Identity, people: People, boss: Principal, mail: KeptMail
) -> None:
    """Whichever comes first: neither waits for the other in a circle."""
    for _ in range(5):
        inviter = principal(await added(identity, "account_admin", people.sp), "account_admin", people.sp)
        _, token = await invited(identity, inviter, mail)
        outcomes = await asyncio.gather(
            identity.personnel.accept_invitation(by(), token, "Nova", PASSWORD),
            identity.personnel.deactivate(boss, by(), inviter.user_id),
        )
        assert isinstance(outcomes[0], InvitationAccepted | InvitationInvalid)
        assert isinstance(outcomes[1], MemberChanged)


async def test_nobody_gives_or_takes_what_is_beyond_them(identity: Identity, people: People) -> None:
    async with also(identity, "catalog", "user:manage"):
        await _nobody_gives_or_takes_what_is_beyond_them(identity)


async def _nobody_gives_or_takes_what_is_beyond_them(identity: Identity) -> None:
    keeper = await signed_in(identity, await added(identity, "catalog"))
    admin, clerk = await added(identity, "admin"), await added(identity, "catalog")
    personnel = identity.personnel
    refused = [
        await personnel.invite_staff(keeper, by(), "x@prumo.example", ["admin"]),
        await personnel.change_staff_roles(keeper, by(), clerk.id, ["admin"]),
        await personnel.change_staff_roles(keeper, by(), admin.id, ["catalog"]),
        await personnel.change_staff_roles(keeper, by(), keeper.user_id, ["admin"]),
        await personnel.deactivate(keeper, by(), admin.id),
    ]
    assert [type(outcome) for outcome in refused] == [Forbidden] * 5
    assert isinstance(await personnel.deactivate(keeper, by(), clerk.id), StaffChanged)


async def test_who_got_a_scope_of_buyers_can_still_be_deactivated(identity: Identity, people: People) -> None:
    rep = await added(identity, "sales_rep")
    admin = await signed_in(identity, await added(identity, "admin"))
    async with also(identity, "sales_rep", "cart:write"):
        assert isinstance(await identity.personnel.deactivate(admin, by(), rep.id), StaffChanged)


KEEPERS = """
    DELETE FROM identity.role_scopes WHERE role = 'admin' AND scope = 'role:manage';
    INSERT INTO identity.role_scopes
    VALUES ('pricing', 'role:manage'), ('pricing', 'user:manage'), ('pricing', 'catalog:write');
    UPDATE identity.users SET active = false
    WHERE id IN (SELECT user_id FROM identity.user_roles WHERE role = 'pricing');
"""
AS_BEFORE = """
    INSERT INTO identity.role_scopes VALUES ('admin', 'role:manage');
    DELETE FROM identity.role_scopes
    WHERE role = 'pricing' AND scope IN ('role:manage', 'user:manage', 'catalog:write');
    UPDATE identity.users SET active = true
    WHERE id IN (SELECT user_id FROM identity.user_roles WHERE role = 'pricing');
"""


async def test_somebody_is_left_who_may_change_roles_whatever_their_role(
    identity: Identity, people: People, database: Database
) -> None:
    admin = await signed_in(identity, await added(identity, "admin"))
    async with database.begin() as transaction:
        await transaction.connection.raw.execute(KEEPERS)
        await transaction.commit()
    try:
        keeper = await added(identity, "pricing")
        manager = await signed_in(identity, keeper)
        refused = [
            await identity.personnel.deactivate(manager, by(), keeper.id),
            await identity.personnel.change_staff_roles(manager, by(), keeper.id, ["catalog"]),
            await identity.personnel.deactivate(admin, by(), keeper.id),
        ]
    finally:
        async with database.begin() as transaction:
            await transaction.connection.raw.execute(AS_BEFORE)
            await transaction.commit()
    assert [type(outcome) for outcome in refused] == [LastAdministrator, LastAdministrator, Forbidden]


async def test_a_portfolio_transferred_to_two_reps_at_once_is_split_nowhere(
    identity: Identity, people: People, database: Database
) -> None:
    manager = principal(people.manager, "sales_manager")
    source, one, two = [await added(identity, "sales_rep") for _ in range(3)]
    for account in (people.sp, people.pa):
        outcome = await identity.personnel.assign_portfolio(manager, by(), source.id, account.id)
        assert isinstance(outcome, PortfolioChanged)
    transfer = identity.personnel.transfer_portfolio
    outcomes = await asyncio.gather(
        *(transfer(manager, by(), source.id, target.id, None) for target in (one, two)),
        transfer(manager, by(), one.id, two.id, None),
        transfer(manager, by(), two.id, one.id, None),
    )
    assert all(isinstance(outcome, PortfolioChanged) for outcome in outcomes)
    held = [await identity.accounts.portfolio_of(rep.id) for rep in (source, one, two)]
    assert sorted(len(each) for each in held) == [0, 0, 2]
    async with database.reading() as connection:
        rows = await connection.scalar(
            select(func.count())
            .select_from(portfolio)
            .where(portfolio.c.rep_id.in_([source.id, one.id, two.id]))
        )
    assert rows == 2


async def test_a_member_without_a_role_is_nobody(
    identity: Identity, people: People, database: Database
) -> None:
    user = await added(identity, "buyer", people.sp)
    async with database.begin() as transaction:
        await identity.personnel.directory.set_roles(transaction, user.id, ["account_viewer"])
        await transaction.commit()
    members = (await identity.personnel.directory.of_accounts([people.sp.id]))[people.sp.id]
    (member,) = [each for each in members if each.user == user]
    assert member == AccountMember(user, people.sp.id, AccountRole.VIEWER, True, None, member.since, False)


async def test_nothing_is_left_of_what_was_refused(database: Database, people: People) -> None:
    async with database.reading() as connection:
        orphans = await connection.scalar(
            select(func.count())
            .select_from(account_changes)
            .where(account_changes.c.by.not_in(select(users.c.id)))
        )
    assert orphans == 0


@pytest.mark.parametrize(
    ("role", "email", "code"),
    [
        ("boss", "ana@firma.example", "UNKNOWN_ROLE"),
        ("buyer", "ana@firma.example", "UNKNOWN_ROLE"),  # of an account's people, not of the staff
        ("admin", "ana", "INVALID_EMAIL"),
        ("admin", " ", "REQUIRED"),
        ("admin", "COMPRADOR.sp@prumo.example", "TAKEN"),
    ],
)
async def test_an_operator_s_invitation_is_refused_too(
    identity: Identity, people: People, role: str, email: str, code: str
) -> None:
    outcome = await identity.personnel.invite_by_operator("root", email, [role], by_mail=False)
    assert isinstance(outcome, InvalidInput)
    assert [detail.code for detail in outcome.details] == [code]


async def test_an_operator_who_asks_again_gets_another_link_to_the_same_invitation(
    identity: Identity, clock: HandClock
) -> None:
    invite = identity.personnel.invite_by_operator
    first = await invite("root", "bia@firma.example", ["pricing", "admin"], by_mail=False)
    clock.advance(timedelta(days=1))
    again = await invite("root", "bia@firma.example", ["admin", "pricing"], by_mail=False)
    other = await invite("root", "bia@firma.example", ["pricing"], by_mail=False)
    assert isinstance(first, InvitedByOperator)
    assert isinstance(again, InvitedByOperator)
    assert isinstance(other, InvitedByOperator)
    assert (again.invitation.id, again.link != first.link) == (first.invitation.id, True)
    assert again.invitation.expires_at == first.invitation.expires_at + timedelta(days=1)

    async def accept(link: str | None) -> object:
        token = str(link).partition("#token=")[2]
        return await identity.personnel.accept_invitation(by(), token, "Bia", "viga e laje 2026")

    # Other roles are another invitation, in the place of the first.
    assert [await accept(each.link) for each in (first, again)] == [InvitationInvalid()] * 2
    assert isinstance(await accept(other.link), InvitationAccepted)
