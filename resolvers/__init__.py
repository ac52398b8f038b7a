"""GraphQL types and their resolvers, one package per context; `vocabulary` is what they share."""
