"""Whose CNPJ it is: a registration holds none, a proved e-mail address may, and the sales team decides."""

import asyncio
from uuid import uuid4

import pytest
from stdnum.br import cnpj as cnpjs

from gateway.seed.demo import PA_CNPJ, SP_CNPJ
from gateway.settings import Settings
from tests.api.mailed import mailed, only, token_in
from tests.api.shop import ADMIN, GESTOR, PA, PRECOS, REP, SP, VENDAS, Answer, Json, Shop, nodes_of
from tests.api.test_onboarding import PASSWORD, company, decide, execute, new_cnpj, prices, recorded

RELEASE, HAND_OVER = "buyerAccountCnpjRelease", "buyerAccountCnpjHandOver"


async def register(shop: Shop, cnpj: str, email: str | None = None) -> Json:
    """A registration: its input, with the e-mail address under `email`."""
    input = company(cnpj, email)
    answer = await shop.operation("portal/RegisterAccount", {"input": input})
    assert answer.done("buyerAccountRegister")["cnpj"] == cnpj.replace(".", "").replace("/", "").upper()
    return {**input, "email": input["user"]["email"]}


async def prove(shop: Shop, mail: Json) -> Answer:
    return await shop.operation("portal/VerifyEmail", {"input": {"token": token_in(mail)}})


async def proved(shop: Shop, settings: Settings, cnpj: str, *, count: int = 1) -> list[Json]:
    """Registrations with this CNPJ whose mailed links were followed, one after another, each with its `id`."""
    firms = [await register(shop, cnpj) for _ in range(count)]
    mails = await mailed(settings)
    for firm in firms:
        (link,) = [mail for mail in mails if mail["To"] == firm["email"] and "Confirme" in mail["Subject"]]
        (await prove(shop, link)).done("emailVerify")
        await shop.token(firm["email"], PASSWORD)
        own = await shop.operation("portal/Viewer", None, firm["email"])
        firm["id"] = own.data["viewer"]["account"]["id"]
    return firms


async def page(shop: Shop, firm: Json, who: str = VENDAS) -> Json:
    return (await shop.operation("backoffice/BuyerAccount", {"id": firm["id"]}, who)).data["buyerAccount"]


async def standing(shop: Shop, firm: Json) -> str:
    return str((await page(shop, firm))["cnpjStanding"])


async def hand_over(shop: Shop, giver: Json, taker: Json, who: str = VENDAS, **more: Json) -> Answer:
    input = {"id": giver["id"], "toId": taker["id"], "reason": "O contrato social confere.", **more}
    return await shop.operation("backoffice/HandOverCnpj", {"input": input}, who)


async def release(shop: Shop, firm: Json, who: str = VENDAS) -> Answer:
    return await decide(shop, "ReleaseCnpj", firm["id"], who)


@pytest.mark.parametrize("address", [REP, "ninguem@estranho.example"])
@pytest.mark.parametrize("letters", [False, True])
async def test_a_stranger_locks_nobody_out(
    shop: Shop, settings: Settings, address: str, letters: bool
) -> None:
    """With the address of any user, or one that is never proved, and before or after the firm itself came."""
    base = f"{uuid4().hex[:8].upper()}0001"
    number = base + cnpjs.calc_check_digits(base) if letters else new_cnpj()
    await execute(shop, "DELETE FROM identity.sign_in_failures")
    await register(shop, number, address)
    (owner,) = await proved(shop, settings, number)
    await register(shop, number, REP)
    await register(shop, number)
    seen = await page(shop, owner)
    assert (seen["cnpjStanding"], seen["cnpjRivals"]) == ("HELD", [])
    await decide(shop, "ApproveAccount", owner["id"])
    assert any(await prices(shop, owner["email"]))


