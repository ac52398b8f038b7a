"""What identity writes to people: where their account stands, that they are invited.

A secret link is made when its mail is sent, not before: neither the outbox nor the database ever holds one. The token
travels in the fragment, which browsers send to no server and name in no Referer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contexts.identity.domain.account import Account, AccountStatus
from contexts.identity.domain.invitation import Invitation, InvitationStatus, invitation_link
from contexts.identity.domain.onboarding import AccountStep
from contexts.identity.domain.session import digest, new_secret
from contexts.identity.domain.user import Member
from contexts.identity.ports import AccountFiles, Accounts, Invitations, Users
from contexts.shared.clock import BRASILIA, Clock
from contexts.shared.mail import Mail, Mailer
from contexts.shared.transaction import Event, Transactions


@dataclass(frozen=True, slots=True)
class _News:
    subject: str
    opening: str
    next_step: str


_NEWS: Mapping[tuple[AccountStep, AccountStatus], _News] = {
    (AccountStep.REGISTERED, AccountStatus.PENDING): _News(
        "Recebemos o cadastro de {firm}",
        "recebemos o cadastro da empresa {firm}.",
        "Próximo passo: confirme o seu e-mail pelo link da outra mensagem; sem isso, o cadastro não vale e é "
        "apagado depois de 7 dias. Nossa equipe de vendas confere os dados e responde por e-mail. Enquanto isso, "
        "você pode entrar e conhecer o catálogo em {portal}; os preços aparecem depois da aprovação.",
    ),
    (AccountStep.INFORMATION_REQUESTED, AccountStatus.PENDING): _News(
        "Falta uma informação para aprovar {firm}",
        "para aprovar o cadastro da empresa {firm}, precisamos de mais uma informação:",
        "Próximo passo: responda em {portal}/conta.",
    ),
    (AccountStep.APPROVED, AccountStatus.APPROVED): _News(
        "Cadastro de {firm} aprovado",
        "o cadastro da empresa {firm} foi aprovado.",
        "Próximo passo: entre em {portal}, veja os seus preços e faça o primeiro pedido.",
    ),
    (AccountStep.REJECTED, AccountStatus.REJECTED): _News(
        "Cadastro de {firm} não aprovado",
        "o cadastro da empresa {firm} não foi aprovado.",
        "Se houver um engano, fale com a nossa equipe de vendas.",
    ),
    (AccountStep.SUSPENDED, AccountStatus.SUSPENDED): _News(
        "Conta de {firm} suspensa",
        "a conta da empresa {firm} foi suspensa: por enquanto ela não vê preços nem faz pedidos.",
        "Próximo passo: fale com a nossa equipe de vendas.",
    ),
    (AccountStep.REACTIVATED, AccountStatus.APPROVED): _News(
        "Conta de {firm} reativada",
        "a conta da empresa {firm} foi reativada.",
        "Próximo passo: entre em {portal}; preços e pedidos estão de volta.",
    ),
    (AccountStep.TIER_SET, AccountStatus.APPROVED): _News(
        "Novas condições de preço para {firm}",
        "as condições de preço da empresa {firm} mudaram.",
        "Próximo passo: entre em {portal} e veja os seus preços.",
    ),
    (AccountStep.REACTIVATED, AccountStatus.PENDING): _News(
        "Cadastro de {firm} em nova análise",
        "o cadastro da empresa {firm} voltou para análise.",
        "Próximo passo: nossa equipe de vendas responde por e-mail.",
    ),
    **{
        (AccountStep.CNPJ_RECEIVED, status): _News(
            "O CNPJ agora é do cadastro de {firm}",
            "o CNPJ da empresa {firm} agora é deste cadastro.",
            "Próximo passo: nossa equipe de vendas responde por e-mail.",
        )
        for status in (AccountStatus.PENDING, AccountStatus.SUSPENDED)
    },
    **{
        (step, status): _News(
            "O CNPJ não é mais do cadastro de {firm}",
            "o CNPJ da empresa {firm} não é mais deste cadastro.",
            "Se houver um engano, fale com a nossa equipe de vendas.",
        )
        for step in (AccountStep.CNPJ_RELEASED, AccountStep.CNPJ_HANDED_OVER)
        for status in (AccountStatus.PENDING, AccountStatus.SUSPENDED)
    },
}


@dataclass(frozen=True, slots=True)
class MailAccountChange:
    """Writes to one administrator of the account about one step. The event's id makes the Message-ID: a repeated
    delivery is the same message again."""

    files: AccountFiles
    accounts: Accounts
    users: Users
    mailer: Mailer
    portal: str

    async def __call__(self, event_id: UUID, event: Event) -> None:
        """Raises when the mail was not accepted. A user who is gone gets no mail, and that is fine."""
        change_id, user_id = UUID(str(event.payload["change_id"])), UUID(str(event.payload["user_id"]))
        change = (await self.files.changes([change_id]))[change_id]
        account = (await self.accounts.by_ids([change.account_id]))[change.account_id]
        member = await self.users.member(user_id)
        if member is None:
            return
        news = _NEWS[change.step, change.status]
        facts = {"firm": _firm(account), "portal": self.portal}
        said = [] if change.reason is None else [change.reason]
        text = _letter(_name(member), news.opening.format(**facts), *said, news.next_step.format(**facts))
        subject = news.subject.format(**facts)
        await self.mailer.send(Mail(member.user.email, subject, text, reference=str(event_id)))


@dataclass(frozen=True, slots=True)
class MailInvitation:
    """Writes to who is invited, with a link of this mail's own. One who has a user already is told so instead."""

    invitations: Invitations
    users: Users
    accounts: Accounts
    transactions: Transactions
    mailer: Mailer
    clock: Clock
    portal: str

    async def __call__(self, event_id: UUID, event: Event) -> None:
        """Raises when the mail was not accepted. An invitation that is closed by now is not mailed."""
        invitation_id = UUID(str(event.payload["invitation_id"]))
        invitation = (await self.invitations.by_ids([invitation_id])).get(invitation_id)
        if invitation is None or invitation.status(self.clock.now()) is not InvitationStatus.OPEN:
            return
        inviter = "A equipe da Prumo"
        if invitation.account_id is not None:
            accounts = await self.accounts.by_ids([invitation.account_id])
            inviter = f"A empresa {_firm(accounts[invitation.account_id])}"
        if await self.users.credentials(invitation.email) is not None:
            text = _letter(
                None,
                f"{inviter} convidou você para a Prumo, mas este endereço de e-mail já tem um usuário.",
                "Um endereço é de um usuário só. Próximo passo: entre com ele em "
                f"{self.portal}, ou peça um convite para outro endereço.",
            )
        else:
            secret = new_secret()
            kept = digest(secret)
            assert kept is not None
            # Kept before it is sent: whatever arrives, works. A mail that goes twice has two links, both good.
            async with self.transactions.begin() as transaction:
                await self.invitations.give(transaction, invitation.id, kept)
                await transaction.commit()
            text = _letter(
                None,
                f"{inviter} convidou você para a Prumo.",
                "Próximo passo: escolha o seu nome e a sua senha em",
                invitation_link(self.portal, secret),
                f"O convite vale uma vez, até {_until(invitation)}. Se você não o esperava, ignore esta mensagem.",
            )
        await self.mailer.send(Mail(invitation.email, "Convite para a Prumo", text, reference=str(event_id)))


