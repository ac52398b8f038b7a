"""HTTP/1.1 as uvicorn speaks it, with a stop that loses no request."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LAST_REQUEST_SECONDS = 0.5
"""For which a connection stays open when the server stops: longer than a request is on its way."""

_CLOSE = (b"connection", b"close")


class HttpProtocol(HttpToolsProtocol):
    """One connection. uvicorn makes it and calls what is below."""

    def shutdown(self) -> None:
        """The server stops: whatever is answered from now on is the connection's last answer, and says so.

        uvicorn would close a connection at once on which no request is being answered, and reset it with the
        request that its client had just sent.
        """
        state = self.server_state
        if _CLOSE not in state.default_headers:
            state.default_headers = [*state.default_headers, _CLOSE]
        # None before the first request, which uvicorn's types do not say.
        if self.cycle is not None and not self.cycle.response_complete:  # type: ignore[redundant-expr]  # see above
            super().shutdown()
            return
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            LAST_REQUEST_SECONDS, self.timeout_keep_alive_handler
        )
