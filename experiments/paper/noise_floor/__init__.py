"""The noise floor: how far apart two trainings of one function are, and which differences it swallows."""

from experiments.paper.noise_floor.result import noise_floor

__all__ = ["noise_floor"]
