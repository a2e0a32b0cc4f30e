"""What fixes a measured number besides cell, image data and metric; without torch, so that digests need none."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError
from robustnas.evaluator.attacks.settings import AttackSettings, check_precision
from robustnas.evaluator.software import defining
from robustnas.evaluator.training.training_config import BENCHMARK_RECIPE, RECIPES, TrainingConfig, changed, recipe
from robustnas.metric import ATTACKS, CORRUPTIONS, Metric, check_protocol
from robustnas.spaces import EnumerableSpace
from robustnas.spaces.nasbench201.cost import SKELETONS

if TYPE_CHECKING:
    from robustnas.evaluator.images.images import ImageData

_FORMAT = 1
_SMALL_SIDE = 12  # pixels: digits and the like
_CIFAR_SIDE = 32
_OURS = "robustnas.evaluator.attacks."
_AUTOATTACK = _OURS + "autoattack:"


@dataclass(frozen=True)
class EvaluationSettings:
    """How networks are built, trained, attacked and counted; the defaults are the benchmark's and the paper's.

    Args:
        channels: Width of the first stage.
        n_cells: Cells per stage.
        training: The training recipe.
        attacks: Steps and queries of the attacks.
        protocol: ``paper`` or ``nested``; see `robustnas.metric.PROTOCOLS`.
        attack_precision: What attacks compute in while they search; the verdict is float32. See
            `robustnas.evaluator.attacks.settings.PRECISIONS`.
        n_images: Test images that are used, the first ones; None for all.
        seed: Fixes initial weights, training and attacks.

    Raises:
        InvalidInputError: A value out of range.

    >>> settings = EvaluationSettings(protocol="nested")
    >>> a, b = (settings.digest(Metric("pgd", 1.0), grid) for grid in ([1.0, 2.0], [1.0]))
    >>> a == b, a == settings.digest(Metric("pgd", 1.0), [0.5, 1.0])
    (True, False)
    """

    SIZES: ClassVar = ("channels", "n_cells")

    channels: int = 16
    n_cells: int = 5
    training: TrainingConfig = BENCHMARK_RECIPE
    attacks: AttackSettings = field(default_factory=AttackSettings)
    protocol: str = "paper"
    n_images: int | None = None
    seed: int = 0
    attack_precision: str = field(default="float32", repr=False)  # not in the text by which older results go on

    def __post_init__(self) -> None:
        for name in ("channels", "n_cells"):
            whole_number(name, getattr(self, name), at_least=1)
        if self.n_images is not None:
            whole_number("n_images", self.n_images, at_least=1)
        whole_number("seed", self.seed, at_least=0)
        check_protocol(self.protocol)
        check_precision(self.attack_precision)

    @classmethod
    def for_images(cls, images: ImageData, **changes: Any) -> EvaluationSettings:
        """Return the defaults for image data: the benchmark's for its datasets, smaller ones for smaller images.

        Args:
            images: The image data.
            changes: Settings to change; None keeps the default.
        """
        defaults = cls()
        side = images.shape[1]
        if side <= _SMALL_SIDE:
            defaults = cls(channels=8, n_cells=1, training=RECIPES["digits"])
        elif images.name not in SKELETONS:
            defaults = cls(n_cells=1 if side < _CIFAR_SIDE else 5, training=RECIPES["short"])
        return replace(defaults, **{name: value for name, value in changes.items() if value is not None})

    @classmethod
    def training_for(cls, images: ImageData, name: str | None = None, **changes: Any) -> TrainingConfig:
        """Return a recipe as it suits image data, with some of its fields changed.

        Args:
            images: The image data.
            name: Of the recipe; None for the default of these images.
            changes: Fields of the recipe to change.

        Raises:
            InvalidInputError: There is no such recipe, or it cannot be changed so.
        """
        if name is None:
            return changed(cls.for_images(images).training, changes)
        return changed(recipe(name, digits=images.shape[1] <= _SMALL_SIDE), changes)

    def sizes_in(self, space: EnumerableSpace[Any]) -> dict[str, int]:
        """Return the sizes that the networks of a space take, by name."""
        return {name: getattr(self, name) for name in space.sizes}

    def training_digest_in(self, space: EnumerableSpace[Any]) -> str:
        """Return a SHA-256 of what fixes a network's weights besides architecture, images and seed.

        That is sizes and recipe, and the source of a space that users may change.
        """
        own = {"space": {"name": space.name, **space.digests}} if space.digests else {}
        return _digest({**self.sizes_in(space), "recipe": self.training.as_dict(), **own})

    def protocol_of(self, metric: Metric) -> str:
        """Return the protocol that a metric is measured under; without an attack it is always ``paper``."""
        return self.protocol if metric.kind in ATTACKS else "paper"

    def precision_of(self, metric: Metric) -> str:
        """Return what an attack searches in; float32 for metrics and attacks that low precision is not for."""
        lowered = metric.kind in ATTACKS and ATTACKS[metric.kind].low_precision
        return self.attack_precision if lowered else "float32"

    def digest(self, metric: Metric, grid: Iterable[float] = (), *, corruption: Mapping[str, str] | None = None) -> str:
        """Return a SHA-256 of what fixes a number besides network, metric, protocol and seed.

        Args:
            metric: What is measured.
            grid: The eps of the same attack that are measured with it. Under the protocol nested, examples found at
                smaller eps count, so that those are part of what was measured.
            corruption: What fixes the corrupted images, by name: `robustnas.evaluator.corruptions.corruptions.facts`.
        """
        facts: dict[str, Any] = {"n_images": self.n_images}
        if metric.kind in ATTACKS:
            facts |= self.attacks.of(metric.kind) | _definition(metric.kind)
            if self.precision_of(metric) != "float32":
                facts["precision"] = self.precision_of(metric)
            if self.protocol == "nested":
                facts["smaller_eps"] = sorted({float(eps) for eps in grid if eps < (metric.level or 0)})
        elif metric.kind in CORRUPTIONS:
            facts |= corruption or {}
        return _digest(facts)

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain data, for records."""
        return {
            "channels": self.channels,
            "n_cells": self.n_cells,
            "training": self.training.as_dict(),
            "attacks": {name: self.attacks.of(name) for name in ATTACKS if self.attacks.of(name)},
            "protocol": self.protocol,
            "attack_precision": self.attack_precision,
            "n_images": self.n_images,
            "seed": self.seed,
        }


def check_sizes(space: EnumerableSpace[Any], given: Mapping[str, int | None]) -> None:
    """Refuse sizes of networks that a space does not take.

    Args:
        space: The space.
        given: Sizes by name; None for those that were not given.

    Raises:
        InvalidInputError: One was given.
    """
    for name, value in given.items():
        if value is not None and name not in space.sizes:
            raise InvalidInputError(
                f"{name} is {value}, but the size of networks of the space {space.name} is said by their architecture: "
                "leave it out"
            )


def _definition(attack: str) -> dict[str, str]:
    """Return what defines an attack besides its settings: the package that ours wraps, or the class of another one."""
    attacker = ATTACKS[attack].attacker
    if not isinstance(attacker, str):
        return {"attacker": f"{attacker.__module__}:{attacker.__qualname__}"}
    if attacker.startswith(_AUTOATTACK):
        return defining("pyautoattack")
    return {} if attacker.startswith(_OURS) else {"attacker": attacker}


def _digest(facts: dict[str, Any]) -> str:
    text = json.dumps({"format": _FORMAT, **facts}, sort_keys=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()
