"""The command line: `prumo <command>`. Each command imports what it needs, so that `--help` is there at once."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contexts.shared.unavailable import Unavailable
from gateway.progress import CannotRun, complain, say, step

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from contexts.identity.api import KeyRing, SigningKeyTimes, Succession
    from contexts.shared.rejections import Detail
    from gateway.settings import Settings


class _Group(click.Group):
    """Commands in the order of the story, not of the alphabet."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="prumo")
def prumo() -> None:
    """Prumo: what does it cost me, is it in stock, and where is my order?

    Configuration comes from the environment: PRUMO_HOME (default .prumo), PORT (8000),
    PRUMO_DATABASE_URL, PRUMO_S3_ENDPOINT/_REGION/_BUCKET/_KEY/_SECRET, PRUMO_SIGNING_KEY_SECRET,
    PRUMO_SMTP_URL and others: `prumo settings`. What `prumo dev` is not given it brings along
    (prumo[embedded]): a real PostgreSQL and a real S3 store below PRUMO_HOME, and mail in PRUMO_HOME/mail.
    """


@prumo.command()
def dev() -> None:
    """Start everything on this machine, with demo data.

    Serves on http://127.0.0.1:8000 (PORT), keeps its state in .prumo (PRUMO_HOME), prints the demo
    accounts when it is ready, and stops all it started on Ctrl-C or SIGTERM. The demo data is loaded
    once.
    """
    settings = _settings(development=True)
    from gateway.home import exclusive, prepare
    from gateway.listening import reserved

    prepare(settings.home)
    with exclusive(settings.home), reserved(settings.host, settings.port) as listener:
        say(f"Prumo is starting; its state is in {settings.home}")
        # The application takes a second to import: only now, when nothing stands in its way.
        from gateway.dev import dev

        dev(settings, listener)


@prumo.command()
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1, 64), help="Processes.")
def serve(workers: int) -> None:
    """Serve GraphQL over HTTP, for production.

    Nothing is embedded, migrated or seeded here: PRUMO_DATABASE_URL, PRUMO_S3_ENDPOINT (for AWS:
    PRUMO_S3_REGION) and PRUMO_SIGNING_KEY_SECRET must be set, `prumo migrate` and `prumo keys make` must
    have run, and `prumo worker` runs beside it. Introspection and the IDE are off unless switched on.
    SIGTERM and Ctrl-C finish what is under way; SIGHUP replaces several processes one by one.
    """
    settings = _settings(configured=True)
    if not settings.names_store:
        raise CannotRun(
            "PRUMO_S3_ENDPOINT is not set, nor PRUMO_S3_REGION for AWS. `prumo dev` is the command that brings its own"
            " store."
        )
    from gateway.listening import reserved
    from gateway.serve import serve
    from gateway.signing_secrets import require_secret

    require_secret(settings)

    if settings.public_url is None and settings.host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        complain(f"PRUMO_PUBLIC_URL is not set: clients are told that images are at {settings.image_url}.")
    with reserved(settings.host, settings.port) as listener:
        serve(settings, workers, listener)


@prumo.command()
def worker() -> None:
    """Deliver mail, and delete what is over.

    Runs until SIGINT or SIGTERM, beside `prumo serve` and as often as you like; `prumo dev` contains one.
    """
    settings = _settings(configured=True)
    from gateway.database_tls import require_trusted
    from gateway.log_lines import configure_logging
    from gateway.worker import run

    configure_logging()
    if settings.smtp_url is None:
        complain(
            f"PRUMO_SMTP_URL is not set: no mail is sent, all of it is kept in {settings.home / 'mail'}."
        )

    async def until_signalled() -> None:
        await require_trusted(settings)
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await run(settings, stop)

    asyncio.run(until_signalled())


@prumo.command()
@click.option(
    "--lock-timeout",
    default=3.0,
    show_default=True,
    type=click.FloatRange(0.05, 3600),
    help="Seconds to wait for a lock; meanwhile others queue behind it.",
)
@click.option(
    "--lock-attempts", default=10, show_default=True, type=click.IntRange(1), help="How often to try."
)
@click.option(
    "--statement-timeout",
    default=900.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Seconds a statement may take; 0: any time. Indexes made concurrently have no limit.",
)
def migrate(lock_timeout: float, lock_attempts: int, statement_timeout: float) -> None:
    """Bring the database to this code's newest revision.

    Harmless when it is there already, and while servers work on it. A revision that waits too long for a
    lock is tried again; one that fails leaves those before it applied, and the next run goes on there.
    Works on PRUMO_DATABASE_URL, or else on the embedded database of PRUMO_HOME.
    """
    settings = _settings()
    from gateway.embedded.services import reached
    from gateway.migrate import Patience, migrate

    patience = Patience(
        lock_seconds=lock_timeout, attempts=lock_attempts, statement_seconds=statement_timeout
    )

    async def migrate_reached() -> None:
        async with reached(settings, store=False) as complete:
            missing = await migrate(complete, patience)
            say(f"Migrated to {', '.join(missing)}." if missing else "The database is up to date.")

    asyncio.run(migrate_reached())


