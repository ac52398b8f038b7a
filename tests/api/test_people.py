"""Invitations, roles, deactivation and portfolios, through the shipped operations and real mail."""

from collections.abc import AsyncIterator
from decimal import Decimal
from uuid import uuid4

import pytest

from gateway.settings import Settings
from tests.api.mailed import mailed, only, token_in
from tests.api.shop import ADMIN, GESTOR, PA, PRECOS, REP, SP, VENDAS, Json, Shop, nodes_of
from tests.api.test_onboarding import PASSWORD, decide, registered
from tests.api.test_orders import check_out, empty, fill


@pytest.fixture(autouse=True)
async def read(settings: Settings) -> AsyncIterator[None]:
    """Every mail of the test before is read."""
    await mailed(settings)
    yield


def someone() -> str:
    return f"pessoa-{uuid4().hex[:12]}@obra.example"


async def user_id(shop: Shop, who: str) -> str:
    id = (await shop.operation("portal/Viewer", None, who)).data["viewer"]["user"]["id"]
    assert isinstance(id, str)
    return id


async def account_id(shop: Shop, who: str) -> str:
    id = (await shop.operation("portal/Viewer", None, who)).data["viewer"]["account"]["id"]
    assert isinstance(id, str)
    return id


async def invite(shop: Shop, who: str, email: str, role: str = "BUYER", **more: Json) -> Json:
    input = {"email": email, "role": role, **more}
    return (await shop.operation("portal/InviteUser", {"input": input}, who)).payload("userInvite")


async def accept(shop: Shop, token: str, **more: Json) -> Json:
    input = {"token": token, "name": "Nova Pessoa", "password": PASSWORD, **more}
    return (await shop.operation("portal/AcceptInvitation", {"input": input})).payload("invitationAccept")


async def joined(shop: Shop, settings: Settings, who: str, role: str, **more: Json) -> tuple[str, str]:
    """Somebody new in the account of `who`: e-mail address and user id. They are signed in."""
    email = someone()
    assert (await invite(shop, who, email, role, **more))["error"] is None
    user = (await accept(shop, token_in(only(await mailed(settings), email))))["data"]
    await shop.token(email, PASSWORD)
    return email, user["id"]


async def people(shop: Shop, who: str) -> dict[str, tuple[str, bool]]:
    """Role and activity of everybody in the account, by e-mail."""
    account = (await shop.operation("portal/Account", None, who)).data["viewer"]["account"]
    return {each["user"]["email"]: (each["role"], each["active"]) for each in account["users"]}


async def test_the_mailed_link_makes_a_user_once(shop: Shop, settings: Settings) -> None:
    email = someone()
    invited = await invite(shop, GESTOR, email, approvalLimit="1500.50")
    assert invited["data"]["status"] == "OPEN"
    assert invited["data"]["approvalLimit"] == {"amount": "1500.50", "currency": "BRL"}
    mail = only(await mailed(settings), email)
    assert "Construtora Horizonte Paulista" in mail.get_content()
    assert "/convite#token=" in mail.get_content()  # a fragment goes to no server
    token = token_in(mail)

    short = await accept(shop, token, password="curta")
    assert short["error"]["details"][0]["path"] == ["input", "password"]
    assert (await accept(shop, token, name=" "))["error"]["details"][0]["path"] == ["input", "name"]
    assert (await accept(shop, token))["data"]["email"] == email
    again = await accept(shop, token)
    assert (again["error"]["code"], again["data"]) == ("TOKEN_INVALID", None)

    session = await shop.operation("portal/SignIn", {"input": {"email": email, "password": PASSWORD}})
    viewer = session.done("sessionCreate")["viewer"]
    assert viewer["account"]["legalName"] == "Construtora Horizonte Paulista Ltda."
    assert "cart:write" in viewer["scopes"]
    assert "account:manage" not in viewer["scopes"]
    assert (await people(shop, GESTOR))[email] == ("BUYER", True)
    account = (await shop.operation("portal/Account", None, GESTOR)).data["viewer"]["account"]
    assert email not in [invitation["email"] for invitation in account["invitations"]]


