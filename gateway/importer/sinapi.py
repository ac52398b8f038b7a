"""What a SINAPI sheet of input prices says (CAIXA and IBGE publish one per state and month).

Above the table stand lines with the month and the place, below it a line that counts the rows. Codes are
stored as floats, texts are padded with blanks, units are words of the trade. Parsing touches nothing but
the rows it is given.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from contexts.shared.money import UNIT_PRICE_DECIMALS
from contexts.shared.quantity import decimals
from gateway.importer.shelves import LABOUR as LABOUR_SHELF
from gateway.importer.shelves import Shelf, shelf_of
from gateway.importer.units import LABOUR, MEASURES, Measure
from gateway.importer.words import folded, tidy

SKU_PREFIX = "SINAPI-"
CODE_DIGITS = 8
MAX_PRICE = Decimal(10**9)

# The first words of the columns that are needed, whatever else their titles say.
COLUMNS = ("CODIGO", "DESCRICAO", "UNIDADE", "PRECO")
# Prices are collected in the capitals, and the sheet names the capital, not the state.
CAPITALS = {
    "ARACAJU": "SE",
    "BELEM": "PA",
    "BELO HORIZONTE": "MG",
    "BOA VISTA": "RR",
    "BRASILIA": "DF",
    "CAMPO GRANDE": "MS",
    "CUIABA": "MT",
    "CURITIBA": "PR",
    "FLORIANOPOLIS": "SC",
    "FORTALEZA": "CE",
    "GOIANIA": "GO",
    "JOAO PESSOA": "PB",
    "MACAPA": "AP",
    "MACEIO": "AL",
    "MANAUS": "AM",
    "NATAL": "RN",
    "PALMAS": "TO",
    "PORTO ALEGRE": "RS",
    "PORTO VELHO": "RO",
    "RECIFE": "PE",
    "RIO BRANCO": "AC",
    "RIO DE JANEIRO": "RJ",
    "SALVADOR": "BA",
    "SAO LUIS": "MA",
    "SAO PAULO": "SP",
    "TERESINA": "PI",
    "VITORIA": "ES",
}

_MONTH = re.compile(r"MES DE (?:COLETA|REFERENCIA)\s*:\s*(\d{1,2})/(\d{4})")
_PLACE = re.compile(r"LOCALIDADE\s*:\s*(?:\d+\s*-\s*)?(.+)")
_TOTAL = re.compile(r"TOTAL DE INSUMOS\s*:\s*([\d.]+)")
_CODE = re.compile(rf"[0-9]{{1,{CODE_DIGITS}}}")
_BRAZILIAN = re.compile(r"\d{1,3}(?:\.\d{3})*(?:,\d+)?|\d+(?:,\d+)?")


@dataclass(frozen=True, slots=True)
class Good:
    """A row that can be sold. `row` counts from 1 as a spreadsheet shows it; `price` is for one `unit`."""

    row: int
    sku: str
    name: str
    unit: str
    quantity_step: Decimal
    shelf: Shelf
    price: Decimal


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not understood, with the reason for a person to act on."""

    row: int
    reason: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A whole sheet. `rows` counts those of the table, `labour` those of them left out as labour.

    `state` and `month` are None when the title lines do not tell; `announced` is the sheet's own row count.
    """

    rows: int
    goods: tuple[Good, ...]
    labour: int
    rejects: tuple[Reject, ...]
    state: str | None
    month: date | None
    announced: int | None


@dataclass(frozen=True, slots=True)
class NoTable:
    """No row has the titles of the columns that are needed."""


def parse(rows: Sequence[Sequence[object]], *, labour: bool, shelf: Shelf | None = None) -> Sheet | NoTable:
    """Read a worksheet's rows. `labour` keeps the rows of hours and months; `shelf` takes all the goods."""
    header = next((number for number, row in enumerate(rows) if _columns(row)), None)
    if header is None:
        return NoTable()
    columns = _columns(rows[header])
    above = list(_texts(rows[:header]))
    reading = _Reading(labour, shelf)
    announced = None
    for number, row in enumerate(rows[header + 1 :], start=header + 2):
        texts = list(_texts([row]))
        if texts and (total := _TOTAL.search(texts[0])):
            announced = int(total[1].replace(".", ""))
        elif texts or any(isinstance(cell, int | float) for cell in row):
            reading.take(number, [row[column] if column < len(row) else "" for column in columns])
    return Sheet(
        rows=reading.rows,
        goods=tuple(reading.goods),
        labour=reading.labour_rows,
        rejects=tuple(reading.rejects),
        state=_state(above),
        month=_month(above),
        announced=announced,
    )


