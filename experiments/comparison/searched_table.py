"""The table that records are of, opened again: what is computed of them later needs the numbers that were searched."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robustnas.errors import DataError
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table


def searched_table(directory: str | Path, manifest: Mapping[str, Any], data: str | Path | None = None) -> Table:
    """Open the dataset that records were made on.

    Args:
        directory: The directory of the records.
        manifest: What was run.
        data: The database's folder; see `robustnas.tables.open_table`.

    Raises:
        InvalidInputError: The dataset is not at hand.
        DataError: It holds other numbers than those that were searched.
    """
    table = open_table(str(manifest["dataset"]), data)
    recorded = manifest.get("database_digest"), manifest.get("attached_digests") or {}
    attached = table.attached_digests() if recorded[1] else {}
    if recorded != (table.digest, {name: attached.get(name) for name in recorded[1]}):
        raise DataError(
            f"{directory} was searched on other numbers of {table.dataset} than those at hand (the digests differ); "
            "open the dataset, and the tables attached to it, that the records are of"
        )
    return table