async def test_a_rejection_frees_the_cnpj(shop: Shop, settings: Settings) -> None:
    cnpj = new_cnpj()
    (stranger,) = await proved(shop, settings, cnpj)
    await decide(shop, "RejectAccount", stranger["id"])
    assert await standing(shop, stranger) == "FREE"
    (owner,) = await proved(shop, settings, cnpj)
    assert await standing(shop, owner) == "HELD"
    # What was rejected is considered again, and has lost the CNPJ meanwhile.
    await decide(shop, "ReactivateAccount", stranger["id"])
    assert await standing(shop, stranger) == "HELD_BY_ANOTHER"
    refused = (await decide(shop, "ApproveAccount", stranger["id"])).refused("buyerAccountApprove")
    assert (refused["__typename"], refused["code"]) == ("CnpjTakenError", "CONFLICT")
    (await decide(shop, "ApproveAccount", owner["id"])).done("buyerAccountApprove")
    history = [change["step"] for change in (await page(shop, stranger))["history"]]
    assert history == ["REGISTERED", "REJECTED", "REACTIVATED"]


async def test_a_claim_is_seen_beside_the_holder_and_sales_hands_over(shop: Shop, settings: Settings) -> None:
    cnpj = new_cnpj()
    stranger, owner = await proved(shop, settings, cnpj, count=2)
    await register(shop, cnpj)  # never proved: no rival
    for firm, other, stands in ((stranger, owner, "HELD"), (owner, stranger, "HELD_BY_ANOTHER")):
        seen = await page(shop, firm)
        assert seen["cnpjStanding"] == stands
        assert [rival["id"] for rival in seen["cnpjRivals"]] == [other["id"]]
    contested = await shop.operation(
        "backoffice/BuyerAccounts", {"filter": {"cnpjContested": True, "search": cnpj}}, VENDAS
    )
    assert [each["id"] for each in nodes_of(contested.data["buyerAccounts"])] == [owner["id"], stranger["id"]]
    assert contested.data["buyerAccounts"]["totalCount"] == 2
    assert contested.statements <= 6

    answer = await hand_over(shop, stranger, owner, note="Liguei para a firma.")
    done = answer.done(HAND_OVER)
    assert (done["id"], done["cnpjStanding"]) == (owner["id"], "HELD")
    again = await hand_over(shop, stranger, owner, note="Liguei para a firma.")
    assert again.payload(HAND_OVER)["meta"]["replayed"] is True
    stale = (await hand_over(shop, stranger, owner, ADMIN)).refused(HAND_OVER)
    assert (stale["__typename"], stale["code"]) == ("CnpjNotHeldError", "CONFLICT")
    mails = await mailed(settings)
    for firm, subject in (
        (stranger, "O CNPJ não é mais do cadastro de"),
        (owner, "O CNPJ agora é do cadastro de"),
    ):
        told = only(mails, firm["email"])
        assert told["Subject"] == f"{subject} CNPJ {cnpj}"
        assert "O contrato social confere." in told.get_content()
        assert "Liguei" not in told.get_content()
    for firm, step in ((stranger, "CNPJ_HANDED_OVER"), (owner, "CNPJ_RECEIVED")):
        last = (await page(shop, firm))["history"][-1]
        assert (last["step"], last["note"], last["by"]["name"]) == (
            step,
            "Liguei para a firma.",
            "Helena Duarte",
        )
        (act,) = [
            act
            for act in await recorded(settings, f"identity.account_{step.lower()}")
            if act["after"]["cnpj"] == cnpj
        ]
        assert act["before"]["holder"] != act["after"]["holder"]
    (await decide(shop, "ApproveAccount", owner["id"])).done("buyerAccountApprove")
    refused = (await decide(shop, "ApproveAccount", stranger["id"])).refused("buyerAccountApprove")
    assert refused["__typename"] == "CnpjTakenError"


