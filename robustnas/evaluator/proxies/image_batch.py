"""The batch of images that all networks of a sweep are measured on."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from robustnas.arrays import IntArray
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError
from robustnas.evaluator.images.images import SIDE_MULTIPLE, ImageData
from robustnas.evaluator.memory_size import check_size

RANDOM = "random"
"""The name of Gaussian noise, where images are asked for by name."""


@dataclass(frozen=True, eq=False)
class ImageBatch:
    """Some images, ready for a network.

    Attributes:
        name: Where they come from.
        images: As networks take them, shape (n, c, side, side), float32.
        labels: Shape (n,), 0 to n_classes - 1.
        n_classes: The number of classes.
    """

    name: str
    images: NDArray[np.float32]
    labels: IntArray
    n_classes: int

    @property
    def digest(self) -> str:
        """A SHA-256 of images and labels: the same batch on any machine."""
        content = (
            np.ascontiguousarray(self.images, "<f4").tobytes() + np.ascontiguousarray(self.labels, "<i8").tobytes()
        )
        return hashlib.sha256(f"{self.images.shape} {self.n_classes} ".encode() + content).hexdigest()


def random_batch(n: int = 64, size: int = 16, n_classes: int = 120, seed: int = 0, in_channels: int = 3) -> ImageBatch:
    """Return Gaussian noise with mean 0 and standard deviation 1, and labels drawn uniformly.

    Args:
        n: Images, at least 2.
        size: Height and width, a multiple of 4.
        n_classes: Classes, at least 2.
        seed: Fixes them.
        in_channels: Channels.

    Raises:
        InvalidInputError: A number out of range.

    >>> random_batch(2, 8, 10).images.shape
    (2, 3, 8, 8)
    """
    for name, value, least in (("n", n, 2), ("size", size, SIDE_MULTIPLE), ("n_classes", n_classes, 2)):
        whole_number(name, value, at_least=least)
    if size % SIDE_MULTIPLE:
        raise InvalidInputError(f"size is {size}; expected a multiple of {SIDE_MULTIPLE} (two stages halve it)")
    shape = (n, whole_number("in_channels", in_channels, at_least=1), size, size)
    check_size(4 * math.prod(shape), f"{n:,} images of {size:,} x {size:,} pixels")
    rng = np.random.default_rng(whole_number("seed", seed, at_least=0))
    images = rng.standard_normal(shape, dtype=np.float32)
    return ImageBatch(RANDOM, images, rng.integers(n_classes, size=n), n_classes)


def drawn_batch(data: ImageData, n: int = 64, seed: int = 0, *, normalised: bool = True) -> ImageBatch:
    """Return training images drawn without replacement, normalised, or as pixels in [0, 1].

    Raises:
        InvalidInputError: `n` is below 2 or above the number of training images.
    """
    whole_number("n", n, at_least=2, at_most=len(data.train))
    rng = np.random.default_rng(whole_number("seed", seed, at_least=0))
    drawn = data.train.subset(rng.choice(len(data.train), size=n, replace=False))
    mean, std = (np.array(values, dtype=np.float32).reshape(-1, 1, 1) for values in (data.mean, data.std))
    images = (drawn.pixels() - mean) / std if normalised else drawn.pixels()
    return ImageBatch(data.name, images, drawn.labels, data.n_classes)


def open_batch(
    name_or_path: str | Path,
    n: int = 64,
    seed: int = 0,
    *,
    size: int | None = None,
    n_classes: int | None = None,
    normalised: bool = True,
) -> ImageBatch:
    """Return the batch that the command asks for.

    Args:
        name_or_path: ``random``, or what `robustnas.evaluator.images.image_files.open_images` opens.
        n: Images.
        seed: Fixes them.
        size: Height and width of random images; 16 if None.
        n_classes: Classes of random images; 120 if None.
        normalised: Whether images are normalised, or pixels in [0, 1]; random ones are Gaussian in any case.

    Raises:
        InvalidInputError: A number out of range, or a size or classes for images that have their own.
        DataError: The images cannot be read.
    """
    if name_or_path == RANDOM:
        return random_batch(n, 16 if size is None else size, 120 if n_classes is None else n_classes, seed)
    if size is not None or n_classes is not None:
        raise InvalidInputError(
            f"image size and classes are those of {name_or_path}; choose them for random images only"
        )
    from robustnas.evaluator.images.image_files import open_images

    return drawn_batch(open_images(name_or_path), n, seed, normalised=normalised)
