"""Identity in GraphQL."""

from resolvers.identity import errors, personnel_errors
from resolvers.identity.mutations import Mutation
from resolvers.identity.personnel import find_invitation
from resolvers.identity.queries import Query, find_account, find_user
from resolvers.vocabulary.contribution import Contribution

contribution = Contribution(
    query=Query,
    mutation=Mutation,
    types=[*errors.TYPES, *personnel_errors.TYPES],
    nodes={"User": find_user, "BuyerAccount": find_account, "Invitation": find_invitation},
)