async def test_what_sales_releases_is_anybodys(shop: Shop, settings: Settings) -> None:
    cnpj = new_cnpj()
    holder, claim = await proved(shop, settings, cnpj, count=2)
    refused = (await release(shop, claim)).refused(RELEASE)
    assert refused["__typename"] == "CnpjNotHeldError"
    done = (await release(shop, holder)).done(RELEASE)
    assert done["cnpjStanding"] == "FREE"
    assert (await release(shop, holder)).payload(RELEASE)["meta"]["replayed"] is True
    assert "não é mais" in only(await mailed(settings), holder["email"])["Subject"]
    # Another link to the same mailbox proves nothing new, and takes nothing back.
    await shop.operation("portal/RequestEmailVerification", None, holder["email"])
    (await prove(shop, only(await mailed(settings), holder["email"]))).done("emailVerify")
    assert [await standing(shop, firm) for firm in (holder, claim)] == ["FREE"] * 2
    (await decide(shop, "ApproveAccount", claim["id"])).done("buyerAccountApprove")
    assert [await standing(shop, firm) for firm in (holder, claim)] == ["HELD_BY_ANOTHER", "HELD"]


async def test_an_account_that_buys_is_suspended_before_its_cnpj_goes(shop: Shop, settings: Settings) -> None:
    """The owner of an approved account loses nothing by a claim; if it is the false one, the right one gets in."""
    cnpj = new_cnpj()
    first, second = await proved(shop, settings, cnpj, count=2)
    await decide(shop, "ApproveAccount", first["id"])
    (late,) = await proved(shop, settings, cnpj)
    assert [rival["id"] for rival in (await page(shop, late))["cnpjRivals"]] == [first["id"], second["id"]]
    assert any(await prices(shop, first["email"]))
    for answer, mutation in (
        (await release(shop, first), RELEASE),
        (await hand_over(shop, first, late), HAND_OVER),
    ):
        refused = answer.refused(mutation)
        assert (refused["code"], refused["status"]) == ("INVALID_TRANSITION", "APPROVED")
    await decide(shop, "SuspendAccount", first["id"])
    assert await standing(shop, first) == "HELD"
    (await hand_over(shop, first, late)).done(HAND_OVER)
    (await decide(shop, "ApproveAccount", late["id"])).done("buyerAccountApprove")
    refused = (await decide(shop, "ReactivateAccount", first["id"])).refused("buyerAccountReactivate")
    assert refused["__typename"] == "CnpjTakenError"


async def test_what_cannot_be_handed_over(shop: Shop, settings: Settings) -> None:
    holder, other = [(await proved(shop, settings, new_cnpj()))[0] for _ in range(2)]
    unproved = await register(shop, holder["cnpj"])
    await shop.token(unproved["email"], PASSWORD)
    unproved["id"] = (await shop.operation("portal/Viewer", None, unproved["email"])).data["viewer"][
        "account"
    ]["id"]
    refused = (await hand_over(shop, holder, unproved)).refused(HAND_OVER)
    assert (refused["step"], "proved their e-mail" in refused["message"]) == ("CNPJ_RECEIVED", True)
    for taker, code in ((other, "OTHER_CNPJ"), (holder, "SAME"), ({"id": "x"}, "NOT_AN_ID")):
        refused = (await hand_over(shop, holder, taker)).refused(HAND_OVER)
        assert [detail["code"] for detail in refused["details"]] == [code]
    refused = (await hand_over(shop, holder, other, reason=" ")).refused(HAND_OVER)
    assert refused["code"] == "INVALID_INPUT"
    assert await standing(shop, holder) == "HELD"