@dataclass(frozen=True, slots=True)
class MailRegisteredAgain:
    """Writes to a user with whose address somebody registered a company: themselves, most likely."""

    users: Users
    mailer: Mailer
    portal: str

    async def __call__(self, event_id: UUID, event: Event) -> None:
        owner = await self.users.credentials(str(event.payload["email"]))
        if owner is None:
            return
        text = _letter(
            _name(owner.member),
            "alguém cadastrou uma empresa com este endereço de e-mail, que já tem um usuário na Prumo. "
            "O cadastro não foi feito, e nada mudou no seu usuário.",
            f"Se foi você: entre em {self.portal}, ou cadastre a empresa com outro endereço. Se não sabe a senha, "
            f"escolha uma nova em {self.portal}/redefinir-senha. Se não foi você, ignore esta mensagem.",
        )
        subject = "Seu e-mail já tem um usuário na Prumo"
        await self.mailer.send(Mail(owner.member.user.email, subject, text, reference=str(event_id)))


def _firm(account: Account) -> str:
    """Its name once the sales team has approved it. Before, anybody can write anything there and have it mailed to
    strangers, in our name; a CNPJ says nothing."""
    vetted = account.status in (AccountStatus.APPROVED, AccountStatus.SUSPENDED)
    return account.legal_name if vetted else f"CNPJ {account.cnpj}"


def _name(member: Member) -> str | None:
    """None until the address is proved: before, whoever typed it may have typed any name beside it."""
    return member.user.name if member.email_verified else None


def _letter(name: str | None, *paragraphs: str) -> str:
    greeting = "Olá," if name is None else f"Olá, {name},"
    return "\n\n".join([greeting, *paragraphs, "Prumo"]) + "\n"


def _until(invitation: Invitation) -> str:
    until: datetime = invitation.expires_at.astimezone(BRASILIA)
    return f"{until:%d/%m/%Y às %H:%M}"
