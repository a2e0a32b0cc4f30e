"""The choices that a space declares, checked: what is wrong with them is said before anything is searched."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from robustnas.checks import has_control_characters, listed
from robustnas.errors import InvalidInputError, excerpt
from robustnas.spaces.choice_architecture import Option

_RESERVED = "=,{}\"'"
_LONGEST, _MOST_OPTIONS = 100, 2**20
_EXAMPLE = 'choices = {"depth": (4, 8, 16), "activation": ("relu", "gelu")}'


def declared_choices(space: str, choices: object) -> dict[str, tuple[Option, ...]]:
    """Return the options of every choice as plain Python values; numbers of numpy are Python's then.

    Args:
        space: What messages call the space.
        choices: What the space declares: options by the choice's name.

    Raises:
        InvalidInputError: No choices, a choice without options, options that are repeated, neither numbers nor names,
            or alike as text, or a name that the text form of architectures cannot hold.

    >>> declared_choices("Mine", {"depth": range(1, 4), "norm": ["batch", "none"]})
    {'depth': (1, 2, 3), 'norm': ('batch', 'none')}
    """
    if not isinstance(choices, Mapping):
        raise InvalidInputError(f"{space}: choices is {excerpt(choices)}; expected options by name, as in {_EXAMPLE}")
    if not choices:
        raise InvalidInputError(f"{space}: choices is empty; expected at least one, as in {_EXAMPLE}")
    return {_name(space, "choice", name): _options(space, name, options) for name, options in choices.items()}


def choices_digest(choices: Mapping[str, tuple[Option, ...]]) -> str:
    """Return a SHA-256 of choices: names and options in their order."""
    return sha256(json.dumps([[name, *options] for name, options in choices.items()]).encode()).hexdigest()


def _options(space: str, name: str, options: object) -> tuple[Option, ...]:
    found = tuple(_option(space, name, option) for option in listed(options, _MOST_OPTIONS + 1))
    if len(found) > _MOST_OPTIONS:
        raise InvalidInputError(
            f"{space}: choice {excerpt(name)} has more than {_MOST_OPTIONS:,} options; expected fewer: a coarser "
            "grid, or two choices that build() combines"
        )
    if not found:
        raise InvalidInputError(
            f"{space}: choice {excerpt(name)} has the options {excerpt(options)}; expected a tuple of numbers or names"
        )
    by_value: dict[Option, Option] = {}
    by_text: dict[str, Option] = {}
    for option in found:
        twice = "twice" if str(option) in by_text else f"beside {by_value.get(option)!r}, which is equal"
        if str(option) in by_text or option in by_value:
            raise InvalidInputError(f"{space}: choice {excerpt(name)} has the option {excerpt(option)} {twice}")
        by_value[option] = by_text[str(option)] = option
    return found


def _option(space: str, name: str, option: Any) -> Option:
    value = option.item() if hasattr(option, "item") and not getattr(option, "shape", ()) else option
    if isinstance(value, str):
        return _name(space, f"an option of {excerpt(name)}", value)
    is_number = isinstance(value, int | float) and (isinstance(value, int) or math.isfinite(value))
    if not (is_number or value is None) or len(str(value)) > _LONGEST:
        raise InvalidInputError(
            f"{space}: an option of {excerpt(name)} is {excerpt(option)}, a {type(option).__name__}; expected a number "
            "or a name: let build() turn it into what it stands for"
        )
    found: Option = value
    return found


def _name(space: str, what: str, name: object) -> str:
    """Return a name that stands in ``depth=4,width=16``."""
    if not isinstance(name, str):
        raise InvalidInputError(f"{space}: {what} is called {excerpt(name)}; expected a text")
    wrong = [letter for letter in _RESERVED if letter in name]
    if wrong or not name or name != name.strip() or has_control_characters(name) or len(name) > _LONGEST:
        has = f" has {wrong[0]!r}, which the text form of architectures needs;" if wrong else ""
        raise InvalidInputError(
            f"{space}: {what} is called {excerpt(name)};{has} expected 1 to {_LONGEST} characters other than "
            f"{_RESERVED}, no spaces around them"
        )
    return name
