"""The codes with which we close a WebSocket: RFC 6455's, and those of graphql-transport-ws.

1002 and 1009 are also said by the library that reads the frames, and 1012 by uvicorn when it stops.
"""

from enum import IntEnum

from resolvers.vocabulary.extension_codes import ExtensionCode


class SocketClose(IntEnum):
    """A code, when a socket is closed with it, and the code whose message people are shown for it."""

    _value_: int
    meaning: str
    shown: ExtensionCode

    def __new__(cls, value: int, meaning: str, shown: ExtensionCode) -> "SocketClose":
        close = int.__new__(cls, value)
        close._value_, close.meaning, close.shown = value, meaning, shown
        return close

    PROTOCOL_ERROR = 1002, "A frame is not one of RFC 6455.", ExtensionCode.BAD_REQUEST
    NOT_UTF8 = 1007, "A text is not UTF-8.", ExtensionCode.BAD_REQUEST
    TOO_FAST = 1008, "More messages wait, or more pings came, than may.", ExtensionCode.THROTTLED
    TOO_LARGE = 1009, "A message is too large, or in too many pieces.", ExtensionCode.PAYLOAD_TOO_LARGE
    RESTART = 1012, "The server stops: connect again.", ExtensionCode.OVERLOADED
    LATER = (
        1013,
        "Too many sockets are open, or a service is away: try again later.",
        ExtensionCode.OVERLOADED,
    )
    BAD_MESSAGE = 4400, "A message is not one of the protocol.", ExtensionCode.BAD_REQUEST
    NOT_INITIALISED = 4401, "The first message is no `connection_init`.", ExtensionCode.BAD_REQUEST
    ACCESS_OVER = (
        4403,
        "The access token is not good, or no longer, or its session is over: connect with a fresh one.",
        ExtensionCode.UNAUTHENTICATED,
    )
    WRONG_SUBPROTOCOL = 4406, "The client does not offer graphql-transport-ws.", ExtensionCode.NOT_ACCEPTABLE
    INIT_TIMEOUT = 4408, "`connection_init` did not come in time.", ExtensionCode.REQUEST_TIMEOUT
    ID_TAKEN = 4409, "An operation with this id is under way.", ExtensionCode.BAD_REQUEST
    INITIALISED_TWICE = 4429, "A second `connection_init` came.", ExtensionCode.BAD_REQUEST
