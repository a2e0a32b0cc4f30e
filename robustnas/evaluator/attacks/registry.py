"""Attacks by name: the classes that run what `robustnas.metric.ATTACKS` registers."""

from __future__ import annotations

from pkgutil import resolve_name

from robustnas.errors import EvaluationError, InvalidInputError, unknown_name
from robustnas.evaluator.attacks.attacker import Attacker
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.metric import ATTACKS, measurable_attacks


def create_attacker(name: str, settings: AttackSettings | None = None, seed: int = 0) -> Attacker:
    """Return an attack by name; its module is imported now.

    Raises:
        InvalidInputError: There is no attack of this name.
        EvaluationError: Its class cannot be imported, or is not an `Attacker`.
    """
    if name not in ATTACKS:
        raise InvalidInputError(unknown_name("attack", name, measurable_attacks()))
    if not ATTACKS[name].measurable:
        raise InvalidInputError(
            f"{ATTACKS[name].title} is known from tables only; expected one of {', '.join(measurable_attacks())}"
        )
    return _attacker_class(name)(settings or AttackSettings(), seed)


def _attacker_class(name: str) -> type[Attacker]:
    attacker = ATTACKS[name].attacker
    what = f"the attack {name} is registered as {attacker!r}"
    try:
        found = resolve_name(attacker) if isinstance(attacker, str) else attacker
    except (ImportError, AttributeError, ValueError) as error:
        raise EvaluationError(f"{what}, which fails to import: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Attacker)):
        raise EvaluationError(f"{what}; expected a subclass of Attacker")
    return found
