"""The client at the other end, as far as HTTP shows it: what it calls itself, and its cookie."""

from typing import Protocol


class Client(Protocol):
    """Who has sent the request. What it says of itself proves nothing."""

    @property
    def user_agent(self) -> str | None: ...

    @property
    def refresh_token(self) -> str | None:
        """The refresh token in the browser's cookie."""
        ...

    @property
    def keeps_cookies(self) -> bool:
        """Whether this transport sets cookies."""
        ...

    def keep_refresh_token(self, token: str) -> None:
        """Have the browser keep it where no script reads it, if it keeps cookies."""
        ...

    def forget_refresh_token(self) -> None:
        """Have the browser drop its cookie, if it has sent one."""
        ...


class UnknownClient:
    """Nothing is known of it, and it keeps no cookies."""

    user_agent = None
    refresh_token = None

    keeps_cookies = False

    def keep_refresh_token(self, token: str) -> None:
        """Nowhere."""

    def forget_refresh_token(self) -> None:
        """There is none."""


UNKNOWN_CLIENT = UnknownClient()
