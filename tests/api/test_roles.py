"""Administrators edit what roles may do, inside the catalogue, and cannot lock themselves out."""

import asyncio

import pytest

from tests.api.shop import ADMIN, CATALOGO, GESTOR, PRECOS, SP, VENDAS, Json, Shop, nodes_of


async def roles(shop: Shop) -> dict[str, Json]:
    answer = await shop.operation("backoffice/Roles", None, ADMIN)
    return {role["name"]: role for role in answer.data["roles"]}


async def set_scopes(
    shop: Shop, role: Json, scopes: list[str], version: int | None = None, who: str = ADMIN
) -> Json:
    given = {
        "role": role["name"],
        "scopes": scopes,
        "version": role["version"] if version is None else version,
    }
    answer = await shop.operation("backoffice/SetRoleScopes", {"input": given}, who)
    return answer.payload("roleScopesSet")


async def test_a_session_gets_a_roles_scopes_when_it_is_refreshed(shop: Shop) -> None:
    credentials = {"input": {"email": PRECOS, "password": "prumo-demo"}}
    session = (await shop.operation("portal/SignIn", credentials)).done("sessionCreate")
    assert "price:explain" in session["viewer"]["scopes"]
    pricing = (await roles(shop))["pricing"]
    left = [scope for scope in pricing["scopes"] if scope != "price:explain"]
    changed = await set_scopes(shop, pricing, left)
    assert changed["data"] == pricing | {"scopes": left, "version": pricing["version"] + 1}

    renewing = {"input": {"refreshToken": session["refreshToken"]}}
    renewed = (await shop.operation("portal/RefreshSession", renewing)).done("sessionRefresh")
    bearer = {"authorization": f"Bearer {renewed['accessToken']}"}
    viewer = (await shop.post({"query": "{ viewer { scopes } }"}, bearer)).data["viewer"]
    assert viewer["scopes"] == sorted(left)

    again = await set_scopes(shop, pricing, left)  # sent twice: it is so already, whatever the version
    assert again["data"]["version"] == pricing["version"] + 1
    acts = {"filter": {"action": "identity.role_scopes_set"}}
    (act,) = nodes_of((await shop.operation("backoffice/AuditTrail", acts, ADMIN)).data["auditTrail"])
    assert (act["actor"]["email"], act["subjectType"], act["subjectId"]) == (ADMIN, "Role", "pricing")
    (change,) = act["changes"]
    assert change["before"].split() == pricing["scopes"]
    assert change["after"].split() == left


async def test_a_stale_version_changes_nothing(shop: Shop) -> None:
    catalog = (await roles(shop))["catalog"]
    error = (await set_scopes(shop, catalog, [], version=catalog["version"] + 7))["error"]
    assert (error["code"], error["expected"], error["actual"]) == (
        "VERSION_CONFLICT",
        catalog["version"] + 7,
        catalog["version"],
    )
    assert (await roles(shop))["catalog"] == catalog


async def test_of_two_edits_at_once_one_wins(shop: Shop) -> None:
    role = (await roles(shop))["sales_rep"]
    outcomes = await asyncio.gather(
        *(set_scopes(shop, role, ["order:read", scope]) for scope in role["scopes"] if scope != "order:read")
    )
    assert [outcome["error"] is None for outcome in outcomes].count(True) == 1
    assert {outcome["error"]["code"] for outcome in outcomes if outcome["error"]} == {"VERSION_CONFLICT"}


@pytest.mark.parametrize(
    ("role", "scopes", "code"),
    [
        ("buyer", ["price:read", "account:all"], "NOT_ASSIGNABLE"),
        ("buyer", ["price:read", "account:manage"], "NOT_ASSIGNABLE"),
        ("account_viewer", ["price:read", "order:place"], "NOT_ASSIGNABLE"),
        ("account_admin", ["role:manage"], "NOT_ASSIGNABLE"),
        ("sales_manager", ["order:read", "no:such"], "NOT_ASSIGNABLE"),
        ("admin", ["audit:read", "account:all"], "LOCKED_OUT"),
        ("catalog", ["catalog:write", "audit:read"], "NOT_ASSIGNABLE"),
        ("admin", [], "LOCKED_OUT"),
    ],
)
async def test_what_a_role_may_not_be_given_or_lose(
    shop: Shop, role: str, scopes: list[str], code: str
) -> None:
    before = await roles(shop)
    error = (await set_scopes(shop, before[role], scopes))["error"]
    assert (error["code"], error["details"][0]["code"]) == ("INVALID_INPUT", code)
    assert await roles(shop) == before


async def test_another_role_may_take_the_keys_over(shop: Shop) -> None:
    """The admin's role may lose them once somebody active has them by another."""
    found = await roles(shop)
    manager, admin = found["sales_manager"], found["admin"]
    assert (await set_scopes(shop, manager, [*manager["scopes"], "role:manage"]))["error"] is None
    without = [scope for scope in admin["scopes"] if scope != "role:manage"]
    assert (await set_scopes(shop, admin, without))["error"] is None
    # The token in hand still says that they may; it is not believed. Back as it was.
    found = await roles(shop)
    assert (await set_scopes(shop, found["admin"], admin["scopes"]))["error"]["code"] == "FORBIDDEN"
    await shop.token(VENDAS, anew=True)
    assert (await set_scopes(shop, found["admin"], admin["scopes"], who=VENDAS))["error"] is None
    assert (await set_scopes(shop, found["sales_manager"], manager["scopes"]))["error"] is None
    await shop.token(VENDAS, anew=True)


async def test_no_such_role(shop: Shop) -> None:
    error = (await set_scopes(shop, {"name": "emperor", "version": 1}, []))["error"]
    assert error["code"] == "NOT_FOUND"


@pytest.mark.parametrize("who", [None, SP, GESTOR, VENDAS, CATALOGO])
async def test_roles_are_for_administrators(shop: Shop, who: str | None) -> None:
    code = "UNAUTHENTICATED" if who is None else "FORBIDDEN"
    given = {"input": {"role": "buyer", "scopes": [], "version": 1}}
    for answer in (
        await shop.operation("backoffice/Roles", None, who),
        await shop.operation("backoffice/SetRoleScopes", given, who),
    ):
        assert answer.codes == [code]
