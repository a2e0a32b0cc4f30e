"""The registry of attacks: adding one is one file and one line here, and its key in `robustnas.metric.ATTACKS`."""

from __future__ import annotations

from robustnas.errors import InvalidInputError, unknown_name
from robustnas.evaluator.attacks.attacker import Attacker
from robustnas.evaluator.attacks.autoattack import APGD, Square
from robustnas.evaluator.attacks.gradient_sign import FGSM, PGD
from robustnas.evaluator.attacks.settings import AttackSettings

ATTACKERS: dict[str, type[Attacker]] = {"fgsm": FGSM, "pgd": PGD, "apgd": APGD, "square": Square}
"""Attacks by name."""


def create_attacker(name: str, settings: AttackSettings | None = None, seed: int = 0) -> Attacker:
    """Return an attack by name.

    Raises:
        InvalidInputError: There is none of this name.
    """
    if name not in ATTACKERS:
        raise InvalidInputError(unknown_name("attack", name, ATTACKERS))
    return ATTACKERS[name](settings or AttackSettings(), seed)
