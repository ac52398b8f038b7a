"""What is said when a service that we lean on is away: neither the caller's fault nor a bug of ours."""


class Unavailable(Exception):
    """A service is gone, full, or refuses to write. The same request may succeed a moment later.

    Adapters raise it where they know their technology's errors. A write may have taken effect all the same, when its
    acknowledgement was lost: who repeats it uses the same idempotency key.
    """

    def __init__(self, service: str, cause: BaseException) -> None:
        """`service`: in two words at most, for logs and metrics."""
        super().__init__(f"{service}: {type(cause).__name__}: {cause}")
        self.service = service
        self.reason = type(cause).__name__
        """One word that is the same for all that the same cause did."""
