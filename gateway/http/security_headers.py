"""The headers that tell browsers what not to do with an answer, on every answer."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_POLICY = b"content-security-policy"
_DEFAULT_POLICY = (_POLICY, b"default-src 'none'; frame-ancestors 'none'")
_ALWAYS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)


class SecurityHeaders:
    """Wraps an application. An answer that says its own Content-Security-Policy, a page, keeps it.

    `hsts_seconds`: how long browsers insist on HTTPS (RFC 6797); 0: not said.
    """

    def __init__(self, app: ASGIApp, hsts_seconds: int) -> None:
        self._app = app
        hsts = (b"strict-transport-security", f"max-age={hsts_seconds}".encode())
        self._always = (*_ALWAYS, hsts) if hsts_seconds else _ALWAYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), *self._always]
                if not any(name == _POLICY for name, _ in headers):
                    headers.append(_DEFAULT_POLICY)
                message["headers"] = headers
            await send(message)

        await self._app(scope, receive, send_with_headers)
