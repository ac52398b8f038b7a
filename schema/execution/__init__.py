"""Executing operations. Today by graphql-core's executor; a breadth-first one is to stand beside it."""
