"""Reading architectures of a space of choices.

::

    depth1=4,width1=10                  as ``str`` writes them; in any order, with spaces around the parts
    {"depth1": 4, "width1": 10}         JSON, or a dictionary
    index:17                            a space index; #17 too, for those that commands print as networks
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from robustnas.errors import InvalidInputError, NotationError, excerpt, listing, unknown_name
from robustnas.spaces.choice_architecture import ChoiceArchitecture, Option

_INDEX = re.compile(r"(?:index:|#)\s*(\d{1,1000})")  # a space may be that large
_LONGEST = 100_000
_NOTHING = ("", "none", "null", "nan")


def index_of_text(text: object) -> int | None:
    """Return the space index that a text such as ``index:17`` names; None if it is none.

    >>> index_of_text("index:17"), index_of_text("#17"), index_of_text("17")
    (17, 17, None)
    """
    match = _INDEX.fullmatch(text.strip()) if isinstance(text, str) else None
    return int(match[1]) if match else None


def read_architecture(text: Any, choices: Mapping[str, tuple[Option, ...]]) -> ChoiceArchitecture:
    """Return the architecture that a text, a dictionary or another architecture stands for.

    Args:
        text: In any notation but ``index:17``.
        choices: The options of every choice.

    Raises:
        NotationError: It is none; names the offending part, and what was expected there.

    >>> read_architecture(' {"width": 16.0, "depth": 4}', {"depth": (4, 8), "width": (16, 32)})
    <depth=4,width=16>
    """
    if isinstance(text, ChoiceArchitecture):
        return chosen(dict(text), choices, text)
    if isinstance(text, Mapping):
        return chosen(text, choices, text)
    if not isinstance(text, str):
        raise NotationError(f"cannot read {excerpt(text)} as an architecture; expected {example(choices)}")
    if len(text) > _LONGEST:
        raise NotationError(f"cannot read {excerpt(text)} as an architecture: it is too long")
    stripped = text.strip()
    return chosen(
        _of_json(stripped, choices) if stripped[:1] == "{" else _of_parts(stripped, choices), choices, stripped
    )


def chosen(
    options: Mapping[Any, Any], choices: Mapping[str, tuple[Option, ...]], written: object
) -> ChoiceArchitecture:
    """Return the architecture with the given option for each choice.

    Args:
        options: Options by the choice's name, as values or as their text.
        choices: The options of every choice.
        written: What messages quote.

    Raises:
        NotationError: A choice is unknown or missing, or does not have the option.
    """
    where = f"in {excerpt(written)}"
    if unknown := [name for name in options if name not in choices]:
        raise NotationError(f"{unknown_name('choice', unknown[0], choices)}; {where}")
    if missing := [name for name in choices if name not in options]:
        expected = f"expected an option of every choice, as in {example(choices)}"
        raise NotationError(f"{excerpt(written)} has no {listing(missing)}; {expected}")
    found = (_option(name, options[name], choices[name], where) for name in choices)
    return ChoiceArchitecture(tuple(choices), tuple(found))


def example(choices: Mapping[str, tuple[Option, ...]]) -> str:
    """Return an architecture as text, for messages; the beginning of one with many choices."""
    first = [f"{name}={options[0]}" for name, options in list(choices.items())[:6]]
    return ",".join([*first, *(["..."] if len(choices) > len(first) else [])])


def _option(name: str, value: object, options: tuple[Option, ...], where: str) -> Option:
    """Return the option of a choice that a value is: numbers by value, names exactly."""
    for option in sorted(options, key=lambda option: option is None):  # a name before what may stand for nothing
        if _is(value, option):
            return option
    plain = value.item() if hasattr(value, "item") else value  # a number of numpy
    if isinstance(plain, str):
        raise NotationError(f"{unknown_name(f'option of {name}:', plain, map(str, options))}; {where}")
    raise NotationError(f"{name} is {excerpt(plain)}; expected one of {listing(options)}; {where}")


def _is(value: object, option: Option) -> bool:
    """Return whether a value, or the text of one, is an option."""
    if isinstance(option, bool):
        return value is option or (isinstance(value, str) and value.strip().lower() == str(option).lower())
    if option is None:
        return str(value).strip().lower() in _NOTHING  # as tables and JSON write it
    if isinstance(option, str) or isinstance(value, bool):
        return (value.strip() if isinstance(value, str) else str(value)) == str(option)
    return bool((_number(value.strip()) if isinstance(value, str) else value) == option)


def _number(text: str) -> float | int | None:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:  # also of integers with thousands of digits
            continue
    return None


def _of_json(text: str, choices: Mapping[str, tuple[Option, ...]]) -> Mapping[str, Any]:
    try:
        found = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, text))
    except InvalidInputError:
        raise
    except (ValueError, RecursionError) as error:
        raise NotationError(f"{excerpt(text)} is not JSON: {error}; expected {example(choices)}") from None
    mapping: Mapping[str, Any] = found
    return mapping


def _of_parts(text: str, choices: Mapping[str, tuple[Option, ...]]) -> Mapping[str, str]:
    pairs = []
    for part in text.split(","):
        name, equals, option = part.partition("=")
        if not equals:
            raise NotationError(
                f"cannot read {excerpt(text)} as an architecture: {excerpt(part.strip())} names no option; expected "
                f"{example(choices)}"
            )
        pairs.append((name.strip(), option.strip()))
    return _unique(pairs, text)


def _unique(pairs: list[tuple[str, Any]], text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, option in pairs:
        if name in found:
            raise NotationError(f"{excerpt(text)} gives {name} twice, {found[name]} and {option}; expected it once")
        found[name] = option
    return found
