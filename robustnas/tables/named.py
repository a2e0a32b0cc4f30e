"""A table by its name and digest: how workers, on whatever machine, open the same one, or refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from socket import gethostname

from robustnas.errors import DataError, DataNotFoundError
from robustnas.tables.datasets import open_table
from robustnas.tables.table import Table


@dataclass(frozen=True)
class NamedTable:
    """A table that any process can open by calling this; small to send, however large the table is.

    Attributes:
        dataset: The dataset, as `open_table` takes it.
        data: The database's folder; None for what each machine has by default.
        digest: The table's digest.
        attached: The digests of what is attached to it, by name.

    >>> from robustnas.tables import open_table
    >>> named = NamedTable.of(open_table("cifar10-surrogate"), "cifar10-surrogate")
    >>> named().dataset
    'cifar10-surrogate'
    """

    dataset: str
    data: str | None
    digest: str
    attached: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, table: Table, dataset: str, data: str | Path | None = None) -> NamedTable:
        """Return the name of a table that was opened as `dataset` from `data`."""
        return cls(dataset, None if data is None else str(data), table.digest, table.attached_digests())

    def __call__(self) -> Table:
        """Open it.

        Raises:
            DataError: This machine has no such data, or others; says which, and where.
        """
        advice = "get the same data there, or name a folder that all machines see with --data"
        try:
            table = open_table(self.dataset, self.data)
        except DataNotFoundError as error:
            raise DataNotFoundError(f"worker on {gethostname()}: {error}; {advice}") from None
        if table.digest != self.digest:
            raise DataError(
                f"worker on {gethostname()} has another {self.dataset}, with digest {table.digest[:16]}; expected "
                f"{self.digest[:16]}, as here: {advice}"
            )
        there = table.attached_digests()
        for name, digest in self.attached.items():
            if there.get(name) != digest:
                found = f"with digest {there[name][:16]}" if name in there else "not at all"
                raise DataError(
                    f"worker on {gethostname()} has {name} attached to {self.dataset} {found}; expected "
                    f"{digest[:16]}, as here: attach the same file there"
                )
        return table
