"""Failed sign-ins are counted, whoever they are for and however many come at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count

import pytest

from contexts.identity.adapters.throttle import ADDRESS_LIMIT, FIRST_WAIT, LIMIT, LONGEST_WAIT
from contexts.identity.api import (
    AddressDraft,
    Device,
    Identity,
    InvalidCredentials,
    PasswordChanged,
    RegisterCommand,
    SignedIn,
    TooManyAttempts,
)
from contexts.identity.ports import Passwords
from contexts.shared.adapters.audit import SqlAuditTrail
from contexts.shared.adapters.database import Database, counting_statements
from contexts.shared.audit import SYSTEM, AuditFilter
from contexts.shared.ids import new_id
from contexts.shared.pagination import Window
from contexts.shared.rejections import Detail, InvalidInput
from contexts.shared.transaction import Event
from tests.contexts.identity.clock import HandClock
from tests.contexts.identity.conftest import PA_ADDRESS, PASSWORD, KeptMail, People, identity_on
from tests.signing import FixedKeys

WRONG = "not the password"
SECOND = timedelta(seconds=1)
_hosts = count(1)


@pytest.fixture
def place() -> Device:
    """A network address nobody has been at."""
    number = next(_hosts)
    return Device(f"198.51.{number // 250}.{number % 250}")


@pytest.fixture(autouse=True)
def rested(clock: HandClock) -> Iterator[None]:
    """The failures of the test before are forgotten."""
    yield
    clock.advance(timedelta(hours=2))


Outcome = SignedIn | InvalidCredentials | TooManyAttempts


async def attempt(identity: Identity, email: str, device: Device, password: str = WRONG) -> Outcome:
    return await identity.sign_in(email, password, device, SYSTEM)


async def failures(identity: Identity, email: str, device: Device, times: int) -> Outcome:
    """That many wrong passwords, all of them looked at; the last outcome."""
    outcome: Outcome = InvalidCredentials()
    for _ in range(times):
        outcome = await attempt(identity, email, device)
        assert outcome == InvalidCredentials()
    return outcome


@dataclass(slots=True)
class Counted:
    """Passwords, and how often one was verified."""

    passwords: Passwords
    verified: int = 0
    judged: int = 0
    waiting: list[str] = field(default_factory=list)

    async def problem(self, text: str, field: str, *personal: str) -> Detail | None:
        self.judged += 1
        return await self.passwords.problem(text, field, *personal)

    async def hash(self, password: str) -> str:
        return await self.passwords.hash(password)

    async def verify(self, password: str, password_hash: str | None) -> bool:
        self.verified += 1
        return await self.passwords.verify(password, password_hash)


@pytest.mark.parametrize("email", ["Comprador.SP@prumo.example", "nobody@prumo.example"])
async def test_the_tenth_wrong_password_in_a_row_is_refused(
    identity: Identity, people: People, clock: HandClock, place: Device, email: str
) -> None:
    await failures(identity, email, place, LIMIT)
    assert LIMIT < 10
    refused = TooManyAttempts(clock.now() + FIRST_WAIT)
    assert await attempt(identity, email, place) == refused
    assert await attempt(identity, email.upper(), place) == refused
    assert await attempt(identity, email, place, PASSWORD) == refused  # even what is right, or it would tell
    clock.advance(FIRST_WAIT - SECOND)
    assert await attempt(identity, email, place) == refused
    clock.advance(SECOND)
    assert await attempt(identity, email, place) == InvalidCredentials()


async def test_waits_double_up_to_fifteen_minutes(
    identity: Identity, people: People, clock: HandClock, place: Device
) -> None:
    await failures(identity, people.rep.email, place, LIMIT)
    waits = []
    for _ in range(7):
        refused = await attempt(identity, people.rep.email, place)
        assert isinstance(refused, TooManyAttempts)
        waits.append(refused.retry_at - clock.now())
        clock.at = refused.retry_at
        await failures(identity, people.rep.email, place, 1)
    assert waits == [min(FIRST_WAIT * 2**n, LONGEST_WAIT) for n in range(7)]
    assert timedelta(minutes=15) >= LONGEST_WAIT
    clock.advance(LONGEST_WAIT)
    assert isinstance(await attempt(identity, people.rep.email, place, PASSWORD), SignedIn)
    await failures(identity, people.rep.email, place, LIMIT)  # success has ended the row


async def test_only_failures_count(identity: Identity, people: People, place: Device) -> None:
    for _ in range(3):
        await failures(identity, people.buyer_pa.email, place, LIMIT - 1)
        assert isinstance(await attempt(identity, people.buyer_pa.email, place, PASSWORD), SignedIn)
    for _ in range(LIMIT + 5):
        assert isinstance(await attempt(identity, people.buyer_pa.email, place, PASSWORD), SignedIn)


async def test_of_two_at_once_the_earlier_may_come_second(
    identity: Identity, people: People, clock: HandClock, place: Device
) -> None:
    """One looks at the clock before the other, and reaches the database after it: neither has waited for anything."""
    for password, expected in ((WRONG, InvalidCredentials), (PASSWORD, SignedIn)):
        assert isinstance(await attempt(identity, people.rep.email, place, password), expected)
        clock.advance(-SECOND)
        for email in (people.buyer_sp.email, people.rep.email):
            assert isinstance(await attempt(identity, email, place, password), expected)
            clock.advance(-SECOND)


async def test_a_stranger_does_not_keep_out_who_has_signed_in_from_here(
    identity: Identity, people: People, place: Device
) -> None:
    home = Device("192.0.2.33")
    email = people.manager.email
    assert isinstance(await attempt(identity, email, home, PASSWORD), SignedIn)
    await failures(identity, email, place, LIMIT)
    assert isinstance(await attempt(identity, email, place, PASSWORD), TooManyAttempts)
    assert isinstance(await attempt(identity, email, home, PASSWORD), SignedIn)
    # Which is no way round the limit for somebody at home.
    await failures(identity, email, home, LIMIT)
    assert isinstance(await attempt(identity, email, home, PASSWORD), TooManyAttempts)


async def test_strangers_in_many_places_share_one_count(
    identity: Identity, people: People, clock: HandClock
) -> None:
    for host in range(LIMIT):
        await failures(identity, people.rep.email, Device(f"2001:db8::{host}"), 1)
    outcome = await attempt(identity, people.rep.email, Device("2001:db8::ffff"))
    assert isinstance(outcome, TooManyAttempts)


async def test_one_place_trying_many_people_is_stopped(
    identity: Identity, people: People, place: Device
) -> None:
    for number in range(ADDRESS_LIMIT):
        await failures(identity, f"person{number}@prumo.example", place, 1)
    assert isinstance(await attempt(identity, "another@prumo.example", place), TooManyAttempts)
    assert isinstance(await attempt(identity, people.rep.email, place, PASSWORD), TooManyAttempts)
    assert isinstance(await attempt(identity, people.rep.email, Device("192.0.2.9"), PASSWORD), SignedIn)


async def test_a_network_s_failures_do_not_keep_out_who_was_seen_there(
    identity: Identity, people: People, place: Device
) -> None:
    """A colleague's script behind the same NAT."""
    assert isinstance(await attempt(identity, people.rep.email, place, PASSWORD), SignedIn)
    for number in range(ADDRESS_LIMIT):
        await failures(identity, f"colleague{number}@prumo.example", place, 1)
    assert isinstance(await attempt(identity, "another@prumo.example", place), TooManyAttempts)
    assert isinstance(await attempt(identity, people.rep.email, place, PASSWORD), SignedIn)
    # Which is no way round the limit for the person.
    await failures(identity, people.rep.email, place, LIMIT)
    assert isinstance(await attempt(identity, people.rep.email, place, PASSWORD), TooManyAttempts)


