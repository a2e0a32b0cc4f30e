"""Metrics: what one number of the robustness database means.

Names are those of the objective grammar: ``clean``, ``fgsm@1`` (attack at eps 1/255, L-inf), ``corruption:fog@3``
(corruption at severity 3). Every metric is an accuracy on the test split, in [0, 1], larger is better.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from robustnas.errors import ObjectiveError, unknown_name


@dataclass(frozen=True, slots=True)
class Attack:
    """An L-inf attack of the database.

    Attributes:
        key: Its name in the published files.
        title: Its name in papers.
        passes: Forward and backward passes per test image that one measurement takes, at most.
    """

    key: str
    title: str
    passes: int


ATTACKS: dict[str, Attack] = {
    "fgsm": Attack("fgsm@Linf", "FGSM", passes=3),
    "pgd": Attack("pgd@Linf", "PGD", passes=2 * 40 + 1),
    "apgd": Attack("aa_apgd-ce@Linf", "APGD-CE", passes=2 * 100 + 1),
    "square": Attack("aa_square@Linf", "Square", passes=5000 + 1),
}
"""Attacks by name: FGSM in one step, PGD in 40, APGD-CE in 100 (Croce and Hein 2020), Square in 5,000 queries."""

PAPER_ATTACKS: tuple[str, ...] = ("fgsm", "pgd", "apgd", "square")
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

_NAME_OF_KEY = {ATTACKS[name].key: name for name in PAPER_ATTACKS}


@dataclass(frozen=True, slots=True, order=True)
class Metric:
    """One column of the database: accuracy under one attack at one eps, one corruption at one severity, or clean.

    Args:
        source: ``"clean"``, an attack of `ATTACKS` or a corruption of `CORRUPTIONS`.
        level: eps in units of 1/255 for an attack, severity 1 to 5 for a corruption, None for clean.

    >>> Metric.parse("corruption:fog@3").title
    'fog, severity 3'
    >>> str(Metric("pgd", 0.5))
    'pgd@0.5'
    """

    source: str
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
        if name == "clean" and not at:
            return cls("clean")
        if name in ATTACKS:
            return cls(name, epsilon(level, text))
        known = ["clean", *(f"{attack}@1" for attack in ATTACKS), "corruption:fog@3"]
        raise ObjectiveError(unknown_name("metric", text.strip(), known))

    @classmethod
    def from_key(cls, key: str, level: float | None) -> Metric:
        """Return the metric of a key in the published files (``"aa_apgd-ce@Linf"``, ``"fog"``) and a level."""
        return cls(_NAME_OF_KEY.get(key, key), level)

    @property
    def key(self) -> str:
        """The name of its published file, less the measure."""
        return ATTACKS[self.source].key if self.source in ATTACKS else self.source

    @property
    def title(self) -> str:
        """The name used in papers, for tables and figures."""
        if self.level is None:
            return "clean"
        if self.source in ATTACKS:
            return f"{ATTACKS[self.source].title}, eps {self.level:g}/255"
        return f"{self.source.replace('_', ' ')}, severity {self.level:g}"

    @property
    def passes(self) -> int:
        """Forward and backward passes per test image that one measurement takes (an upper bound for Square)."""
        return ATTACKS[self.source].passes if self.source in ATTACKS else 1

    def __str__(self) -> str:
        if self.level is None:
            return self.source
        prefix = "" if self.source in ATTACKS else "corruption:"
        return f"{prefix}{self.source}@{self.level:g}"


@cache
def corruption_metrics() -> tuple[Metric, ...]:
    """Return the 15 x 5 corruption metrics."""
    return tuple(Metric(name, float(level)) for name in CORRUPTIONS for level in SEVERITIES)


def epsilon(text: str, where: str) -> float:
    """Read an eps in units of 1/255, such as ``0.5``; a positive number up to 255."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 255:
        message = f"eps {text!r} in {where!r}: expected a number above 0 and up to 255, in units of 1/255, as in pgd@1"
        raise ObjectiveError(message)
    return value


def severity(text: str, where: str) -> int:
    """Read a severity, 1 to 5."""
    if text not in {str(level) for level in SEVERITIES}:
        raise ObjectiveError(f"severity {text!r} in {where!r}: expected 1 to 5, as in corruption:fog@3")
    return int(text)


def corruption_name(text: str) -> str:
    """Read ``corruption:<name>`` and return the name."""
    name = text.removeprefix("corruption:")
    if name not in CORRUPTIONS:
        raise ObjectiveError(unknown_name("corruption", name, CORRUPTIONS))
    return name