async def test_a_viewer_sees_prices_and_orders_nothing(shop: Shop, settings: Settings) -> None:
    email, _ = await joined(shop, settings, GESTOR, "VIEWER")
    products = nodes_of((await shop.operation("portal/Products", {"first": 3}, email)).data["products"])
    assert any(product["price"] for product in products)
    assert (await shop.operation("portal/Orders", None, email)).data["orders"] is not None
    line = {"input": {"sku": "CIM-0001", "quantity": "1"}}
    assert (await shop.operation("portal/SetCartLine", line, email)).codes == ["FORBIDDEN"]
    checkout = {"input": {"idempotencyKey": "k", "cartVersion": 1}}
    assert (await shop.operation("portal/CheckOut", checkout, email)).codes == ["FORBIDDEN"]


@pytest.mark.parametrize("token", ["", "x", "é" * 43, "A" * 43, "A" * 44])
async def test_a_senseless_link_opens_nothing(shop: Shop, token: str) -> None:
    assert (await accept(shop, token))["error"]["code"] == "TOKEN_INVALID"


async def test_the_same_invitation_again_sends_nothing(shop: Shop, settings: Settings) -> None:
    email = someone()
    first, again = await invite(shop, GESTOR, email), await invite(shop, GESTOR, email.upper())
    assert (first["data"]["id"], first["meta"]["replayed"]) == (again["data"]["id"], False)
    assert again["meta"]["replayed"]
    resend = {"input": {"id": first["data"]["id"]}}
    resent = (await shop.operation("portal/ResendInvitation", resend, GESTOR)).payload("invitationResend")
    assert resent["meta"]["replayed"]  # so soon it is the same request come twice
    first_link = token_in(only(await mailed(settings), email))
    # As something else it is another invitation, and the first is over.
    other = await invite(shop, GESTOR, email, "VIEWER")
    assert other["data"]["id"] != first["data"]["id"]
    assert (await accept(shop, first_link))["error"]["code"] == "TOKEN_INVALID"
    assert (await accept(shop, token_in(only(await mailed(settings), email))))["error"] is None
    assert (await people(shop, GESTOR))[email] == ("VIEWER", True)


async def test_a_revoked_invitation_opens_nothing(shop: Shop, settings: Settings) -> None:
    email = someone()
    id = (await invite(shop, GESTOR, email))["data"]["id"]
    token = token_in(only(await mailed(settings), email))
    for replayed in (False, True):
        answer = await shop.operation("portal/RevokeInvitation", {"input": {"id": id}}, GESTOR)
        payload = answer.payload("invitationRevoke")
        assert (payload["data"]["status"], payload["meta"]["replayed"]) == ("REVOKED", replayed)
    assert (await accept(shop, token))["error"]["code"] == "TOKEN_INVALID"
    answer = await shop.operation("portal/ResendInvitation", {"input": {"id": id}}, GESTOR)
    assert answer.refused("invitationResend")["status"] == "REVOKED"


async def test_who_has_a_user_elsewhere_is_not_told_to_the_inviter(shop: Shop, settings: Settings) -> None:
    known, unknown = await invite(shop, GESTOR, PA), await invite(shop, GESTOR, someone())
    hidden = {"id": "", "email": "", "createdAt": "", "expiresAt": ""}
    assert known["data"] | hidden == unknown["data"] | hidden
    mail = only(await mailed(settings), PA)
    assert "já tem um usuário" in mail.get_content()
    assert "token" not in mail.get_content()
    # Of one's own people one knows.
    own = await invite(shop, GESTOR, SP.upper())
    assert own["error"]["details"][0]["code"] == "TAKEN"


