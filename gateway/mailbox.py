"""The mail kept in PRUMO_HOME/mail, one .eml file each, as a person reads it."""

from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from gateway.progress import CannotRun


def summaries(home: Path) -> list[str]:
    """One line per mail, numbered from 1, oldest first."""
    return [
        f"{number:>4}  {message['date'] or '':31}  {message['to'] or '':32}  {message['subject'] or ''}"
        for number, message in enumerate(map(_read, _files(home)), start=1)
    ]


def show(home: Path, number: int) -> str:
    """The mail of that number, decoded. Raises CannotRun when there is none."""
    files = _files(home)
    if number > len(files):
        raise CannotRun(f"There is no mail {number}: {home / 'mail'} holds {len(files)}.")
    message = _read(files[number - 1])
    headers = "\n".join(
        f"{name}: {message[name]}"
        for name in ("From", "To", "Subject", "Date", "Message-ID")
        if message[name]
    )
    body = message.get_body(("plain", "html"))
    return f"{headers}\n\n{body.get_content() if body is not None else ''}"


def _files(home: Path) -> list[Path]:
    return sorted((home / "mail").glob("*.eml"), key=lambda file: (file.stat().st_mtime_ns, file.name))


def _read(file: Path) -> EmailMessage:
    return BytesParser(policy=policy.default).parsebytes(file.read_bytes())
