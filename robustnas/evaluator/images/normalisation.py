"""Normalisation: the mean and standard deviation of each channel, in the units of [0, 1]."""

from __future__ import annotations

import numpy as np

from robustnas.arrays import AnyArray
from robustnas.evaluator.images.images import LabelledImages

Statistics = tuple[tuple[float, ...], tuple[float, ...]]

_PUBLISHED = {
    "cifar10": ((125.3, 123.0, 113.9), (63.0, 62.1, 66.7)),
    "cifar100": ((129.3, 124.1, 112.4), (68.2, 65.4, 70.4)),
    "ImageNet16-120": ((122.68, 116.66, 104.01), (63.22, 61.26, 65.09)),
}

NORMALISATION: dict[str, Statistics] = {
    name: (tuple(value / 255 for value in mean), tuple(value / 255 for value in std))
    for name, (mean, std) in _PUBLISHED.items()
}
"""Mean and std of the datasets of the database, as NAS-Bench-201 trained with them (Dong and Yang 2020)."""

LEAST_STD = 1 / 255
"""A computed std is never below one step of a byte, so that a constant channel can be divided by it."""


def normalisation(name: str, train: LabelledImages) -> Statistics:
    """Return mean and std per channel: NAS-Bench-201's for its datasets, else those of the training images.

    Args:
        name: The name of the dataset.
        train: Its training images.

    >>> train = LabelledImages(np.full((1, 1, 4, 4), 51, np.uint8), np.array([0]))
    >>> normalisation("plain", train) == ((0.2,), (LEAST_STD,))
    True
    """
    n_channels = train.shape[0]
    if name in NORMALISATION and n_channels == 3:
        return NORMALISATION[name]
    moments = [_moments(train.images[:, channel]) for channel in range(n_channels)]
    return tuple(mean for mean, _ in moments), tuple(max(std, LEAST_STD) for _, std in moments)


def _moments(values: AnyArray) -> tuple[float, float]:
    if values.dtype == np.uint8:  # from counts: exact, and without a copy in floating point
        counts = np.bincount(values.ravel(), minlength=256)
        levels = np.arange(256) / 255
        mean = float(np.average(levels, weights=counts))
        return mean, float(np.sqrt(np.average((levels - mean) ** 2, weights=counts)))
    return float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
