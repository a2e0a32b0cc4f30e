"""Attacks in pixel space: FGSM, PGD, APGD-CE and Square, alone or over a grid of eps."""

from robustnas.evaluator.attacks.registry import create_attacker
from robustnas.evaluator.attacks.robustness import AttackResult, attack_images

__all__ = ["AttackResult", "attack_images", "create_attacker"]