class _Reading:
    """The rows of the table as far as they have been read."""

    def __init__(self, labour: bool, shelf: Shelf | None) -> None:
        self._labour = labour
        self._shelf = shelf
        self._row_of: dict[str, int] = {}
        self.rows = 0
        self.labour_rows = 0
        self.goods: list[Good] = []
        self.rejects: list[Reject] = []

    def take(self, row: int, cells: Sequence[object]) -> None:
        """Take one row's cells, in the order of COLUMNS."""
        self.rows += 1
        code, name, unit, price = cells
        word = folded(_text(unit))
        if word in LABOUR and not self._labour:
            self.labour_rows += 1
            return
        try:
            good = _good(row, _sku(code), _name(name), word, _price(price), self._shelf)
            if (first := self._row_of.setdefault(good.sku, row)) != row:
                raise _Unreadable(f"code {good.sku.removeprefix(SKU_PREFIX)} is already in row {first}")
        except _Unreadable as problem:
            self.rejects.append(Reject(row, str(problem)))
        else:
            self.goods.append(good)


class _Unreadable(Exception):
    """A cell that means nothing; caught where the row is known."""


def _good(row: int, sku: str, name: str, word: str, price: Decimal, shelf: Shelf | None) -> Good:
    measure: Measure | None = MEASURES.get(word) or LABOUR.get(word)
    if measure is None:
        raise _Unreadable(f"unit {word!r} is unknown" if word else "there is no unit")
    usual = LABOUR_SHELF if word in LABOUR else shelf_of(name)
    full_name = f"{name} - {measure.pack}" if measure.pack else name
    return Good(row, sku, full_name, measure.unit, measure.step, shelf or usual, price)


def _sku(cell: object) -> str:
    """SINAPI-00011270 for the code 11270, also when it comes as the float 11270.0."""
    match cell:
        case float() if cell.is_integer():
            text = str(int(cell))
        case int():
            text = str(cell)
        case _:
            text = _text(cell)
    if not _CODE.fullmatch(text) or int(text) == 0:
        raise _Unreadable(
            f"code {text!r} is not a number of up to {CODE_DIGITS} digits" if text else "no code"
        )
    return f"{SKU_PREFIX}{int(text):0{CODE_DIGITS}}"


def _name(cell: object) -> str:
    name = _text(cell)
    if not any(character.isalpha() for character in name) or not name.isprintable():
        raise _Unreadable(f"{name!r} describes nothing" if name else "there is no description")
    return name


def _price(cell: object) -> Decimal:
    """Reais with at most 4 decimals: a float by the digits it is written with, a text as Brazilians write it.

    What is more precise is rounded half-even, which drops a float's noise and loses no money of the trade.
    """
    match cell:
        case bool():
            raise _Unreadable("the price is no number")
        case int() | float() if math.isfinite(cell):
            price = Decimal(repr(cell))
        case _:
            text = _text(cell).removeprefix("R$").strip()
            if not text:
                raise _Unreadable("there is no price")
            if not _BRAZILIAN.fullmatch(text):
                raise _Unreadable(f"price {text!r} is no number")
            price = Decimal(text.replace(".", "").replace(",", "."))
    if price > MAX_PRICE:
        raise _Unreadable(f"price {price} is too large")
    try:
        rounded = price.quantize(Decimal(1).scaleb(-UNIT_PRICE_DECIMALS), rounding=ROUND_HALF_EVEN)
    except InvalidOperation as error:
        raise _Unreadable(f"price {price} is no number") from error
    if rounded <= 0:
        raise _Unreadable(f"price {price} is not above zero")
    return rounded.quantize(Decimal(1).scaleb(-max(2, decimals(rounded))))


def _text(cell: object) -> str:
    return tidy(cell) if isinstance(cell, str) else tidy(str(cell))


def _texts(rows: Iterable[Sequence[object]]) -> Iterable[str]:
    """The texts in the cells, folded; empty ones are left out."""
    return (folded(cell) for row in rows for cell in row if isinstance(cell, str) and cell.strip())


def _columns(row: Sequence[object]) -> list[int]:
    """Where the columns that are needed are, in the order of COLUMNS; empty when one is missing."""
    titles = [folded(cell) if isinstance(cell, str) else "" for cell in row]
    found = [
        next((i for i, title in enumerate(titles) if title.split(" ")[0] == column), None)
        for column in COLUMNS
    ]
    known = [column for column in found if column is not None]
    return known if len(known) == len(COLUMNS) else []


def _state(lines: Iterable[str]) -> str | None:
    places = (match[1] for line in lines if (match := _PLACE.search(line)))
    return next((CAPITALS[place] for place in places if place in CAPITALS), None)


def _month(lines: Iterable[str]) -> date | None:
    for line in lines:
        if (match := _MONTH.search(line)) and 1 <= int(match[1]) <= 12 and int(match[2]) >= 1994:
            return date(int(match[2]), int(match[1]), 1)
    return None
