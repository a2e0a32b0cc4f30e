"""The interface of search spaces, between architectures and everything else."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from robustnas.errors import InvalidInputError

if TYPE_CHECKING:
    from torch import nn

Architecture = TypeVar("Architecture", bound=Hashable)

COSTS: dict[str, str] = {
    "params": "trainable parameters",
    "flops": "multiply-accumulates of one forward pass of one image",
}
"""Costs that objectives may name, and what they count; smaller is better. Each space computes its own."""


class SearchSpace(ABC, Generic[Architecture]):
    """A set of architectures, with operations to sample, mutate and compare them.

    An architecture is an immutable, hashable value; ``str`` writes it and `parse` reads it. It combines one option for
    each of the `choices`, and does not depend on any table or search.

    Attributes:
        name: The space's name in `robustnas.spaces.SPACES`, in records and in the store of measurements.
        sizes: The names of the settings of an evaluation that `build` takes besides, such as ``channels``.
        normalised: Whether networks take images normalised by the mean and deviation of the image data, instead of
            pixels in [0, 1].
    """

    name: str
    sizes: tuple[str, ...] = ()
    normalised: bool = False

    @property
    @abstractmethod
    def choices(self) -> Mapping[str, tuple[Any, ...]]:
        """The options of every choice, by the choice's name; names and options in a fixed order."""

    @abstractmethod
    def from_choices(self, options: Mapping[str, Any]) -> Architecture:
        """Return the architecture with the given option for each choice.

        Raises:
            InvalidInputError: A choice is missing or unknown, or does not have the option.
        """

    @abstractmethod
    def choices_of(self, architecture: Architecture) -> dict[str, Any]:
        """Return an architecture's option for every choice; the inverse of `from_choices`."""

    @abstractmethod
    def parse(self, text: Any) -> Architecture:
        """Read an architecture in any notation of the space; an architecture is returned unchanged.

        Raises:
            NotationError: It cannot be read; the message names the offending part and what was expected there.
        """

    def build(self, architecture: Architecture, n_classes: int, in_channels: int) -> nn.Module:  # noqa: ARG002
        """Return the network, untrained: from images, shape (n, in_channels, height, width), to logits.

        It takes the space's `sizes` besides. The caller seeds PyTorch's global generator, which initial weights are
        drawn from.

        Raises:
            InvalidInputError: The space does not define it.
        """
        raise InvalidInputError(
            f"the space {self.name} builds no networks; define build(self, architecture, n_classes, in_channels)"
        )

    def skeleton_on(self, image_size: int, n_classes: int, in_channels: int) -> Any:  # noqa: ARG002
        """Return the size of networks on some images in the space's own terms, for costs; None if it has none.

        It takes the space's `sizes` besides.

        Args:
            image_size: Height and width.
            n_classes: Classes.
            in_channels: Channels of the images.
        """
        return None

    def canonical(self, architecture: Architecture) -> Architecture:
        """Return the representative of all architectures that are the same network: the key for caches and budgets."""
        return architecture

    def sample(self, rng: np.random.Generator) -> Architecture:
        """Draw an architecture, every choice uniformly."""
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
