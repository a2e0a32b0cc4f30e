"""Rows that repeat an architecture: refused, averaged, or all but the first left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, IntArray
from robustnas.errors import DataError, InvalidInputError, unknown_name
from robustnas.spaces import EnumerableSpace
from robustnas.tables.sheets.sheet import Sheet

DUPLICATES: dict[str, str] = {
    "error": "refuse the file",
    "mean": "take the mean of their numbers",
    "first": "take the first number",
}
"""What to do with rows that repeat an architecture, by name."""

LABELS: tuple[str, ...] = ("seed", "trial", "run", "rep", "repeat", "repetition", "replicate", "fold")
"""Columns of these names tell rows of one architecture apart: where rows are taken together they are left out."""


@dataclass(frozen=True)
class Repeats:
    """Which rows of a sheet are about the same architecture.

    Attributes:
        how: One of `DUPLICATES`.
        rows: The architecture of each row, as a position in `indices`.
        indices: The space index of each architecture, in order of its first row.
        counts: How many rows each architecture has.
    """

    how: str
    rows: IntArray
    indices: IntArray
    counts: IntArray

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return bool((self.counts > 1).any())

    def merged(self, values: FloatArray) -> FloatArray:
        """Return one number per architecture from one per row; NaN only where all of its rows have none."""
        known = np.flatnonzero(~np.isnan(values))
        if self.how == "mean":
            sums = np.bincount(self.rows[known], weights=values[known], minlength=len(self.indices))
            n_known = np.bincount(self.rows[known], minlength=len(self.indices))
            single = self._first(values, known)  # a sum over one row is that row, to the last bit
            means = np.divide(sums, n_known, out=np.full(len(self.indices), np.nan), where=n_known > 0)
            return np.where(n_known > 1, means, single)
        return self._first(values, known)

    def noise(self, values: FloatArray) -> float | None:
        """Return the noise of `merged` numbers: the pooled standard deviation between rows of one architecture.

        It is divided by the root of the number of rows where these are averaged; None where no architecture has two.
        """
        known = ~np.isnan(values)
        rows, values = self.rows[known], values[known]
        n_known = np.bincount(rows, minlength=len(self.indices))
        means = np.bincount(rows, weights=values, minlength=len(self.indices)) / np.maximum(n_known, 1)
        degrees = int((n_known[n_known > 1] - 1).sum())
        if not degrees:
            return None
        variance = float(((values - means[rows]) ** 2).sum()) / degrees
        shared = float((1 / n_known[n_known > 1]).mean()) if self.how == "mean" else 1.0
        return float(np.sqrt(variance * shared))

    def note(self, sheet: Sheet) -> str:
        """Return a sentence on what was done."""
        repeated = int((self.counts > 1).sum())
        most, row = int(self.counts.max()), self._second()
        occur = f"{repeated:,} cells occur in up to {most} rows, such as {sheet.places[row]}"
        if self.how == "mean":
            return f"{occur}: their numbers are means"
        return f"{occur}: the first number counts, {int((self.counts - 1).sum()):,} rows do not"

    def _first(self, values: FloatArray, known: IntArray) -> FloatArray:
        first = np.full(len(self.indices), np.nan)
        first[self.rows[known[::-1]]] = values[known[::-1]]  # the first row is written last
        return first

    def _second(self) -> int:
        """Return the first row that repeats an architecture."""
        _, firsts = np.unique(self.rows, return_index=True)
        return int(np.setdiff1d(np.arange(len(self.rows)), firsts)[0])


def check_duplicates(how: str) -> str:
    """Return the name of one of `DUPLICATES`.

    Raises:
        InvalidInputError: The name is unknown.
    """
    if how not in DUPLICATES:
        raise InvalidInputError(unknown_name("way with duplicates", how, DUPLICATES))
    return how


def find_repeats(sheet: Sheet, indices: IntArray, how: str, space: EnumerableSpace[Any]) -> Repeats:
    """Return which rows are about the same architecture.

    Raises:
        DataError: There are such rows, and they are to be refused; names the first.
    """
    distinct, firsts, inverse, counts = np.unique(indices, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(firsts)
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    found = Repeats(how, place[inverse], distinct[order], counts[order])
    if how == "error" and found.any:
        row = found._second()
        first = int(np.flatnonzero(indices == indices[row])[0])
        repeated = int((counts > 1).sum())
        cell = space.architecture(int(indices[row]))
        raise DataError(
            f"{sheet.where(row)}: {cell} occurs twice, first in {sheet.places[first]}; so do {repeated:,} of "
            f"{len(distinct):,} cells: to take such rows together, --duplicates mean or first (duplicates= in Python)"
        )
    return found


def is_label(column: str) -> bool:
    """Return whether a column's name is that of labels of repeated rows."""
    return column.lower().rstrip("s").removesuffix("_id") in LABELS
