"""The client of an HTTP request: what it calls itself, and the cookie that keeps a refresh token.

The cookie is HttpOnly and SameSite=Strict, and only a mutation reads it: a POST of JSON, which another site cannot
send without a CORS preflight, and that is granted to the origins that the settings name. So no other token against
forged requests is needed. Over https it is Secure and its name begins with `__Host-`: no other host and no plain
http can set it.
"""

from starlette.types import Scope

MAX_AGE_SECONDS = 7 * 24 * 3600
"""As long as a refresh token lives."""


class HttpClient:
    """Made for every request, so it looks at the headers only when it is asked."""

    __slots__ = ("_scope", "_secure", "set_cookie")

    def __init__(self, scope: Scope, secure: bool) -> None:
        self._scope = scope
        self._secure = secure
        self.set_cookie: str | None = None
        """The header to answer with."""

    @property
    def user_agent(self) -> str | None:
        return self._header(b"user-agent")

    @property
    def refresh_token(self) -> str | None:
        # A parser of whole headers would stop at the first pair of somebody else's that it dislikes.
        for pair in (self._header(b"cookie") or "").split(";"):
            name, _, value = pair.strip().partition("=")
            if name == self._name:
                return value
        return None

    @property
    def keeps_cookies(self) -> bool:
        return True

    def keep_refresh_token(self, token: str) -> None:
        self._set(token, MAX_AGE_SECONDS)

    def forget_refresh_token(self) -> None:
        if self.refresh_token is not None:
            self._set("", 0)

    @property
    def _name(self) -> str:
        return "__Host-prumo-refresh" if self._secure else "prumo-refresh"

    def _set(self, value: str, seconds: int) -> None:
        # `__Host-` asks for Path=/; a shorter path would hide nothing from scripts that HttpOnly does not.
        cookie = f"{self._name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict"
        self.set_cookie = cookie + "; Secure" if self._secure else cookie

    def _header(self, name: bytes) -> str | None:
        for each, value in self._scope["headers"]:
            if each == name:
                return bytes(value).decode("latin-1")
        return None


class SocketClient(HttpClient):
    """The client of a WebSocket: its handshake's answer is over, so it is given no cookies."""

    __slots__ = ()

    @property
    def refresh_token(self) -> str | None:
        """Not read: a page of another site may open a WebSocket here, cookies included."""
        return None

    @property
    def keeps_cookies(self) -> bool:
        return False

    def keep_refresh_token(self, token: str) -> None:
        """Nowhere."""
