"""Metrics: what one number of the robustness database means.

Names are those of the objective grammar: ``clean``, ``fgsm@1`` (attack at eps 1/255, L-inf), ``corruption:fog@3``
(corruption at severity 3), ``corruption`` (the mean over all corruptions and severities, published as one number).
Every metric is an accuracy on the test split, in [0, 1], larger is better.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from robustnas.epsilon import check_norm, epsilon, scale_advice
from robustnas.errors import InvalidInputError, ObjectiveError, excerpt, listing, unknown_name
from robustnas.registry import Registry


@dataclass(frozen=True, slots=True)
class Attack:
    """An L-inf attack: what is known about it without running it, and the class that runs it.

    Costs are passes of one image through a network, forward or backward. There are two counts, of different use:
    `passes` is the price that a search pays, `most_passes` what an evaluator carries out.

    Attributes:
        title: Its name in papers.
        attacker: The class that runs it, a `robustnas.evaluator.attacks.attacker.Attacker`, or the text
            ``module:Class``, which is imported on first use: the facts above need no torch. Empty for an attack that is
            known from tables only.
        passes_per_step: Passes of one step or query: 2 with a gradient, 1 without.
        steps: How many steps or queries there are, or the name of the setting that says so.
        start_passes: Passes that the implementation spends on its starting point, which the published count leaves out.
        settings: The settings that it uses, by name, with their values in the paper. They are part of the digest of
            what it measured. `robustnas.evaluator.attacks.settings.AttackSettings` may hold other values.
        key: Its name in the published files; empty for an attack that is not in the database.
        low_precision: Whether it may search in TF32 or bfloat16. Square may not: it compares losses of single queries,
            whose differences low precision hides (on digits it leaves up to 2 in 100 images more).
    """

    title: str
    attacker: str | type[Any]
    passes_per_step: int
    steps: int | str = 1
    start_passes: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict, hash=False)
    key: str = ""
    low_precision: bool = True

    @property
    def measurable(self) -> bool:
        """Whether the evaluator can run it; if not, its numbers come from tables."""
        return self.attacker != ""

    @property
    def passes(self) -> int:
        """The price of one measurement: the published steps, and one pass to verify the result.

        It is the unit in which searches are compared and recorded, whatever settings numbers were measured with.
        """
        return self._stepped(self.settings) + 1

    def most_passes(self, settings: Mapping[str, Any]) -> int:
        """Return the passes that one measurement takes at most, under some settings: what progress and estimates count.

        >>> ATTACKS["apgd"].passes, ATTACKS["apgd"].most_passes({"apgd_steps": 100})
        (201, 203)
        """
        return self._stepped(settings) + self.start_passes + 1

    def _stepped(self, settings: Mapping[str, Any]) -> int:
        steps = settings[self.steps] if isinstance(self.steps, str) else self.steps
        return self.passes_per_step * int(steps)


_PAPER = {
    "fgsm": Attack("FGSM", "robustnas.evaluator.attacks.gradient_sign:FGSM", 2, key="fgsm@Linf"),
    "pgd": Attack(
        "PGD",
        "robustnas.evaluator.attacks.gradient_sign:PGD",
        passes_per_step=2,
        steps="pgd_steps",
        settings={"pgd_steps": 40, "pgd_relative_step": 0.01 / 0.3},
        key="pgd@Linf",
    ),
    "apgd": Attack(
        "APGD-CE",
        "robustnas.evaluator.attacks.autoattack:APGD",
        passes_per_step=2,
        steps="apgd_steps",
        start_passes=2,
        settings={"apgd_steps": 100},
        key="aa_apgd-ce@Linf",
    ),
    "square": Attack(
        "Square",
        "robustnas.evaluator.attacks.square:Square",
        passes_per_step=1,
        steps="square_queries",
        start_passes=1,
        settings={"square_queries": 5000},
        key="aa_square@Linf",
        low_precision=False,
    ),
}

_AUTOATTACK = Attack(
    "AutoAttack",
    "robustnas.evaluator.attacks.autoattack:AutoAttack",
    passes_per_step=1,
    steps=8800,
    start_passes=960,
    settings={"apgd_steps": 100, "square_queries": 5000},
    low_precision=False,
)
"""The standard version (Croce and Hein 2020): APGD-CE in 100 steps (200 passes), targeted APGD and FAB in 9 x 100 steps
each (1,800 passes each), Square in 5,000 queries; an image that is fooled skips the rest, so this is the most. FAB
looks at each of its steps once more, and every attack at its start and its result, which is in no published count."""

ATTACKS: Registry[Attack] = Registry("attack", {**_PAPER, "autoattack": _AUTOATTACK}, "robustnas.attacks")
"""Attacks by name: the paper's FGSM in one step, PGD in 40, APGD-CE in 100 (Croce and Hein 2020), Square in 5,000
queries; and AutoAttack, the ensemble. An entry here is all that another attack needs: its metrics parse, and the
evaluator measures them."""

PAPER_ATTACKS: tuple[str, ...] = tuple(_PAPER)
"""The four attacks of the robustness paper and its database, whatever else is registered in `ATTACKS`."""

CORRUPTIONS: tuple[str, ...] = (
    "brightness",
    "contrast",
    "defocus_blur",
    "elastic_transform",
    "fog",
    "frost",
    "gaussian_noise",
    "glass_blur",
    "impulse_noise",
    "jpeg_compression",
    "motion_blur",
    "pixelate",
    "shot_noise",
    "snow",
    "zoom_blur",
)
"""The 15 corruptions of CIFAR-10-C and CIFAR-100-C (Hendrycks and Dietterich 2019)."""

SEVERITIES: tuple[int, ...] = (1, 2, 3, 4, 5)

MEAN_CORRUPTION = "corruption"
"""The metric of a table that holds the mean over all corruptions and severities as one number."""

PLAIN_METRICS: dict[str, str] = {"clean": "clean", MEAN_CORRUPTION: "mean corruption"}
"""Metrics without a level, by name, with their titles."""

PROTOCOLS: dict[str, str] = {
    "paper": "every attack at every eps alone, as the database was measured",
    "nested": "only images still correct go on to the next eps, and an attack stops at an image once it is fooled: "
    "never weaker than paper, and cheaper",
}
"""How an attack's accuracies over a grid of eps are measured, by name."""