async def test_an_address_that_was_taken_meanwhile(shop: Shop, settings: Settings) -> None:
    firm, email = await registered(shop), someone()
    await invite(shop, GESTOR, email)
    await invite(shop, firm["email"], email)
    mails = [mail for mail in await mailed(settings) if mail["To"] == email]
    first, second = [token_in(mail) for mail in mails]
    assert (await accept(shop, first))["error"] is None
    assert (await accept(shop, second))["error"]["__typename"] == "EmailTakenError"


@pytest.mark.parametrize(
    ("role", "limit", "code"),
    [
        ("VIEWER", "10", "NOT_A_BUYER"),
        ("ADMINISTRATOR", "0", "NOT_A_BUYER"),
        ("BUYER", "-0.01", "NEGATIVE"),
        ("BUYER", "0.001", "TOO_MANY_DECIMALS"),
        ("BUYER", "1000000000000", "TOO_LARGE"),
    ],
)
async def test_an_approval_limit_is_a_buyer_s(shop: Shop, role: str, limit: str, code: str) -> None:
    refused = await invite(shop, GESTOR, someone(), role, approvalLimit=limit)
    assert refused["error"]["details"][0]["code"] == code


async def test_a_buyer_orders_up_to_the_limit_and_an_administrator_any_amount(
    shop: Shop, settings: Settings
) -> None:
    email, id = await joined(shop, settings, GESTOR, "BUYER", approvalLimit="0")
    cart = await fill(shop, email, CIM_0002="3")
    total, key = cart["subtotal"]["amount"], uuid4().hex
    before = await people(shop, GESTOR)

    async def refused_at(limit: str) -> Json:
        payload = await check_out(shop, email, cart["version"], key)
        assert payload["data"] is None
        error = payload["error"]
        assert (error["__typename"], error["code"]) == ("ApprovalRequiredError", "APPROVAL_REQUIRED")
        assert (error["limit"]["amount"], error["total"]["amount"]) == (limit, total)
        return error

    assert "administrator" in (await refused_at("0.00"))["message"]
    # Another limit holds at once, in the session that goes on; the key was not spent.
    below = f"{Decimal(total) - Decimal('0.01')}"
    assert (await set_role(shop, GESTOR, id, "BUYER", approvalLimit=below))["error"] is None
    await refused_at(below)
    assert (await shop.operation("portal/Cart", None, email)).data["cart"]["version"] == cart["version"]
    assert (await set_role(shop, GESTOR, id, "BUYER", approvalLimit=total))["error"] is None
    assert (await check_out(shop, email, cart["version"], key))["data"]["total"]["amount"] == total

    # The administrator that the message sends them to.
    assert (await set_role(shop, GESTOR, id, "BUYER", approvalLimit="0"))["error"] is None
    await empty(shop, GESTOR)
    theirs = await fill(shop, GESTOR, CIM_0002="3")
    assert (await check_out(shop, GESTOR, theirs["version"]))["error"] is None
    # Whoever becomes one has no limit any more.
    assert (await set_role(shop, GESTOR, id, "ADMINISTRATOR"))["data"]["approvalLimit"] is None
    await shop.token(email, PASSWORD, anew=True)
    cart = await fill(shop, email, CIM_0002="3")
    assert (await check_out(shop, email, cart["version"]))["error"] is None
    assert await people(shop, GESTOR) == before | {email: ("ADMINISTRATOR", True)}
    assert (await set_role(shop, GESTOR, id, "VIEWER"))["error"] is None


