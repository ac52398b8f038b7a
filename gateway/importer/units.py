"""The units of measure of a published sheet, and in which unit and steps the shop sells that."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Measure:
    """`unit` is the shop's, `step` the smallest quantity of it that is sold.

    `pack` goes behind the name when the sheet's unit is a pack that the unit alone would not tell.
    """

    unit: str
    step: Decimal
    pack: str | None = None


_ONE = Decimal(1)
_CENTIMETRE = Decimal("0.01")
_TENTH = Decimal("0.1")

# The price is always for one of `unit`, as published: nothing is converted, so no price is ever calculated.
MEASURES = {
    "UN": Measure("UN", _ONE),
    "UND": Measure("UN", _ONE),
    "UNID": Measure("UN", _ONE),
    "PC": Measure("UN", _ONE),
    "PAR": Measure("PAR", _ONE),
    "JG": Measure("JG", _ONE),
    "CJ": Measure("CJ", _ONE),
    "CENTO": Measure("CENTO", _ONE),
    "MIL": Measure("MIL", _TENTH),
    "CX": Measure("CX", _ONE),
    "SC": Measure("SC", _ONE),
    "BR": Measure("BR", _ONE),
    "M": Measure("M", _CENTIMETRE),
    "M2": Measure("M2", _CENTIMETRE),
    "M3": Measure("M3", _TENTH),
    "KG": Measure("KG", _TENTH),
    "T": Measure("T", _TENTH),
    "L": Measure("L", _TENTH),
    # Packs that the sheet writes as a unit.
    "SC25KG": Measure("SC", _ONE, "SACO DE 25 KG"),
    "100M": Measure("UN", _ONE, "ROLO DE 100 M"),
    "310ML": Measure("UN", _ONE, "TUBO DE 310 ML"),
    # Rent: one is a piece (a metre, a square metre) for a month, which no shorter unit would say.
    "UNXMES": Measure("UNXMES", _ONE),
    "MXMES": Measure("MXMES", _ONE),
    "M2XMES": Measure("M2XMES", _ONE),
    "KWH": Measure("KWH", _ONE),
}
LABOUR = {
    "H": Measure("H", Decimal("0.5")),
    "MES": Measure("MES", _ONE),
}
