"""Where mail goes."""

from contexts.shared.adapters.mail import SmtpMailer, SpoolMailer
from contexts.shared.mail import Mailer
from gateway.settings import Settings


def mailer_of(settings: Settings) -> Mailer:
    if settings.smtp_url is not None:
        return SmtpMailer.of_url(settings.smtp_url)
    return SpoolMailer(folder=settings.home / "mail")