async def test_a_viewer_sees_orders_and_changes_nothing(shop: Shop, settings: Settings) -> None:
    order = await shop.order(SP)
    email, id = await joined(shop, settings, GESTOR, "BUYER")
    cart = await fill(shop, email, CIM_0002="1")
    assert (await set_role(shop, GESTOR, id, "VIEWER"))["error"] is None
    # The session of before may not go on to order by what it was.
    late = await shop.operation(
        "portal/CheckOut", {"input": {"idempotencyKey": uuid4().hex, "cartVersion": cart["version"]}}, email
    )
    assert late.codes == ["UNAUTHENTICATED"]
    await shop.token(email, PASSWORD, anew=True)
    for name, input in (
        ("portal/SetCartLine", {"sku": "CIM-0002", "quantity": "1"}),
        ("portal/CheckOut", {"idempotencyKey": uuid4().hex, "cartVersion": cart["version"]}),
        ("portal/CancelOrder", {"id": order["id"], "idempotencyKey": uuid4().hex}),
        ("portal/InviteUser", {"email": someone(), "role": "BUYER"}),
        ("portal/SetUserRole", {"id": id, "role": "ADMINISTRATOR"}),
    ):
        assert (await shop.operation(name, {"input": input}, email)).codes == ["FORBIDDEN"]
    assert (await shop.operation("portal/Order", {"id": order["id"]}, email)).data["order"]["number"]
    listed = nodes_of((await shop.operation("portal/Products", {"first": 1}, email)).data["products"])
    assert listed[0]["price"]


async def set_role(shop: Shop, who: str, id: str, role: str, **more: Json) -> Json:
    input = {"id": id, "role": role, **more}
    return (await shop.operation("portal/SetUserRole", {"input": input}, who)).payload("userRoleSet")


async def test_roles_and_the_last_administrator(shop: Shop, settings: Settings) -> None:
    firm = await registered(shop)
    boss, boss_id = firm["email"], await user_id(shop, firm["email"])
    last = await set_role(shop, boss, boss_id, "BUYER")
    assert (last["error"]["__typename"], last["error"]["code"]) == ("LastAdministratorError", "CONFLICT")
    off = await shop.operation("portal/DeactivateUser", {"input": {"id": boss_id}}, boss)
    assert off.refused("userDeactivate")["__typename"] == "LastAdministratorError"

    email, id = await joined(shop, settings, boss, "BUYER", approvalLimit="10.00")
    limited = await set_role(shop, boss, id, "BUYER", approvalLimit="20.00")
    assert limited["data"]["approvalLimit"]["amount"] == "20.00"
    assert (await set_role(shop, boss, id, "BUYER", approvalLimit="20"))["meta"]["replayed"]
    assert (await set_role(shop, boss, id, "ADMINISTRATOR"))["data"]["role"] == "ADMINISTRATOR"
    assert (await set_role(shop, boss, boss_id, "VIEWER"))["error"] is None
    # The new role comes with the next session, or the next refresh.
    await shop.token(email, PASSWORD, anew=True)
    assert await people(shop, email) == {boss: ("VIEWER", True), email: ("ADMINISTRATOR", True)}
    # An inactive administrator is none.
    assert (await set_role(shop, email, boss_id, "ADMINISTRATOR"))["error"] is None
    await shop.operation("portal/DeactivateUser", {"input": {"id": boss_id}}, email)
    assert (await set_role(shop, email, id, "BUYER"))["error"]["code"] == "CONFLICT"


async def test_who_is_deactivated_is_out(shop: Shop, settings: Settings) -> None:
    email, id = await joined(shop, settings, GESTOR, "BUYER")
    credentials = {"input": {"email": email, "password": PASSWORD}}
    session = (await shop.operation("portal/SignIn", credentials)).done("sessionCreate")
    for replayed in (False, True):
        answer = await shop.operation("portal/DeactivateUser", {"input": {"id": id}}, GESTOR)
        payload = answer.payload("userDeactivate")
        assert (payload["data"]["active"], payload["meta"]["replayed"]) == (False, replayed)
    refresh = {"input": {"refreshToken": session["refreshToken"]}}
    assert (await shop.operation("portal/RefreshSession", refresh)).refused("sessionRefresh")
    refused = (await shop.operation("portal/SignIn", credentials)).refused("sessionCreate")
    assert refused["code"] == "INVALID_CREDENTIALS"
    await shop.operation("portal/ReactivateUser", {"input": {"id": id}}, GESTOR)
    assert (await shop.operation("portal/SignIn", credentials)).done("sessionCreate")