async def test_the_addresses_of_one_ipv6_customer_are_one_place(identity: Identity, people: People) -> None:
    for host in range(ADDRESS_LIMIT):
        device = Device(f"2001:db8:5:6::{host:x}")
        assert await attempt(identity, f"v6.{host}@prumo.example", device) == InvalidCredentials()
    other = Device("2001:db8:5:6:ffff::1")
    assert isinstance(await attempt(identity, "v6@prumo.example", other), TooManyAttempts)


async def test_who_was_seen_in_a_network_is_seen_at_its_other_addresses(
    identity: Identity, people: People, place: Device
) -> None:
    email = people.manager.email
    assert isinstance(await attempt(identity, email, Device("2001:db8:7:8::1"), PASSWORD), SignedIn)
    await failures(identity, email, place, LIMIT)
    assert isinstance(await attempt(identity, email, Device("2001:db8:7:8::2"), PASSWORD), SignedIn)


async def test_a_reset_lets_in_who_is_attacked_without_end(
    identity: Identity, people: People, mail: KeptMail, place: Device
) -> None:
    """The attacker takes every attempt that is released; the owner is on a network that is new."""
    email, hotel = people.buyer_pa.email, Device("192.0.2.77")
    await identity.mail_person(new_id(), Event("identity.password_reset_asked", {"email": email}))
    token = mail.mails[-1].text.partition("#token=")[2].split()[0]
    assert isinstance(await identity.reset_password(token, PASSWORD, hotel, SYSTEM), PasswordChanged)
    await failures(identity, email, place, LIMIT)
    assert isinstance(await attempt(identity, email, hotel, PASSWORD), SignedIn)


async def test_who_waited_for_their_turn_is_charged_when_it_comes(
    identity: Identity, people: People, clock: HandClock, place: Device
) -> None:
    throttle, email = identity.sign_in.throttle, "turns@prumo.example"

    async def late() -> object:
        async with throttle.attempt("sign-in", email, place.address, seen_here=False) as outcome:
            return outcome

    await failures(identity, email, place, LIMIT - 1)
    async with throttle.attempt("sign-in", email, place.address, seen_here=False) as first:
        assert not isinstance(first, TooManyAttempts)
        waiting = asyncio.create_task(late())
        await asyncio.sleep(0)
        clock.advance(FIRST_WAIT)
    # The wait that the first one began is over by then.
    assert not isinstance(await waiting, TooManyAttempts)


