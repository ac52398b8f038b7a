"""The page that a browser gets at /graphql in development, and the policy that lets it have what it needs."""

import re
from base64 import b64encode
from hashlib import sha256

from strawberry.http.ides import get_graphql_ide_html

GRAPHIQL = get_graphql_ide_html("graphiql")


def _policy(page: str) -> str:
    """The scripts and sheets that the page names, its own script by hash, and requests to this server."""
    scripts = re.findall(r'<script\b[^>]*?\bsrc="([^"]+)"', page)
    own_scripts = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    sheets = re.findall(r'<link\b[^>]*?\bhref="(https:[^"]+)"', page)
    hashes = [f"'sha256-{b64encode(sha256(each.encode()).digest()).decode()}'" for each in own_scripts]
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join((*scripts, *hashes))}",
            f"style-src 'unsafe-inline' {' '.join(sheets)}",  # the editor writes sheets of its own
            "font-src data:",
            "img-src data:",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )


GRAPHIQL_POLICY = _policy(GRAPHIQL)