async def test_people_of_others_are_not_found(shop: Shop, settings: Settings) -> None:
    firm = await registered(shop)
    stranger = firm["email"]
    _, theirs = await joined(shop, settings, GESTOR, "BUYER")
    invitation = (await invite(shop, GESTOR, someone()))["data"]["id"]
    assert (await set_role(shop, stranger, theirs, "VIEWER"))["error"]["code"] == "NOT_FOUND"
    for name, mutation, id in (
        ("DeactivateUser", "userDeactivate", theirs),
        ("DeactivateUser", "userDeactivate", await user_id(shop, ADMIN)),
        ("RevokeInvitation", "invitationRevoke", invitation),
        ("ResendInvitation", "invitationResend", invitation),
    ):
        answer = await shop.operation(f"portal/{name}", {"input": {"id": id}}, stranger)
        assert answer.refused(mutation)["code"] == "NOT_FOUND", name
    elsewhere = await invite(shop, stranger, someone(), accountId=await account_id(shop, SP))
    assert elsewhere["error"]["code"] == "NOT_FOUND"
    for id in (theirs, invitation):
        assert (await shop.operation("mobile/Node", {"id": id}, stranger)).data["node"] is None
        assert (await shop.operation("mobile/Node", {"id": id}, PA)).data["node"] is None
        assert (await shop.operation("mobile/Node", {"id": id}, GESTOR)).data["node"]["id"] == id
    # The rep sees the people of the portfolio, and manages none.
    assert (await shop.operation("mobile/Node", {"id": theirs}, REP)).data["node"]["id"] == theirs
    assert (await shop.operation("mobile/Node", {"id": invitation}, REP)).data["node"] is None
    off = await shop.operation("portal/DeactivateUser", {"input": {"id": theirs}}, REP)
    assert off.codes == ["FORBIDDEN"]
    # An administrator of ours manages anybody's.
    assert (await set_role(shop, ADMIN, theirs, "VIEWER"))["data"]["role"] == "VIEWER"


async def staff(shop: Shop, settings: Settings, *roles: str) -> tuple[str, str]:
    """Somebody new on the staff: e-mail address and user id."""
    email = someone()
    input = {"email": email, "roles": list(roles)}
    answer = await shop.operation("backoffice/InviteStaffUser", {"input": input}, ADMIN)
    assert answer.done("staffUserInvite")["staffRoles"] == sorted(roles)
    user = (await accept(shop, token_in(only(await mailed(settings), email))))["data"]
    await shop.token(email, PASSWORD)
    return email, user["id"]


async def test_the_staff(shop: Shop, settings: Settings) -> None:
    email, id = await staff(shop, settings, "pricing")
    listed = (await shop.operation("backoffice/StaffUsers", {"role": "pricing"}, ADMIN)).data["staffUsers"]
    assert {each["user"]["email"] for each in listed} == {PRECOS, email}
    for roles, code in ((["king"], "UNKNOWN_ROLE"), ([], "REQUIRED"), (["buyer"], "UNKNOWN_ROLE")):
        input = {"id": id, "roles": roles}
        answer = await shop.operation("backoffice/SetStaffUserRoles", {"input": input}, ADMIN)
        assert answer.refused("staffUserRolesSet")["details"][0]["code"] == code
    both = {"input": {"id": id, "roles": ["catalog", "pricing"]}}
    for replayed in (False, True):
        answer = await shop.operation("backoffice/SetStaffUserRoles", both, ADMIN)
        payload = answer.payload("staffUserRolesSet")
        assert (payload["data"]["staffRoles"], payload["meta"]["replayed"]) == (
            ["catalog", "pricing"],
            replayed,
        )
    admin = await user_id(shop, ADMIN)
    removals: list[tuple[str, str, Json]] = [
        ("backoffice/SetStaffUserRoles", "staffUserRolesSet", {"id": admin, "roles": ["pricing"]}),
        ("portal/DeactivateUser", "userDeactivate", {"id": admin}),
    ]
    for name, mutation, input in removals:
        refused = (await shop.operation(name, {"input": input}, ADMIN)).refused(mutation)
        assert refused["__typename"] == "LastAdministratorError"
    not_staff = {"input": {"id": await user_id(shop, SP), "roles": ["admin"]}}
    answer = await shop.operation("backoffice/SetStaffUserRoles", not_staff, ADMIN)
    assert answer.refused("staffUserRolesSet")["code"] == "NOT_FOUND"
    assert (await shop.operation("backoffice/SetStaffUserRoles", both, VENDAS)).codes == ["FORBIDDEN"]
    invited = {"input": {"email": someone(), "roles": ["admin"]}}
    assert (await shop.operation("backoffice/InviteStaffUser", invited, VENDAS)).codes == ["FORBIDDEN"]