RESERVED: tuple[str, ...] = (
    *PLAIN_METRICS,
    "adversarial",
    "worst",
    "params",
    "flops",
    "where",
    "and",
    "min",
    "max",
)
"""Names that the grammar of objectives gives a meaning."""

_NAME_OF_KEY = {attack.key: name for name, attack in _PAPER.items()}
_OWN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Metric:
    """One column of the database: accuracy under one attack at one eps, one corruption at one severity, or clean.

    Args:
        kind: One of `PLAIN_METRICS`, such as ``"clean"``, an attack of `ATTACKS`, a corruption of `CORRUPTIONS`, or the
            name of a user's own metric.
        level: eps in units of 1/255 for an attack, severity 1 to 5 for a corruption, None for others.

    >>> Metric.parse("corruption:fog@3").title
    'fog, severity 3'
    >>> str(Metric("pgd", 0.5))
    'pgd@0.5'
    """

    kind: str
    level: float | None = None

    @classmethod
    def parse(cls, text: str) -> Metric:
        """Read a metric's name.

        Raises:
            ObjectiveError: Naming the offending part and what was expected.
        """
        name, at, level = text.strip().partition("@")
        if name.startswith("corruption:"):
            return cls(corruption_name(name), float(severity(level, text)))
        if name in PLAIN_METRICS and not at:
            return cls(name)
        if name in ATTACKS:
            return cls(name, epsilon(level, text))
        check_norm(text, ATTACKS)
        known = [*PLAIN_METRICS, *(f"{attack}@1" for attack in ATTACKS), "corruption:fog@3"]
        raise ObjectiveError(unknown_name("metric", text.strip(), known))

    @classmethod
    def own(cls, name: str) -> Metric:
        """Return a metric of a user's own, which is not one of ours: a column of a table, such as ``val_acc``.

        Raises:
            ObjectiveError: A name that is not made of letters, digits and underscores, or that means something already.
        """
        if not _OWN.fullmatch(name) or name in RESERVED or name in ATTACKS or name in CORRUPTIONS:
            expected = f"letters, digits and underscores, and none of {listing([*RESERVED, *ATTACKS], 30)}"
            raise ObjectiveError(f"{excerpt(name)} cannot be the name of a metric of your own; expected {expected}")
        return cls(name)

    @classmethod
    def from_key(cls, key: str, level: float | None) -> Metric:
        """Return the metric of a key in the published files (``"aa_apgd-ce@Linf"``, ``"fog"``) and a level."""
        return cls(_NAME_OF_KEY.get(key, key), level)

    @property
    def key(self) -> str:
        """The name of its published file, less the measure."""
        return (ATTACKS[self.kind].key if self.kind in ATTACKS else "") or self.kind

    @property
    def title(self) -> str:
        """The name used in papers, for tables and figures."""
        if self.level is None:
            return PLAIN_METRICS.get(self.kind, self.kind)
        if self.kind in ATTACKS:
            return f"{ATTACKS[self.kind].title}, eps {self.level:g}/255"
        return f"{self.kind.replace('_', ' ')}, severity {self.level:g}"

    @property
    def is_accuracy(self) -> bool:
        """Whether it is one of ours, an accuracy in [0, 1]; a user's own metric may be anything."""
        return self.kind in PLAIN_METRICS or self.level is not None

    @property
    def passes(self) -> int:
        """The price of one measurement: passes per test image, forward or backward; see `Attack.passes`."""
        if self.kind == MEAN_CORRUPTION:
            return len(CORRUPTIONS) * len(SEVERITIES)
        return ATTACKS[self.kind].passes if self.kind in ATTACKS else 1

    def __str__(self) -> str:
        if self.level is None:
            return self.kind
        prefix = "" if self.kind in ATTACKS else "corruption:"
        return f"{prefix}{self.kind}@{self.level:g}"


