"""However a mailbox is spelled, so many mails go there and no more; the addresses stay different people."""

from datetime import timedelta
from itertools import pairwise

import pytest

from contexts.identity.adapters.throttle import LIMIT
from contexts.identity.api import (
    AccountRole,
    Device,
    Identity,
    Invited,
    InviteUserCommand,
    MailPromised,
    PasswordChanged,
    Principal,
    SignedIn,
    TooManyAttempts,
    UserAdded,
)
from contexts.identity.domain.invitation import MOST_INVITED_MAILBOX, RESEND_AFTER
from contexts.identity.domain.user import mailbox
from contexts.identity.ports import SIGN_IN
from contexts.shared.audit import SYSTEM
from contexts.shared.rejections import InvalidInput
from tests.actor import by
from tests.contexts.identity.clock import HandClock
from tests.contexts.identity.conftest import PASSWORD, People
from tests.contexts.identity.test_people import added, principal

TAGS = 24


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("ana@obra.example", "ana@obra.example"),
        ("Ana+compras+2@Obra.Example", "ana@obra.example"),
        ("ana+@obra.example", "ana@obra.example"),
        ("+ana@obra.example", "+ana@obra.example"),
        ("a.na@obra.example", "a.na@obra.example"),
        ("A.n.a+x.y@gmail.com", "ana@gmail.com"),
        ("ana@GoogleMail.com", "ana@gmail.com"),
        ("ana@mail.gmail.com", "ana@mail.gmail.com"),
    ],
)
def test_a_mailbox_has_one_spelling(email: str, expected: str) -> None:
    assert mailbox(email) == expected
    assert mailbox(expected) == expected


@pytest.mark.parametrize("what", ["mail", "register", "password-change", "whatever comes next"])
async def test_all_tags_of_a_mailbox_share_what_may_be_mailed_there(identity: Identity, what: str) -> None:
    async def let_through(what: str) -> int:
        count = 0
        for tag in range(TAGS):
            email = f"vitima+{tag}@obra.example"
            async with identity.sign_in.throttle.attempt(what, email, None, seen_here=False) as attempt:
                count += not isinstance(attempt, TooManyAttempts)
        return count

    assert await let_through(what) == LIMIT
    # Who signs in is known by the whole address: a colleague's tag does not lock one out.
    if what == "mail":
        assert await let_through(SIGN_IN) == TAGS


async def test_resets_asked_for_with_tags(identity: Identity) -> None:
    outcomes = [
        await identity.ask_password_reset(f"m.a.r.i.a+{tag}@gmail.com", Device(f"192.0.2.{tag}"))
        for tag in range(TAGS)
    ]
    assert sum(isinstance(outcome, MailPromised) for outcome in outcomes) == LIMIT
    assert isinstance(await identity.ask_password_reset("jose@gmail.com", Device()), MailPromised)


async def test_an_account_writes_few_invitations_to_one_mailbox(
    identity: Identity, people: People, clock: HandClock
) -> None:
    boss = principal(await added(identity, "account_admin", people.sp), "account_admin", people.sp)

    async def invite(email: str) -> Invited | InvalidInput:
        command = InviteUserCommand(people.sp.id, email, AccountRole.BUYER, None)
        outcome = await identity.personnel.invite_user(boss, by(boss.user_id), command)
        assert isinstance(outcome, Invited | InvalidInput)
        return outcome

    sent = [await invite(f"Socio+{tag}@obra.example") for tag in range(MOST_INVITED_MAILBOX)]
    assert all(isinstance(outcome, Invited) for outcome in sent)
    refused = await invite("socio@obra.example")
    assert isinstance(refused, InvalidInput)
    assert refused.details[0].code == "TOO_MANY"
    assert isinstance(await invite("outro@obra.example"), Invited)

    clock.advance(RESEND_AFTER)  # to send one of them again is one more
    first = sent[0]
    assert isinstance(first, Invited)
    again = await identity.personnel.resend_invitation(boss, by(boss.user_id), first.invitation.id)
    assert isinstance(again, InvalidInput)
    assert again.details[0].code == "TOO_MANY"


async def test_who_registered_with_a_stranger_s_address_cannot_have_it_warned_without_end(
    identity: Identity, clock: HandClock
) -> None:
    """Each change of a password is told by mail, and nobody has proved that they own the address."""
    outcome = await identity.add_user(
        email="vizinho+1@obra.example", name="Alguém", password=PASSWORD, roles=["catalog"]
    )
    assert isinstance(outcome, UserAdded)
    user, somewhere = outcome.user, Device("192.0.2.9")
    who: Principal = principal(user, "catalog")
    passwords = [PASSWORD, *(f"viga baldrame {n}{n}" for n in range(10, 10 + LIMIT + 1))]
    changes = [
        await identity.change_password(who, old, new, somewhere, SYSTEM) for old, new in pairwise(passwords)
    ]
    assert [type(change) for change in changes] == [PasswordChanged] * LIMIT + [TooManyAttempts]
    # It was the right password all the same: nothing counts as a failure to sign in.
    for _ in range(LIMIT + 1):
        refused = await identity.change_password(who, passwords[LIMIT], "outra", somewhere, SYSTEM)
        assert not isinstance(refused, PasswordChanged)
    assert isinstance(await identity.sign_in(user.email, passwords[LIMIT], somewhere, SYSTEM), SignedIn)
    clock.advance(timedelta(hours=2))
