"""People are invited, given roles, deactivated; portfolios go from rep to rep."""

from decimal import Decimal
from typing import Annotated, assert_never
from uuid import UUID

import strawberry

from contexts.identity import api as identity
from contexts.identity.api import ACCOUNT_MANAGE, PORTFOLIO_MANAGE, USER_MANAGE, AccountRole
from contexts.shared import rejections
from resolvers.identity.onboarding import account_of, not_an_id
from resolvers.identity.passwords import hashing
from resolvers.identity.people import Invitation, ManagedUser, User
from resolvers.identity.personnel_errors import error_of
from resolvers.vocabulary.context import Info
from resolvers.vocabulary.directives import PUBLIC, requires
from resolvers.vocabulary.fields import root_field
from resolvers.vocabulary.node import id_of
from resolvers.vocabulary.payload import Payload, done, refused


@strawberry.input(description="Whom to invite to a buyer account.")
class UserInviteInput:
    """Becomes `contexts.identity.api.InviteUserCommand`."""

    account_id: strawberry.ID | None = strawberry.field(
        default=None, description="The account; one's own when absent."
    )
    email: str = strawberry.field(description="Where the link goes, and what they will sign in with.")
    role: AccountRole = strawberry.field(description="What they will be there for.")
    approval_limit: Decimal | None = strawberry.field(
        default=None,
        description="In reais: the most a BUYER may order without asking, 0: nothing that costs; absent: no limit.",
    )


@strawberry.input(description="Whom to invite to the staff.")
class StaffUserInviteInput:
    """E-mail and roles."""

    email: str = strawberry.field(description="Where the link goes, and what they will sign in with.")
    roles: list[str] = strawberry.field(description="One or more staff roles by name; none beyond your own.")


@strawberry.input
class InvitationInput:
    """What both of the following take."""

    id: strawberry.ID = strawberry.field(description="The invitation.")


@strawberry.input(description="Which invitation to mail once more.")
class InvitationResendInput(InvitationInput):
    """By its id."""


@strawberry.input(description="Which invitation to take back.")
class InvitationRevokeInput(InvitationInput):
    """By its id."""


@strawberry.input(description="What who was invited tells about themselves.")
class InvitationAcceptInput:
    """The link's token, name and password."""

    token: str = strawberry.field(description="From the link that was mailed; it works once.")
    name: str = strawberry.field(description="Their name.")
    password: str = strawberry.field(
        description="At least 10 characters, and none of the common ones: `details` says TOO_SHORT or TOO_COMMON."
    )


@strawberry.input(description="Another role for a user of a buyer account.")
class UserRoleSetInput:
    """All of it: an absent limit is no limit."""

    id: strawberry.ID = strawberry.field(description="The user.")
    role: AccountRole = strawberry.field(description="What they are there for from now on.")
    approval_limit: Decimal | None = strawberry.field(
        default=None,
        description="In reais: the most a BUYER may order without asking, 0: nothing that costs; absent: no limit.",
    )


@strawberry.input(description="Other roles for one of the staff.")
class StaffUserRolesSetInput:
    """All of them."""

    id: strawberry.ID = strawberry.field(description="The user.")
    roles: list[str] = strawberry.field(description="One or more staff roles by name; none beyond your own.")


@strawberry.input
class UserInput:
    """What both of the following take."""

    id: strawberry.ID = strawberry.field(description="The user, of a buyer account or of the staff.")


@strawberry.input(description="Which user to stop from signing in.")
class UserDeactivateInput(UserInput):
    """By their id."""


@strawberry.input(description="Which user to let sign in again.")
class UserReactivateInput(UserInput):
    """By their id."""


@strawberry.input
class PortfolioInput:
    """What both of the following take."""

    rep_id: strawberry.ID = strawberry.field(description="The sales rep.")
    account_id: strawberry.ID = strawberry.field(description="The account.")


