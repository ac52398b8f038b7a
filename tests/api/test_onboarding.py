"""Onboarding, from registration to approval and back, through the shipped operations and real mail."""

import asyncio
from itertools import count
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine
from stdnum.br import cnpj as cnpjs

from gateway.settings import Settings
from tests.api.mailed import mailed, only, token_in
from tests.api.shop import ADMIN, CATALOGO, GESTOR, PA, PRECOS, REP, SP, VENDAS, Answer, Json, Shop, nodes_of

PASSWORD = "obra-da-vila-mariana-2026"
_numbers = count(1)


def new_cnpj() -> str:
    base = f"{next(_numbers):08}0001"
    return base + cnpjs.calc_check_digits(base)


ADDRESS = {
    "street": "Avenida Nazaré",
    "number": "500",
    "district": "Nazaré",
    "city": "Belém",
    "state": "PA",
    "postalCode": "66035-170",
}


def company(cnpj: str | None = None, email: str | None = None, **changes: Json) -> Json:
    number = next(_numbers)
    return {
        "idempotencyKey": uuid4().hex,
        "legalName": f"Construções Açaí {number} Ltda",
        "cnpj": cnpj or new_cnpj(),
        "addresses": [ADDRESS],
        "user": {
            "name": "Ana Lima",
            "email": email or f"ana{number}@acai.example",
            "password": PASSWORD,
        },
        **changes,
    }


async def registered(shop: Shop, *, proved: bool = True, **changes: Json) -> Json:
    """A new company: its input, with the id of its account under `id`. `proved`: as if the mailed link was followed."""
    input = company(**changes)
    answer = await shop.operation("portal/RegisterAccount", {"input": input})
    answer.done("buyerAccountRegister")
    found = await shop.operation("backoffice/BuyerAccounts", {"filter": {"search": input["cnpj"]}}, VENDAS)
    (account,) = nodes_of(found.data["buyerAccounts"])
    await shop.token(input["user"]["email"], PASSWORD)
    if proved:
        prove = "UPDATE identity.users SET email_verified_at = now() WHERE email = :email"
        await execute(shop, prove, email=input["user"]["email"])
    return {**input, "id": account["id"], "email": input["user"]["email"]}


async def decide(shop: Shop, decision: str, id: str, who: str = VENDAS, **more: Json) -> Answer:
    input = {"id": id, "reason": f"Motivo: {decision}", **more}
    return await shop.operation(f"backoffice/{decision}", {"input": input}, who)


MUTATION = {
    "RequestInformation": "buyerAccountInformationRequest",
    "ApproveAccount": "buyerAccountApprove",
    "RejectAccount": "buyerAccountReject",
    "SuspendAccount": "buyerAccountSuspend",
    "ReactivateAccount": "buyerAccountReactivate",
    "SetAccountTier": "buyerAccountTierSet",
}


async def prices(shop: Shop, who: str) -> list[Json]:
    answer = await shop.operation("portal/Products", {"first": 3}, who)
    return [product["price"] for product in nodes_of(answer.data["products"])]


