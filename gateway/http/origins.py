"""Which web pages may call: those of this server, and of the origins that PRUMO_CORS_ORIGINS names."""

from dataclasses import dataclass

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

ANY = "*"
_PREFLIGHT_SECONDS = 7200
"""How long a browser may remember a preflight; Chromium keeps none for longer."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Origins as browsers send them: scheme://host, with a port that is not the scheme's own."""

    allowed: frozenset[str] = frozenset()

    def admit_socket(self, origin: str | None, host: str | None) -> bool:
        """Whether a handshake with these headers may go on; programs send no Origin.

        Browsers ask nobody before they open a WebSocket to another site. The scheme is not compared: behind a
        proxy that ends TLS this server does not know its own.
        """
        if origin is None or ANY in self.allowed or origin in self.allowed:
            return True
        return origin.partition("://")[2] == host


def with_cors(app: ASGIApp, origins: tuple[str, ...]) -> ASGIApp:
    """The application as pages of these origins may call it; the application itself when there are none."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST"),
        allow_headers=("*",),
        allow_credentials=ANY not in origins,
        expose_headers=("X-Request-Id", "Retry-After"),
        max_age=_PREFLIGHT_SECONDS,
    )
