"""Puts ports and adapters together. The only place that knows which technology stands behind which port."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from contexts.catalog.adapters.images import S3Images
from contexts.catalog.adapters.measures import SqlMeasures
from contexts.catalog.adapters.products import SqlCategories, SqlProducts
from contexts.catalog.adapters.shelf import SqlShelf
from contexts.catalog.adapters.stock import SqlStock
from contexts.catalog.api import Catalog, PublishProducts, References
from contexts.identity.adapters.access_tokens import JwtAccessTokens
from contexts.identity.adapters.account_files import SqlAccountFiles
from contexts.identity.adapters.accounts import SqlAccounts
from contexts.identity.adapters.address_book import SqlAddressBook
from contexts.identity.adapters.directory import SqlDirectory, SqlPortfolios
from contexts.identity.adapters.ended_sessions import ListenedEndedSessions
from contexts.identity.adapters.invitations import SqlInvitations
from contexts.identity.adapters.known_signing_keys import KnownSigningKeys
from contexts.identity.adapters.leftovers import OF_IDENTITY
from contexts.identity.adapters.mailed_tokens import SqlMailedTokens
from contexts.identity.adapters.passwords import Argon2Passwords
from contexts.identity.adapters.repetitions import SqlRepetitions
from contexts.identity.adapters.roles import SqlRoles
from contexts.identity.adapters.sessions import SqlSessions
from contexts.identity.adapters.signing_keys import SqlSigningKeys, Wrapping
from contexts.identity.adapters.throttle import SqlThrottle
from contexts.identity.adapters.users import SqlUsers
from contexts.identity.api import (
    AcceptInvitation,
    AccountStep,
    AddUser,
    AskEmailVerification,
    AskPasswordReset,
    ChangePassword,
    ChangePortfolio,
    ChangeRole,
    ChangeStaffRoles,
    EndSessions,
    HandOverCnpj,
    Identity,
    ImportSigningKeys,
    InviteByOperator,
    InviteStaff,
    InviteUser,
    KeyRing,
    MailAccountChange,
    MailInvitation,
    MailPerson,
    MailRegisteredAgain,
    MakeSigningKey,
    MoveAccount,
    Onboarding,
    OpenAccount,
    People,
    Personnel,
    ProveEmail,
    PutAddress,
    RefreshSession,
    RegisterAccount,
    RemoveAddress,
    ResendInvitation,
    ResetPassword,
    RetireSigningKey,
    RevokeInvitation,
    RewrapSigningKeys,
    SetActive,
    SetRoleScopes,
    SignIn,
    TransferPortfolio,
    VerifyEmail,
)
from contexts.orders.adapters.buyers import IdentityBuyers
from contexts.orders.adapters.carts import SqlCarts
from contexts.orders.adapters.idempotency import SqlIdempotencyKeys
from contexts.orders.adapters.leftovers import OF_ORDERS
from contexts.orders.adapters.order_changes import ListenedOrderChanges
from contexts.orders.adapters.orders import SqlOrderBook, SqlOrders
from contexts.orders.adapters.prices import PricingPrices
from contexts.orders.adapters.products import CatalogProducts
from contexts.orders.adapters.references import SqlOrderReferences
from contexts.orders.adapters.stock import CatalogStock
from contexts.orders.api import (
    CheckOut,
    MailOrder,
    MoveOrder,
    Ordering,
    OrderStatus,
    PricedCarts,
    SetCartLine,
)
from contexts.pricing.adapters.catalog import CatalogProducts as PricedProducts
from contexts.pricing.adapters.identity import IdentityAccounts
from contexts.pricing.adapters.prices import SqlPrices
from contexts.pricing.adapters.references import SqlPriceReferences
from contexts.pricing.api import ExplainPrices, LoadPrices, Pricing, ResolvePrices, SetPrice
from contexts.shared.adapters.audit import SqlAuditTrail
from contexts.shared.adapters.database import Database
from contexts.shared.adapters.leftovers import OF_SHARED
from contexts.shared.adapters.mail import SmtpMailer, SpoolMailer
from contexts.shared.clock import Clock, SystemClock
from contexts.shared.mail import Mailer
from gateway import metrics
from gateway.settings import AUDIENCE, ISSUER, Settings
from gateway.signing_secrets import secrets_of
from resolvers.vocabulary.context import Contexts

LEFTOVERS = (*OF_SHARED, *OF_IDENTITY, *OF_ORDERS)
"""Rows the worker deletes when they are over."""
PRICE_RELATION = "pricing.resolved_prices"
"""Published by pricing, used by the catalog to sort and filter a listing by price."""
REFERENCES: Mapping[str, References] = {
    "prices": SqlPriceReferences(),
    "cart lines or open orders": SqlOrderReferences(),
}
"""What keeps a product's unit and step as they are. The catalog knows neither pricing nor orders."""


