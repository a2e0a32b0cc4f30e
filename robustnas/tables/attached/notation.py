"""In which convention a sheet writes architectures that can be read in several ways, such as six digits.

The sheet itself may say so: by the name of its column (``naslib``), by another column that names the same architectures
(an arch string, an id), or by the size of the networks beside them (parameters, FLOPs). Nothing else decides: latencies
grow with size too, but some hardly (HW-NAS-Bench's edge GPU correlates with FLOPs by .40 in the right convention
and by .42 in the wrong one).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import DataError, InvalidInputError, excerpt, unknown_name
from robustnas.spaces import EnumerableSpace
from robustnas.tables.attached.numbers import number
from robustnas.tables.sheets.recognition import architecture_index, plain_text
from robustnas.tables.sheets.sheet import Sheet

_COST_WORDS = {
    "params": {"param", "params", "parameter", "parameters", "weights", "size"},
    "flops": {"flop", "flops", "mflops", "gflops", "mac", "macs", "madds", "multadds"},
}
_FITS = 0.98  # correlation with the costs from which on a column is one of them, whatever the skeleton and the units
_TIMES = 10  # by how much less variance the other reading must leave unexplained
_FEWEST = 4  # architectures that a correlation takes
_UNITS = (1.0, 1e3, 1e6)
_EXACT = 5e-3  # relative difference up to which costs are equal, rounded as they may be


@dataclass(frozen=True)
class Notation:
    """The convention that was chosen.

    Attributes:
        name: One of the space's `notations`; empty where no architecture can be read in several ways.
        reason: What decided.
        row: The first row that it decides about.
    """

    name: str = ""
    reason: str = ""
    row: int = 0


def choose_notation(
    sheet: Sheet,
    column: str,
    values: Sequence[object],
    others: Mapping[str, Sequence[object]],
    space: EnumerableSpace[Any],
    asked: str | None = None,
    dataset: str = "",
) -> Notation:
    """Return the convention of a sheet's architectures.

    Args:
        sheet: The rows, for messages.
        column: The column of architectures; empty if the rows are keyed.
        values: The architectures.
        others: The other columns.
        space: The search space.
        asked: What the user says it is; None if nothing.
        dataset: The dataset, for the size of its networks.

    Raises:
        InvalidInputError: There is no convention of this name.
        DataError: What the user says, or another column, contradicts another column; or nothing decides.
    """
    if asked is not None and asked not in space.notations:
        known = space.notations
        raise InvalidInputError(unknown_name("notation", asked, known) if known else f"{space.name} has no notations")
    readings = [space.readings(plain_text(value)) for value in values]
    rows = [row for row, found in enumerate(readings) if found]
    if not rows:
        return Notation()
    _check_zeros(sheet, values, rows)
    cells = {name: np.array([space.index(readings[row][name]) for row in rows]) for name in space.notations}
    differs = np.flatnonzero(np.ptp(np.array(list(cells.values())), axis=0))
    row = rows[int(differs[0])] if len(differs) else rows[0]
    claims = _claims(column, asked, space) | _witnesses(others, np.array(rows), cells, space, dataset)
    names = sorted(set(claims.values()))
    if len(names) > 1:
        said = "; ".join(f"{what} says {name}" for what, name in claims.items())
        raise DataError(f"{sheet.where(row)}: the notation of {excerpt(values[row])} is contradictory: {said}")
    if names:
        return Notation(names[0], ", ".join(claims), row)
    if not len(differs):
        return Notation(space.notations[0], "which the conventions read alike", row)
    meanings = ", or ".join(f"{readings[row][name]} ({name})" for name in space.notations)
    choice = " or ".join(space.notations)
    raise DataError(
        f"{sheet.where(row)}: {excerpt(values[row])} may be {meanings}, and no column of arch strings, parameters or "
        f"FLOPs decides; name the notation with --notation {choice} (notation= in Python), or call the column {choice}"
    )


def _claims(column: str, asked: str | None, space: EnumerableSpace[Any]) -> dict[str, str]:
    """Return what the user and the name of the column say, by who says it."""
    said = {} if asked is None else {"--notation": asked}
    return said | ({"the name of the column": column.lower()} if column.lower() in space.notations else {})


def _witnesses(
    others: Mapping[str, Sequence[object]],
    rows: IntArray,
    cells: Mapping[str, IntArray],
    space: EnumerableSpace[Any],
    dataset: str,
) -> dict[str, str]:
    """Return the convention that each other column agrees with, for those that agree with one alone."""
    found: dict[str, str] = {}
    for column, values in others.items():
        beside = [values[row] for row in rows.tolist()]
        verdict = _of_names(beside, cells, space)
        words = set(re.findall(r"[a-z]+", column.lower().replace("mult_adds", "multadds")))
        cost = next((cost for cost, known in _COST_WORDS.items() if words & known), None)
        if verdict is None and cost is not None:
            verdict = _of_costs(beside, cost, cells, space, dataset)
        if verdict is not None:
            found[f"column {excerpt(column)}"] = verdict
    return found


def _of_names(values: Sequence[object], cells: Mapping[str, IntArray], space: EnumerableSpace[Any]) -> str | None:
    """Return the convention under which a column of arch strings or ids names the same networks, every one."""
    indices = []
    for value in values:
        try:
            if space.readings(plain_text(value)):
                return None
            indices.append(architecture_index(value, space))
        except (ValueError, TypeError):
            return None
    canonical = np.asarray(space.canonical_list())
    agree = [name for name, found in cells.items() if np.array_equal(canonical[found], canonical[indices])]
    return agree[0] if len(agree) == 1 else None


def _of_costs(
    values: Sequence[object], cost: str, cells: Mapping[str, IntArray], space: EnumerableSpace[Any], dataset: str
) -> str | None:
    """Return the convention under which a column is the size of the networks."""
    numbers = np.array([np.nan if found is None else found for found in map(number, values)])
    known = np.isfinite(numbers)
    if not known.any():
        return None
    try:
        column = space.cost_column(cost, space.skeleton(dataset))
    except ValueError:  # a space without costs
        return None
    equal = {name: _is_equal(numbers[known], column[found[known]]) for name, found in cells.items()}
    if sum(equal.values()) == 1:
        return next(name for name, is_equal in equal.items() if is_equal)
    unexplained = {name: _unexplained(numbers[known], column[found[known]]) for name, found in cells.items()}
    best = min(unexplained, key=lambda name: unexplained[name])
    rest = min((left for name, left in unexplained.items() if name != best), default=1.0)
    fits = unexplained[best] <= 1 - _FITS**2 and rest > _TIMES * unexplained[best] + 1e-9
    return best if fits and len(np.unique(cells[best][known])) >= _FEWEST else None


def _is_equal(values: FloatArray, costs: FloatArray) -> bool:
    return any(np.allclose(values * unit, costs, rtol=_EXACT, atol=0) for unit in _UNITS)


def _unexplained(values: FloatArray, costs: FloatArray) -> float:
    """Return the share of a column's variance that a rising line over the costs leaves, 0 to 1."""
    if np.ptp(values) == 0 or np.ptp(costs) == 0:
        return 1.0
    r = float(np.corrcoef(values, costs)[0, 1])
    return 1.0 - r * r if r > 0 else 1.0


def _check_zeros(sheet: Sheet, values: Sequence[object], rows: Sequence[int]) -> None:
    """Refuse digits in one piece beside shorter ones, which have lost their leading zeros."""
    if not str(plain_text(values[rows[0]])).strip().isdigit():
        return
    ambiguous = set(rows)
    for row, value in enumerate(values):
        text = str(plain_text(value)).strip()
        if row not in ambiguous and text.startswith("0") and len(text) > 1 and text.isdigit():
            raise DataError(
                f"{sheet.where(row)}: {excerpt(value)} is neither six operation indices nor an id, which has no "
                "leading zeros"
            )
        if row not in ambiguous and text.isdigit():
            raise DataError(
                f"{sheet.where(row)}: {excerpt(value)} has lost its leading zeros, beside six digits such as "
                f"{excerpt(values[rows[0]])}; expected a column of text, six digits in each row"
            )