async def test_only_who_approves_accounts_moves_a_cnpj(shop: Shop, settings: Settings) -> None:
    cnpj = new_cnpj()
    holder, claim = await proved(shop, settings, cnpj, count=2)
    for who in (REP, PRECOS, GESTOR, SP, claim["email"], holder["email"]):
        assert (await release(shop, holder, who)).codes == ["FORBIDDEN"]
        assert (await hand_over(shop, holder, claim, who)).codes == ["FORBIDDEN"]
    assert (
        await shop.operation("backoffice/ReleaseCnpj", {"input": {"id": holder["id"], "reason": "x"}})
    ).codes == ["UNAUTHENTICATED"]
    # The account itself is not told whether somebody else has its CNPJ.
    asked = "{ viewer { account { cnpjStanding cnpjRivals { id } } } }"
    assert (await shop.ask(asked, None, claim["email"])).codes == ["FORBIDDEN", "FORBIDDEN"]
    # A rep sees rivals within the portfolio only.
    (rival,) = await proved(shop, settings, SP_CNPJ)
    demo = (await shop.operation("portal/Viewer", None, SP)).data["viewer"]["account"]
    assert (await page(shop, demo, REP))["cnpjRivals"] == []
    assert [each["id"] for each in (await page(shop, demo))["cnpjRivals"]] == [rival["id"]]
    await decide(shop, "RejectAccount", rival["id"])
    assert (await page(shop, demo))["cnpjRivals"] == []


async def test_of_two_that_prove_at_once_one_holds(shop: Shop, settings: Settings) -> None:
    cnpjs = [new_cnpj() for _ in range(5)]
    firms = [await register(shop, cnpj) for cnpj in cnpjs for _ in range(2)]
    links = {mail["To"]: mail for mail in await mailed(settings) if "Confirme" in mail["Subject"]}
    answers = await asyncio.gather(*(prove(shop, links[firm["email"]]) for firm in firms))
    for answer in answers:
        answer.done("emailVerify")
    for cnpj in cnpjs:
        found = await shop.operation("backoffice/BuyerAccounts", {"filter": {"search": cnpj}}, VENDAS)
        standings = [each["cnpjStanding"] for each in nodes_of(found.data["buyerAccounts"])]
        assert sorted(standings) == ["HELD", "HELD_BY_ANOTHER"]


async def test_of_two_that_are_approved_at_once_one_is(shop: Shop, settings: Settings) -> None:
    for _ in range(3):
        firms = await proved(shop, settings, new_cnpj(), count=2)
        (await release(shop, firms[0])).done(RELEASE)
        answers = await asyncio.gather(*(decide(shop, "ApproveAccount", firm["id"]) for firm in firms))
        errors = [answer.payload("buyerAccountApprove")["error"] for answer in answers]
        assert [error["__typename"] for error in errors if error] == ["CnpjTakenError"]


async def test_beside_one_that_code_without_holds_has_approved_nobody_is(
    shop: Shop, settings: Settings
) -> None:
    """While both releases run: the old one approves a claim, and leaves the hold where it is."""
    cnpj = new_cnpj()
    holder, claimant = await proved(shop, settings, cnpj, count=2)
    await execute(
        shop,
        "UPDATE identity.buyer_accounts SET status = 'APPROVED'"
        " WHERE id = (SELECT account_id FROM identity.users WHERE email = :email)",
        email=claimant["email"],
    )
    answer = await decide(shop, "ApproveAccount", holder["id"])
    assert answer.payload("buyerAccountApprove")["error"]["__typename"] == "CnpjTakenError"
    await proved(shop, settings, cnpj)  # what is kept puts it right
    standings = [await standing(shop, firm) for firm in (holder, claimant)]
    assert standings == ["HELD_BY_ANOTHER", "HELD"]


async def test_two_that_hand_over_to_each_other_at_once(shop: Shop, settings: Settings) -> None:
    one, other = await proved(shop, settings, new_cnpj(), count=2)
    for _ in range(3):
        both = await asyncio.gather(
            *(hand_over(shop, *pair, reason=uuid4().hex) for pair in ((one, other), (other, one)))
        )
        errors = [answer.payload(HAND_OVER)["error"] for answer in both]
        assert {error["__typename"] for error in errors if error} <= {"CnpjNotHeldError"}
        assert None in errors
        standings = [await standing(shop, firm) for firm in (one, other)]
        assert sorted(standings) == ["HELD", "HELD_BY_ANOTHER"]