@dataclass(frozen=True, slots=True)
class Wired:
    """The contexts, ready to be used, and what the process itself needs besides them."""

    contexts: Contexts
    database: Database
    clock: Clock


@asynccontextmanager
async def wired(
    settings: Settings, clock: Clock | None = None, *, store: bool = True, listening: bool = True
) -> AsyncIterator[Wired]:
    """The contexts on the services the settings name; connections are closed when the block ends.

    A command that touches no image does without the `store`, one that follows no order without `listening`.
    """
    if settings.database_url is None or (store and not settings.names_store):
        raise ValueError("the services must be named here; the embedded ones are filled in before")
    clock = clock or SystemClock()
    async with AsyncExitStack() as stack:
        database = Database(
            settings.database_url,
            direct_url=settings.database_direct_url,
            pool_size=settings.database_pool,
        )
        stack.push_async_callback(database.close)
        if listening and settings.replica_url is not None:
            observer = metrics.Reads()
            await stack.enter_async_context(
                database.replicated(settings.replica_url, settings.replica_max_lag_seconds, observer)
            )
        images = S3Images(
            endpoint_url=settings.s3_endpoint,
            bucket=settings.s3_bucket,
            key=settings.s3_key,
            secret=settings.s3_secret,
            region=settings.s3_region,
        )
        if store:
            await stack.enter_async_context(images)
        passwords = Argon2Passwords()
        stack.callback(passwords.close)
        ended_sessions = ListenedEndedSessions(database, clock, settings.access_token_life)
        if listening:
            await stack.enter_async_context(ended_sessions)
        table = signing_keys(settings, database)
        known = KnownSigningKeys(table, settings.access_token_life)
        if listening:
            await stack.enter_async_context(known)
        identity = _identity(settings, database, passwords, ended_sessions, table, known, clock)
        catalog = _catalog(settings, database, clock, images)
        pricing = _pricing(database, clock, catalog, identity)
        buyers = IdentityBuyers(identity.accounts, identity.viewers, identity.personnel.directory)
        changes = ListenedOrderChanges(database, SqlOrders(database, buyers), buyers)
        if listening:
            await stack.enter_async_context(changes)
        orders = _orders(settings, database, clock, catalog, pricing, buyers, changes)
        contexts = Contexts(
            catalog=catalog,
            pricing=pricing,
            orders=orders,
            identity=identity,
            audit_trail=SqlAuditTrail(database),
        )
        yield Wired(contexts, database, clock)


def signing_keys(settings: Settings, database: Database) -> SqlSigningKeys:
    """Those of the database, to be unwrapped by the secrets of the settings. Raises CannotRun."""
    return SqlSigningKeys(database, Wrapping(secrets_of(settings)))


def key_ring(table: SqlSigningKeys, database: Database, clock: Clock, life: timedelta) -> KeyRing:
    """Identity's keys. `life`: of an access token."""
    return KeyRing(
        keys=table,
        make=MakeSigningKey(table, database, clock, life),
        retire=RetireSigningKey(table, database, clock, life),
        rewrap=RewrapSigningKeys(table, database, clock),
        take_in=ImportSigningKeys(table, database, clock, life),
    )


