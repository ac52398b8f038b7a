"""The rules of identity, without event loop and database."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.headerregistry import Address as EmailAddress
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contexts.identity.domain.account import Account, AccountStatus, Cnpj, parse_state_registration
from contexts.identity.domain.address import Address, parse_address, parse_postal_code
from contexts.identity.domain.onboarding import AccountStep, AccountStepRefused, after
from contexts.identity.domain.password import MAX_PASSWORD, may_be_password, password_problem
from contexts.identity.domain.postal_codes import state_of
from contexts.identity.domain.role import Role
from contexts.identity.domain.scopes import BUYER_ROLES, ROLES, SCOPES
from contexts.identity.domain.session import (
    REFRESH_LIFE,
    SESSION_LIFE,
    Device,
    TokenState,
    digest,
    judge,
    new_secret,
    refresh_token,
    start_session,
)
from contexts.identity.domain.user import MAX_EMAIL, parse_email
from contexts.shared.ids import new_id
from contexts.shared.states import STATES

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("status", list(AccountStatus))
def test_only_an_approved_account_sees_prices(status: AccountStatus) -> None:
    account = Account(new_id(), "Construtora Aurora Ltda", "16727230000197", "SP", None, status)
    assert account.sees_prices is (status.name == "APPROVED")


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("16.727.230/0001-97", "16727230000197"),
        ("16727230000197", "16727230000197"),
        ("12.ABC.345/01DE-35", "12ABC34501DE35"),
        ("12abc34501de35", "12ABC34501DE35"),
        ("  12ABC34501DE35 ", "12ABC34501DE35"),
    ],
)
def test_a_cnpj_is_its_14_characters(typed: str, value: str) -> None:
    assert Cnpj.parse(typed) == Cnpj(value)


@pytest.mark.parametrize(
    "typed",
    [
        "16.727.230/0001-98",
        "12ABC34501DE36",
        "12ABC34501DE3A",
        "1672723000019",
        "167272300001970",
        "00000000000000",
        "16727230000197\0",
        "16727230000197x",
        "",
    ],
)
def test_what_is_no_cnpj(typed: str) -> None:
    assert Cnpj.parse(typed) is None


def test_digits_of_other_scripts_are_no_cnpj_digits() -> None:
    """stdnum lets them in; their check digits come out right for about one number in a hundred."""
    letters = [chr(0x0660 + n) for n in range(10)]
    typed = [f"1672723000{a}{b}{c:02}" for a in letters for b in letters for c in range(100)]
    assert [text for text in typed if Cnpj.parse(text)] == []


@given(st.text(st.characters(), max_size=20))
def test_any_text_is_a_cnpj_or_not(typed: str) -> None:
    cnpj = Cnpj.parse(typed)
    assert cnpj is None or (len(cnpj.value) == 14 and cnpj.value.isascii())


DASHES = (
    "-\u00ad\u02d7\u058a\u1806\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u2e3a\u301c\ufe58\ufe63\uff0d"
)
SPACES = " \t\u00a0\u1680\u2000\u2003\u2007\u2009\u200a\u200b\u202f\u205f\u2060\u3000\ufeff"


@pytest.mark.parametrize(
    "text",
    [
        "01310-100",
        "01.310-100",
        "01310 100",
        "01310100",
        " 01310100\n",
        "01.310 - 100",
        "０１３１０－１００",
        "01310−100",
    ],
)
def test_postal_codes_as_people_type_them(text: str) -> None:
    assert parse_postal_code(text) == "01310100"


@given(
    digits=st.from_regex(r"[0-9]{8}", fullmatch=True),
    dot=st.sampled_from(["", ".", "\uff0e"]),
    dash=st.sampled_from(["", *DASHES]),
    spaces=st.lists(st.text(SPACES, max_size=3), min_size=5, max_size=5),
    wide=st.booleans(),
)
def test_every_spelling_of_a_postal_code_is_kept_in_one(
    digits: str, dot: str, dash: str, spaces: list[str], wide: bool
) -> None:
    written = digits.translate({ord(d): chr(0xFF10 + int(d)) for d in "0123456789"}) if wide else digits
    parts = [written[:2], dot, written[2:5], dash, written[5:]]
    typed = "".join(space + part for space, part in zip(spaces, parts, strict=True))
    assert parse_postal_code(typed) == parse_postal_code(digits) == digits


@given(
    st.text(
        st.characters(categories=["Nd", "No", "Po", "Pd", "Zs", "Lu"]) | st.sampled_from("0123456789.-"),
        max_size=14,
    )
)
def test_what_is_no_postal_code_is_none(text: str) -> None:
    """Whatever is taken is 8 digits that stand in the text, in their order, and no letter beside them."""
    kept = parse_postal_code(text)
    if kept is not None:
        told = "".join(chr(ord(c) - 0xFEE0) if "０" <= c <= "９" else c for c in text)
        assert re.fullmatch("[0-9]{8}", kept) and re.sub("[^0-9]", "", told) == kept
        assert not any(c.isalpha() for c in text)


@pytest.mark.parametrize(
    "text", ["", "0131010", "013101000", "01310--100", "0131-0100", "01..310100", "01310/100", "٠١٣١٠١٠٠", "①13101000",
             "²1310100", "CEP 01310-100", "01310-10O", "0" * 8 + " " * 100],
)  # fmt: skip
def test_what_is_near_a_postal_code_is_none(text: str) -> None:
    assert parse_postal_code(text) is None


def test_emails_are_trimmed_and_refused_when_they_cannot_be_one() -> None:
    assert parse_email(" Comprador.SP@prumo.example ") == "Comprador.SP@prumo.example"
    longest = f"{'a' * 64}@{'b' * 63}.{'c' * 63}.{'d' * 53}.example"
    assert len(longest) == MAX_EMAIL
    kept = [longest, "o'neil+obra_7/x@xn--so-joo-eva.example", "1@2.x9"]
    assert [parse_email(text) for text in kept] == kept
    refused = [
        "",
        "a",
        "a@b",
        "@b.c",
        "a@b@c.d",
        "a b@c.d",
        "a@b.c\0",
        "a@b..c",
        "a\ud800@b.c",
        "a" + longest,
        "a" * 65 + "@b.c",
        f"a@{'b' * 64}.c",
        longest.replace("@b", "@bb"),
        # The same mailbox as victim@b.c to whoever reads the header, another one to who compares texts.
        "(n)victim@b.c",
        "victim(n)@b.c",
        '"victim"@b.c',
        "joão@x.example",
        "a@joão.example",
        "İst@x.example",
        "a<b@c.example",
        "x,y@c.example",
        "a@b.example>",
        ".a@b.c",
        "a.@b.c",
        "a..b@b.c",
        "a@-b.c",
        "a@b-.c",
        "a@b.c.",
        "a@10.0.0.1",
        "a@[10.0.0.1]",
        "a@b_c.d",
    ]

    assert [parse_email(text) for text in refused] == [None] * len(refused)


@given(
    st.text("aZ9.@-_+'\"(),:;<>[]\\ \t\u0130\u0131\u212a\u00e3\u3002\uff20", max_size=20)
    | st.from_regex(r"[^@]{1,8}@[^@]{1,8}\.[a-z]{2}", fullmatch=True)
    | st.emails()
)
@example("(n)victim@b.example")
@example("x,y@c.example")
def test_an_email_is_the_very_address_that_the_mailer_writes_to(typed: str) -> None:
    email = parse_email(typed)
    if email is None:
        return
    assert email.isascii()
    address = EmailAddress(addr_spec=email)
    assert (address.addr_spec, f"{address.username}@{address.domain}") == (email, email)
    message = EmailMessage(policy=SMTP)
    message["To"] = address
    (sent_to,) = message_from_bytes(message.as_bytes(), policy=SMTP)["To"].addresses
    assert sent_to.addr_spec == email


def test_passwords_may_hold_anything_but_nul_and_half_characters() -> None:
    assert all(may_be_password(text) for text in ("prumo-demo", "\t \n", "ção 🧱", "x" * MAX_PASSWORD))
    assert not any(may_be_password(text) for text in ("", "a\0", "a\ud800", "x" * (MAX_PASSWORD + 1)))


def test_roles_are_bundles_of_catalogued_scopes() -> None:
    assert set().union(*ROLES.values()) == SCOPES
    assert SCOPES - ROLES["admin"] == {"cart:write", "order:place"}


@pytest.mark.parametrize(
    ("name", "scopes", "may"),
    [
        ("admin", {"account:all"}, True),
        ("sales_rep", {"account:read"}, False),
        ("catalog", set(), False),
        ("account_admin", {"account:all"}, False),
    ],
)
def test_the_trail_is_for_roles_that_see_all_accounts(name: str, scopes: set[str], may: bool) -> None:
    wanted = Role(name, "", frozenset(scopes | {"audit:read"}), 1)
    assert ("audit:read" in wanted.assignable) is may


def test_a_role_of_a_buyer_account_is_given_no_more_than_it_is_there_for() -> None:
    for name in BUYER_ROLES:
        assert Role(name, "", frozenset({"account:all"}), 1).assignable == ROLES[name]
    assert not ROLES["account_viewer"] & {"cart:write", "order:place", "order:cancel", "account:manage"}
    assert "account:manage" not in ROLES["buyer"]


def test_a_secret_is_256_bits_and_known_by_its_digest() -> None:
    secret = new_secret()
    session = start_session(new_id(), Device(), NOW)
    assert refresh_token(session, secret, NOW).digest == digest(secret)
    assert digest(new_secret()) != digest(secret)
    refused = ["", secret[:-1], secret + "A", "é" * len(secret), "\ud800" * len(secret)]
    assert [digest(text) for text in refused] == [None] * len(refused)


def test_a_token_lives_until_it_is_spent_or_expires() -> None:
    session = start_session(new_id(), Device(), NOW)
    token = refresh_token(session, new_secret(), NOW)
    assert judge(session, token, NOW) is TokenState.LIVE
    assert judge(session, token, NOW + REFRESH_LIFE - SECOND) is TokenState.LIVE
    assert judge(session, token, NOW + REFRESH_LIFE) is TokenState.DEAD


def test_a_token_never_outlives_its_session() -> None:
    session = start_session(new_id(), Device(), NOW)
    token = refresh_token(session, new_secret(), session.expires_at - SECOND)
    assert token.expires_at == session.expires_at == NOW + SESSION_LIFE
    assert judge(session, token, session.expires_at) is TokenState.DEAD


def test_a_spent_token_is_reuse_while_the_session_lives() -> None:
    session = start_session(new_id(), Device(), NOW)
    token = replace(refresh_token(session, new_secret(), NOW), spent_at=NOW)
    assert judge(session, token, NOW) is TokenState.REUSED
    assert judge(session, token, NOW + REFRESH_LIFE) is TokenState.REUSED
    assert judge(session, token, session.expires_at) is TokenState.DEAD
    assert judge(replace(session, revoked_at=NOW), token, NOW) is TokenState.DEAD


def test_a_revoked_session_has_no_live_token() -> None:
    session = replace(start_session(new_id(), Device(), NOW), revoked_at=NOW)
    assert judge(session, refresh_token(session, new_secret(), NOW), NOW) is TokenState.DEAD


@pytest.mark.parametrize(
    "text",
    [
        "prumo-demo",
        "cavalo bateria grampo",
        "obra-nova-1987",
        "x9$Kq2!vLm0p",
        "correct horse battery staple",
        "ação à beça",
        "z" + "q7" * 500,
        "🧱🏗️ tijolo e viga",
    ],
)
def test_passwords_that_may_be_set(text: str) -> None:
    assert password_problem(text, "password", "Marcos Teixeira", "comprador.sp@prumo.example") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "REQUIRED"),
        ("            ", "REQUIRED"),
        ("x9$Kq2!vL", "TOO_SHORT"),
        ("x" * 1025, "TOO_LONG"),
        ("x9$Kq2!vLm\0", "INVALID_CHARACTER"),
        ("x9$Kq2!vLm\ud800", "INVALID_CHARACTER"),
        *(
            (text, "TOO_COMMON")
            for text in (
                "1234567890",
                "0123456789",
                "qwertyuiop",
                "password123",
                "senha12345",
                "Senha@12345"[:10],
                "aaaaaaaaaaaa",
                "abcdefghij",
                "flamengo2026",
                "corinthians",
                "construtora",
                "Construtora1!",
                "jesus1234567",
                "palmeiras10",
                "1q2w3e4r5t",
                "marcos teixeira",
                "teixeira01",
                "comprador.sp",
                "comprador.sp@prumo.example",
            )
        ),
    ],
)
def test_passwords_that_may_not_be_set(text: str, code: str) -> None:
    problem = password_problem(text, "newPassword", "Marcos Teixeira", "comprador.sp@prumo.example")
    assert problem is not None
    assert (problem.path, problem.code) == (("input", "newPassword"), code)


@given(st.text(max_size=1100))
def test_any_text_is_judged(text: str) -> None:
    problem = password_problem(text, "password")
    assert problem is None or problem.code in {
        "REQUIRED",
        "TOO_SHORT",
        "TOO_LONG",
        "INVALID_CHARACTER",
        "TOO_COMMON",
    }


@pytest.mark.parametrize(
    ("postal_code", "state"),
    [
        ("01310100", "SP"),
        ("19999999", "SP"),
        ("20040002", "RJ"),
        ("66035170", "PA"),
        ("68900073", "AP"),
        ("69301110", "RR"),
        ("69005070", "AM"),
        ("69400970", "AM"),
        ("69900062", "AC"),
        ("70040010", "DF"),
        ("72800000", "GO"),
        ("73015132", "DF"),
        ("74003010", "GO"),
        ("76801059", "RO"),
        ("99999999", "RS"),
        ("00999999", None),
        ("78900000", None),
        ("73699999", "DF"),
        ("73700000", "GO"),
    ],
)
def test_the_state_of_a_postal_code(postal_code: str, state: str | None) -> None:
    assert state_of(postal_code) == state


def test_every_state_has_postal_codes_and_no_code_has_two_states() -> None:
    assert {state_of(f"{prefix:05}000") for prefix in range(100_000)} == STATES | {None}


def test_an_address_is_tidied_and_its_blanks_are_nothing() -> None:
    typed = Address(" Rua Um ", "s/n", "Centro", "Belém", "PA", "66000-000", " ", "Obra 12 ")
    kept = Address("Rua Um", "s/n", "Centro", "Belém", "PA", "66000000", None, "Obra 12")
    assert parse_address(typed, ("input",)) == kept
    wrong = parse_address(replace(typed, complement="\0", city=""), ("input", "address"))
    assert isinstance(wrong, list)
    assert [detail.path[-1] for detail in wrong] == ["complement", "city"]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("isento", "ISENTO"),
        ("15.123.456-7", "151234567"),
        ("P-01100424.3/002", "P011004243002"),
        ("123", None),
        ("", None),
        ("ABCDEFGHI", None),
        ("١٢٣٤٥٦٧٨٩", None),
    ],
)
def test_a_state_registration(typed: str, kept: str | None) -> None:
    assert parse_state_registration(typed) == kept


@pytest.mark.parametrize("last", [None, *AccountStep])
def test_information_is_given_when_it_was_asked_for_last(last: AccountStep | None) -> None:
    outcome = after(AccountStatus.PENDING, AccountStep.INFORMATION_PROVIDED, last)
    assert isinstance(outcome, AccountStepRefused) is (last is not AccountStep.INFORMATION_REQUESTED)


def test_the_ways_of_an_account() -> None:
    ways = {
        (status.name, step.name): outcome.name
        for status in AccountStatus
        for step in AccountStep
        if not isinstance(
            outcome := after(status, step, AccountStep.INFORMATION_REQUESTED), AccountStepRefused
        )
    }
    assert ways == {
        ("PENDING", "INFORMATION_REQUESTED"): "PENDING",
        ("PENDING", "INFORMATION_PROVIDED"): "PENDING",
        ("PENDING", "APPROVED"): "APPROVED",
        ("PENDING", "REJECTED"): "REJECTED",
        ("APPROVED", "SUSPENDED"): "SUSPENDED",
        ("SUSPENDED", "REACTIVATED"): "APPROVED",
        ("REJECTED", "REACTIVATED"): "PENDING",
        ("APPROVED", "TIER_SET"): "APPROVED",
        # Never of an approved account: it holds its CNPJ as long as it buys.
        **{
            (status, step): status
            for status in ("PENDING", "SUSPENDED")
            for step in ("CNPJ_RELEASED", "CNPJ_HANDED_OVER", "CNPJ_RECEIVED")
        },
    }