@prumo.command()
@click.option("--products", default=0, type=click.IntRange(0), help="Synthetic products, e.g. 100000.")
@click.option(
    "--prices", default=0, type=click.IntRange(0), help="Negotiated prices among them, e.g. 1000000."
)
@click.option("--demo-accounts", is_flag=True, help="Make the demo accounts on PRUMO_DATABASE_URL too.")
def seed(products: int, prices: int, demo_accounts: bool) -> None:
    """Load the demo data, or large data for benchmarks.

    Works on PRUMO_DATABASE_URL, or else on the embedded database of PRUMO_HOME, with `prumo dev` running
    there or not. What is there already is not loaded twice. The demo accounts have a password that
    everybody knows: on PRUMO_DATABASE_URL they are made with --demo-accounts only.
    """
    if prices and not products:
        raise click.UsageError("--prices needs --products: the prices are negotiated for those.")
    settings = _settings()
    people = demo_accounts or settings.database_url is None
    if not people and not products:
        raise CannotRun(
            "The demo accounts have a password that everybody knows. On the database of PRUMO_DATABASE_URL they are "
            "made by `prumo seed --demo-accounts` only; `prumo user invite --role admin EMAIL` makes an administrator."
        )
    from gateway.bootstrap import bootstrap
    from gateway.embedded.services import reached_migrated
    from gateway.seed.bulk import seed_bulk
    from gateway.seed.demo import seed_demo

    async def load() -> None:
        async with (
            reached_migrated(settings, store=True) as complete,
            bootstrap(complete, listening=False) as parts,
            step("loading data") as report,
        ):
            if products:
                added = await seed_bulk(
                    parts.database, parts.contexts, products, prices, report, people=people
                )
                report(str(added))
            else:
                await seed_demo(parts.database, parts.contexts, report)

    asyncio.run(load())


@prumo.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--state", metavar="UF", help="State of the prices, e.g. PA.  [default: what the sheet says]")
@click.option(
    "--skip-labour/--keep-labour",
    default=True,
    show_default=True,
    help="Leave out rows with unit H or MES: working time is no goods.",
)
@click.option("--category", metavar="SLUG", help="One shelf for all the goods.  [default: by their names]")
@click.option("--stock", default="1000", show_default=True, help="On hand of a product that is new.")
def import_(file: Path, state: str | None, skip_labour: bool, category: str | None, stock: str) -> None:
    """Make products with a state price of a price sheet.

    FILE is a published spreadsheet (.xlsx) as it is. Works on PRUMO_DATABASE_URL, or else on the embedded
    database of PRUMO_HOME, with `prumo dev` running there or not. Importing the same file again changes
    nothing.
    """
    try:
        on_hand = Decimal(stock)
    except InvalidOperation:
        on_hand = Decimal("NaN")
    if not (on_hand.is_finite() and on_hand >= 0):
        raise click.BadParameter(f"{stock!r} is no quantity.", param_hint="--stock")
    settings = _settings()
    from gateway.bootstrap import bootstrap
    from gateway.embedded.services import reached_migrated
    from gateway.importer.run import ImportFailed, ImportOptions, run_import

    options = ImportOptions(state=state, keep_labour=not skip_labour, category=category, stock=on_hand)

    async def load() -> None:
        async with (
            reached_migrated(settings, store=False) as complete,
            bootstrap(complete, store=False, listening=False) as parts,
        ):
            async with step(f"importing {file.name}") as report:
                result = await run_import(parts.contexts, file, options, report)
                if isinstance(result, ImportFailed):
                    raise CannotRun(result.reason)
            say(str(result))

    asyncio.run(load())


def _generated(command: Callable[..., None]) -> Callable[..., None]:
    """The options of a command whose output is committed."""
    command = click.option(
        "--check", is_flag=True, help="Write nothing; fail when FILE of --output differs."
    )(command)
    file = click.Path(dir_okay=False, path_type=Path)
    return click.option("--output", metavar="FILE", type=file, help="File to write instead of stdout.")(
        command
    )


