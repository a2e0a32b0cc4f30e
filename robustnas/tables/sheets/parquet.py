"""Rows of Parquet files."""

from __future__ import annotations

from pathlib import Path

from robustnas.errors import DataError
from robustnas.tables.sheets.sheet import Sheet


def read_parquet(path: Path, content: bytes) -> Sheet:
    """Read Parquet.

    Raises:
        DataError: It is none, or damaged.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(pyarrow.BufferReader(content))
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path}: is not Parquet: {str(error).splitlines()[0]}") from None
    columns = {str(name): table.column(name).to_pylist() for name in table.column_names}
    return Sheet(str(path), columns, [f"row {row}" for row in range(1, table.num_rows + 1)])
