"""The numbers of one column of a sheet: what counts as one, what is missing, and what is left out and said.

A column is one of numbers if more of its values are numbers than are not. Numbers may all carry a percent sign, and
then they are shares: ``91.5%`` is 0.915. They may have a decimal comma: ``91,5`` is 91.5, as long as no other value of
the column has a decimal point, and some comma cannot be one of thousands. An infinite value is taken for a missing one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import DataError, excerpt
from robustnas.tables.sheets.sheet import Sheet

_MISSING = ("", "nan", "na", "n/a", "null", "none")
_PERCENT = re.compile(r"([+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?)\s*%")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_THOUSANDS = re.compile(r"[+-]?[0-9]{1,3},[0-9]{3}")


@dataclass(frozen=True)
class ColumnNumbers:
    """The numbers of a column.

    Attributes:
        values: One per row, NaN where missing.
        share: Whether they had percent signs, and are shares of 1 now.
        notes: What was read in a way that the user should know, one sentence each.
    """

    values: FloatArray
    share: bool = False
    notes: tuple[str, ...] = ()


def number(value: object) -> float | None:
    """Return a value as a number, NaN where it is missing, None if it is not a number."""
    if isinstance(value, str):
        value = value.strip()
        if value.lower() in _MISSING:
            return math.nan
        if "_" in value:  # which Python reads as it reads 1_000
            return None
    elif value is None:
        return math.nan
    elif isinstance(value, bool) or not isinstance(value, Real | Decimal):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def column_numbers(sheet: Sheet, column: str) -> ColumnNumbers | None:
    """Return the numbers of a column; None if it is not one of numbers.

    Raises:
        DataError: A value of a column of numbers is not a number, or can be read in two ways; names the line or row.
    """
    found = [number(value) for value in sheet.columns[column]]
    wrong = [row for row, value in enumerate(found) if value is None]
    written = [str(sheet.columns[column][row]).strip() for row in wrong]
    if wrong and all(map(_PERCENT.fullmatch, written)):
        return _of_percent_signs(sheet, column, found, wrong)
    if wrong and all(map(_COMMA.fullmatch, written)):
        return _of_decimal_commas(sheet, column, found, wrong)
    values = np.array([math.nan if value is None else value for value in found])
    if int((~np.isnan(values)).sum()) <= len(wrong):
        return None
    if wrong:
        raise _fault(sheet, column, wrong[0], "expected a number, or nothing")
    return _finite(sheet, column, ColumnNumbers(values))


def _of_percent_signs(sheet: Sheet, column: str, found: Sequence[float | None], wrong: list[int]) -> ColumnNumbers:
    for row, value in enumerate(found):
        if value is not None and not math.isnan(value):
            other = f"{excerpt(sheet.columns[column][wrong[0]])} in {sheet.places[wrong[0]]}"
            raise _fault(sheet, column, row, f"expected a percent sign here too, as in {other}, or nowhere")
    texts = {row: str(sheet.columns[column][row]).strip(" %\t") for row in wrong}
    commas = any("," in text for text in texts.values())
    if commas:
        _check_commas(sheet, column, wrong, lambda row: texts[row])
    values = np.full(len(found), math.nan)
    for row, text in texts.items():
        value = number(text.replace(",", "."))
        if value is None:
            raise _fault(sheet, column, row, "expected a number before the percent sign")
        values[row] = value / 100
    how = "values with a percent sign are read as shares of 1"
    return ColumnNumbers(values, True, (_note(sheet, column, wrong, how, values),))


def _of_decimal_commas(sheet: Sheet, column: str, found: Sequence[float | None], wrong: list[int]) -> ColumnNumbers:
    _check_commas(sheet, column, wrong, lambda row: str(sheet.columns[column][row]).strip())
    for row, value in enumerate(found):
        if value is not None and "." in str(sheet.columns[column][row]) and isinstance(sheet.columns[column][row], str):
            other = f"{excerpt(sheet.columns[column][wrong[0]])} in {sheet.places[wrong[0]]}"
            raise _fault(sheet, column, row, f"has a decimal point, while {other} has a comma; expected one of the two")
    values = np.array([math.nan if value is None else value for value in found])
    for row in wrong:
        values[row] = float(str(sheet.columns[column][row]).strip().replace(",", "."))
    how = "values with a comma are read as decimal"
    noted = ColumnNumbers(values, notes=(_note(sheet, column, wrong, how, values),))
    return _finite(sheet, column, noted)


def _check_commas(sheet: Sheet, column: str, rows: Sequence[int], text: Callable[[int], str]) -> None:
    """Refuse commas that could all be those of thousands."""
    with_comma = [row for row in rows if "," in text(row)]
    if all(_THOUSANDS.fullmatch(text(row)) for row in with_comma):
        raise _fault(sheet, column, with_comma[0], "a comma of decimals or one of thousands? write it without")


def _finite(sheet: Sheet, column: str, numbers: ColumnNumbers) -> ColumnNumbers:
    infinite = np.flatnonzero(np.isinf(numbers.values)).tolist()
    if not infinite:
        return numbers
    values = np.where(np.isinf(numbers.values), math.nan, numbers.values)
    note = _note(sheet, column, infinite, "infinite values are left out")
    return ColumnNumbers(values, numbers.share, (*numbers.notes, note))


def _note(sheet: Sheet, column: str, rows: Sequence[int], how: str, values: FloatArray | None = None) -> str:
    """Return a sentence on what became of the values of some rows, with the first of them as an example."""
    first = rows[0]
    became = "" if values is None else f" is {values[first]:g}"
    example = f"{sheet.places[first]}: {excerpt(sheet.columns[column][first])}{became}"
    return f"{column}: {len(rows):,} {how if len(rows) > 1 else _singular(how)} ({example})"


def _singular(how: str) -> str:
    return how.replace("values", "value", 1).replace(" are ", " is ", 1).replace("shares of", "a share of")


def _fault(sheet: Sheet, column: str, row: int, reason: str) -> DataError:
    return DataError(f"{sheet.where(row)}: {excerpt(sheet.columns[column][row])} in column {excerpt(column)}; {reason}")