@strawberry.input(description="An account that a sales rep shall look after.")
class PortfolioAssignInput(PortfolioInput):
    """Both by id."""


@strawberry.input(description="An account that a sales rep shall no longer look after.")
class PortfolioUnassignInput(PortfolioInput):
    """Both by id."""


@strawberry.input(description="From whom to whom accounts go.")
class PortfolioTransferInput:
    """All or none."""

    from_rep_id: strawberry.ID = strawberry.field(description="The rep who has them, active or not.")
    to_rep_id: strawberry.ID = strawberry.field(description="The active rep who gets them.")
    account_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these; absent: the whole portfolio."
    )


@strawberry.type(description="What has changed in the portfolios.")
class PortfolioChange:
    """Resolved from `contexts.identity.api.PortfolioChanged`."""

    accounts: int = strawberry.field(
        description="How many accounts came, went or moved; 0: it was so before."
    )


@strawberry.type
class PersonnelQuery:
    """Merged into the root."""

    @root_field(
        type=list[ManagedUser] | None,
        description="The staff, active or not, oldest first.",
        guard=requires(USER_MANAGE, PORTFOLIO_MANAGE),
    )
    async def staff_users(
        self,
        info: Info,
        role: Annotated[str | None, strawberry.argument(description="Only those with this role.")] = None,
    ) -> list[identity.StaffMember]:
        staff = await info.context.contexts.identity.personnel.directory.staff()
        return [member for member in staff if role is None or role in member.roles]

    @root_field(
        type=list[Invitation] | None,
        description="The invitations to the staff that are neither accepted nor taken back, newest first.",
        guard=requires(USER_MANAGE),
    )
    async def staff_invitations(self, info: Info) -> list[identity.Invitation]:
        return await info.context.contexts.identity.personnel.invitations.open_of_staff()


