"""The catalog in GraphQL."""

from resolvers.catalog.queries import Query, find_category, find_product
from resolvers.vocabulary.contribution import Contribution

contribution = Contribution(query=Query, nodes={"Product": find_product, "Category": find_category})
