"""Encodings of spaces of choices: what surrogates and Gaussian processes need, from the choices alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from robustnas.arrays import AnyArray, FloatArray
from robustnas.errors import InvalidInputError
from robustnas.spaces.choice_architecture import Option
from robustnas.spaces.encoding import Encoding

_MOST_NUMBERS = 2**28
"""The most numbers that an encoding holds: 2 GiB."""


def choice_encodings(
    choices: Mapping[str, tuple[Option, ...]], codes: Callable[[], AnyArray]
) -> dict[str, Callable[[], Encoding]]:
    """Return the encodings that follow from choices, by name.

    ``one-hot`` has a column per option; ``ordinal`` a column per choice, from 0 to 1: numbers by their value, names by
    their place; ``choices`` has the one-hot columns and the ordinal ones of numbers. A choice of one option has no
    column, unless there is no other.

    Args:
        choices: The options of every choice.
        codes: Returns the place of the option of each choice for every index, shape (size, n_choices).
    """
    names = [name for name, options in choices.items() if len(options) > 1] or list(choices)[:1]
    numbers = [name for name in names if _are_numbers(choices[name])]
    dummies = {f"one-hot:{name}={option}": (name, option) for name in names for option in choices[name]}
    places = {name: place for place, name in enumerate(choices)}

    def encoding(title: str, shown: Mapping[str, tuple[str, Option]], scaled: Sequence[str]) -> Encoding:
        code = codes()
        if (n_numbers := len(code) * (len(shown) + len(scaled))) > _MOST_NUMBERS:
            raise InvalidInputError(
                f"encoding {title!r} would have {len(shown) + len(scaled):,} columns for each of {len(code):,} "
                f"architectures, {8 * n_numbers / 2**30:,.0f} GiB; expected at most {8 * _MOST_NUMBERS / 2**30:g}: use "
                "the encoding ordinal, or choices of fewer options"
            )
        columns = [*shown, *(f"ordinal:{name}" for name in scaled)]
        values = np.empty((len(code), len(columns)), order="F")  # column by column: there may be a million rows
        for i, (name, option) in enumerate(shown.values()):
            values[:, i] = code[:, places[name]] == choices[name].index(option)
        for i, name in enumerate(scaled, len(shown)):
            values[:, i] = _levels(choices[name])[code[:, places[name]]]
        return Encoding(title, np.ascontiguousarray(values), tuple(columns), (len(columns),))

    return {
        "one-hot": lambda: encoding("one-hot", dummies, ()),
        "ordinal": lambda: encoding("ordinal", {}, names),
        "choices": lambda: encoding("choices", dummies, numbers),
    }


def own_encoding(rows: FloatArray) -> Encoding:
    """Return the encoding ``own`` of what `ChoiceSpace.encode` returns, shape (size, n_features)."""
    names = tuple(f"own:{place}" for place in range(rows.shape[1]))
    return Encoding("own", rows, names, (len(names),))


def _are_numbers(options: Sequence[Option]) -> bool:
    return all(isinstance(option, int | float) and not isinstance(option, bool) for option in options)


def _levels(options: Sequence[Option]) -> FloatArray:
    """Return the number from 0 to 1 that stands for each option."""
    values = np.array(options, dtype=np.float64) if _are_numbers(options) else np.arange(len(options), dtype=np.float64)
    return np.asarray((values - values.min()) / (np.ptp(values) or 1.0))
