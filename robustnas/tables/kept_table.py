"""Tables of the user's own that are kept under a name, each over a search space that is named with it.

``robustnas data import FILE --space my_spaces.py:WideResNets --name mine`` keeps the file; ``--dataset mine`` opens it.
A table is two files in the folder `kept_folder`: the content of the user's file, and ``<name>.json``, which says how to
read it. Rows name their architectures, so that numbers are those of the same networks whatever else a space gets.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from robustnas.atomic import atomic_file
from robustnas.errors import DataError, InvalidInputError, ObjectiveError, described, excerpt, listing, unknown_name
from robustnas.reference import absolute_reference, is_reference
from robustnas.spaces import COSTS, ChoiceSpace, EnumerableSpace, GrowingSpace, open_space
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.sheets.reading import read_bytes, read_sheet, table_stem
from robustnas.tables.sheets.sheet import Sheet

KEPT_VARIABLE = "ROBUSTNAS_TABLES"
"""The environment variable that names the folder of kept tables."""

_FORMAT = 1
_LOCK, _PATIENCE = ".lock", 60
_NAME = re.compile(r"[A-Za-z][\w-]{0,99}", re.ASCII)


@dataclass(frozen=True)
class KeptTable:
    """What is known of a kept table without reading its numbers.

    Attributes:
        name: Its name.
        source: The name of the file that it was read from.
        file: The name of the file that holds its content.
        sha256: The SHA-256 of that.
        space: What opens its search space: a name or a reference.
        key: The column of architectures; None if it was found.
        duplicates: What is done with rows that repeat an architecture.
        digests: Those of the space, then.
        format: The version of this description.
    """

    name: str
    source: str
    file: str
    sha256: str
    space: str
    key: str | None = None
    duplicates: str = "error"
    digests: dict[str, str] = field(default_factory=dict)
    format: int = _FORMAT

    def open_space(self) -> EnumerableSpace[Any]:
        """Return the search space.

        Raises:
            InvalidInputError: It is not there.
            DataError: Its choices are others than when the table was imported.
        """
        space = open_space(self.space)
        then, now = self.digests.get("choices"), space.digests.get("choices")
        if then != now:
            raise DataError(
                f"{self.name} was imported over {self.space} before the choices of that were changed; they are "
                f"{excerpt(dict(space.choices))} now: {self._again()}"
            )
        return space

    def open(self) -> ArrayTable:
        """Read the table.

        Raises:
            InvalidInputError: Its search space is not there.
            DataError: The choices of the space are others now, or the file is damaged.
        """
        space = self.open_space()
        path = kept_folder() / self.file
        content = read_bytes(path)
        if sha256(content).hexdigest() != self.sha256:
            raise DataError(f"{path} is damaged: its SHA-256 is another; {self._again()}")
        table = _read(self, content, space)
        edited = [name for name, digest in self.digests.items() if space.digests.get(name, digest) != digest]
        told = f"{listing(edited)} was edited after {self.name} was imported over it"
        table.notes = (told,) if edited else ()  # how the file was read was said when it was imported
        return table

    def _again(self) -> str:
        return f"import it again, with robustnas data import FILE --space {self.space} --name {self.name} --replace"


def kept_folder() -> Path:
    """Return the folder of kept tables: the one that ROBUSTNAS_TABLES names, else one in the user's data directory."""
    if named := os.environ.get(KEPT_VARIABLE):
        return Path(named).expanduser()
    import platformdirs

    return platformdirs.user_data_path("robustnas") / "tables"


def kept_names() -> list[str]:
    """Return the names of the tables that are kept."""
    return sorted(path.stem for path in kept_folder().glob("*.json") if _NAME.fullmatch(path.stem))