@prumo.command()
@_generated
def schema(output: Path | None, check: bool) -> None:
    """Print the GraphQL schema (SDL)."""
    from schema.stitching import breaking_changes, sdl

    def broken(committed: str) -> str:
        changes = breaking_changes(committed, text)
        return "".join(f"\n  breaks clients: {change}" for change in changes)

    text = sdl()
    _generate(text, output, check, "what the code says", f"prumo schema --output {output}", broken)


@prumo.command()
@click.option(
    "--operations",
    default=Path("graphql/operations"),
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the clients' folders with their .graphql files.",
)
@_generated
def documents(operations: Path, output: Path | None, check: bool) -> None:
    """Print the persisted manifest of the clients' documents.

    Each document's id is the SHA-256 of its file, as `sha256sum` prints it. A document that is not valid,
    breaks a limit, or has not exactly one operation with a name is refused.
    """
    from schema.documents import Documents
    from schema.limits import Limits
    from schema.manifest import BrokenManifest, collected, written
    from schema.stitching import stitch

    manifest = collected(operations)
    if isinstance(manifest, BrokenManifest):
        raise _unfit(manifest.problems)
    documents = Documents(stitch()._schema, Limits())
    if problems := documents.pin(manifest) or documents.plan_pinned():
        raise _unfit(problems)
    remedy = f"prumo documents --operations {operations} --output {output}"
    _generate(written(manifest), output, check, f"the manifest of {operations}", remedy)


@prumo.command()
@_generated
def settings(output: Path | None, check: bool) -> None:
    """Print the table of the settings."""
    from gateway.settings_table import settings_table

    _generate(settings_table(), output, check, "what the code says", f"prumo settings --output {output}")


@prumo.command()
@_generated
def authorization(output: Path | None, check: bool) -> None:
    """Print the table of which role may ask for which field."""
    from contexts.identity.api import ROLES
    from schema.authorization_table import table
    from schema.stitching import sdl

    remedy = f"prumo authorization --output {output}"
    _generate(table(sdl(), ROLES), output, check, "the SDL and the roles", remedy)


@prumo.command()
@_generated
def codes(output: Path | None, check: bool) -> None:
    """Print the page of the codes that answers carry."""
    from gateway.error_codes import error_codes
    from schema.stitching import stitch

    text = error_codes(stitch()._schema)
    _generate(text, output, check, "what the code says", f"prumo codes --output {output}")


@prumo.command()
@click.option(
    "--folder",
    default=Path("graphql/messages"),
    show_default=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the texts, a file for each language.",
)
@click.option("--check", is_flag=True, help="Write nothing; fail when a file has other keys.")
def messages(folder: Path, check: bool) -> None:
    """Complete the texts that apps show people.

    A code that has no text yet gets an empty one, for a person to write; what is no code any more goes.
    """
    import json

    from schema.messages import LANGUAGES, completed, facts
    from schema.stitching import stitch

    keys = facts(stitch()._schema)
    for language in LANGUAGES:
        file = folder / f"{language}.json"
        try:
            texts = json.loads(file.read_text()) if file.exists() else {}
        except ValueError as error:
            raise CannotRun(f"{file} is not JSON: {error}.") from error
        text = completed(texts, keys)
        _generate(text, file, check, "complete and sorted", f"prumo messages --folder {folder}")


def _unfit(problems: Iterable[str]) -> CannotRun:
    return CannotRun("These documents cannot be persisted:" + "".join(f"\n  {each}" for each in problems))


def _generate(
    text: str,
    output: Path | None,
    check: bool,
    what: str,
    remedy: str,
    more: Callable[[str], str] = lambda committed: "",
) -> None:
    """Print the text or write it; with `check` compare. `more`: what else to say of a file that differs."""
    if output is None:
        if check:
            raise click.UsageError("--check needs --output FILE to compare with.")
        click.echo(text, nl=False)
        return
    try:
        if not check:
            output.write_text(text)
            return
        committed = output.read_text() if output.exists() else ""
    except OSError as error:
        raise CannotRun(f"{output}: {error.strerror}.") from error
    if committed != text:
        raise CannotRun(f"{output} is not {what}: run `{remedy}`.{more(committed)}")


@prumo.group(cls=_Group)
def keys() -> None:
    """Look after the keys that sign access tokens.

    They are in the database, wrapped by PRUMO_SIGNING_KEY_SECRET; running processes read them every few
    seconds. The commands work on PRUMO_DATABASE_URL, or else on the embedded database of PRUMO_HOME.
    """


