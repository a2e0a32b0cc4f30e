"""Tables that are exported: Parquet and CSV, with what their columns hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from robustnas.atomic import atomic_file
from robustnas.errors import DataError

METADATA = b"robustnas"
"""The key of a Parquet file's metadata under which the manifest of the records is, as JSON."""


@dataclass(frozen=True, eq=False)
class ExportedTable:
    """What a table file is to hold.

    Attributes:
        rows: The table.
        manifest: That of the records.
        columns: What the columns hold, by name.
    """

    rows: pd.DataFrame
    manifest: Mapping[str, Any]
    columns: Mapping[str, str] = field(default_factory=dict)

    def to_parquet(self) -> bytes:
        """Return the table as Parquet: what a column holds is its field's ``description``."""
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.Table.from_pandas(self.rows, preserve_index=False)
        fields = [
            one.with_metadata({"description": self.columns[one.name]}) if one.name in self.columns else one
            for one in table.schema
        ]
        known = {**(table.schema.metadata or {}), METADATA: json.dumps(dict(self.manifest)).encode()}
        sink = pyarrow.BufferOutputStream()
        pyarrow.parquet.write_table(table.cast(pyarrow.schema(fields, metadata=known)), sink, compression="zstd")
        content: bytes = sink.getvalue().to_pybytes()
        return content

    def to_csv(self) -> bytes:
        """Return the table as CSV in UTF-8; what is unknown is empty."""
        return self.rows.to_csv(index=False, lineterminator="\n").encode()


FORMS: dict[str, Callable[[ExportedTable], bytes]] = {
    "parquet": ExportedTable.to_parquet,
    "csv": ExportedTable.to_csv,
}
"""The forms of a table file by name."""


def write_table(table: ExportedTable, form: str, path: Path) -> None:
    """Write a table file, atomically; one that is there is replaced.

    Raises:
        DataError: It cannot be written.
    """
    if path.is_dir():
        raise DataError(f"cannot write {path}: it is a folder; expected the name of a file")
    content = FORMS[form](table)
    try:
        with atomic_file(path) as file:
            file.write(content)
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error
