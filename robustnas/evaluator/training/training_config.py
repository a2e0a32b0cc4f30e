"""Training recipes: what fixes a training besides network, images and seed; without torch, digests need none."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

from robustnas.checks import LARGEST_INTEGER, whole_number
from robustnas.errors import InvalidInputError, excerpt, unknown_name

_FORMAT = 1
_ADVERSARIES = ("none", "pgd", "trades")
_OF_ADVERSARY = ("train_eps", "pgd_steps", "pgd_relative_step", "pgd_in_evaluation_mode")


def _number(name: str, value: object, high: int, *, above_zero: bool = False, below: bool = False) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
        if 0 <= number <= high and not (above_zero and number == 0) and not (below and number == high):
            return number
    lower, upper = "above 0" if above_zero else "from 0", f"below {high}" if below else f"up to {high}"
    raise InvalidInputError(f"{name} is {excerpt(value)}; expected a number {lower} and {upper}")


@dataclass(frozen=True, slots=True)
class TrainingConfig:
    """Stochastic gradient descent with a cosine learning rate; the defaults are the benchmark's.

    The learning rate falls from `learning_rate` to 0 along half a cosine, once per epoch as in the benchmark or at
    every step. Batch norm's parameters decay like all others. What is minimised is the cross-entropy, of images as they
    are or of adversarial examples: see `robustnas.evaluator.training.adversarial`.

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
        one_cycle: Whether learning rate and momentum follow one cycle, per step, as PyTorch's OneCycleLR has it by
            default (Smith and Topin 2019): up from a 25th within 30 % of the training, then down to almost 0, with
            a momentum of 0.95 that is 0.85 at the peak in place of `momentum`.
        adversary: "none" for images as they are; "pgd" to train on adversarial examples of PGD, which with one step is
            FGSM with a random start; "trades" for the loss of TRADES.
        train_eps: The adversary's radius in units of 1/255, above 0 and up to 255.
        pgd_steps: The adversary's steps, 1 to 1,000.
        pgd_relative_step: Their size as a share of eps, above 0 and up to 2.
        pgd_in_evaluation_mode: Whether batch norm is in evaluation mode while adversarial examples are made; else it
            uses the batch's statistics, and its running ones follow the examples, too.
        beta: Weight of the term for robustness in TRADES, above 0 and up to 1,000.

    Raises:
        InvalidInputError: A value out of range, or of an adversary where there is none.

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
    one_cycle: bool = False
    adversary: str = "none"
    train_eps: float = 0.0
    pgd_steps: int = 0
    pgd_relative_step: float = 0.0
    pgd_in_evaluation_mode: bool = False
    beta: float = 0.0

    def __post_init__(self) -> None:
        for name, low, high in (("epochs", 1, 100_000), ("batch_size", 2, LARGEST_INTEGER), ("crop_padding", 0, 64)):
            self._set(name, whole_number(name, getattr(self, name), at_least=low, at_most=high))
        self._set("learning_rate", _number("learning_rate", self.learning_rate, 100, above_zero=True))
        self._set("weight_decay", _number("weight_decay", self.weight_decay, 1))
        for name in ("momentum", "warmup"):
            self._set(name, _number(name, getattr(self, name), 1, below=True))
        for name in ("nesterov", "cosine_per_step", "flip", "one_cycle", "pgd_in_evaluation_mode"):
            if not isinstance(getattr(self, name), bool):
                raise InvalidInputError(f"{name} is {excerpt(getattr(self, name))}; expected True or False")
        if self.nesterov and not self.momentum:
            raise InvalidInputError("nesterov is True with a momentum of 0.0; expected a momentum above 0, or False")
        if self.one_cycle and (self.warmup or self.cosine_per_step):
            raise InvalidInputError(
                "one_cycle has its own warmup and cosine; expected it without warmup, cosine_per_step"
            )
        self._check_adversary()

    @property
    def is_adversarial(self) -> bool:
        """Whether it trains on adversarial examples."""
        return self.adversary != "none"

    @property
    def attack_name(self) -> str:
        """The attack that is trained on, such as ``PGD-7``; empty for standard training."""
        if self.adversary == "trades":
            return "TRADES"
        return {0: "", 1: "FGSM"}.get(self.pgd_steps, f"PGD-{self.pgd_steps}")

    @property
    def regime(self) -> str:
        """What sets it apart from standard training, in words for tables and records; empty for standard training.

        >>> recipe("trades").regime
        'adversarial training (TRADES, eps 8/255)'
        """
        return f"adversarial training ({self.attack_name}, eps {self.train_eps:g}/255)" if self.is_adversarial else ""

    def learning_rate_at(self, epoch: int, step: int, n_steps: int) -> float:
        """Return the learning rate of a step.

        Args:
            epoch: From 0.
            step: Within the epoch, from 0.
            n_steps: Steps per epoch.
        """
        if self.one_cycle:
            peak = self.learning_rate
            return self._one_cycle(peak / 25, peak, peak / 250_000, epoch * n_steps + step, n_steps)
        done = epoch + step / n_steps
        rising = self.warmup * self.epochs
        if done < rising:
            return self.learning_rate * min(1.0, (done + 1 / n_steps) / rising)
        position = done if self.cosine_per_step else float(epoch)
        share = max(0.0, position - rising) / (self.epochs - rising)
        return self.learning_rate * (1 + math.cos(math.pi * share)) / 2

    def momentum_at(self, epoch: int, step: int, n_steps: int) -> float:
        """Return the momentum of a step; arguments as of `learning_rate_at`."""
        if not self.one_cycle:
            return self.momentum
        return self._one_cycle(0.95, 0.85, 0.95, epoch * n_steps + step, n_steps)

    def as_dict(self) -> dict[str, Any]:
        """Return the recipe as plain data, for records: what it does not use of an adversary or cycle is left out."""
        facts, unused = asdict(self), [] if self.one_cycle else ["one_cycle"]
        if not self.is_adversarial:
            unused += ["adversary", *_OF_ADVERSARY]
        if self.adversary != "trades":
            unused.append("beta")
        return {name: value for name, value in facts.items() if name not in unused}

    @property
    def digest(self) -> str:
        """A SHA-256 of all values, 64 hexadecimal digits: equal recipes, equal digests anywhere."""
        text = json.dumps({"format": _FORMAT, **self.as_dict()}, sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()

    def _check_adversary(self) -> None:
        if self.adversary not in _ADVERSARIES:
            raise InvalidInputError(unknown_name("adversary", self.adversary, _ADVERSARIES))
        wanted = {*(_OF_ADVERSARY if self.is_adversarial else ()), *(["beta"] if self.adversary == "trades" else ())}
        for name in (*_OF_ADVERSARY, "beta"):
            if name not in wanted and getattr(self, name) != 0:
                value = excerpt(getattr(self, name))
                raise InvalidInputError(f"{name} is {value} with the adversary {self.adversary!r}, which takes none")
        if self.is_adversarial:
            self._set("pgd_steps", whole_number("pgd_steps", self.pgd_steps, at_least=1, at_most=1_000))
            for name, high in (("train_eps", 255), ("pgd_relative_step", 2)):
                self._set(name, _number(name, getattr(self, name), high, above_zero=True))
        if self.adversary == "trades":
            self._set("beta", _number("beta", self.beta, 1_000, above_zero=True))

    def _one_cycle(self, start: float, peak: float, end: float, step: int, n_steps: int) -> float:
        """Return a value that goes from start to peak to end along half cosines; steps are counted from the first."""
        last = self.epochs * n_steps - 1
        top = max(0.3 * self.epochs * n_steps - 1, 0.0)
        if not last:
            return peak
        first, second, share = (
            (start, peak, step / top) if step < top else (peak, end, (step - top) / max(last - top, 1.0))
        )
        return second + (first - second) * (1 + math.cos(math.pi * share)) / 2

    def _set(self, name: str, value: float) -> None:
        object.__setattr__(self, name, value)


BENCHMARK_RECIPE = TrainingConfig()
"""The recipe of NAS-Bench-201 for CIFAR (Dong and Yang 2020): 200 epochs; it pads by 2 for ImageNet16-120."""

_PGD: dict[str, Any] = {"adversary": "pgd", "train_eps": 8, "pgd_steps": 7, "pgd_relative_step": 0.25}
_ADVERSARIAL: dict[str, dict[str, Any]] = {
    "adversarial": _PGD,
    "fast-adversarial": {**_PGD, "pgd_steps": 1, "pgd_relative_step": 1.25},
    "trades": {
        **_PGD,
        "adversary": "trades",
        "pgd_steps": 10,
        "pgd_relative_step": 7 / 31,
        "pgd_in_evaluation_mode": True,
        "beta": 6,
    },
}
_EPOCHS = {"adversarial": 50, "fast-adversarial": 30, "trades": 76}
_DIGITS_EPS = 32  # in units of 1/255

_PER_STEP: dict[str, Any] = {"cosine_per_step": True, "warmup": 0.1}
_DIGITS = TrainingConfig(epochs=20, batch_size=128, **_PER_STEP, flip=False, crop_padding=0)

RECIPES: dict[str, TrainingConfig] = {
    "benchmark": BENCHMARK_RECIPE,
    "short": TrainingConfig(epochs=12, **_PER_STEP),
    "digits": _DIGITS,
    **{name: TrainingConfig(epochs=_EPOCHS[name], **_PER_STEP, **facts) for name, facts in _ADVERSARIAL.items()},
    "robbench": TrainingConfig(epochs=50, nesterov=False, one_cycle=True, **_PGD, pgd_in_evaluation_mode=True),
}
"""Recipes by name: the benchmark's, one for a first look at images of CIFAR's size, one for small gray digits.

``adversarial`` is PGD-7 (Madry et al. 2018), ``fast-adversarial`` FGSM with a random start and a step of 1.25 eps (Wong
et al. 2020), ``trades`` the loss of Zhang et al. (2019) with beta 6, whose step is 0.007 at an eps of 0.031. Their eps
is 8/255; the optimiser is the benchmark's, with a cosine per step. ``robbench`` is what the code of NAS-RobBench-201
(Wu et al. 2024) does.
"""

ADVERSARIAL_RECIPES = tuple(name for name, config in RECIPES.items() if config.is_adversarial)
"""The recipes that train on adversarial examples."""


def recipe(name: str, *, digits: bool = False) -> TrainingConfig:
    """Return a recipe of `RECIPES`.

    Args:
        name: Its name.
        digits: Whether it is for small gray digits: adversarial recipes are then ``digits`` with an eps of 32/255.

    Raises:
        InvalidInputError: There is none of this name.
    """
    if name not in RECIPES:
        raise InvalidInputError(unknown_name("recipe", name, RECIPES))
    if digits and name in _ADVERSARIAL:
        return replace(_DIGITS, **_ADVERSARIAL[name] | {"train_eps": _DIGITS_EPS})
    return RECIPES[name]


def changed(config: TrainingConfig, changes: Mapping[str, Any]) -> TrainingConfig:
    """Return a recipe with some of its fields changed.

    Raises:
        InvalidInputError: A bad value, or a radius where no adversary is.
    """
    if "train_eps" in changes and not config.is_adversarial and "adversary" not in changes:
        raise InvalidInputError(
            f"train_eps is {excerpt(changes['train_eps'])} with a recipe that trains on images as they are; expected "
            f"one of the recipes {', '.join(ADVERSARIAL_RECIPES)} with it"
        )
    return replace(config, **changes)