async def test_from_registration_to_the_first_prices(shop: Shop, settings: Settings) -> None:
    firm = await registered(shop, proved=False, stateRegistration="15.123.456-7")
    boss = firm["email"]
    mails = {mail["Subject"]: mail for mail in await mailed(settings) if mail["To"] == boss}
    assert sorted(mails) == ["Confirme seu e-mail", f"Recebemos o cadastro de CNPJ {firm['cnpj']}"]

    # Browses, sees no price, orders nothing.
    assert await prices(shop, boss) == [None] * 3
    line = {"sku": "CIM-0001", "quantity": "10"}
    cart = (await shop.operation("portal/SetCartLine", {"input": line}, boss)).done("cartLineSet")
    checkout = {"idempotencyKey": uuid4().hex, "cartVersion": cart["version"]}
    refused = (await shop.operation("portal/CheckOut", {"input": checkout}, boss)).refused("cartCheckout")
    assert refused["code"] in {"ACCOUNT_NOT_APPROVED", "PRICE_ON_REQUEST"}

    # Sales asks, the company answers, sales approves.
    asked = await decide(shop, "RequestInformation", firm["id"], note="Parece boa.")
    assert asked.done("buyerAccountInformationRequest")["status"] == "PENDING"
    assert "Motivo: RequestInformation" in only(await mailed(settings), boss).get_content()
    standing = (await shop.operation("portal/AccountStanding", None, boss)).data["viewer"]["account"]
    assert (standing["status"], standing["statusReason"]) == ("PENDING", "Motivo: RequestInformation")
    answer = await shop.operation(
        "portal/ProvideInformation", {"input": {"information": "Segue o contrato."}}, boss
    )
    assert answer.done("buyerAccountInformationProvide")["statusReason"] == "Motivo: RequestInformation"
    assert await mailed(settings) == []
    unasked = {"input": {"information": "E mais uma coisa."}}
    refused = (await shop.operation("portal/ProvideInformation", unasked, boss)).refused(
        "buyerAccountInformationProvide"
    )
    assert (refused["code"], refused["message"].split(",")[0]) == ("INVALID_TRANSITION", "Nothing was asked")

    # Until somebody has followed the link, the address may be a stranger's.
    invitation = {"input": {"email": "outra@acai.example", "role": "BUYER"}}
    refused = (await shop.operation("portal/InviteUser", invitation, boss)).refused("userInvite")
    assert (refused["code"], "Prove your e-mail" in refused["message"]) == ("FORBIDDEN", True)
    refused = (await decide(shop, "ApproveAccount", firm["id"], tier="PRATA")).refused("buyerAccountApprove")
    assert (refused["code"], "proved their e-mail" in refused["message"]) == ("INVALID_TRANSITION", True)
    proof = {"input": {"token": token_in(mails["Confirme seu e-mail"])}}
    (await shop.operation("portal/VerifyEmail", proof)).done("emailVerify")
    approved = await decide(shop, "ApproveAccount", firm["id"], tier="PRATA")
    account = approved.done("buyerAccountApprove")
    told = account["status"], account["statusReason"], account["tier"], account["history"][-1]["step"]
    assert told == ("APPROVED", "Motivo: ApproveAccount", "PRATA", "APPROVED")
    assert "aprovado" in only(await mailed(settings), boss)["Subject"]
    assert any(await prices(shop, boss))

    page = (await shop.operation("backoffice/BuyerAccount", {"id": firm["id"]}, VENDAS)).data["buyerAccount"]
    assert page["registration"]["stateRegistration"] == "151234567"
    assert [(change["step"], change["note"], change["by"]["name"]) for change in page["history"]] == [
        ("REGISTERED", None, "Ana Lima"),
        ("INFORMATION_REQUESTED", "Parece boa.", "Helena Duarte"),
        ("INFORMATION_PROVIDED", None, "Ana Lima"),
        ("APPROVED", None, "Helena Duarte"),
    ]
    assert [(each["role"], each["emailVerified"]) for each in page["users"]] == [("ADMINISTRATOR", True)]
    # The account reads its history too: reasons, and neither notes nor names of the staff.
    own = (await shop.operation("portal/Account", None, boss)).data["viewer"]["account"]
    assert own["history"][1]["reason"] == "Motivo: RequestInformation"
    spying = "{ viewer { account { history { note by { name } } } } }"
    assert (await shop.ask(spying, None, boss)).codes == ["FORBIDDEN", "FORBIDDEN"]


