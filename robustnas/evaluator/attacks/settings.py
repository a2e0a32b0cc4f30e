"""The settings of attacks; without torch, so that digests of what was measured do not need it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, excerpt, unknown_name
from robustnas.metric import ATTACKS

PRECISIONS: dict[str, str] = {
    "float32": "as it is: no TF32, which GPUs use for convolutions otherwise",
    "tf32": "float32 with products in TF32, on GPUs that have it; elsewhere float32",
    "bfloat16": "all but the first layer and the logits in bfloat16",
}
"""What an attack may compute in while it searches, by name. The verdict is always float32 as it is."""


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

    pgd_steps: int = ATTACKS["pgd"].settings["pgd_steps"]
    pgd_relative_step: float = ATTACKS["pgd"].settings["pgd_relative_step"]
    apgd_steps: int = ATTACKS["apgd"].settings["apgd_steps"]
    square_queries: int = ATTACKS["square"].settings["square_queries"]

    def __post_init__(self) -> None:
        for name in ("pgd_steps", "apgd_steps", "square_queries"):
            whole_number(name, getattr(self, name), at_least=1)
        step = self.pgd_relative_step
        if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step <= 2:
            raise InvalidInputError(f"pgd_relative_step is {excerpt(step)}; expected a number above 0 and up to 2")

    def of(self, attack: str) -> dict[str, Any]:
        """Return the settings that one attack uses, as plain data: those above, and others as it was registered.

        >>> AttackSettings().of("square")
        {'square_queries': 5000}
        """
        return {name: getattr(self, name, value) for name, value in ATTACKS[attack].settings.items()}

    def passes(self, attack: str) -> int:
        """Return the passes per image of one attack at one eps, at most; see `robustnas.metric.Attack.most_passes`.

        >>> AttackSettings().passes("apgd"), AttackSettings().passes("fgsm")
        (203, 3)
        """
        return ATTACKS[attack].most_passes(self.of(attack))


def check_precision(precision: str) -> str:
    """Return the name of a precision of attacks.

    Raises:
        InvalidInputError: There is none of this name.
    """
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise InvalidInputError(unknown_name("attack precision", precision, PRECISIONS))
    return precision


def check_epsilons(epsilons: Iterable[float]) -> tuple[float, ...]:
    """Return eps in ascending order, in units of 1/255.

    Raises:
        InvalidInputError: None at all, one twice, or one that is not above 0 and up to 255.
    """
    values = sorted(float(eps) for eps in epsilons)
    for eps in values:
        if not (math.isfinite(eps) and 0 < eps <= 255):
            raise InvalidInputError(f"eps {excerpt(eps)}: expected a number above 0 and up to 255, in units of 1/255")
    if not values or len(set(values)) < len(values):
        raise InvalidInputError(f"eps {excerpt(values)}: expected one or more different numbers, in units of 1/255")
    return tuple(values)
