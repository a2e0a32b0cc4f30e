"""Plans of filling: which numbers of which networks a store should hold, read from TOML; without torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, PlanError, excerpt, unknown_name
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.evaluator.evaluation_settings import EvaluationSettings, check_sizes
from robustnas.evaluator.training.training_config import BENCHMARK_RECIPE, TrainingConfig, changed, recipe
from robustnas.metric import Metric, check_measurable
from robustnas.objectives.objective import Objective
from robustnas.plan_file import parse_plan, read_plan
from robustnas.spaces import DEFAULT_SPACE, EnumerableSpace, open_space, recorded_name
from robustnas.tables.datasets import is_surrogate

if TYPE_CHECKING:
    from robustnas.evaluator.images.images import ImageData

_KEYS = (
    "images",
    "dataset",
    "space",
    "cells",
    "architectures",
    "sample_seed",
    "metrics",
    "protocol",
    "attack_precision",
    "seeds",
    "n_images",
    "channels",
    "n_cells",
    "training",
    "attacks",
)
_PLAIN_KEYS = ("protocol", "attack_precision", "n_images", "channels", "n_cells")
_TRAINING_KEYS = ("recipe", *(item.name for item in fields(TrainingConfig)))
_ATTACK_KEYS = tuple(item.name for item in fields(AttackSettings))
_ALL_CELLS = ("networks", "all")
_MAX_SEEDS = 100_000
_MOST_DRAWN = 100_000  # networks of a space with more than a million


@dataclass(frozen=True)
class FillPlan:
    """What a store should hold, checked as far as possible without the images.

    Attributes:
        images: Image data, by name or path.
        metrics: What to measure; what objectives stand for is written out.
        networks: The networks, as canonical architectures, each once.
        space: What opens their search space.
        dataset: A dataset of the database whose metrics are not measured; None to measure everything.
        seeds: Every network is trained once per seed.
        protocol: How attacks go over a grid of eps; None for the images' default, as for all that follow.
        attack_precision: What attacks compute in while they search.
        n_images: Test images that are used, the first ones.
        channels: Width of the first stage.
        n_cells: Cells per stage.
        recipe: Name of the training recipe.
        training: Fields of the recipe to change.
        attacks: Steps and queries of the attacks.

    >>> plan = FillPlan.parse('images = "digits"\\nmetrics = ["clean", "worst@8"]\\ncells = 3')
    >>> [str(metric) for metric in plan.metrics], len(plan.networks), plan.seeds
    (['clean', 'fgsm@8', 'pgd@8', 'apgd@8', 'square@8'], 3, (0,))
    """

    images: str
    metrics: tuple[Metric, ...]
    networks: tuple[Any, ...] = field(repr=False)
    space: str = DEFAULT_SPACE
    dataset: str | None = None
    seeds: tuple[int, ...] = (0,)
    protocol: str | None = None
    attack_precision: str | None = None
    n_images: int | None = None
    channels: int | None = None
    n_cells: int | None = None
    recipe: str | None = None
    training: Mapping[str, Any] = field(default_factory=dict)
    attacks: AttackSettings = field(default_factory=AttackSettings)

    @classmethod
    def parse(cls, text: str, origin: str = "plan", space: str | None = None) -> FillPlan:
        """Read a plan from TOML.

        Args:
            text: The TOML.
            origin: What error messages call it, such as the file's name.
            space: A search space, by name or reference; the plan's if None.

        Raises:
            PlanError: No TOML, or a key or value that is wrong; the message names it and what was expected.
        """
        return parse_plan(text, origin, partial(_plan, space))

    @classmethod
    def load(cls, path: str | Path, space: str | None = None) -> FillPlan:
        """Read a plan from a file; see `parse`."""
        return cls.parse(read_plan(path, "robustnas fill --example"), str(path), space)

    def settings(self, images: ImageData, seed: int) -> EvaluationSettings:
        """Return the settings of one seed: the plan's, and the images' defaults where it has none.

        Raises:
            InvalidInputError: The plan's settings contradict the images' defaults.
        """
        return EvaluationSettings.for_images(
            images,
            channels=self.channels,
            n_cells=self.n_cells,
            training=EvaluationSettings.training_for(images, self.recipe, **self.training),
            attacks=self.attacks,
            protocol=self.protocol,
            attack_precision=self.attack_precision,
            n_images=self.n_images,
            seed=seed,
        )

    def with_training(self, recipe_name: str | None, train_eps: float | None) -> FillPlan:
        """Return the plan with another recipe, and another radius of its adversary; None keeps the plan's.

        Raises:
            InvalidInputError: There is no such recipe, or it has no adversary.
        """
        changes = dict(self.training) if train_eps is None else {**self.training, "train_eps": train_eps}
        plan = replace(self, recipe=recipe_name or self.recipe, training=changes)
        _check_settings(plan)
        return plan

    def with_seeds(self, n: int | None) -> FillPlan:
        """Return the plan with another number of trainings per network, of seeds 0 to n - 1; None keeps the plan's.

        Raises:
            PlanError: It is less than 1, or more than a plan may have.
        """
        return self if n is None else replace(self, seeds=_seeds(n))

    def with_attack_precision(self, precision: str | None) -> FillPlan:
        """Return the plan with attacks that search in another precision; None keeps the plan's.

        Raises:
            InvalidInputError: There is no such precision.
        """
        plan = self if precision is None else replace(self, attack_precision=precision)
        _check_settings(plan)
        return plan


def example_text() -> str:
    """Return a plan as TOML, to copy and change."""
    return resources.files("robustnas.evaluator.filling").joinpath("fill.toml").read_text(encoding="utf-8")


def _plan(space: str | None, content: dict[str, Any]) -> FillPlan:
    _check_keys(content, _KEYS)
    searched = open_space(space or _text("space", content.get("space", DEFAULT_SPACE)))
    check_sizes(searched, {name: content.get(name) for name in ("channels", "n_cells")})
    training = _table("training", content, _TRAINING_KEYS)
    recipe_name = training.pop("recipe", None)
    if recipe_name is not None:
        recipe(_text("recipe", recipe_name))
    sample_seed = whole_number("sample_seed", content.get("sample_seed", 0), at_least=0)
    plan = FillPlan(
        images=_text("images", content.get("images")),
        metrics=_metrics(content.get("metrics")),
        networks=_networks(content, searched, sample_seed),
        space=recorded_name(searched),
        dataset=_dataset(content.get("dataset")),
        seeds=_seeds(content.get("seeds", 1)),
        recipe=recipe_name,
        training=training,
        attacks=_attacks(_table("attacks", content, _ATTACK_KEYS)),
        **{name: content.get(name) for name in _PLAIN_KEYS},
    )
    _check_settings(plan)
    return plan


def _check_settings(plan: FillPlan) -> None:
    """Build the settings without images, so that a bad value is refused before any are opened."""
    given = {name: getattr(plan, name) for name in _PLAIN_KEYS}
    training = changed(recipe(plan.recipe) if plan.recipe else BENCHMARK_RECIPE, plan.training)
    EvaluationSettings(training=training, **{name: value for name, value in given.items() if value is not None})


def _check_keys(content: Mapping[str, Any], known: Sequence[str], table: str = "") -> None:
    for key in content:
        if key in known:
            continue
        where = f" in [{table}]" if table else ""
        if table and key in _KEYS:
            raise PlanError(f"the key {excerpt(key)} is in [{table}]; it belongs above all lines in brackets")
        raise PlanError(unknown_name(f"key{where}", key, known))


def _table(name: str, content: Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    value = content.get(name, {})
    if not isinstance(value, dict):
        raise PlanError(f"{name} is {excerpt(value)}; expected a table, [{name}], with keys of {', '.join(known)}")
    _check_keys(value, known, name)
    return dict(value)


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        examples = {"images": "a name such as 'digits', or a path", "dataset": "a name such as 'cifar10'"}
        raise PlanError(f"{name} is {excerpt(value)}; expected {examples.get(name, 'a name')}")
    return value


def _dataset(value: object) -> str | None:
    if value is None:
        return None
    name = _text("dataset", value)
    if is_surrogate(name):
        raise PlanError(
            f"dataset is {excerpt(name)}, a model's predictions; expected one of measurements, such as 'cifar10'"
        )
    return name


def _metrics(value: object) -> tuple[Metric, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
        raise PlanError(
            f"metrics is {excerpt(value)}; expected a list such as ['clean', 'pgd@1', 'worst@2', 'corruption']"
        )
    return tuple(dict.fromkeys(metric for text in value for metric in _measured(text)))


def _measured(text: str) -> tuple[Metric, ...]:
    objective = Objective(text)
    for term in objective.terms:
        if not term.metrics:
            raise PlanError(
                f"metrics: {excerpt(term.atom)} cannot be measured; expected such as clean, pgd@1 or worst@2"
            )
    try:
        return tuple(check_measurable(metric) for metric in objective.metrics)
    except InvalidInputError as error:
        raise PlanError(f"metrics: {error}") from None


def _networks(content: Mapping[str, Any], space: EnumerableSpace[Any], sample_seed: int) -> tuple[Any, ...]:
    """Return the networks that ``cells`` or ``architectures`` names: two words for one key."""
    named = [key for key in ("cells", "architectures") if key in content]
    if len(named) > 1:
        raise PlanError("cells and architectures are given; expected one of them: they mean the same")
    key = named[0] if named else "cells"
    value = content.get(key, "networks")
    if isinstance(value, list) and value:
        return tuple(dict.fromkeys(EnumerableSpace.canonical(space, space.parse(arch)) for arch in value))
    if isinstance(value, str):
        if value not in _ALL_CELLS:
            raise PlanError(f"{unknown_name(key, value, _ALL_CELLS)}; or a number, or a list of architectures")
        if not space.is_enumerated:
            raise PlanError(
                f"{key} is {excerpt(value)}, and {space.name} is too large to be enumerated; expected how many of its "
                "networks to draw, or a list of architectures"
            )
        return _at(space.network_indices(), space)
    if isinstance(value, int) and not isinstance(value, bool):
        if not space.is_enumerated:
            return _drawn(whole_number(key, value, at_least=1, at_most=_MOST_DRAWN), space, sample_seed)
        n = whole_number(key, value, at_least=1, at_most=space.n_networks)
        order = np.random.default_rng(sample_seed).permutation(space.network_indices())  # more include the fewer
        return _at(order[:n], space)
    raise PlanError(f"{key} is {excerpt(value)}; expected 'networks', a number, or a list of architectures")


def _drawn(n: int, space: EnumerableSpace[Any], sample_seed: int) -> tuple[Any, ...]:
    """Return distinct networks of a space that is not enumerated; more include the fewer."""
    rng, found = np.random.default_rng(sample_seed), dict[Any, None]()
    while len(found) < n:
        found[EnumerableSpace.canonical(space, space.sample(rng))] = None
    return tuple(found)


def _at(indices: Iterable[int], space: EnumerableSpace[Any]) -> tuple[Any, ...]:
    return tuple(space.architecture(index) for index in dict.fromkeys(map(int, indices)))


def _seeds(value: object) -> tuple[int, ...]:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _MAX_SEEDS:
        return tuple(range(value))
    if isinstance(value, list) and value and all(type(seed) is int and seed >= 0 for seed in value):
        return tuple(dict.fromkeys(value))
    raise PlanError(f"seeds is {excerpt(value)}; expected a count of at least 1, or a list of integers of at least 0")


def _attacks(values: dict[str, Any]) -> AttackSettings:
    settings = AttackSettings(**values)
    return replace(settings, pgd_relative_step=float(settings.pgd_relative_step))  # 1 and 1.0 are one setting