async def test_a_registration_sent_again_is_the_same_one(shop: Shop, settings: Settings) -> None:
    input = company()
    first, again = [await shop.operation("portal/RegisterAccount", {"input": input}) for _ in range(2)]
    assert first.done("buyerAccountRegister") == again.done("buyerAccountRegister")
    assert [each.payload("buyerAccountRegister")["meta"]["replayed"] for each in (first, again)] == [
        False,
        True,
    ]
    assert len([mail for mail in await mailed(settings) if mail["To"] == input["user"]["email"]]) == 2
    # Somebody else's key, or another address, is another registration.
    for other in ({"idempotencyKey": uuid4().hex}, {"user": {**input["user"], "email": "x@acai.example"}}):
        answer = await shop.operation("portal/RegisterAccount", {"input": input | other})
        assert answer.payload("buyerAccountRegister")["meta"]["replayed"] is False
        answer.done("buyerAccountRegister")


async def test_a_known_address_is_answered_alike_and_told_by_mail(shop: Shop, settings: Settings) -> None:
    await mailed(settings)
    fresh, known = company(), company(email="Comprador.SP@prumo.example")
    answers = [await shop.operation("portal/RegisterAccount", {"input": each}) for each in (fresh, known)]
    shown = [answer.body["data"]["buyerAccountRegister"] for answer in answers]
    assert [set(each["data"]) for each in shown] == [{"legalName", "cnpj", "email"}] * 2
    assert shown[0]["error"] == shown[1]["error"] is None
    found = await shop.operation("backoffice/BuyerAccounts", {"filter": {"search": known["cnpj"]}}, VENDAS)
    assert nodes_of(found.data["buyerAccounts"]) == []
    mail = only(await mailed(settings), SP)
    assert "já tem um usuário" in mail["Subject"]


@pytest.mark.parametrize("known", [True, False])
async def test_a_second_registration_tells_nothing_of_the_address(shop: Shop, known: bool) -> None:
    input = company(email=REP if known else "nobody@acai.example")
    answers = [
        await shop.operation("portal/RegisterAccount", {"input": each})
        for each in (input, input, company(input["cnpj"]), input | {"idempotencyKey": uuid4().hex}, input)
    ]
    payloads = [answer.payload("buyerAccountRegister") for answer in answers]
    outcomes = [each["error"]["code"] if each["error"] else each["meta"]["replayed"] for each in payloads]
    assert outcomes == [False, True, False, False, True]