@keys.command("list")
def keys_list() -> None:
    """List the keys, and what each does now.

    In the order in which they sign. Needs no secret.
    """

    async def tell(ring: "KeyRing", life: timedelta) -> None:
        from contexts.identity.api import Succession

        known, now = Succession(await ring.keys.all(), life), datetime.now(UTC)
        if not known.keys:
            say("No key yet.")
        for key in known.keys:
            say(f"{key.kid}  made {_minute(key.created_at)}  {_use(known, key, now)}")

    _with_keys(tell)


def _use(known: "Succession", key: "SigningKeyTimes", now: datetime) -> str:
    from contexts.identity.api import KeyState

    until = known.verifies_until(key)
    match known.state(key, now):
        case KeyState.ANNOUNCED:
            return f"announced, signs from {_minute(key.signs_from)}"
        case KeyState.SIGNS:
            return "signs" if until is None or key.signs_from > now else f"signs, {_last(until)}"
        case KeyState.VERIFIES:
            return _last(until)
        case KeyState.OVER:
            return "over"
        case KeyState.REVOKED:
            return "revoked"


def _last(until: datetime | None) -> str:
    return "verifies" if until is None else f"verifies until {_minute(until)}"


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


@keys.command("make")
def keys_make() -> None:
    """Make a key.

    The first signs at once. Any other is announced in the key set, and signs eight minutes later, when
    every process and everybody who keeps the key set knows it; those before it verify until the last
    token they signed has expired, and are deleted by the worker. While one is announced no other is made.
    """

    async def make(ring: "KeyRing", life: timedelta) -> None:
        from contexts.identity.api import KeyMade, KeysUnreadable, KeyThere

        match await ring.make(_operator()):
            case KeyMade(key) | KeyThere(key) as made:
                if key.signs_from <= key.created_at:
                    say(f"{key.kid} signs.")
                else:
                    already = " already" if isinstance(made, KeyThere) else ""
                    say(f"{key.kid} is announced{already}, and signs from {_minute(key.signs_from)}.")
            case KeysUnreadable(kids):
                raise _unreadable(kids)

    _with_keys(make, wrapping=True)


