"""Scores: training-free measures of the network of an architecture."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError
from robustnas.evaluator.device import choose_device, deterministic_convolutions, device_memory
from robustnas.evaluator.images.images import SIDE_MULTIPLE
from robustnas.evaluator.memory import is_out_of_memory
from robustnas.evaluator.memory_size import DeviceMemoryError, check_size
from robustnas.evaluator.proxies.registry import PROXIES, checked_names
from robustnas.evaluator.proxies.subject import Subject
from robustnas.evaluator.space_networks import SpaceNetworks
from robustnas.spaces import EnumerableSpace, open_space


def proxy_scores(
    arch: Any,
    names: str | Iterable[str],
    *,
    images: Tensor | NDArray[Any],
    labels: Tensor | ArrayLike,
    n_classes: int,
    space: EnumerableSpace[Any] | None = None,
    channels: int = 16,
    n_cells: int = 5,
    seed: int = 0,
    device: str = "cpu",
) -> dict[str, float]:
    """Compute training-free measures of a freshly initialised network.

    Measures share passes, so that several cost little more than the dearest of them. The global generator and the
    images are left as they were.

    Args:
        arch: The architecture, in any notation.
        names: Measures of `PROXIES`.
        images: As networks of the space take them, in NAS-Bench-201 normalised: shape (n, c, side, side), n at least 2,
            side a multiple of 4, finite.
        labels: The class of each, shape (n,), 0 to n_classes - 1.
        n_classes: Classes of the classifier, at least 2.
        space: The search space; NAS-Bench-201 if None.
        channels: Width of the first stage; 16 in the benchmark.
        n_cells: Cells per stage; 5 in the benchmark.
        seed: Fixes the weights and what measures draw.
        device: See `robustnas.evaluator.device.choose_device`.

    Returns:
        A finite number for each name, or NaN where a measure has none: jacov, nwot and zen of a network whose output
        does not depend on its input, and any whose numbers overflow.

    Raises:
        InvalidInputError: An unknown measure, images or labels of another form, or a size out of range.
        BuildError: The space builds no network that can be trained.

    >>> images, labels = np.random.default_rng(0).normal(size=(4, 1, 8, 8)), [0, 1, 2, 0]
    >>> scores = proxy_scores("#13433", "params,nwot", images=images, labels=labels, n_classes=3, channels=4, n_cells=1)
    >>> scores["params"], scores["nwot"] > 0
    (5879.0, True)
    """
    chosen = checked_names(names)
    place = choose_device(device)
    batch, classes = _images(images).to(place), _labels(labels, len(images), n_classes).to(place)
    searched = open_space() if space is None else space
    sizes = {"channels": channels, "n_cells": n_cells} if searched.sizes else {}
    shape = _Images((batch.shape[1], batch.shape[2], batch.shape[3]), n_classes)
    networks = SpaceNetworks(searched, shape, sizes, device_memory(place))
    activations = 4 * len(batch) * channels * batch.shape[2] ** 2
    check_size(activations, f"the activations of {len(batch):,} images at once", device_memory(place))
    network = networks.bare(searched.parse(arch), whole_number("seed", seed, at_least=0))
    second_order = any(PROXIES[name].second_order for name in chosen)
    subject = Subject(network, batch, classes, seed=seed, second_order=second_order)
    try:
        with deterministic_convolutions(), torch.enable_grad():
            return {name: _finite(PROXIES[name].function(subject)) for name in chosen}
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise DeviceMemoryError(
            f"out of memory with {len(batch):,} images and {channels:,} channels; fewer of either may fit"
        ) from None


@dataclass(frozen=True)
class _Images:
    """What networks are built for; how images are normalised does not matter to a bare network."""

    shape: tuple[int, int, int]
    n_classes: int

    @property
    def mean(self) -> tuple[float, ...]:
        """Zeros."""
        return (0.0,) * self.shape[0]

    @property
    def std(self) -> tuple[float, ...]:
        """Ones."""
        return (1.0,) * self.shape[0]


def _images(images: Tensor | NDArray[Any]) -> Tensor:
    found = torch.as_tensor(np.array(images) if isinstance(images, np.ndarray) else images).detach().float()
    shape = tuple(found.shape)
    if len(shape) != 4 or shape[0] < 2 or shape[1] < 1 or shape[2] != shape[3] or shape[2] % SIDE_MULTIPLE:
        expected = f"(n, channels, side, side), n at least 2, side a multiple of {SIDE_MULTIPLE}"
        raise InvalidInputError(f"images have shape {shape}; expected {expected}")
    if not found.isfinite().all():
        raise InvalidInputError("images hold a number that is not finite; expected normalised pixels")
    return found


def _labels(labels: Tensor | ArrayLike, n: int, n_classes: int) -> Tensor:
    whole_number("n_classes", n_classes, at_least=2)
    found = np.asarray(labels.cpu() if isinstance(labels, Tensor) else labels)
    if found.shape != (n,) or found.dtype.kind not in "iu":
        raise InvalidInputError(f"labels have shape {found.shape} and type {found.dtype}; expected {n} integers")
    wrong = found[(found < 0) | (found >= n_classes)]
    if len(wrong):
        raise InvalidInputError(f"label {int(wrong[0])}; expected 0 to {n_classes - 1}")
    return torch.tensor(found.astype(np.int64))


def _finite(score: float) -> float:
    return score if math.isfinite(score) else math.nan
