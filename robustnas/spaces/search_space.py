"""The seam between architectures and everything else: what a search space has to say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

Architecture = TypeVar("Architecture", bound=Hashable)

COSTS: dict[str, str] = {
    "params": "trainable parameters",
    "flops": "multiply-accumulates of one forward pass of one image",
}
"""Costs that objectives may name, with what they count; smaller is better. A space says what they are."""


class SearchSpace(ABC, Generic[Architecture]):
    """Architectures, and how to get from one to another.

    An architecture is an immutable, hashable value; ``str`` writes it and `parse` reads it. It is a combination of one
    option for each of the `choices`. It knows no table and no search.

    Attributes:
        name: The space's name in `robustnas.spaces.SPACES`, in records and in the store of measurements.
    """

    name: str

    @property
    @abstractmethod
    def choices(self) -> Mapping[str, tuple[Any, ...]]:
        """The options of every choice, by the choice's name; names and options in a fixed order."""

    @abstractmethod
    def from_choices(self, options: Mapping[str, Any]) -> Architecture:
        """Return the architecture of one option per choice.

        Raises:
            InvalidInputError: A choice is missing or unknown, or has no such option.
        """

    @abstractmethod
    def choices_of(self, architecture: Architecture) -> dict[str, Any]:
        """Return the option that an architecture has for every choice; the inverse of `from_choices`."""

    @abstractmethod
    def parse(self, text: Any) -> Architecture:
        """Read an architecture in any notation of the space; an architecture is returned as it is.

        Raises:
            NotationError: Naming the offending part and what was expected there.
        """

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the representative of all architectures that are one network: the key for memos and budgets."""
        return architecture

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture: every choice uniformly."""
        drawn = {name: options[int(rng.integers(len(options)))] for name, options in self.choices.items()}
        return self.from_choices(drawn)

    def neighbours(self, architecture: Architecture) -> list[Architecture]:
        """Return the architectures that differ in exactly one choice, choice by choice."""
        own = self.choices_of(architecture)
        return [
            self.from_choices({**own, name: option})
            for name, options in self.choices.items()
            for option in options
            if option != own[name]
        ]

    def mutate(self, architecture: Architecture, rng: np.random.Generator) -> Architecture:
        """Return a random neighbour."""
        near = self.neighbours(architecture)
        return near[int(rng.integers(len(near)))]
