"""The proof that the breadth-first executor answers as graphql-core's does."""
