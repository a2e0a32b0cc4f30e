"""Keys spread over columns: an architecture's choices, such as the six operations of a cell, one column each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from robustnas.errors import DataError, unknown_name
from robustnas.spaces import EnumerableSpace
from robustnas.spaces.choice_names import order_of_choices
from robustnas.tables.sheets.recognition import is_architecture, plain_text
from robustnas.tables.sheets.sheet import Sheet


def join_key(sheet: Sheet, key: str | None, space: EnumerableSpace[Any]) -> tuple[Sheet, str | None]:
    """Return a sheet whose key is in one column, and the name of that column; both unchanged if it is so already.

    The columns are in the order of the space's choices (in NAS-Bench-201 that of the arch string), unless their own
    names say which choice each is, as in `order_of_choices`. They are found without being named if no column holds
    architectures, and exactly as many as there are choices hold options of them, or operation indices under names that
    are counted (``edge_0`` to ``edge_5``) or those of the choices. Counted ones are taken in that order.
    Indices are joined to text such as ``(4, 0, 3, 1, 4, 3)``, which is then read as in a single column, or to a
    dictionary by choice where the names of the columns say which choice each is.

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
    order = order_of_choices(names, list(space.choices))
    names = [names[place] for place in order or range(len(names))]
    joined = ",".join(names)
    values = _architectures(sheet, names, space, by_choice=order is not None)
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
    """Return the columns of options or operation indices, if there is one for each choice and no other key."""
    firsts = {name: values[0] for name, values in sheet.columns.items() if len(values)}
    if any(is_architecture(value, space) or space.readings(plain_text(value)) for value in firsts.values()):
        return []
    if called := _called_like_choices(sheet, space):
        return called
    options = {str(option) for options in space.choices.values() for option in options}
    names = [name for name, value in firsts.items() if isinstance(value, str) and value.strip() in options]
    numeric = all(option.lstrip("-").isdigit() for option in options)  # then any column of numbers would match
    if not numeric and len(names) == len(space.choices):
        return _counted(names) or names
    return _found_indices(sheet, space)


def _called_like_choices(sheet: Sheet, space: EnumerableSpace[Any]) -> list[str]:
    """Return the columns that are called like the choices, below one name or not: ``depth`` or ``arch_depth``."""
    first = next(iter(space.choices))
    for prefix in (name.removesuffix(first) for name in sheet.columns if name.endswith(first)):
        names = [f"{prefix}{choice}" for choice in space.choices]
        if all(name in sheet.columns for name in names):
            return names
    return []


def _found_indices(sheet: Sheet, space: EnumerableSpace[Any]) -> list[str]:
    """Return the only columns whose names belong together and that hold operation indices in every row."""
    families: dict[str, list[str]] = {}
    for name in sheet.columns:
        families.setdefault(re.sub(r"\d+", "#", name), []).append(name)
    found = []
    for family in families.values():
        named = family if order_of_choices(family, list(space.choices)) else _counted(family)
        if len(named) == len(space.choices) and all(
            space.readings(f"({', '.join(texts)})") for texts in _rows(sheet, named)
        ):
            found.append(named)
    return found[0] if len(found) == 1 else []


def _counted(names: Sequence[str]) -> list[str]:
    """Return names that end in 0, 1, 2, ... or 1, 2, 3, ... in that order; none if they do not."""
    numbers = {int(match[0]): name for name in names if (match := re.search(r"\d{1,9}$", name))}
    stems = {re.sub(r"\d+$", "", name) for name in names}
    starts = [start for start in (0, 1) if set(numbers) == set(range(start, start + len(names)))]
    return [numbers[number] for number in sorted(numbers)] if starts and len(stems) == 1 else []


def _rows(sheet: Sheet, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    for parts in zip(*(sheet.columns[name] for name in names), strict=True):
        yield tuple(str(part).strip().removesuffix(".0") for part in parts)


def _architectures(sheet: Sheet, names: Sequence[str], space: EnumerableSpace[Any], *, by_choice: bool) -> list[object]:
    """Return the architecture of each row, or what the space is to read, where the columns hold no options."""
    known = {name: {str(option): option for option in options} for name, options in space.choices.items()}
    found: list[object] = []
    for texts in _rows(sheet, names):
        by_name = dict(zip(known, texts, strict=True))
        if all(text in known[name] for name, text in by_name.items()):
            found.append(space.from_choices({name: known[name][text] for name, text in by_name.items()}))
        elif not space.notations or (by_choice and space.readings(by_name)):
            found.append(by_name)
        else:
            found.append(f"({', '.join(texts)})")
    return found
