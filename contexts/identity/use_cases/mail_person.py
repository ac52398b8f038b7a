"""Write to a person about their way in: a link to set a password, to prove an address, a word of warning."""

from dataclasses import dataclass
from uuid import UUID

from contexts.identity.domain.mailed_token import Purpose, mailed_token
from contexts.identity.domain.session import new_secret
from contexts.identity.domain.user import Member, User
from contexts.identity.ports import MailedTokens, Users
from contexts.identity.use_cases.change_password import PASSWORD_CHANGED
from contexts.identity.use_cases.reset_password import RESET_ASKED
from contexts.identity.use_cases.verify_email import VERIFICATION_ASKED
from contexts.shared.clock import Clock
from contexts.shared.mail import Mail, Mailer
from contexts.shared.transaction import Event, Transactions

PERSON_TOPICS = (RESET_ASKED, VERIFICATION_ASKED, PASSWORD_CHANGED)
"""The topics of the events that `MailPerson` handles."""


@dataclass(frozen=True, slots=True)
class MailPerson:
    """Makes the token when the mail is written, so that none ever lies in the outbox.

    The token is in the fragment of the link: browsers send a fragment to no server, so it stands in no log
    and in no Referer. A mail that has to be sent again has another token; both are good, once.
    """

    users: Users
    tokens: MailedTokens
    transactions: Transactions
    mailer: Mailer
    clock: Clock
    portal_url: str

    async def __call__(self, event_id: UUID, event: Event) -> None:
        """Raises when the mail was not accepted. For somebody who is gone or inactive there is none."""
        member = await self._addressee(event)
        if member is None:
            return
        user = member.user
        if event.topic == RESET_ASKED:
            link = await self._link(Purpose.PASSWORD_RESET, user, "redefinir-senha")
            subject = "Redefina sua senha"
            paragraphs = [
                "recebemos um pedido para redefinir a sua senha. Para escolher uma nova, abra este link:",
                link,
                "O link vale por uma hora e só pode ser usado uma vez. Se não foi você quem pediu, ignore esta "
                "mensagem: sua senha continua a mesma.",
            ]
        elif event.topic == VERIFICATION_ASKED:
            link = await self._link(Purpose.EMAIL_VERIFICATION, user, "confirmar-email")
            subject = "Confirme seu e-mail"
            paragraphs = [
                "para confirmar que este endereço é seu, abra este link:",
                link,
                "O link vale por dois dias e só pode ser usado uma vez.",
            ]
        else:
            subject = "Sua senha foi alterada"
            paragraphs = [
                "a sua senha foi alterada, e as outras sessões foram encerradas.",
                "Se não foi você, redefina a senha agora mesmo em "
                f"{self.portal_url}/redefinir-senha e avise o seu vendedor.",
            ]
        # Until the address is proved, address and name may have been typed by anybody.
        greeting = f"Olá, {user.name}," if member.email_verified else "Olá,"
        text = "\n\n".join([greeting, *paragraphs, "Prumo\n"])
        await self.mailer.send(Mail(user.email, subject, text, reference=str(event_id)))

    async def _addressee(self, event: Event) -> Member | None:
        if event.topic == RESET_ASKED:
            found = await self.users.credentials(str(event.payload["email"]))
            member = found.member if found else None
        else:
            member = await self.users.member(UUID(str(event.payload["user_id"])))
        return member if member is not None and member.active else None

    async def _link(self, purpose: Purpose, user: User, page: str) -> str:
        secret = new_secret()
        token = mailed_token(purpose, secret, user.id, user.email, self.clock.now())
        async with self.transactions.begin() as transaction:
            await self.tokens.add(transaction, token)
            await transaction.commit()
        return f"{self.portal_url}/{page}#token={secret}"