def _identity(
    settings: Settings,
    database: Database,
    passwords: Argon2Passwords,
    ended_sessions: ListenedEndedSessions,
    table: SqlSigningKeys,
    known: KnownSigningKeys,
    clock: Clock,
) -> Identity:
    users, accounts, roles = SqlUsers(database), SqlAccounts(database), SqlRoles(database)
    sessions, mailed = SqlSessions(database, ended_sessions), SqlMailedTokens(database)
    throttle, repetitions = SqlThrottle(database, clock), SqlRepetitions(database)
    prove = ProveEmail(users, accounts)
    mailer, portal = mailer_of(settings), settings.links_url
    tokens = JwtAccessTokens(known, issuer=ISSUER, audience=AUDIENCE, life=settings.access_token_life)
    return Identity(
        accounts=accounts,
        viewers=users,
        roles=roles,
        sessions=sessions,
        ended_sessions=ended_sessions,
        access_tokens=tokens,
        key_ring=key_ring(table, database, clock, settings.access_token_life),
        repetitions=repetitions,
        sign_in=SignIn(
            users,
            passwords,
            throttle,
            sessions,
            repetitions,
            tokens,
            database,
            clock,
            settings.sessions_per_user,
        ),
        refresh=RefreshSession(users, sessions, repetitions, tokens, database, clock),
        end_sessions=EndSessions(sessions, repetitions, database, clock),
        change_password=ChangePassword(
            users, mailed, passwords, throttle, sessions, repetitions, database, clock
        ),
        ask_password_reset=AskPasswordReset(throttle, database, clock),
        reset_password=ResetPassword(users, mailed, prove, passwords, throttle, sessions, database, clock),
        ask_email_verification=AskEmailVerification(users, throttle, database, clock),
        verify_email=VerifyEmail(users, mailed, prove, database, clock),
        set_role_scopes=SetRoleScopes(roles, users, database, clock),
        open_account=OpenAccount(accounts, users, database, clock),
        add_user=AddUser(users, accounts, passwords, database, clock),
        mail_person=MailPerson(users, mailed, database, mailer, clock, portal),
        onboarding=onboarding(
            database, users, accounts, sessions, passwords, throttle, mailer, clock, portal
        ),
        personnel=personnel(database, users, accounts, sessions, passwords, mailer, clock, portal),
    )


def onboarding(
    database: Database,
    users: SqlUsers,
    accounts: SqlAccounts,
    sessions: SqlSessions,
    passwords: Argon2Passwords,
    throttle: SqlThrottle,
    mailer: Mailer,
    clock: Clock,
    portal: str,
) -> Onboarding:
    """Identity's onboarding of accounts."""
    files, addresses, directory = SqlAccountFiles(database), SqlAddressBook(database), SqlDirectory(database)

    def step(step: AccountStep) -> MoveAccount:
        return MoveAccount(step, accounts, accounts, directory, sessions, database, clock)

    return Onboarding(
        files=files,
        addresses=addresses,
        register=RegisterAccount(accounts, users, passwords, throttle, database, clock),
        request_information=step(AccountStep.INFORMATION_REQUESTED),
        provide_information=step(AccountStep.INFORMATION_PROVIDED),
        approve=step(AccountStep.APPROVED),
        reject=step(AccountStep.REJECTED),
        suspend=step(AccountStep.SUSPENDED),
        reactivate=step(AccountStep.REACTIVATED),
        set_tier=step(AccountStep.TIER_SET),
        release_cnpj=step(AccountStep.CNPJ_RELEASED),
        hand_over_cnpj=HandOverCnpj(accounts, accounts, directory, database, clock),
        put_address=PutAddress(accounts, accounts, addresses, database, clock),
        remove_address=RemoveAddress(accounts, accounts, addresses, database, clock),
        mail_change=MailAccountChange(files, accounts, users, mailer, portal),
        mail_registered_again=MailRegisteredAgain(users, mailer, portal),
    )


