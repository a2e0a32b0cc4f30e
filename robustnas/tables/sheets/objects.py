"""Rows of plain objects, as JSON and pickles hold them: dictionaries, lists and numbers.

All that pandas writes is read (the orients ``records``, ``index``, ``columns``, ``split``, ``table`` and ``values``), a
dictionary of lists, and objects keyed by architecture, with or without a level of datasets above. These may nest
numbers, which become columns as in `robustnas.tables.sheets.nested`; NAS-Bench-Suite-Zero and NAS-RobBench-201 do so::

    {"cifar10": {"(4, 0, 3, 1, 4, 3)": {"synflow": {"score": 1.0, "time": 0.1}, "val_accuracy": 90.1}}}
    {"cifar10": {"13433": {"pgd": {"1": 0.3}}}}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from robustnas.errors import DataError, excerpt, listing
from robustnas.spaces import EnumerableSpace
from robustnas.tables.sheets.header import Header, is_headline, named
from robustnas.tables.sheets.nares import NOTE as NARES
from robustnas.tables.sheets.nares import is_nares, nares_rows
from robustnas.tables.sheets.nested import flat
from robustnas.tables.sheets.recognition import architecture_index, names_architectures
from robustnas.tables.sheets.sheet import Sheet

EXPECTED = 'expected {"<dataset>": {"<cell>": {"<column>": number}}} or a list of row objects'
"""What messages say that a file should hold."""

_INDEX = "Unnamed: 0"


@dataclass(frozen=True)
class ObjectReader:
    """Reads one object as a sheet.

    Attributes:
        name: What messages call the file.
        dataset: The dataset to take where there are several.
        datasets: Names that are those of datasets, and not of architectures.
        space: The search space.
        place: What a row of a list is called in messages.
    """

    name: str
    dataset: str
    datasets: Sequence[str]
    space: EnumerableSpace[Any]
    place: str = "row"

    def sheet(self, value: object, numbers: Sequence[int] | None = None) -> Sheet:
        """Return the rows of an object.

        Args:
            value: The object.
            numbers: The numbers of the rows of a list, for messages; 1, 2, 3 ... if None.

        Raises:
            DataError: It has another form, or lacks the dataset.
        """
        if isinstance(value, list | tuple):
            return self._list(value, numbers or range(1, len(value) + 1))
        if not isinstance(value, Mapping):
            raise DataError(f"{self.name}: holds a {type(value).__name__}; {EXPECTED}")
        if isinstance(value.get("data"), list) and {"columns", "schema"} & value.keys():
            return self._split(value) if "columns" in value else self._table(value)
        cells = self._of_dataset(value)
        if not isinstance(cells, Mapping):
            return self.sheet(cells)
        if self._is_by_column(cells):
            return self._by_column(cells)
        rows = [row if isinstance(row, Mapping) else {"value": row} for row in cells.values()]
        return self._keyed(flat(rows), list(map(_key, cells)))

    def _list(self, rows: Sequence[Any], numbers: Sequence[int]) -> Sheet:
        """Read a list of row objects, or of lists with or without names in the first."""
        places = [f"{self.place} {number}" for number in numbers]
        if rows and all(map(is_nares, rows)):
            return Sheet(self.name, flat(nares_rows(rows)), places, notes=(NARES,))
        if rows and all(isinstance(row, Mapping) for row in rows):
            columns = flat(rows)
            labels = frozenset(column for column in columns if column == _INDEX)
            return Sheet(self.name, columns, places, labels=labels)
        if not rows or not all(isinstance(row, list | tuple) for row in rows):
            kinds = dict.fromkeys(type(row).__name__ for row in rows)
            raise DataError(f"{self.name}: holds a list of {listing(kinds) or 'nothing'}; {EXPECTED}")
        self._check_lengths(rows, len(rows[0]), places)
        notes: tuple[str, ...] = ()
        if is_headline(rows[:4], self.space) and all(isinstance(name, str) for name in rows[0]):
            header = named(self.name, 1, rows[0])
            rows, places = rows[1:], places[1:]
        else:
            header = Header([f"column_{place}" for place in range(1, len(rows[0]) + 1)])
            notes = (f"the file names no columns: they are called {header.names[0]} to {header.names[-1]}",)
        return header.sheet(self.name, _transposed(header.names, rows), places, notes)

    def _split(self, value: Mapping[str, Any]) -> Sheet:
        """Read what pandas writes with ``orient="split"``."""
        names, rows = value["columns"], value["data"]
        places = [f"row {row}" for row in range(1, len(rows) + 1)]
        if not isinstance(names, list) or not all(isinstance(row, list) for row in rows):
            raise DataError(
                f"{self.name}: its 'columns' and 'data' are no table; expected lists, as pandas writes them"
            )
        self._check_lengths(rows, len(names), places)
        header = named(self.name, 1, [_key(name) for name in names])
        columns = _transposed(header.names, rows)
        index = value.get("index")
        if isinstance(index, list) and len(index) == len(rows):
            columns[_INDEX] = [_key(key) if isinstance(key, list) else key for key in index]
            header.labels.add(_INDEX)
        return header.sheet(self.name, columns, places)

    def _table(self, value: Mapping[str, Any]) -> Sheet:
        """Read what pandas writes with ``orient="table"``."""
        schema = value["schema"]
        index = schema.get("primaryKey", []) if isinstance(schema, Mapping) else []
        sheet = self._list(value["data"], range(1, len(value["data"]) + 1))
        labels = frozenset(column for column in sheet.columns if isinstance(index, list) and column in index)
        return Sheet(self.name, sheet.columns, sheet.places, labels=labels)

    def _of_dataset(self, value: Mapping[str, Any]) -> Any:
        """Return what lies below the level of datasets, if there is one; a plain list is a column, not a dataset."""
        plain = {_plain(name): name for name in (*self.datasets, self.dataset)}
        found = {plain[_plain(key)]: key for key, part in value.items() if _plain(key) in plain and not _is_flat(part)}
        if found and self.dataset not in found:
            raise DataError(f"{self.name}: has no {excerpt(self.dataset)}; it has {listing(map(excerpt, value))}")
        return value[found[self.dataset]] if found else value

    def _is_by_column(self, value: Mapping[Any, Any]) -> bool:
        """Return whether an object's keys are the names of columns, and not architectures."""
        if not value or any(self._reads(key) for key in list(value)[:20]):
            return False
        parts = list(value.values())
        if all(isinstance(part, list | tuple) for part in parts):
            return True
        return all(isinstance(part, Mapping) and part for part in parts) and all(
            self._reads(key) or _key(key).isdigit() for part in parts for key in list(part)[:20]
        )

    def _by_column(self, value: Mapping[Any, Any]) -> Sheet:
        """Read a dictionary of columns, which are lists, or dictionaries by row."""
        header = named(self.name, 1, [_key(name) for name in value])
        parts = list(value.values())
        if isinstance(parts[0], Mapping):
            return self._by_row_label(header, parts)
        lengths = {name: len(part) for name, part in zip(header.names, parts, strict=True)}
        if len(set(lengths.values())) > 1:
            counts = listing(f"{name} {length:,}" for name, length in lengths.items())
            raise DataError(f"{self.name}: its columns have different lengths: {counts}")
        places = [f"row {row}" for row in range(1, len(parts[0]) + 1)]
        return header.sheet(self.name, dict(zip(header.names, parts, strict=True)), places)

    def _by_row_label(self, header: Header, parts: Sequence[Mapping[Any, Any]]) -> Sheet:
        """Read columns by row: row numbers where another column has architectures, else these are the rows' keys."""
        rows = list(dict.fromkeys(key for part in parts for key in part))
        places = [f"entry {excerpt(_key(key))}" for key in rows]
        columns = dict(zip(header.names, ([part.get(key) for key in rows] for part in parts), strict=True))
        keys = list(map(_key, rows))
        if keys == [str(row) for row in range(len(keys))]:
            return Sheet(self.name, {**columns, _INDEX: keys}, places, labels=frozenset((_INDEX,)))
        return self._keyed(columns, keys)

    def _keyed(self, columns: Mapping[str, Sequence[object]], keys: list[str]) -> Sheet:
        """Return a sheet of rows with keys: their architectures, or numbers where a column has the architectures."""
        places = [f"entry {excerpt(key)}" for key in keys]
        if all(map(str.isdigit, keys)) and names_architectures(columns, self.space):
            return Sheet(self.name, {**columns, _INDEX: keys}, places, labels=frozenset((_INDEX,)))
        return Sheet(self.name, columns, places, keys)

    def _reads(self, key: object) -> bool:
        try:
            architecture_index(key, self.space)
        except (ValueError, TypeError):
            return False
        return True

    def _check_lengths(self, rows: Sequence[Sequence[Any]], expected: int, places: Sequence[str]) -> None:
        for row, place in zip(rows, places, strict=True):
            if len(row) != expected:
                raise DataError(f"{self.name}, {place}: has {len(row)} values; expected {expected}: {excerpt(row)}")


def _transposed(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _is_flat(part: object) -> bool:
    """Return whether an object is a list, but not one of rows."""
    return isinstance(part, list | tuple) and not any(isinstance(row, Mapping | list | tuple) for row in part)


def _key(key: object) -> str:
    return key if isinstance(key, str) else str(key)


def _plain(name: object) -> str:
    return str(name).lower().replace("-", "").replace("_", "")