@strawberry.type
class PersonnelMutation:
    """Merged into the root."""

    @root_field(
        type=Payload[Invitation] | None,
        description="Invite somebody by mail to a buyer account. The same again within its week sends nothing.",
        guard=requires(ACCOUNT_MANAGE),
    )
    async def user_invite(self, info: Info, input: UserInviteInput) -> Payload[identity.Invitation]:
        account_id = account_of(info, input.account_id)
        if not isinstance(account_id, UUID):
            return refused(info, error_of(account_id))
        outcome = await info.context.contexts.identity.personnel.invite_user(
            info.context.signed_in(),
            info.context.actor,
            identity.InviteUserCommand(account_id, input.email, input.role, input.approval_limit),
        )
        return _invited(info, outcome)

    @root_field(
        type=Payload[Invitation] | None,
        description="Invite somebody by mail to the staff.",
        guard=requires(USER_MANAGE),
    )
    async def staff_user_invite(
        self, info: Info, input: StaffUserInviteInput
    ) -> Payload[identity.Invitation]:
        outcome = await info.context.contexts.identity.personnel.invite_staff(
            info.context.signed_in(), info.context.actor, input.email, input.roles
        )
        return _invited(info, outcome)

    @root_field(
        type=Payload[Invitation] | None,
        description="Mail an invitation once more; it lives another week. Once in ten minutes at most.",
        guard=requires(ACCOUNT_MANAGE, USER_MANAGE),
    )
    async def invitation_resend(
        self, info: Info, input: InvitationResendInput
    ) -> Payload[identity.Invitation]:
        return await _again(info, info.context.contexts.identity.personnel.resend_invitation, input)

    @root_field(
        type=Payload[Invitation] | None,
        description="Take an invitation back: its links open nothing from now on.",
        guard=requires(ACCOUNT_MANAGE, USER_MANAGE),
    )
    async def invitation_revoke(
        self, info: Info, input: InvitationRevokeInput
    ) -> Payload[identity.Invitation]:
        return await _again(info, info.context.contexts.identity.personnel.revoke_invitation, input)

    @root_field(
        type=Payload[User] | None,
        description="Become a user by the link of an invitation; then sign in.",
        guard=PUBLIC,
        work=hashing,
    )
    async def invitation_accept(self, info: Info, input: InvitationAcceptInput) -> Payload[identity.User]:
        outcome = await info.context.contexts.identity.personnel.accept_invitation(
            info.context.actor, input.token, input.name, input.password
        )
        match outcome:
            case identity.InvitationAccepted(user):
                return done(info, user)
            case identity.InvitationInvalid() | identity.AddressTaken() | rejections.InvalidInput():
                return refused(info, error_of(outcome))
            case _:
                assert_never(outcome)

    @root_field(
        type=Payload[ManagedUser] | None,
        description="Give a user of a buyer account another role, a buyer another approval limit.",
        guard=requires(ACCOUNT_MANAGE),
    )
    async def user_role_set(self, info: Info, input: UserRoleSetInput) -> Payload[identity.AccountMember]:
        if (user_id := id_of("User", input.id)) is None:
            return refused(info, error_of(not_an_id("id", "a user")))
        outcome = await info.context.contexts.identity.personnel.change_role(
            info.context.signed_in(), info.context.actor, user_id, input.role, input.approval_limit
        )
        match outcome:
            case identity.MemberChanged(member, replayed):
                return done(info, member, replayed=replayed)
            case _:
                return refused(info, error_of(outcome))

    @root_field(
        type=Payload[ManagedUser] | None,
        description="Give one of the staff other roles.",
        guard=requires(USER_MANAGE),
    )
    async def staff_user_roles_set(
        self, info: Info, input: StaffUserRolesSetInput
    ) -> Payload[identity.StaffMember]:
        if (user_id := id_of("User", input.id)) is None:
            return refused(info, error_of(not_an_id("id", "a user")))
        outcome = await info.context.contexts.identity.personnel.change_staff_roles(
            info.context.signed_in(), info.context.actor, user_id, input.roles
        )
        match outcome:
            case identity.StaffChanged(member, replayed):
                return done(info, member, replayed=replayed)
            case _:
                return refused(info, error_of(outcome))

    @root_field(
        type=Payload[ManagedUser] | None,
        description="Stop a user from signing in, and sign them out everywhere.",
        guard=requires(ACCOUNT_MANAGE, USER_MANAGE),
    )
    async def user_deactivate(
        self, info: Info, input: UserDeactivateInput
    ) -> Payload[identity.AccountMember | identity.StaffMember]:
        return await _set_active(info, info.context.contexts.identity.personnel.deactivate, input)

    @root_field(
        type=Payload[ManagedUser] | None,
        description="Let a deactivated user sign in again.",
        guard=requires(ACCOUNT_MANAGE, USER_MANAGE),
    )
    async def user_reactivate(
        self, info: Info, input: UserReactivateInput
    ) -> Payload[identity.AccountMember | identity.StaffMember]:
        return await _set_active(info, info.context.contexts.identity.personnel.reactivate, input)

    @root_field(
        type=Payload[PortfolioChange] | None,
        description="Put an account into a sales rep's portfolio; it may be in several.",
        guard=requires(PORTFOLIO_MANAGE),
    )
    async def portfolio_assign(self, info: Info, input: PortfolioAssignInput) -> Payload[PortfolioChange]:
        return await _change(info, info.context.contexts.identity.personnel.assign_portfolio, input)

    @root_field(
        type=Payload[PortfolioChange] | None,
        description="Take an account out of a sales rep's portfolio.",
        guard=requires(PORTFOLIO_MANAGE),
    )
    async def portfolio_unassign(self, info: Info, input: PortfolioUnassignInput) -> Payload[PortfolioChange]:
        return await _change(info, info.context.contexts.identity.personnel.unassign_portfolio, input)

    @root_field(
        type=Payload[PortfolioChange] | None,
        description="Move accounts from one sales rep to another, all or none.",
        guard=requires(PORTFOLIO_MANAGE),
    )
    async def portfolio_transfer(self, info: Info, input: PortfolioTransferInput) -> Payload[PortfolioChange]:
        from_rep, to_rep = id_of("User", input.from_rep_id), id_of("User", input.to_rep_id)
        if from_rep is None:
            return refused(info, error_of(not_an_id("fromRepId", "a user")))
        if to_rep is None:
            return refused(info, error_of(not_an_id("toRepId", "a user")))
        account_ids: list[UUID] | None = None
        if input.account_ids is not None:
            decoded = [id_of("BuyerAccount", id) for id in input.account_ids]
            account_ids = [id for id in decoded if id is not None]
            if len(account_ids) < len(decoded):
                return refused(info, error_of(not_an_id("accountIds", "a buyer account")))
        outcome = await info.context.contexts.identity.personnel.transfer_portfolio(
            info.context.signed_in(), info.context.actor, from_rep, to_rep, account_ids
        )
        return _changed(info, outcome)


