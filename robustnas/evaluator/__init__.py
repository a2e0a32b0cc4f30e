"""The evaluator: trains networks of a search space on image data, and measures their robustness.

Importing this package does not load torch; its names are imported when they are first used. Other modules are internal,
except for two that third parties extend: `robustnas.evaluator.attacks.attacker` and `robustnas.evaluator.measures`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from robustnas.evaluator.attacks.robustness import attack_images
    from robustnas.evaluator.attacks.settings import AttackSettings
    from robustnas.evaluator.evaluation_settings import EvaluationSettings
    from robustnas.evaluator.evaluator import Evaluator
    from robustnas.evaluator.images.image_files import open_images
    from robustnas.evaluator.measurer import StoreMeasurer
    from robustnas.evaluator.training.training_config import TrainingConfig

__all__ = [
    "AttackSettings",
    "EvaluationSettings",
    "Evaluator",
    "StoreMeasurer",
    "TrainingConfig",
    "attack_images",
    "open_images",
]

_MODULES = {
    "AttackSettings": "attacks.settings",
    "EvaluationSettings": "evaluation_settings",
    "Evaluator": "evaluator",
    "StoreMeasurer": "measurer",
    "TrainingConfig": "training.training_config",
    "attack_images": "attacks.robustness",
    "open_images": "images.image_files",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