# One KID of 64 begins with a dash.
@keys.command("retire", context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@click.option("--now", "at_once", is_flag=True, help="It was stolen: refuse what it signed.")
@click.argument("kid")
def keys_retire(at_once: bool, kid: str) -> None:
    """Take back the announced key KID, or with --now any key.

    A key retires by itself when the next one signs: `prumo keys make`. With --now its tokens are refused
    by every process within a minute, mostly ten seconds, clients refresh theirs, and where it signed the
    next one does or a new one. Who keeps the key set may trust it, and not know the new one, for five
    minutes more.
    """

    async def retire(ring: "KeyRing", life: timedelta) -> None:
        from contexts.identity.api import KeyNeeded, KeyRetired, KeyRetiresItself, KeysUnreadable, NoSuchKey

        match await ring.retire(_operator(), kid, at_once=at_once):
            case KeyRetired(_, successor):
                then = "" if successor is None else f"; {successor.kid} signs from now on"
                say(f"{kid} is revoked{then}.")
            case KeyNeeded():
                raise CannotRun(
                    f"{kid} signs, or will in a moment. `prumo keys make` has another follow it; if it was stolen,"
                    f" `prumo keys retire {kid} --now`."
                )
            case KeyRetiresItself(until):
                say(
                    f"Another key signs by now; {kid} verifies until {'?' if until is None else _minute(until)}."
                )
            case NoSuchKey():
                raise CannotRun(f"There is no key {kid}; see `prumo keys list`.")
            case KeysUnreadable(kids):
                raise _unreadable(kids)

    _with_keys(retire, wrapping=True)


@keys.command("rewrap")
def keys_rewrap() -> None:
    """Wrap all keys with the first secret.

    To change PRUMO_SIGNING_KEY_SECRET: give every instance `new,old`; then run this; then give them `new`.
    """

    async def rewrap(ring: "KeyRing", life: timedelta) -> None:
        from contexts.identity.api import KeysRewrapped, KeysUnreadable

        match await ring.rewrap(_operator()):
            case KeysRewrapped(kids):
                say(
                    f"Wrapped {len(kids)} keys anew."
                    if kids
                    else "The first secret wraps all of them already."
                )
            case KeysUnreadable(kids):
                raise _unreadable(kids)

    _with_keys(rewrap, wrapping=True)


@keys.command("import")
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
def keys_import(files: tuple[Path, ...]) -> None:
    """Take in the keys that were kept in FILES.

    Versions before kept them in PRUMO_HOME/keys/*.pem. After `prumo migrate`, before the first
    `prumo keys make` and the first `prumo serve`, so that tokens of the version before are good while the new one
    replaces it. The youngest signs.
    """

    async def import_(ring: "KeyRing", life: timedelta) -> None:
        from contexts.identity.api import KeysImported, KeysThere, NotAKey

        # In this order, by their names, they have signed.
        found = [(file.read_bytes(), _born(file)) for file in sorted(files, key=lambda file: file.name)]
        match await ring.take_in(_operator(), found):
            case KeysImported(keys):
                for key in keys:
                    say(f"{key.kid} is taken in.")
            case KeysThere(key):
                raise CannotRun(f"{key.kid} is in use already; keys are imported before the first is made.")
            case NotAKey(reason):
                raise CannotRun(f"One of the files is {reason}; nothing was taken in.")

    _with_keys(import_, wrapping=True)


def _born(file: Path) -> datetime:
    """By the UUIDv7 that its name is; a file that an operator has named otherwise tells its own time."""
    from uuid import UUID

    try:
        return datetime.fromtimestamp((UUID(file.stem).int >> 80) / 1000, UTC)
    except ValueError:  # no UUID, or one of another kind, which may name a year beyond all calendars
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def _unreadable(kids: "Sequence[str]") -> CannotRun:
    from gateway.signing_secrets import unreadable_keys

    return unreadable_keys(kids)


def _with_keys(work: "Callable[[KeyRing, timedelta], Awaitable[None]]", *, wrapping: bool = False) -> None:
    """Have it done with the keys and the life of an access token; `wrapping`: it needs a secret."""
    settings = _settings()
    from gateway.bootstrap import bootstrap
    from gateway.embedded.services import reached_migrated
    from gateway.signing_secrets import require_secret

    async def reach() -> None:
        async with reached_migrated(settings, store=False) as complete:
            if wrapping:
                require_secret(complete)
            async with bootstrap(complete, store=False, listening=False) as parts:
                await work(parts.contexts.identity.key_ring, complete.access_token_life)

    asyncio.run(reach())


@prumo.group(cls=_Group)
def user() -> None:
    """Let people in from the console.

    The first administrator comes this way; all others are invited in the backoffice.
    """


@user.command("invite")
@click.option(
    "--role",
    "roles",
    required=True,
    multiple=True,
    metavar="ROLE",
    help="Of the staff, e.g. admin; repeatable.",
)
@click.option("--mail", "by_mail", is_flag=True, help="Mail the link instead of printing it.")
@click.argument("email")
def user_invite(roles: tuple[str, ...], by_mail: bool, email: str) -> None:
    """Invite EMAIL to the staff.

    Prints the link that makes the user. It leads to PRUMO_PORTAL_URL; without a portal, send the token in it
    to `invitationAccept`. It is good once, for a week, for whoever has it. With --mail the worker sends it
    and nobody here sees it, which needs PRUMO_SMTP_URL. Works on PRUMO_DATABASE_URL, or else on the
    embedded database of PRUMO_HOME.
    """
    settings = _settings()
    if by_mail and settings.smtp_url is None:
        raise CannotRun(
            "PRUMO_SMTP_URL is not set, so nothing is mailed. Without --mail the link is printed."
        )
    if settings.portal_url is None and settings.public_url is None:
        complain(
            f"PRUMO_PORTAL_URL is not set: the link leads to {settings.links_url}, which has no page for it. The"
            " mutation `invitationAccept` takes the token behind `#token=`."
        )
    from contexts.shared.rejections import InvalidInput
    from gateway.bootstrap import bootstrap
    from gateway.embedded.services import reached_migrated

    async def invite() -> None:
        async with (
            reached_migrated(settings, store=False) as complete,
            bootstrap(complete, store=False, listening=False) as parts,
        ):
            invite = parts.contexts.identity.personnel.invite_by_operator
            invited = await invite(_operator(), email, roles, by_mail=by_mail)
        if isinstance(invited, InvalidInput):
            raise CannotRun(" ".join(_refusal(email, roles, detail) for detail in invited.details))
        until = f"{invited.invitation.expires_at:%Y-%m-%d %H:%M} UTC"
        if invited.link is None:
            say(f"{email} is invited until {until}; `prumo worker` mails the link.")
        else:
            say(
                f"{email} is invited until {until}. Whoever opens this link becomes the user:\n{invited.link}"
            )

    asyncio.run(invite())


def _operator() -> str:
    """Who is at the console, for the audit trail."""
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid {os.getuid()}"


def _refusal(email: str, roles: tuple[str, ...], detail: "Detail") -> str:
    about = ", ".join(roles) if detail.path[-1] == "roles" else email
    return f"{about}: {detail.message}."


@prumo.group(cls=_Group)
def mail() -> None:
    """Read kept mail; see what was given up, and try it again."""


@mail.command("list")
def mail_list() -> None:
    """List the kept mail, oldest first."""
    from gateway.mailbox import summaries

    for line in summaries(_settings().home) or ["No mail yet."]:
        say(line)


@mail.command("show")
@click.argument("number", type=click.IntRange(1))
def mail_show(number: int) -> None:
    """Show one mail by its NUMBER in the list."""
    from gateway.mailbox import show

    say(show(_settings().home, number))


@mail.command("failed")
def mail_failed() -> None:
    """List what the worker has given up, and why.

    Oldest first; `prumo mail retry` tries it again. Works on PRUMO_DATABASE_URL, or else on the embedded
    database of PRUMO_HOME.
    """
    settings = _settings()
    from contexts.shared.adapters.outbox import given_up
    from gateway.bootstrap import bootstrap
    from gateway.embedded.services import reached_migrated

    async def tell() -> None:
        async with (
            reached_migrated(settings, store=False) as complete,
            bootstrap(complete, store=False, listening=False) as parts,
        ):
            for each in await given_up(parts.database):
                say(
                    f"{each.at:%Y-%m-%d %H:%M} UTC  {each.id}  {each.topic}  attempts: {each.attempts}  {each.error}"
                )

    asyncio.run(tell())


@mail.command("retry")
def mail_retry() -> None:
    """Have the worker try again what it gave up.

    `prumo mail failed` lists it. A mail is given up when the server refused it for good, or when no
    attempt in most of a day succeeded; it is kept for 30 days then. Works on PRUMO_DATABASE_URL, or else
    on the embedded database of PRUMO_HOME.
    """
    settings = _settings()
    from contexts.shared.adapters.outbox import retry_given_up
    from gateway.bootstrap import bootstrap
    from gateway.embedded.services import reached_migrated

    async def retry() -> None:
        async with (
            reached_migrated(settings, store=False) as complete,
            bootstrap(complete, store=False, listening=False) as parts,
        ):
            count = await retry_given_up(parts.database)
            say(f"{count} to be tried again by the worker." if count else "Nothing was given up.")

    asyncio.run(retry())


def _settings(*, configured: bool = False, development: bool = False) -> "Settings":
    """What the environment says; `configured`: it must name a database. Raises CannotRun.

    Only in `development` the way to that database may be anything.
    """
    from pydantic import ValidationError

    from gateway.settings import Settings, misspelt

    if unknown := misspelt(os.environ):
        complain(f"{', '.join(unknown)}: no such setting, and so without effect; see `prumo settings`.")
    try:
        settings = Settings()
    except ValidationError as error:
        raise CannotRun(
            f"The configuration is wrong. {'; '.join(map(_complaint, error.errors()))}."
        ) from error
    if configured and settings.database_url is None:
        raise CannotRun(
            "PRUMO_DATABASE_URL is not set. `prumo dev` is the command that brings its own database."
        )
    if settings.database_url is not None and not development:
        from gateway.database_tls import require_verified

        require_verified(settings)
    return settings


def _complaint(error: "ErrorDetails") -> str:
    """Which variable is wrong and why. Where our own check says so the value is not shown: it may be secret."""
    name = str(error["loc"][0])
    variable = name if name.isupper() else f"PRUMO_{name.upper()}"
    if error["type"] == "value_error":
        return f"{variable}: {error['ctx']['error']}"
    return f"{variable}: {error['msg']}, not {error['input']!r}"


def main(arguments: Sequence[str] | None = None) -> None:
    """The `prumo` command: what cannot run says so in a sentence and exits with 1. `arguments`: else the process's."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows `?` instead of ending us
    try:
        prumo(arguments, prog_name="prumo")
    except CannotRun as reason:
        complain(str(reason))
        sys.exit(1)
    except Unavailable as fault:
        complain(f"A service that this needs is away. {fault}.")
        sys.exit(1)