def _invited(
    info: Info,
    outcome: identity.Invited | rejections.InvalidInput | rejections.NotFound | rejections.Forbidden,
) -> Payload[identity.Invitation]:
    match outcome:
        case identity.Invited(invitation, replayed):
            return done(info, invitation, replayed=replayed)
        case _:
            return refused(info, error_of(outcome))


async def _again(
    info: Info,
    use_case: identity.ResendInvitation | identity.RevokeInvitation,
    input: InvitationInput,
) -> Payload[identity.Invitation]:
    if (invitation_id := id_of("Invitation", input.id)) is None:
        return refused(info, error_of(not_an_id("id", "an invitation")))
    outcome = await use_case(info.context.signed_in(), info.context.actor, invitation_id)
    match outcome:
        case identity.Invited(invitation, replayed):
            return done(info, invitation, replayed=replayed)
        case _:
            return refused(info, error_of(outcome))


async def _set_active(
    info: Info, use_case: identity.SetActive, input: UserInput
) -> Payload[identity.AccountMember | identity.StaffMember]:
    if (user_id := id_of("User", input.id)) is None:
        return refused(info, error_of(not_an_id("id", "a user")))
    outcome = await use_case(info.context.signed_in(), info.context.actor, user_id)
    match outcome:
        case identity.MemberChanged(member, replayed):
            return done(info, member, replayed=replayed)
        case identity.StaffChanged(member, replayed):
            return done(info, member, replayed=replayed)
        case _:
            return refused(info, error_of(outcome))


async def _change(
    info: Info, use_case: identity.ChangePortfolio, input: PortfolioInput
) -> Payload[PortfolioChange]:
    rep_id, account_id = id_of("User", input.rep_id), id_of("BuyerAccount", input.account_id)
    if rep_id is None:
        return refused(info, error_of(not_an_id("repId", "a user")))
    if account_id is None:
        return refused(info, error_of(not_an_id("accountId", "a buyer account")))
    outcome = await use_case(info.context.signed_in(), info.context.actor, rep_id, account_id)
    return _changed(info, outcome)


def _changed(
    info: Info, outcome: identity.PortfolioChanged | rejections.InvalidInput | rejections.NotFound
) -> Payload[PortfolioChange]:
    match outcome:
        case identity.PortfolioChanged(account_ids):
            changed = PortfolioChange(accounts=len(account_ids))
            return done(info, changed, replayed=outcome.replayed)
        case _:
            return refused(info, error_of(outcome))


async def find_invitation(info: Info, id: UUID) -> identity.Invitation | None:
    """`node` for invitations: for those who may send them."""
    principal = info.context.principal
    if principal is None:
        return None
    found = (await info.context.contexts.identity.personnel.invitations.by_ids([id])).get(id)
    if found is None:
        return None
    if found.account_id is None:
        return found if principal.account_id is None and USER_MANAGE in principal.scopes else None
    seen = ACCOUNT_MANAGE in principal.scopes and await info.context.account(found.account_id)
    return found if seen else None