def find_kept(name: str) -> KeptTable | None:
    """Return a kept table by its name, None if there is none.

    Raises:
        DataError: Its description is damaged.
    """
    path = kept_folder() / f"{name}.json"
    if not _NAME.fullmatch(name) or not path.is_file():
        return None
    try:
        content = json.loads(path.read_bytes())
        if content["format"] != _FORMAT:
            raise ValueError(f"format {content['format']!r}, expected {_FORMAT}")
        if not isinstance(content["digests"], dict) or content["file"] != Path(content["file"]).name:
            raise ValueError(f"digests {excerpt(content['digests'])}, file {excerpt(content['file'])}")
        return KeptTable(**content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        again = f"import it again with --replace, or robustnas data forget {name}"
        raise DataError(f"{path}: not a table, or damaged: {described(error)}; {again}") from error


def keep_table(
    source: str | Path,
    space: str,
    name: str | None = None,
    *,
    key: str | None = None,
    duplicates: str = "error",
    replace_other: bool = False,
    taken: Collection[str] = (),
) -> tuple[KeptTable, ArrayTable]:
    """Keep a user's file of architectures and numbers as a dataset.

    Args:
        source: A file in any form that `robustnas.tables.sheets.reading` has a reader for.
        space: The search space that it is over: a name or a reference.
        name: The dataset's name; the file's if None.
        key: The column of architectures, or those of their choices, separated by commas; None to find it.
        duplicates: What to do with rows that repeat an architecture: ``error``, ``mean`` or ``first``.
        replace_other: Whether to replace a table of this name that has other content.
        taken: Names of other datasets.

    Raises:
        InvalidInputError: The name is taken, or cannot be one; or there is no such space.
        DataError: The file is faulty; names the line or row and what was expected. Nothing is kept then.
    """
    path = Path(source).expanduser()
    name = table_stem(path) if name is None else name
    if not _NAME.fullmatch(name) or name in taken:
        expected = "that of another dataset" if name in taken else "not a letter, then letters, digits, - and _"
        raise InvalidInputError(f"the name {excerpt(name)} is {expected}; choose another one with --name")
    content = read_bytes(path)
    digest = sha256(content).hexdigest()
    opened = open_space(space)
    found = KeptTable(
        name=name,
        source=path.name,
        file=f"{name}-{digest[:12]}{path.name.removeprefix(table_stem(path))}",
        sha256=digest,
        space=absolute_reference(space) if is_reference(space) else space,
        key=key,
        duplicates=duplicates,
        digests=dict(opened.digests),
    )
    table = _read(found, content, opened, str(path))
    before = None if replace_other else find_kept(name)
    if before is not None and before != replace(found, source=before.source):
        raise InvalidInputError(
            f"there is a table {name} already, of {before.source} over {before.space}; choose another --name, or "
            "replace it with --replace"
        )
    _write(found, content)
    return found, table


def forget_table(name: str) -> None:
    """Remove a kept table.

    Raises:
        InvalidInputError: There is none of this name.
        DataError: It cannot be removed.
    """
    if name not in kept_names():
        raise InvalidInputError(unknown_name("table", name, kept_names()))
    try:
        (kept_folder() / f"{name}.json").unlink(missing_ok=True)
        _sweep(name)
    except OSError as error:
        raise DataError(f"cannot remove {name} from {kept_folder()}: {error.strerror or error}") from error


def _read(table: KeptTable, content: bytes, space: EnumerableSpace[Any], shown: str | None = None) -> ArrayTable:
    sheet = read_sheet(Path(shown or table.file), content, table.name, (), space)
    asked = GrowingSpace(space) if isinstance(space, ChoiceSpace) and not space.is_enumerated else space
    example = str(space.architecture(int(space.members()[0]) if space.is_enumerated else 0))
    advice = f"call the one that has them arch, as in {example}, or have a column for each of {listing(space.choices)}"
    sheet = _without_costs(replace(sheet, advice=advice), asked)
    return ArrayTable.from_sheet(
        sheet, table.key, duplicates=table.duplicates, dataset=table.name, source="file", space=space
    )


def _without_costs(sheet: Sheet, space: EnumerableSpace[Any]) -> Sheet:
    """Return a sheet without the columns of costs that the space itself defines, and say so."""
    defined = []
    for name in COSTS:
        if name in sheet.columns:
            with suppress(ObjectiveError):
                space.cost_column(name)
                defined.append(name)
    if not defined:
        return sheet
    columns = {name: values for name, values in sheet.columns.items() if name not in defined}
    note = f"left out, as the space {space.name} defines them itself: {listing(defined)}"
    return replace(sheet, columns=columns, notes=(*sheet.notes, note))


def _write(table: KeptTable, content: bytes) -> None:
    """Write the content, then the description, which makes it count; then remove the content of a table before."""
    folder = kept_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK, timeout=_PATIENCE):
            with atomic_file(folder / table.file) as file:
                file.write(content)
            with atomic_file(folder / f"{table.name}.json") as file:
                file.write(json.dumps(asdict(table), indent=1).encode() + b"\n")
            _sweep(table.name, keep=table.file)
    except Timeout:
        raise DataError(f"{folder} is being written by another process for {_PATIENCE} s; try again") from None
    except OSError as error:
        advice = f"set {KEPT_VARIABLE} to a folder that can be written"
        raise DataError(f"cannot write {folder}: {error.strerror or error}; {advice}") from error


def _sweep(name: str, keep: str = "") -> None:
    """Remove contents of a table that are not the present one."""
    content = re.compile(rf"{re.escape(name)}-[0-9a-f]{{12}}\..+")
    for path in kept_folder().iterdir():
        if content.fullmatch(path.name) and path.name != keep:
            path.unlink(missing_ok=True)
