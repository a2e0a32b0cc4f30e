"""What the tests of readers share: a few cells with numbers, and the numbers that a file gave them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from robustnas import Cell
from robustnas.tables.attached.columns import read_columns
from robustnas.tables.sheets.reading import read_bytes, read_sheet

CELLS = [Cell.from_index(index) for index in (5, 13931, 777, 15624)]
FRAME = pd.DataFrame(
    {"arch": [cell.arch for cell in CELLS], "lat": [1.5, 2.5, 3.5, 4.5], "acc": [91.5, 92.5, 93.5, 94.5]}
)
EXPECTED = {"lat": [1.5, 2.5, 3.5, 4.5], "acc": [91.5, 92.5, 93.5, 94.5]}


def numbers_of(path: Path, key: str | None = None) -> dict[str, list[float]]:
    """Return the columns of a file, in the order of `CELLS`."""
    found = read_columns(read_sheet(path, read_bytes(path), "cifar10", ("cifar100",)), key)
    return {name: [float(values[cell.index]) for cell in CELLS] for name, values in found.columns.items()}


def notes_of(path: Path) -> tuple[str, ...]:
    """Return what a reader says about a file."""
    return read_sheet(path, read_bytes(path), "cifar10").notes
