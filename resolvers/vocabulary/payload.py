"""The envelope of every mutation: `{ data, meta, error }`."""

from typing import Any, Generic, TypeVar

import strawberry

from resolvers.vocabulary.context import Info
from resolvers.vocabulary.errors import DomainError

Data = TypeVar("Data")


@strawberry.type(description="About the answer itself.")
class Meta:
    """What a client logs and a person quotes."""

    request_id: str = strawberry.field(description="Quote this when asking for help.")
    replayed: bool = strawberry.field(
        description=(
            "True when this was done before: the idempotency key was seen already, or, where there is none, all was as"
            " asked for. Nothing was done again, and `data` is as it stands now."
        )
    )


@strawberry.type(
    description="The answer of a mutation: `data` when it was done, `error` when it was refused."
)
class Payload(Generic[Data]):
    """Exactly one of `data` and `error` carries the outcome."""

    data: Data | None = strawberry.field(description="The result; null when refused.")
    meta: Meta = strawberry.field(description="About the answer itself.")
    error: DomainError | None = strawberry.field(description="Why it was refused; null when done.")


def done(info: Info, data: Data, *, replayed: bool = False) -> Payload[Data]:
    """It was done."""
    return Payload(data=data, meta=Meta(request_id=info.context.request_id, replayed=replayed), error=None)


def refused(info: Info, error: DomainError) -> Payload[Any]:  # Any: a refusal carries no data of any type
    """It was refused, and nothing was changed."""
    return Payload(data=None, meta=Meta(request_id=info.context.request_id, replayed=False), error=error)
