"""Acquisition functions: what a model-based searcher maximises over candidates.

Each takes a `Prediction` in standardised units (the utilities seen have mean 0 and standard deviation 1) and returns
one score per candidate; larger is better.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy.special import ndtr

from robustnas.arrays import FloatArray

JointDraw: TypeAlias = Callable[[np.random.Generator], FloatArray]

_BETA = 3.0


@dataclass(frozen=True)
class Prediction:
    """A model's predictions for all candidates.

    Attributes:
        mean: Posterior mean, shape (n,).
        std: Standard deviation of the noise-free utility, shape (n,), positive.
        best_seen: The best utility seen so far, noise included.
        best_mean: The highest posterior mean among the candidates proposed so far: an estimate without noise.
        n_seen: Candidates proposed so far.
        draw: Draws a function from the model, shape (n,).
    """

    mean: FloatArray
    std: FloatArray
    best_seen: float
    best_mean: float
    n_seen: int
    draw: JointDraw


Acquisition: TypeAlias = Callable[[Prediction, np.random.Generator], FloatArray]


def expected_improvement(prediction: Prediction, rng: np.random.Generator) -> FloatArray:  # noqa: ARG001
    """Expected improvement over the best utility seen (Jones, Schonlau and Welch 1998)."""
    return _improvement(prediction, prediction.best_seen)


def noise_aware_improvement(prediction: Prediction, rng: np.random.Generator) -> FloatArray:  # noqa: ARG001
    """Expected improvement over the best posterior mean, which a single lucky training does not inflate.

    The plug-in form for noisy observations (Picheny, Wagner and Ginsbourger 2013, section 3.2).
    """
    return _improvement(prediction, prediction.best_mean)


def upper_confidence_bound(prediction: Prediction, rng: np.random.Generator) -> FloatArray:  # noqa: ARG001
    """Mean plus 3 standard deviations (Srinivas et al. 2010, with a constant beta)."""
    return prediction.mean + _BETA * prediction.std


def alternating(prediction: Prediction, rng: np.random.Generator) -> FloatArray:
    """Alternate between noise-aware improvement, which exploits, and the upper confidence bound, which explores."""
    turn = upper_confidence_bound if prediction.n_seen % 2 else noise_aware_improvement
    return turn(prediction, rng)


def thompson(prediction: Prediction, rng: np.random.Generator) -> FloatArray:
    """A function drawn from the model (Thompson 1933)."""
    return prediction.draw(rng)


def independent_thompson(prediction: Prediction, rng: np.random.Generator) -> FloatArray:
    """An independent normal draw per candidate, ignoring correlations, as in BANANAS (White et al. 2021)."""
    return prediction.mean + prediction.std * rng.standard_normal(len(prediction.mean))


ACQUISITIONS: dict[str, Acquisition] = {
    "ei": expected_improvement,
    "noisy-ei": noise_aware_improvement,
    "ucb": upper_confidence_bound,
    "alternating": alternating,
    "thompson": thompson,
    "independent-thompson": independent_thompson,
}
"""Acquisition functions by name."""


def is_improvement(name: str, n_seen: int) -> bool:
    """Return whether an acquisition function returns improvements, rather than utilities, after so many proposals."""
    return name in ("ei", "noisy-ei") or (name == "alternating" and n_seen % 2 == 0)


def _improvement(prediction: Prediction, incumbent: float) -> FloatArray:
    gain = (prediction.mean - incumbent) / prediction.std
    density = np.exp(-0.5 * gain * gain) / np.sqrt(2 * np.pi)
    return np.asarray(prediction.std * (gain * ndtr(gain) + density))
