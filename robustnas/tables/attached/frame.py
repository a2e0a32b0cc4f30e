"""The rows of a DataFrame as a sheet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from robustnas.errors import DataError, excerpt
from robustnas.spaces import EnumerableSpace
from robustnas.tables.attached.keys import KEY_COLUMNS, key_columns
from robustnas.tables.sheets.recognition import is_architecture
from robustnas.tables.sheets.sheet import Sheet

if TYPE_CHECKING:
    import pandas as pd


def frame_sheet(frame: pd.DataFrame, space: EnumerableSpace[Any], key: str | None = None) -> Sheet:
    """Return the rows of a frame. They are keyed by its index if that, and no column, holds architectures.

    Args:
        frame: The frame.
        space: The search space, for its notations.
        key: The column of architectures, or the name of the index; None to find it.

    Raises:
        DataError: It has no rows, or two columns of one name.
    """
    names = [str(name).strip() for name in frame.columns]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"frame: column {excerpt(twice)} occurs twice")
    if not len(frame):
        raise DataError("frame: has no rows")
    columns = {name: _values(frame.iloc[:, place]) for place, name in enumerate(names)}
    labels = list(frame.index)
    places = [f"row {excerpt(label)}" for label in labels]
    sheet = Sheet("frame", columns, places, advice='name it with key="COLUMN"')
    name = "" if frame.index.name is None else str(frame.index.name)
    if key is None:
        is_key = name.lower() in (*KEY_COLUMNS, *space.notations) or is_architecture(labels[0], space)
        keyed = is_key and not key_columns(sheet, space)
    else:
        keyed = key == name and key not in columns
    return Sheet("frame", columns, places, labels) if keyed else sheet


def _values(column: pd.Series[Any]) -> Sequence[object]:
    """Return the values of a column as Python's own, None where one is missing."""
    return [None if missing else value for value, missing in zip(column.tolist(), column.isna(), strict=True)]