async def execute(shop: Shop, statement: str, **values: Json) -> None:
    """What only time does, or somebody's mail."""
    assert shop.database_url is not None
    engine = create_async_engine(shop.database_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.begin() as connection:
        await connection.execute(text(statement), values)
    await engine.dispose()


async def test_many_addresses_cost_as_many_statements_as_one(shop: Shop) -> None:
    for email in (None, "Comprador.SP@prumo.example"):
        costs = set()
        for many in (1, 20):
            input = company(email=email, addresses=[ADDRESS] * many)
            answer = await shop.operation("portal/RegisterAccount", {"input": input})
            answer.done("buyerAccountRegister")
            costs.add(answer.statements)
        assert len(costs) == 1


async def test_one_address_is_not_registered_without_end(shop: Shop) -> None:
    email = f"{uuid4().hex}@acai.example"
    answers = [
        await shop.operation("portal/RegisterAccount", {"input": company(email=email)}) for _ in range(10)
    ]
    errors = [answer.payload("buyerAccountRegister")["error"] for answer in answers]
    assert errors[:9] == [None] * 9
    assert (errors[9]["__typename"], errors[9]["code"]) == ("TooManyAttemptsError", "TOO_MANY_ATTEMPTS")


async def test_every_mistake_is_named_at_once(shop: Shop) -> None:
    wrong = company(
        cnpj="11222333000180",
        legalName=" ",
        stateRegistration="abc",
        idempotencyKey="",
        addresses=[ADDRESS, {**ADDRESS, "state": "SP"}, {**ADDRESS, "state": "XX", "postalCode": "1"}],
        user={"name": "", "email": "x", "password": "curta"},
    )
    error = (await shop.operation("portal/RegisterAccount", {"input": wrong})).refused("buyerAccountRegister")
    found = {(".".join(detail["path"][1:]), detail["code"]) for detail in error["details"]}
    assert found >= {
        ("idempotencyKey", "REQUIRED"),
        ("legalName", "REQUIRED"),
        ("cnpj", "INVALID_CNPJ"),
        ("stateRegistration", "INVALID_STATE_REGISTRATION"),
        ("addresses.1.postalCode", "STATE_MISMATCH"),
        ("addresses.2.state", "UNKNOWN_STATE"),
        ("addresses.2.postalCode", "INVALID_POSTAL_CODE"),
        ("user.name", "REQUIRED"),
        ("user.email", "INVALID_EMAIL"),
    }
    assert any(path == "user.password" for path, _ in found)
    assert PASSWORD not in str(error)
    none = (await shop.operation("portal/RegisterAccount", {"input": company(addresses=[])})).refused(
        "buyerAccountRegister"
    )
    assert (none["details"][0]["path"], none["details"][0]["code"]) == (["input", "addresses"], "REQUIRED")
    assert none["message"] == "addresses: must name at least one"


async def test_suspension_stops_at_once_and_says_why(shop: Shop, settings: Settings) -> None:
    firm = await registered(shop)
    await decide(shop, "ApproveAccount", firm["id"])
    credentials = {"email": firm["email"], "password": PASSWORD}
    session = (await shop.operation("portal/SignIn", {"input": credentials})).done("sessionCreate")
    await mailed(settings)
    suspended = await decide(shop, "SuspendAccount", firm["id"])
    assert suspended.done("buyerAccountSuspend")["status"] == "SUSPENDED"
    stopped = await shop.operation("portal/Viewer", None, firm["email"])
    assert (stopped.status, stopped.codes) == (401, ["UNAUTHENTICATED"])
    refresh = {"input": {"refreshToken": session["refreshToken"]}}
    over = (await shop.operation("portal/RefreshSession", refresh)).refused("sessionRefresh")
    assert over["code"] == "TOKEN_INVALID"
    assert "Motivo: SuspendAccount" in only(await mailed(settings), firm["email"]).get_content()

    again = (await shop.operation("portal/SignIn", {"input": credentials})).done("sessionCreate")
    assert again["viewer"]["account"]["status"] == "SUSPENDED"
    shop._tokens[firm["email"]] = again["accessToken"]
    standing = await shop.operation("portal/AccountStanding", None, firm["email"])
    assert standing.data["viewer"]["account"]["statusReason"] == "Motivo: SuspendAccount"
    assert await prices(shop, firm["email"]) == [None] * 3

    await decide(shop, "ReactivateAccount", firm["id"])
    assert any(await prices(shop, firm["email"]))


async def test_the_way_of_an_account(shop: Shop, settings: Settings) -> None:
    firm = await registered(shop)

    async def outcome(decision: str, who: str = VENDAS, **more: Json) -> Json:
        answer = await decide(shop, decision, firm["id"], who, **more)
        payload = answer.payload(MUTATION[decision])
        if payload["error"] is None:
            return payload["data"]["status"], payload["meta"]["replayed"]
        return payload["error"].get("status"), payload["error"]["code"]

    assert await outcome("SuspendAccount") == ("PENDING", "INVALID_TRANSITION")
    assert await outcome("ReactivateAccount") == ("PENDING", "INVALID_TRANSITION")
    assert await outcome("RejectAccount") == ("REJECTED", False)
    assert await outcome("RejectAccount") == ("REJECTED", True)
    assert await outcome("RejectAccount", ADMIN) == ("REJECTED", "INVALID_TRANSITION")
    assert await outcome("RejectAccount", note="outra") == ("REJECTED", "INVALID_TRANSITION")
    assert await outcome("ApproveAccount") == ("REJECTED", "INVALID_TRANSITION")
    assert await outcome("ReactivateAccount") == ("PENDING", False)
    assert await outcome("ApproveAccount", ADMIN) == ("APPROVED", False)
    assert await outcome("RequestInformation") == ("APPROVED", "INVALID_TRANSITION")
    assert await outcome("SuspendAccount", reason=" ") == (None, "INVALID_INPUT")
    assert await outcome("SuspendAccount", reason="a\nb\tc") == ("SUSPENDED", False)
    assert await outcome("ReactivateAccount") == ("APPROVED", False)
    told = [mail["Subject"] for mail in await mailed(settings) if mail["To"] == firm["email"]]
    name = firm["legalName"]
    assert sorted(told) == sorted(
        [
            "Confirme seu e-mail",
            f"Recebemos o cadastro de {name}",
            f"Cadastro de {name} não aprovado",
            f"Cadastro de {name} em nova análise",
            f"Cadastro de {name} aprovado",
            f"Conta de {name} suspensa",
            f"Conta de {name} reativada",
        ]
    )


async def test_another_tier_is_no_repetition(shop: Shop, settings: Settings) -> None:
    firm = await registered(shop)

    async def outcome(decision: str, tier: str, who: str = VENDAS) -> Json:
        payload = (await decide(shop, decision, firm["id"], who, tier=tier)).payload(MUTATION[decision])
        if payload["error"] is None:
            return payload["data"]["tier"], payload["meta"]["replayed"]
        return payload["error"]["code"]

    assert await outcome("SetAccountTier", "OURO") == "INVALID_TRANSITION"
    assert await outcome("ApproveAccount", "OURO") == ("OURO", False)
    assert await outcome("ApproveAccount", "OURO") == ("OURO", True)
    assert await outcome("ApproveAccount", "PRATA") == "INVALID_TRANSITION"
    assert await outcome("SetAccountTier", "PRATA") == ("PRATA", False)
    assert await outcome("SetAccountTier", "PRATA") == ("PRATA", True)
    assert await outcome("SetAccountTier", "OURO") == ("OURO", False)
    assert await outcome("SetAccountTier", " ") == "INVALID_INPUT"
    told = [mail["Subject"] for mail in await mailed(settings) if mail["To"] == firm["email"]]
    assert told.count(f"Novas condições de preço para {firm['legalName']}") == 2
    page = await shop.operation("backoffice/BuyerAccount", {"id": firm["id"]}, VENDAS)
    history = [change["step"] for change in page.data["buyerAccount"]["history"]]
    assert history == ["REGISTERED", "APPROVED", "TIER_SET", "TIER_SET"]
    trail = await shop.operation(
        "backoffice/AuditTrail",
        {"filter": {"action": "identity.account_tier_set", "accountId": firm["id"]}},
        ADMIN,
    )
    tiers = [
        (change["before"], change["after"])
        for entry in nodes_of(trail.data["auditTrail"])
        for change in entry["changes"]
        if change["field"] == "tier"
    ]
    assert tiers == [("PRATA", "OURO"), ("OURO", "PRATA")]


async def test_two_decisions_at_once_are_one(shop: Shop) -> None:
    for _ in range(3):
        firm = await registered(shop)
        answers = await asyncio.gather(
            *(
                decide(shop, decision, firm["id"], who)
                for decision in ("ApproveAccount", "RejectAccount")
                for who in (VENDAS, ADMIN)
            )
        )
        errors = [next(iter(answer.data.values()))["error"] for answer in answers]
        assert sorted(error["code"] for error in errors if error) == ["INVALID_TRANSITION"] * 3
        page = await shop.operation("backoffice/BuyerAccount", {"id": firm["id"]}, VENDAS)
        assert len(page.data["buyerAccount"]["history"]) == 2


async def test_one_registration_sent_eight_times_at_once_is_one_account(shop: Shop) -> None:
    input = company()
    answers = await asyncio.gather(
        *(shop.operation("portal/RegisterAccount", {"input": input}) for _ in range(8))
    )
    replayed = [answer.payload("buyerAccountRegister")["meta"]["replayed"] for answer in answers]
    assert sorted(replayed) == [False] + [True] * 7
    assert await listed(shop, VENDAS, search=input["cnpj"]) == [input["legalName"]]


async def listed(shop: Shop, who: str, **filter: Json) -> list[str]:
    answer = await shop.operation("backoffice/BuyerAccounts", {"first": 100, "filter": filter}, who)
    connection = answer.data["buyerAccounts"]
    assert connection["totalCount"] == len(nodes_of(connection))
    assert answer.statements <= 5
    return [account["legalName"] for account in nodes_of(connection)]


async def test_the_listing_of_accounts(shop: Shop) -> None:
    firm = await registered(shop, legalName="Construções Pirajá 100% Ltda")
    horizonte, marajoara = "Construtora Horizonte Paulista Ltda.", "Casa do Construtor Marajoara Ltda."
    everything = await listed(shop, VENDAS)
    assert everything[0] == firm["legalName"]
    assert {horizonte, marajoara} <= set(everything)
    assert await listed(shop, REP) == [horizonte]
    assert await listed(shop, REP, search="marajoara") == []
    assert await listed(shop, VENDAS, search="CONSTRUCOES PIRAJA") == [firm["legalName"]]
    assert await listed(shop, VENDAS, search="100%") == [firm["legalName"]]
    assert await listed(shop, VENDAS, search="12.ABC.345") == [marajoara]
    assert await listed(shop, VENDAS, search="_") == []
    assert await listed(shop, VENDAS, state="SP") == [horizonte]
    assert await listed(shop, VENDAS, state="SP", statuses=["PENDING"]) == []
    assert firm["legalName"] in await listed(shop, VENDAS, statuses=["PENDING"])
    rep = (await shop.operation("portal/Viewer", None, REP)).data["viewer"]["user"]["id"]
    assert await listed(shop, VENDAS, repId=rep) == [horizonte]

    seen: list[str] = []
    after = None
    while True:
        answer = await shop.operation("backoffice/BuyerAccounts", {"first": 2, "after": after}, VENDAS)
        page = answer.data["buyerAccounts"]
        seen += [account["legalName"] for account in nodes_of(page)]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert seen == everything
    nowhere = await shop.operation("backoffice/BuyerAccounts", {"filter": {"state": "\0"}}, VENDAS)
    assert nowhere.codes == ["BAD_USER_INPUT"]
    for who, code in (
        (SP, "FORBIDDEN"),
        (GESTOR, "FORBIDDEN"),
        (CATALOGO, "FORBIDDEN"),
        (None, "UNAUTHENTICATED"),
    ):
        assert (await shop.operation("backoffice/BuyerAccounts", None, who)).codes == [code]


async def test_an_account_outside_the_portfolio_is_not_there(shop: Shop) -> None:
    firm = await registered(shop)
    for who in (REP, GESTOR):
        answer = await shop.operation("backoffice/BuyerAccount", {"id": firm["id"]}, who)
        assert answer.body["data"]["buyerAccount"] is None
        node = await shop.operation("mobile/Node", {"id": firm["id"]}, who)
        assert node.data["node"] is None
    assert (await decide(shop, "ApproveAccount", firm["id"], REP)).codes == ["FORBIDDEN"]
    assert (await decide(shop, "ApproveAccount", firm["id"], GESTOR)).codes == ["FORBIDDEN"]


async def set_address(shop: Shop, who: str, address: Json, **more: Json) -> Json:
    input = {"address": ADDRESS | address, **more}
    return (await shop.operation("portal/SetAddress", {"input": input}, who)).payload(
        "buyerAccountAddressSet"
    )


async def test_the_addresses_of_an_account(shop: Shop) -> None:
    firm = await registered(shop)
    boss = firm["email"]
    site = {"street": "Rua da Obra", "label": "Obra 12", "billing": False}
    added = await set_address(shop, boss, site)
    again = await set_address(shop, boss, site | {"postalCode": "66.035 \N{EN DASH} 170"})
    assert [payload["meta"]["replayed"] for payload in (added, again)] == [False, True]
    main, obra = again["data"]["addresses"]
    assert (main["primary"], obra["label"], obra["billing"], obra["primary"]) == (
        True,
        "Obra 12",
        False,
        False,
    )
    changed = await set_address(shop, boss, site | {"number": "7"}, id=obra["id"], primary=True)
    assert [each["number"] for each in changed["data"]["addresses"] if each["primary"]] == ["7"]

    async def removed(id: str) -> Json:
        answer = await shop.operation("portal/RemoveAddress", {"input": {"id": id}}, boss)
        return answer.payload("buyerAccountAddressRemove")

    assert (await removed(obra["id"]))["error"]["details"][0]["code"] == "PRIMARY"
    assert len((await removed(main["id"]))["data"]["addresses"]) == 1
    assert (await removed(main["id"]))["meta"]["replayed"]

    # Somebody else's account, and somebody else's address.
    elsewhere = await set_address(shop, GESTOR, site, accountId=firm["id"])
    assert elsewhere["error"]["code"] == "NOT_FOUND"
    theirs = await set_address(shop, GESTOR, site | {"state": "SP", "postalCode": "04101000"}, id=obra["id"])
    assert theirs["error"]["code"] == "NOT_FOUND"
    assert (await shop.operation("portal/SetAddress", {"input": {"address": ADDRESS}}, SP)).codes == [
        "FORBIDDEN"
    ]


async def test_the_state_that_decides_prices_is_changed_by_sales(shop: Shop) -> None:
    firm = await registered(shop)
    boss, id = firm["email"], firm["id"]
    sao_paulo = {"state": "SP", "postalCode": "04101-000", "city": "São Paulo", "street": "Rua Vergueiro"}
    # As long as nobody has approved it, it says of itself what it wants.
    await set_address(shop, boss, sao_paulo, primary=True)
    await decide(shop, "ApproveAccount", id)
    back = await set_address(shop, boss, {}, primary=True)
    assert back["error"]["code"] == "FORBIDDEN"
    await set_address(shop, boss, {"number": "9"})
    done = await set_address(shop, VENDAS, {}, primary=True, accountId=id)
    assert done["error"] is None
    seen = await shop.operation("backoffice/BuyerAccount", {"id": id}, VENDAS)
    assert seen.data["buyerAccount"]["state"] == "PA"


async def test_what_is_done_is_in_the_trail(shop: Shop, settings: Settings) -> None:
    firm = await registered(shop)
    await decide(shop, "RejectAccount", firm["id"])
    trail = await recorded(settings, "identity.account_rejected")
    last = trail[-1]
    assert (last["before"]["status"], last["after"]["status"]) == ("PENDING", "REJECTED")
    assert last["after"]["reason"] == "Motivo: RejectAccount"
    assert PASSWORD not in str(await recorded(settings, "identity.account_registered"))
    assert await recorded(settings, "identity.account_registered")


async def recorded(settings: Settings, action: str) -> list[Json]:

    assert settings.database_url is not None
    engine = create_async_engine(settings.database_url.replace("postgresql://", "postgresql+asyncpg://"))
    async with engine.connect() as connection:
        rows = await connection.execute(
            text("SELECT * FROM shared.audit_trail WHERE action = :action ORDER BY id"), {"action": action}
        )
        found = [dict(row) for row in rows.mappings()]
    await engine.dispose()
    return found


async def test_who_keeps_prices_reads_accounts_and_decides_nothing(shop: Shop) -> None:
    firm = await registered(shop)
    page = await shop.operation("backoffice/BuyerAccount", {"id": firm["id"]}, PRECOS)
    assert page.data["buyerAccount"]["legalName"] == firm["legalName"]
    assert (await decide(shop, "ApproveAccount", firm["id"], PRECOS)).codes == ["FORBIDDEN"]
    assert (await shop.operation("portal/AccountStanding", None, PA)).data["viewer"]["account"]["addresses"]
