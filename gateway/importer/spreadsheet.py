"""Reading a spreadsheet file, whichever of the usual formats it is in."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from python_calamine import CalamineError, CalamineWorkbook

Rows = list[list[object]]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """The file cannot be read as a spreadsheet; `reason` is a sentence for the person who named it."""

    reason: str


def read_worksheets(file: Path) -> list[Rows] | Unreadable:
    """The rows of every worksheet, from the first row on, so that a row's index tells its number."""
    try:
        content = file.read_bytes()
    except OSError as error:
        return Unreadable(f"{file} cannot be read: {error.strerror}. Name the spreadsheet file to import.")
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(content))
        return [
            [list(row) for row in workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)]
            for name in workbook.sheet_names
        ]
    except (CalamineError, ValueError, OSError) as error:
        return Unreadable(
            f"{file} is not a spreadsheet that can be read ({error}). "
            "Save it as .xlsx, without a password, and import that."
        )