async def portfolio(shop: Shop, rep: str) -> set[str]:
    answer = await shop.operation("backoffice/BuyerAccounts", {"first": 100}, rep)
    return {account["id"] for account in nodes_of(answer.data["buyerAccounts"])}


async def change(shop: Shop, name: str, who: str = VENDAS, **input: Json) -> Json:
    answer = await shop.operation(f"backoffice/{name}Portfolio", {"input": input}, who)
    return answer.payload(f"portfolio{name}")


async def test_portfolios_go_from_rep_to_rep(shop: Shop, settings: Settings) -> None:
    (one, one_id), (two, two_id) = [await staff(shop, settings, "sales_rep") for _ in range(2)]
    firms = [(await registered(shop))["id"] for _ in range(3)]
    for firm in firms:
        assert (await change(shop, "Assign", repId=one_id, accountId=firm))["data"]["accounts"] == 1
    assert (await change(shop, "Assign", repId=one_id, accountId=firms[0]))["meta"]["replayed"]
    assert await portfolio(shop, one) == set(firms)

    some = await change(shop, "Transfer", fromRepId=one_id, toRepId=two_id, accountIds=firms[:1])
    assert some["data"]["accounts"] == 1
    assert (await portfolio(shop, one), await portfolio(shop, two)) == (set(firms[1:]), set(firms[:1]))
    # Once more is a repetition; with one that has left already, none is moved.
    again = await change(shop, "Transfer", fromRepId=one_id, toRepId=two_id, accountIds=firms[:1])
    assert (again["data"]["accounts"], again["meta"]["replayed"]) == (0, True)
    refused_transfer = await change(shop, "Transfer", fromRepId=one_id, toRepId=two_id, accountIds=firms[:2])
    assert refused_transfer["error"]["details"][0]["code"] == "NOT_HELD"
    assert await portfolio(shop, one) == set(firms[1:])
    # Having been transferred, it is the other rep's to reach, by id too.
    assert (await shop.operation("mobile/Node", {"id": firms[0]}, one)).data["node"] is None
    dropped = {"input": {"id": one_id, "roles": ["catalog"]}}
    refused = await shop.operation("backoffice/SetStaffUserRoles", dropped, ADMIN)
    assert refused.refused("staffUserRolesSet")["details"][0]["code"] == "HAS_PORTFOLIO"

    # Who has left may still be the one from whom.
    await shop.operation("portal/DeactivateUser", {"input": {"id": one_id}}, ADMIN)
    moved = [await change(shop, "Transfer", fromRepId=one_id, toRepId=two_id) for _ in range(2)]
    assert [(each["data"]["accounts"], each["meta"]["replayed"]) for each in moved] == [(2, False), (0, True)]
    assert await portfolio(shop, two) == set(firms)
    assert (await change(shop, "Unassign", repId=two_id, accountId=firms[0]))["data"]["accounts"] == 1
    assert (await change(shop, "Unassign", repId=two_id, accountId=firms[0]))["meta"]["replayed"]

    for refused_change in (
        await change(shop, "Transfer", fromRepId=two_id, toRepId=one_id),
        await change(shop, "Assign", repId=one_id, accountId=firms[0]),
        await change(shop, "Assign", repId=await user_id(shop, PRECOS), accountId=firms[0]),
    ):
        assert refused_change["error"]["details"][0]["code"] == "NOT_A_REP"
    same = await change(shop, "Transfer", fromRepId=two_id, toRepId=two_id)
    assert same["error"]["details"][0]["code"] == "SAME"
    wrong = await change(shop, "Transfer", fromRepId=two_id, toRepId=firms[0])
    assert wrong["error"]["details"][0]["code"] == "NOT_AN_ID"


