"""Identity in GraphQL."""

from resolvers.identity.mutations import InvalidCredentialsError, Mutation, TokenInvalidError
from resolvers.identity.queries import Query, find_account, find_user
from resolvers.vocabulary.contribution import Contribution

contribution = Contribution(
    query=Query,
    mutation=Mutation,
    types=[InvalidCredentialsError, TokenInvalidError],
    nodes={"User": find_user, "BuyerAccount": find_account},
)