async def test_a_reset_password_proves_the_address_too(shop: Shop, settings: Settings) -> None:
    firm = await register(shop, new_cnpj())
    await shop.token(firm["email"], PASSWORD)
    firm["id"] = (await shop.operation("portal/Viewer", None, firm["email"])).data["viewer"]["account"]["id"]
    await mailed(settings)
    assert await standing(shop, firm) == "FREE"
    await shop.operation("portal/RequestPasswordReset", {"input": {"email": firm["email"]}})
    mail = only(await mailed(settings), firm["email"])
    assert "Ana Lima" not in mail.get_content()  # whoever typed the address may have typed any name beside it
    given = {"token": token_in(mail), "newPassword": "outra-obra-da-vila-2026"}
    (await shop.operation("portal/ResetPassword", {"input": given})).done("passwordReset")
    assert await standing(shop, firm) == "HELD"


async def test_nobody_is_written_to_with_a_name_that_a_stranger_typed(shop: Shop, settings: Settings) -> None:
    firm = await register(shop, new_cnpj())
    await register(shop, new_cnpj(), firm["email"])
    found = await shop.operation("backoffice/BuyerAccounts", {"filter": {"search": firm["cnpj"]}}, VENDAS)
    (account,) = nodes_of(found.data["buyerAccounts"])
    await decide(shop, "RejectAccount", account["id"])
    mails = [mail for mail in await mailed(settings) if mail["To"] == firm["email"]]
    assert len(mails) == 4
    for mail in mails:
        assert "Ana Lima" not in mail.get_content()
        assert firm["legalName"] not in mail["Subject"] + mail.get_content()


async def test_a_registration_tells_nothing_of_a_cnpj_or_an_address(shop: Shop, settings: Settings) -> None:
    """Free, claimed, held and approved CNPJs, and an address that is taken, cost and answer the same."""
    held, claimed = new_cnpj(), new_cnpj()
    await proved(shop, settings, held)
    await register(shop, claimed)
    kinds: dict[str, tuple[str, str | None]] = {
        "free": (new_cnpj(), None),
        "claimed": (claimed, None),
        "held": (held, None),
        "approved": (SP_CNPJ, None),
        "approved, with letters": (PA_CNPJ, None),
        "free, address taken": (new_cnpj(), REP),
        "held, address taken": (held, PA),
    }
    seen: dict[str, Json] = {}
    links: dict[str, str] = {}
    for kind, (cnpj, email) in kinds.items():
        input = company(cnpj, email)
        first, again = [await shop.operation("portal/RegisterAccount", {"input": input}) for _ in range(2)]
        costs = (first.statements, again.statements)
        bodies = [answer.payload("buyerAccountRegister") for answer in (first, again)]
        for body in bodies:
            body["meta"].pop("requestId")
        told = [body.pop("data") for body in bodies]
        assert told == [{"legalName": input["legalName"], "cnpj": cnpj, "email": input["user"]["email"]}] * 2
        cost = first.body["extensions"]["cost"]
        seen[kind] = (costs, bodies, cost["requested"], cost["actual"])
        links[kind] = input["user"]["email"]
    assert len({str(each) for each in seen.values()}) == 1, seen

    # Nor does the proof, or what the one who proved sees afterwards.
    mails = {mail["To"]: mail for mail in await mailed(settings) if "Confirme" in mail["Subject"]}
    after: dict[str, Json] = {}
    for kind, (cnpj, taken) in kinds.items():
        if taken is None:
            answer = await prove(shop, mails[links[kind]])
            answer.done("emailVerify")
            await shop.token(links[kind], PASSWORD)
            own = (await shop.operation("portal/Account", None, links[kind])).data["viewer"]["account"]
            history = [change["step"] for change in own["history"]]
            after[kind] = (answer.statements, own["status"], own["statusReason"], history)
            assert own["cnpj"] == cnpj
    assert len({str(each) for each in after.values()}) == 1, after
    (again,) = [
        act for act in await recorded(settings, "identity.registered_again") if act["after"]["email"] == PA
    ]
    assert again["after"]["cnpj"] == held