async def test_a_pending_account_s_people_are_invited_and_see_no_prices(
    shop: Shop, settings: Settings
) -> None:
    firm = await registered(shop)
    email, _ = await joined(shop, settings, firm["email"], "BUYER")
    products = nodes_of((await shop.operation("portal/Products", {"first": 3}, email)).data["products"])
    assert [product["price"] for product in products] == [None] * 3
    await decide(shop, "ApproveAccount", firm["id"])
    products = nodes_of((await shop.operation("portal/Products", {"first": 3}, email)).data["products"])
    assert any(product["price"] for product in products)


async def test_who_was_not_looked_at_yet_writes_to_few(shop: Shop) -> None:
    firm = await registered(shop)
    boss, first = firm["email"], someone()
    assert (await invite(shop, boss, first))["error"] is None
    for _ in range(4):
        sent = (await invite(shop, boss, someone()))["data"]
        await shop.operation("portal/RevokeInvitation", {"input": {"id": sent["id"]}}, boss)
    refused = await invite(shop, boss, someone())
    assert refused["error"]["details"][0]["code"] == "TOO_MANY"
    assert (await invite(shop, boss, first))["meta"]["replayed"]
    await decide(shop, "ApproveAccount", firm["id"])
    assert (await invite(shop, boss, someone()))["error"] is None


async def test_ids_are_of_one_thing_each(shop: Shop) -> None:
    """Some caches know an object by its id alone, whatever its type."""
    viewer = (await shop.operation("portal/Account", None, GESTOR)).data["viewer"]
    same = (await shop.operation("portal/Viewer", None, GESTOR)).data["viewer"]
    (managed,) = [each for each in viewer["account"]["users"] if each["user"]["email"] == GESTOR]
    assert viewer["id"] == same["id"] and managed["user"] == same["user"]
    roles = (await shop.operation("backoffice/Roles", None, ADMIN)).data["roles"]
    again = (await shop.operation("backoffice/Roles", None, ADMIN)).data["roles"]
    assert [role["id"] for role in roles] == [role["id"] for role in again]
    kept = [
        *viewer["account"]["users"],
        *viewer["account"]["addresses"],
        *viewer["account"]["history"],
        *roles,
    ]
    ids = [viewer["id"], viewer["account"]["id"], managed["user"]["id"], *(each["id"] for each in kept)]
    assert len(set(ids)) == len(ids) > 10
    for each in (viewer, managed, viewer["account"]["addresses"][0], roles[0]):
        query = "query ($id: ID!) { node(id: $id) { id } }"
        assert (await shop.ask(query, {"id": each["id"]}, GESTOR)).body["data"] == {"node": None}


async def test_a_line_of_a_cart_keeps_its_id(shop: Shop) -> None:
    async def put(sku: str, quantity: str) -> dict[str, str]:
        line = {"sku": sku, "quantity": quantity}
        cart = (await shop.operation("portal/SetCartLine", {"input": line}, GESTOR)).done("cartLineSet")
        return {line["product"]["sku"]: line["id"] for line in cart["lines"]}

    first = await put("CIM-0001", "1")
    both = await put("CIM-0002", "1")
    assert both["CIM-0001"] == first["CIM-0001"] != both["CIM-0002"]
    assert await put("CIM-0001", "7") == both
    await put("CIM-0001", "0")
    await put("CIM-0002", "0")
