"""The 27 federative units of Brazil, by their official two-letter codes."""

from contexts.shared.codes import DetailCode
from contexts.shared.rejections import Wrong

UNKNOWN_STATE = Wrong(DetailCode.UNKNOWN_STATE, "must be one of the 27 states, by its two letters")
STATES = frozenset(
    [
        "AC",
        "AL",
        "AM",
        "AP",
        "BA",
        "CE",
        "DF",
        "ES",
        "GO",
        "MA",
        "MG",
        "MS",
        "MT",
        "PA",
        "PB",
        "PE",
        "PI",
        "PR",
        "RJ",
        "RN",
        "RO",
        "RR",
        "RS",
        "SC",
        "SE",
        "SP",
        "TO",
    ]
)