def measurable_attacks() -> tuple[str, ...]:
    """Return the attacks that the evaluator can run.

    >>> measurable_attacks()
    ('fgsm', 'pgd', 'apgd', 'square', 'autoattack')
    """
    return tuple(name for name, attack in ATTACKS.items() if attack.measurable)


def check_measurable(metric: Metric) -> Metric:
    """Return a metric that the evaluator can measure.

    Raises:
        InvalidInputError: One that is known from tables only; says what to measure instead.
    """
    if metric.kind in ATTACKS and not ATTACKS[metric.kind].measurable:
        named = f"{metric} cannot be measured: {ATTACKS[metric.kind].title} is known from tables only"
        raise InvalidInputError(f"{named}; the evaluator runs {listing(measurable_attacks())}")
    if metric.kind == MEAN_CORRUPTION:
        each = f"the {len(CORRUPTIONS)} corruptions at {len(SEVERITIES)} severities"
        raise InvalidInputError(f"{metric} as one number is known from tables only; expected {each}, corruption:fog@3")
    return metric


def scale_notes(metrics: Iterable[Metric]) -> list[str]:
    """Return a sentence for every attack whose eps is so small that another scale was probably meant.

    >>> scale_notes([Metric("clean"), Metric("pgd", 0.03)])
    ['pgd@0.03 is at eps 0.03/255 = 0.000118; did you mean pgd@8 (= 8/255 = 0.0314)?']
    """
    attacked = [(metric, metric.level) for metric in metrics if metric.kind in ATTACKS and metric.level]
    advised = [(metric, eps, scale_advice(metric.kind, eps)) for metric, eps in attacked]
    return [f"{metric} is at eps {eps:g}/255 = {eps / 255:.3g}; {advice}" for metric, eps, advice in advised if advice]


@cache
def corruption_metrics() -> tuple[Metric, ...]:
    """Return the 15 x 5 corruption metrics."""
    return tuple(Metric(name, float(level)) for name in CORRUPTIONS for level in SEVERITIES)


def check_protocol(protocol: str) -> str:
    """Return the name of a protocol.

    Raises:
        InvalidInputError: There is none of this name.
    """
    if not isinstance(protocol, str) or protocol not in PROTOCOLS:
        raise InvalidInputError(unknown_name("protocol", protocol, PROTOCOLS))
    return protocol


def severity(text: str, where: str) -> int:
    """Read a severity, 1 to 5."""
    if text not in {str(level) for level in SEVERITIES}:
        raise ObjectiveError(f"severity {excerpt(text)} in {excerpt(where)}: expected 1 to 5, as in corruption:fog@3")
    return int(text)


def corruption_name(text: str) -> str:
    """Read ``corruption:<name>`` and return the name."""
    name = text.removeprefix("corruption:")
    if name not in CORRUPTIONS:
        raise ObjectiveError(unknown_name("corruption", name, CORRUPTIONS))
    return name