async def test_an_account_of_ones_own_buys_no_more_guesses(
    identity: Identity, people: People, place: Device
) -> None:
    """Signing in between two guesses does not begin the place's count anew."""
    for number in range(ADDRESS_LIMIT):
        if number % 9 == 0:
            assert isinstance(await attempt(identity, people.rep.email, place, PASSWORD), SignedIn)
        await failures(identity, f"victim{number}@prumo.example", place, 1)
    assert isinstance(await attempt(identity, "last@prumo.example", place), TooManyAttempts)


async def test_a_clock_that_was_set_back_keeps_nobody_out(
    identity: Identity, people: People, clock: HandClock, place: Device
) -> None:
    """Or that of another process, which is behind: only who has failed too often waits for an instant."""
    await failures(identity, people.rep.email, place, 1)
    for _ in range(3):
        clock.advance(-SECOND)
        assert isinstance(await attempt(identity, people.buyer_pa.email, place, PASSWORD), SignedIn)
        assert isinstance(await attempt(identity, people.rep.email, place, PASSWORD), SignedIn)


@pytest.fixture
async def two_processes(
    database_url: str, clock: HandClock, mail: KeptMail, keys: FixedKeys, people: People
) -> AsyncIterator[tuple[Identity, Identity]]:
    one, other = Database(database_url), Database(database_url)
    async with identity_on(one, clock, mail, keys) as here, identity_on(other, clock, mail, keys) as there:
        yield here, there
    await one.close()
    await other.close()


async def test_of_a_hundred_wrong_ones_at_once_nine_are_looked_at(
    two_processes: tuple[Identity, Identity], people: People, place: Device
) -> None:
    counted = [Counted(each.sign_in.passwords) for each in two_processes]
    sign_ins = [
        replace(each.sign_in, passwords=passwords)
        for each, passwords in zip(two_processes, counted, strict=True)
    ]
    outcomes = await asyncio.gather(
        *(sign_ins[n % 2](people.rep.email, WRONG, place, SYSTEM) for n in range(100))
    )
    kinds = Counter(type(outcome) for outcome in outcomes)
    assert kinds == {InvalidCredentials: LIMIT, TooManyAttempts: 100 - LIMIT}
    assert sum(each.verified for each in counted) == LIMIT


async def test_a_hundred_right_ones_at_once_all_sign_in(
    two_processes: tuple[Identity, Identity], people: People, place: Device
) -> None:
    outcomes = await asyncio.gather(
        *(attempt(two_processes[n % 2], people.rep.email, place, PASSWORD) for n in range(100))
    )
    assert Counter(type(outcome) for outcome in outcomes) == {SignedIn: 100}


async def test_passwords_of_a_registration_are_judged_no_more_often_than_it_may_be_tried(
    identity: Identity, people: People
) -> None:
    counted = Counted(identity.onboarding.register.passwords)
    register = replace(identity.onboarding.register, passwords=counted)
    command = RegisterCommand(
        idempotency_key="one",
        legal_name="Obra Nova Ltda.",
        cnpj="12abc34501de35",
        state_registration=None,
        addresses=[AddressDraft(PA_ADDRESS)],
        name="Nova Pessoa",
        email="tries@prumo.example",
        password="senha12345",
    )
    for _ in range(LIMIT):
        outcome = await register(SYSTEM, "198.51.100.1", command)
        assert isinstance(outcome, InvalidInput)
        assert [detail.code for detail in outcome.details] == ["TOO_COMMON"]
    assert isinstance(await register(SYSTEM, "198.51.100.1", command), TooManyAttempts)
    assert counted.judged == LIMIT


async def test_the_trail_tells_once_that_somebody_is_attacked(
    identity: Identity, people: People, database: Database, clock: HandClock, place: Device
) -> None:
    clock.advance(timedelta(days=1))  # the tests before attacked them too
    trail, found = SqlAuditTrail(database), AuditFilter(action="identity.sign_in_throttled")
    before = await trail.count(found)
    await failures(identity, people.buyer_sp.email, place, LIMIT)
    for _ in range(5):
        await attempt(identity, people.buyer_sp.email, place)
    assert await trail.count(found) == before + 1
    (latest,) = (await trail.page(Window(1), found)).items
    assert latest.act.subject.id == str(people.buyer_sp.id)
    assert latest.act.after == {"email": people.buyer_sp.email, "address": place.address}


async def test_unknown_and_wrong_cost_the_same(
    identity: Identity, people: People, place: Device, clock: HandClock
) -> None:
    """What an attacker can measure from outside: as many hashes and as many statements, all the way to the limit."""
    costs: dict[str, list[int]] = {}
    for email in (people.buyer_sp.email, "ghost@prumo.example"):
        for _ in range(LIMIT + 2):
            with counting_statements() as counted:
                await attempt(identity, email, place)
            costs.setdefault(email, []).append(counted.statements)
    known, unknown = costs.values()
    assert known == unknown
