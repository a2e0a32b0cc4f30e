"""What a space of choices says that is too large to be enumerated: its methods are asked of one architecture at a time.

Indices stay what they are, however large: plain integers of Python. What would take an array of all architectures is
refused.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from robustnas.errors import InvalidInputError, SpaceTooLargeError
from robustnas.spaces.choice_architecture import ChoiceArchitecture

if TYPE_CHECKING:
    from robustnas.spaces.choice_space import ChoiceSpace

MOST_ARCHITECTURES = 2**20
"""The most architectures of a space that is enumerated."""

_TRIES = 30_000
_LONGEST = 15  # digits


def too_large(name: str, size: int) -> SpaceTooLargeError:
    """Return the error of what would have to know every architecture of a space."""
    return SpaceTooLargeError(
        f"the space {name} has {count_text(size)} architectures, more than the {MOST_ARCHITECTURES:,} that are "
        "enumerated; use a searcher that samples, such as random, evolution, local, nsga2, gp, xgboost, forest or "
        "optuna-tpe, on a table that measures; or fix some choices, or list some architectures (ListedSpace)"
    )


def count_text(count: int) -> str:
    """Return a count in words: exactly, or its order of magnitude.

    >>> count_text(10**12), count_text(5 * 10**200)
    ('1,000,000,000,000', 'about 5e200')
    """
    if count < 10**_LONGEST:
        return f"{count:,}"
    exponent = math.floor(math.log10(count) + 1e-9)
    return f"about {round(10 ** (math.log10(count) - exponent)):d}e{exponent}"


class LargeChoices:
    """Samples and mutates the valid architectures of a space of choices.

    Args:
        space: The space.
        is_valid: Whether an architecture belongs to it.
    """

    def __init__(self, space: ChoiceSpace, is_valid: Callable[[ChoiceArchitecture], bool]) -> None:
        self._names, self._options = tuple(space.choices), list(space.choices.values())
        self._sizes = np.array([len(options) for options in self._options])
        self._open: list[int] = np.flatnonzero(self._sizes > 1).tolist()
        self._alternatives: list[int] = np.cumsum(self._sizes[self._open] - 1).tolist()
        self._title, self._is_valid = space.name, is_valid

    def sample(self, rng: np.random.Generator) -> ChoiceArchitecture:
        """Draw a valid architecture uniformly: of all, until one is.

        Raises:
            InvalidInputError: Next to nothing is valid.
        """
        if found := self.samples(rng, 1, _TRIES):
            return found[0]
        raise InvalidInputError(
            f"the space {self._title}: of {_TRIES:,} architectures drawn at random, none is valid; let more options go "
            "together, make one choice of those that depend on each other, or loosen the constraints of the search"
        )

    def samples(self, rng: np.random.Generator, n: int, tries: int) -> list[ChoiceArchitecture]:
        """Draw up to `n` valid architectures, of `tries` at most."""
        found: list[ChoiceArchitecture] = []
        for _ in range(tries):
            if len(found) == n:
                break
            places = zip(self._options, rng.integers(self._sizes).tolist(), strict=True)
            drawn = ChoiceArchitecture(self._names, tuple(options[place] for options, place in places))
            if self._is_valid(drawn):
                found.append(drawn)
        return found

    def mutate(self, architecture: ChoiceArchitecture, rng: np.random.Generator) -> ChoiceArchitecture | None:
        """Return a random valid neighbour, every one as likely; None if it is not found soon."""
        for _ in range(20 * len(self._open)):
            drawn = int(rng.integers(self._alternatives[-1]))
            which = bisect_right(self._alternatives, drawn)
            choice = self._open[which]
            options = self._options[choice]
            step = self._alternatives[which] - drawn  # from 1 to the number of alternatives
            option = options[(options.index(architecture.options[choice]) + step) % len(options)]
            own = architecture.options
            mutant = ChoiceArchitecture(self._names, (*own[:choice], option, *own[choice + 1 :]))
            if self._is_valid(mutant):
                return mutant
        return None
