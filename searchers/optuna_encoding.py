"""Architectures as parameters of an Optuna trial, and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from robustnas.spaces import EnumerableSpace

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


class OptunaEncoding(ABC):
    """How architectures are written as the parameters of a trial.

    Args:
        space: The search space.

    Attributes:
        distributions: The distribution of every parameter.
    """

    distributions: dict[str, BaseDistribution]

    def __init__(self, space: EnumerableSpace[Any]) -> None:
        self.space = space

    @abstractmethod
    def decode(self, params: Mapping[str, Any]) -> Any:
        """Return the architecture of a trial's parameters."""

    @abstractmethod
    def encode(self, architecture: Any) -> dict[str, Any]:
        """Return parameters that `decode` reads as an architecture."""


class ChoiceEncoding(OptunaEncoding):
    """One categorical parameter per choice of the space."""

    def __init__(self, space: EnumerableSpace[Any]) -> None:
        from optuna.distributions import CategoricalDistribution

        super().__init__(space)
        self.distributions = {name: CategoricalDistribution(options) for name, options in space.choices.items()}

    def decode(self, params: Mapping[str, Any]) -> Any:
        """Return the architecture with these options."""
        return self.space.from_choices({name: params[name] for name in self.space.choices})

    def encode(self, architecture: Any) -> dict[str, Any]:
        """Return the option of every choice."""
        return self.space.choices_of(architecture)


class ScoreEncoding(OptunaEncoding):
    """A real score from 0 to 1 per option: every choice takes the option that has its highest score."""

    def __init__(self, space: EnumerableSpace[Any]) -> None:
        from optuna.distributions import FloatDistribution

        super().__init__(space)
        choices = space.choices.items()
        self.distributions = {
            f"{name}:{option}": FloatDistribution(0.0, 1.0) for name, options in choices for option in options
        }

    def decode(self, params: Mapping[str, Any]) -> Any:
        """Return the architecture of the highest scores."""
        choices = self.space.choices.items()
        return self.space.from_choices(
            {name: max(options, key=lambda option: params[f"{name}:{option}"]) for name, options in choices}
        )

    def encode(self, architecture: Any) -> dict[str, Any]:
        """Return the score 1 for the options that were chosen, and 0 for the others."""
        own = self.space.choices_of(architecture)
        choices = self.space.choices.items()
        return {f"{name}:{option}": float(option == own[name]) for name, options in choices for option in options}
