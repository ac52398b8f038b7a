"""The page that a browser gets at /graphql in development."""

from strawberry.http.ides import get_graphql_ide_html

GRAPHIQL = get_graphql_ide_html("graphiql")
