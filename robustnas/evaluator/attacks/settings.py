"""The settings of attacks; without torch, so that digests of what was measured need none."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, unknown_name

PROTOCOLS: dict[str, str] = {
    "paper": "every attack at every eps alone, as the database was measured",
    "nested": "only images still correct go on to the next eps, and an attack stops at an image once it is fooled: "
    "never weaker than paper, and cheaper",
}
"""How attacks are run over a grid of eps, by name."""


@dataclass(frozen=True, slots=True)
class AttackSettings:
    """The settings of attacks; the defaults are the robustness paper's.

    Args:
        pgd_steps: Steps of PGD.
        pgd_relative_step: Step size of PGD as a share of eps, above 0 and up to 2.
        apgd_steps: Steps of APGD-CE.
        square_queries: Queries of Square per image.

    Raises:
        InvalidInputError: A setting out of range.
    """

    pgd_steps: int = 40
    pgd_relative_step: float = 0.01 / 0.3
    apgd_steps: int = 100
    square_queries: int = 5000

    def __post_init__(self) -> None:
        for name in ("pgd_steps", "apgd_steps", "square_queries"):
            whole_number(name, getattr(self, name), at_least=1)
        step = self.pgd_relative_step
        if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step <= 2:
            raise InvalidInputError(f"pgd_relative_step is {step!r}; expected a number above 0 and up to 2")

    def of(self, attack: str) -> dict[str, Any]:
        """Return the settings that one attack uses, as plain data.

        >>> AttackSettings().of("square")
        {'square_queries': 5000}
        """
        return {name: value for name, value in asdict(self).items() if name.startswith(f"{attack}_")}

    def passes(self, attack: str) -> int:
        """Return the forward and backward passes per image of one attack at one eps, at most, the check included.

        >>> AttackSettings().passes("apgd"), AttackSettings().passes("fgsm")
        (203, 3)
        """
        counts = {
            "fgsm": 2,
            "pgd": 2 * self.pgd_steps,
            "apgd": 2 * (self.apgd_steps + 1),
            "square": self.square_queries + 1,
        }
        return counts[attack] + 1


def check_protocol(protocol: str) -> str:
    """Return the name of a protocol.

    Raises:
        InvalidInputError: There is none of this name.
    """
    if protocol not in PROTOCOLS:
        raise InvalidInputError(unknown_name("protocol", protocol, PROTOCOLS))
    return protocol


def check_epsilons(epsilons: Iterable[float]) -> tuple[float, ...]:
    """Return eps in ascending order, in units of 1/255.

    Raises:
        InvalidInputError: None at all, one twice, or one that is not above 0 and up to 255.
    """
    values = sorted(float(eps) for eps in epsilons)
    for eps in values:
        if not (math.isfinite(eps) and 0 < eps <= 255):
            raise InvalidInputError(f"eps {eps!r}: expected a number above 0 and up to 255, in units of 1/255")
    if not values or len(set(values)) < len(values):
        raise InvalidInputError(f"eps {values!r}: expected one or more different numbers, in units of 1/255")
    return tuple(values)
