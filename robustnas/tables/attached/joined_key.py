"""Keys spread over columns: an architecture's choices, such as the six operations of a cell, one column each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from robustnas.errors import DataError, unknown_name
from robustnas.spaces import EnumerableSpace
from robustnas.spaces.choice_names import order_of_choices
from robustnas.tables.sheets.recognition import is_architecture
from robustnas.tables.sheets.sheet import Sheet


def join_key(sheet: Sheet, key: str | None, space: EnumerableSpace[Any]) -> tuple[Sheet, str | None]:
    """Return a sheet whose key is in one column, and the name of that column; both unchanged if it is so already.

    The columns are in the order of the space's choices (in NAS-Bench-201 that of the arch string), unless their own
    names say which choice each is, as in `order_of_choices`. They are found without being named if exactly as many as
    there are choices hold options of them, and no column holds architectures.
    Numbers are joined to text such as ``(4, 0, 3, 1, 4, 3)``, which is then read as in a single column.

    Args:
        sheet: The rows.
        key: The columns, separated by commas; None to find them.
        space: The search space.

    Raises:
        DataError: A column does not exist, or their number is not that of the choices.
    """
    if sheet.keys is not None or key in sheet.columns:
        return sheet, key
    names = _named(sheet, key, space) if key else _found(sheet, space)
    if not names:
        return sheet, key
    order = order_of_choices(names, list(space.choices)) or range(len(names))
    names = [names[place] for place in order]
    joined = ",".join(names)
    values = [_architecture(parts, space) for parts in zip(*(sheet.columns[name] for name in names), strict=True)]
    others = {name: values for name, values in sheet.columns.items() if name not in names}
    return replace(sheet, columns={joined: values, **others}), joined


def _named(sheet: Sheet, key: str, space: EnumerableSpace[Any]) -> list[str]:
    names = [name.strip() for name in key.split(",")]
    if len(names) == 1:
        return []
    if unknown := next((name for name in names if name not in sheet.columns), None):
        raise DataError(f"{sheet.name}: {unknown_name('column', unknown, sheet.columns)}")
    if len(names) != len(space.choices):
        raise DataError(
            f"{sheet.name}: --key names {len(names)} columns; expected one, or the {len(space.choices)} of "
            f"{', '.join(space.choices)}"
        )
    return names


def _found(sheet: Sheet, space: EnumerableSpace[Any]) -> list[str]:
    """Return the columns of options, if there is one for each choice and no other key."""
    firsts = {name: values[0] for name, values in sheet.columns.items() if len(values)}
    options = {str(option) for options in space.choices.values() for option in options}
    names = [name for name, value in firsts.items() if isinstance(value, str) and value.strip() in options]
    numeric = all(option.lstrip("-").isdigit() for option in options)  # then any column of numbers would match
    if numeric or len(names) != len(space.choices) or any(is_architecture(value, space) for value in firsts.values()):
        return []
    return names


def _architecture(parts: Sequence[object], space: EnumerableSpace[Any]) -> object:
    """Return the architecture of one option per choice, or text of the options for the space to read."""
    texts = [str(part).strip().removesuffix(".0") for part in parts]
    chosen = {}
    for (name, options), text in zip(space.choices.items(), texts, strict=True):
        chosen[name] = {str(option): option for option in options}.get(text)
    if None in chosen.values():
        return f"({', '.join(texts)})"
    return space.from_choices(chosen)