def personnel(
    database: Database,
    users: SqlUsers,
    accounts: SqlAccounts,
    sessions: SqlSessions,
    passwords: Argon2Passwords,
    mailer: Mailer,
    clock: Clock,
    portal: str,
) -> Personnel:
    """Identity's people."""
    directory, invitations, portfolios = SqlDirectory(database), SqlInvitations(database), SqlPortfolios()
    roles = SqlRoles(database)
    people = People(users, accounts, accounts, directory, roles, sessions, invitations)
    return Personnel(
        directory=directory,
        invitations=invitations,
        invite_user=InviteUser(users, accounts, accounts, directory, invitations, database, clock),
        invite_staff=InviteStaff(users, directory, invitations, database, clock),
        invite_by_operator=InviteByOperator(users, directory, invitations, database, clock, portal),
        resend_invitation=ResendInvitation(users, accounts, accounts, invitations, database, clock),
        revoke_invitation=RevokeInvitation(users, accounts, invitations, database, clock),
        accept_invitation=AcceptInvitation(invitations, users, passwords, database, clock),
        change_role=ChangeRole(people, directory, database, clock),
        change_staff_roles=ChangeStaffRoles(people, accounts, directory, database, clock),
        deactivate=SetActive(False, people, directory, database, clock),
        reactivate=SetActive(True, people, directory, database, clock),
        assign_portfolio=ChangePortfolio("assign", accounts, users, portfolios, database, clock),
        unassign_portfolio=ChangePortfolio("unassign", accounts, users, portfolios, database, clock),
        transfer_portfolio=TransferPortfolio(accounts, users, portfolios, database, clock),
        mail_invitation=MailInvitation(invitations, users, accounts, database, mailer, clock, portal),
    )


def _catalog(settings: Settings, database: Database, clock: Clock, images: S3Images) -> Catalog:
    measures = SqlMeasures()
    return Catalog(
        products=SqlProducts(database, media_url=settings.image_url, price_relation=PRICE_RELATION),
        categories=SqlCategories(database),
        stock=SqlStock(),
        measures=measures,
        publish=PublishProducts(database, SqlShelf(), measures, REFERENCES, clock),
        images=images,
    )


def _pricing(database: Database, clock: Clock, catalog: Catalog, identity: Identity) -> Pricing:
    prices, products = SqlPrices(database), PricedProducts(catalog.products, catalog.measures)
    return Pricing(
        resolve=ResolvePrices(prices, clock),
        explain=ExplainPrices(prices),
        set_price=SetPrice(
            prices,
            products,
            IdentityAccounts(identity.accounts),
            database,
            clock,
        ),
        load=LoadPrices(prices, products, database, clock),
        rows=prices,
    )


def _orders(
    settings: Settings,
    database: Database,
    clock: Clock,
    catalog: Catalog,
    pricing: Pricing,
    buyers: IdentityBuyers,
    changes: ListenedOrderChanges,
) -> Ordering:
    products, prices = CatalogProducts(catalog.products), PricingPrices(pricing.resolve)
    carts, stock = SqlCarts(database), CatalogStock(catalog.stock)
    orders, book, keys = SqlOrders(database, buyers), SqlOrderBook(), SqlIdempotencyKeys()
    priced = PricedCarts(carts, buyers, products, prices)
    return Ordering(
        carts=priced,
        orders=orders,
        changes=changes,
        set_cart_line=SetCartLine(database, carts, products, priced),
        check_out=CheckOut(database, keys, buyers, carts, priced, stock, book, clock),
        confirm=MoveOrder(OrderStatus.CONFIRMED, database, keys, buyers, book, stock, clock),
        cancel=MoveOrder(OrderStatus.CANCELLED, database, keys, buyers, book, stock, clock),
        mail=MailOrder(orders, buyers, mailer_of(settings)),
    )


def mailer_of(settings: Settings) -> Mailer:
    if settings.smtp_url is not None:
        return SmtpMailer.of_url(settings.smtp_url)
    return SpoolMailer(settings.home / "mail")
