"""Training recipes: what fixes a training besides network, images and seed; without torch, digests need none."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from robustnas.checks import LARGEST_INTEGER, whole_number
from robustnas.errors import InvalidInputError, excerpt, unknown_name

_FORMAT = 1


def _number(name: str, value: object, high: int, *, above_zero: bool = False, below: bool = False) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
        if 0 <= number <= high and not (above_zero and number == 0) and not (below and number == high):
            return number
    lower, upper = "above 0" if above_zero else "from 0", f"below {high}" if below else f"up to {high}"
    raise InvalidInputError(f"{name} is {excerpt(value)}; expected a number {lower} and {upper}")


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Stochastic gradient descent on the cross-entropy with a cosine learning rate; the defaults are the benchmark's.

    The learning rate falls from `learning_rate` to 0 along half a cosine, once per epoch as in the benchmark or at
    every step. Batch norm's parameters decay like all others.

    Args:
        epochs: Passes over the images, 1 to 100,000.
        batch_size: Images per step, at least 2; the last batch of an epoch holds what is left over.
        learning_rate: Its largest value, above 0 and up to 100.
        momentum: 0 up to, but not, 1.
        nesterov: Nesterov's momentum; needs a momentum above 0.
        weight_decay: L2 penalty, 0 to 1.
        cosine_per_step: Whether the learning rate changes at every step rather than every epoch.
        warmup: Share of the training, 0 up to, but not, 1, over which the learning rate first rises linearly, per step.
        flip: Whether every image is mirrored left to right with probability one half.
        crop_padding: Black pixels put around an image before a window of its size is cut out at random, 0 to 64; 0 is
            no augmentation by crops.

    Raises:
        InvalidInputError: A value out of range.

    >>> from dataclasses import replace
    >>> replace(BENCHMARK_RECIPE, epochs=12).learning_rate_at(epoch=6, step=0, n_steps=196)
    0.05
    """

    epochs: int = 200
    batch_size: int = 256
    learning_rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    cosine_per_step: bool = False
    warmup: float = 0.0
    flip: bool = True
    crop_padding: int = 4

    def __post_init__(self) -> None:
        for name, low, high in (("epochs", 1, 100_000), ("batch_size", 2, LARGEST_INTEGER), ("crop_padding", 0, 64)):
            self._set(name, whole_number(name, getattr(self, name), at_least=low, at_most=high))
        self._set("learning_rate", _number("learning_rate", self.learning_rate, 100, above_zero=True))
        self._set("weight_decay", _number("weight_decay", self.weight_decay, 1))
        for name in ("momentum", "warmup"):
            self._set(name, _number(name, getattr(self, name), 1, below=True))
        for name in ("nesterov", "cosine_per_step", "flip"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidInputError(f"{name} is {excerpt(getattr(self, name))}; expected True or False")
        if self.nesterov and not self.momentum:
            raise InvalidInputError("nesterov is True with a momentum of 0.0; expected a momentum above 0, or False")

    def learning_rate_at(self, epoch: int, step: int, n_steps: int) -> float:
        """Return the learning rate of a step.

        Args:
            epoch: From 0.
            step: Within the epoch, from 0.
            n_steps: Steps per epoch.
        """
        done = epoch + step / n_steps
        rising = self.warmup * self.epochs
        if done < rising:
            return self.learning_rate * min(1.0, (done + 1 / n_steps) / rising)
        position = done if self.cosine_per_step else float(epoch)
        share = max(0.0, position - rising) / (self.epochs - rising)
        return self.learning_rate * (1 + math.cos(math.pi * share)) / 2

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data, for records."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """A SHA-256 of all values, 64 hexadecimal digits: equal recipes, equal digests anywhere."""
        text = json.dumps({"format": _FORMAT, **self.as_dict()}, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()

    def _set(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)


BENCHMARK_RECIPE = TrainingConfig()
"""The recipe of NAS-Bench-201 for CIFAR (Dong and Yang 2020): 200 epochs; it pads by 2 for ImageNet16-120."""

RECIPES: dict[str, TrainingConfig] = {
    "benchmark": BENCHMARK_RECIPE,
    "short": TrainingConfig(epochs=12, cosine_per_step=True, warmup=0.1),
    "digits": TrainingConfig(epochs=20, batch_size=128, cosine_per_step=True, warmup=0.1, flip=False, crop_padding=0),
}
"""Recipes by name: the benchmark's, one for a first look at images of CIFAR's size, one for small gray digits."""


def recipe(name: str) -> TrainingConfig:
    """Return a recipe of `RECIPES`.

    Raises:
        InvalidInputError: There is none of this name.
    """
    if name not in RECIPES:
        raise InvalidInputError(unknown_name("recipe", name, RECIPES))
    return RECIPES[name]
