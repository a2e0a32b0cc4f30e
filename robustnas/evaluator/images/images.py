"""Labelled images: what a network is trained on and measured with.

Pixels are kept as they were read, bytes or float32; what they mean is always a number in [0, 1]. Arrays are read-only
views: `LabelledImages.pixels` returns a copy that may be written to.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from robustnas.arrays import AnyArray, IntArray, read_only
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError, excerpt

PixelArray: TypeAlias = NDArray[np.uint8] | NDArray[np.float32]
"""Shape (n, channels, height, width): uint8, meaning value / 255, or float32 in [0, 1]."""

SIDE_MULTIPLE = 4
"""The networks of NAS-Bench-201 halve an image twice, so that its side has to be a multiple of this."""


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Square images and the class of each.

    Args:
        images: Shape (n, channels, side, side), n at least 1, side a multiple of 4; uint8, which means value / 255, or
            float32 in [0, 1]. Kept C-contiguous and read-only.
        labels: Shape (n,), int64, 0 or more. Kept read-only.

    Raises:
        InvalidInputError: Naming what is wrong, and the first offending value.

    >>> images = LabelledImages(np.full((3, 1, 8, 8), 255, np.uint8), np.array([0, 1, 1]))
    >>> len(images), images.shape, images.head(2).labels.tolist(), float(images.pixels().max())
    (3, (1, 8, 8), [0, 1], 1.0)
    """

    images: PixelArray
    labels: IntArray

    def __post_init__(self) -> None:
        _check_images(self.images)
        _check_labels(self.labels, len(self.images))
        for name in ("images", "labels"):
            object.__setattr__(self, name, read_only(np.ascontiguousarray(getattr(self, name)).view()))

    @property
    def shape(self) -> tuple[int, int, int]:
        """The channels, height and width of an image."""
        _, channels, height, width = self.images.shape
        return channels, height, width

    def __len__(self) -> int:
        return len(self.images)

    def head(self, n: int) -> LabelledImages:
        """Return the first `n` images, all of them where there are fewer.

        Raises:
            InvalidInputError: `n` is not an integer of at least 1.
        """
        n = whole_number("n", n, at_least=1)
        return LabelledImages(self.images[:n], self.labels[:n])

    def subset(self, indices: ArrayLike) -> LabelledImages:
        """Return the images at some places, in that order.

        Args:
            indices: Shape (k,), k at least 1, integers from 0 to n - 1.

        Raises:
            InvalidInputError: Naming the first index out of range.
        """
        chosen = np.asarray(indices)
        if chosen.ndim != 1 or chosen.dtype.kind not in "iu" or not chosen.size:
            found = f"shape {chosen.shape} and dtype {chosen.dtype}"
            raise InvalidInputError(f"indices have {found}; expected one or more integers, shape (k,)")
        wrong = (chosen < 0) | (chosen >= len(self))
        if wrong.any():
            raise InvalidInputError(f"index {chosen[wrong][0]} is none of the {len(self)} images, 0 to {len(self) - 1}")
        return LabelledImages(self.images[chosen], self.labels[chosen])

    def pixels(self) -> NDArray[np.float32]:
        """Return a new array of the pixels: float32 in [0, 1], shape (n, channels, side, side)."""
        pixels = self.images.astype(np.float32)
        if self.images.dtype == np.uint8:
            pixels /= 255
        return pixels


@dataclass(frozen=True, eq=False)
class ImageData:
    """Images to train on and images to measure with.

    Args:
        name: What it is called; ``cifar10``, ``cifar100`` and ``ImageNet16-120`` are those of the database.
        train: The images to train on.
        test: The images to measure with, of the same shape.
        n_classes: The number of classes, at least 2; labels are 0 to n_classes - 1.
        mean: What to subtract from each channel, in the units of [0, 1].
        std: What to divide each channel by after that; above 0.

    Raises:
        InvalidInputError: Naming what is wrong, and the first offending index and value.

    >>> images = LabelledImages(np.zeros((2, 1, 8, 8), np.uint8), np.array([0, 1]))
    >>> data = ImageData("black", images, images, n_classes=2, mean=(0.5,), std=(0.5,))
    >>> data.shape, data.digest[:8]
    ((1, 8, 8), '9f4850a4')
    >>> ImageData("black", images, images, n_classes=1, mean=(0.5,), std=(0.5,))
    Traceback (most recent call last):
        ...
    robustnas.errors.InvalidInputError: n_classes is 1; expected an integer of at least 2
    """

    name: str
    train: LabelledImages
    test: LabelledImages
    n_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        whole_number("n_classes", self.n_classes, at_least=2)
        if self.train.shape != self.test.shape:
            raise InvalidInputError(
                f"training images have shape {self.train.shape}, test images {self.test.shape}; expected one shape"
            )
        _check_range(self.train.labels, self.n_classes, "training")
        _check_range(self.test.labels, self.n_classes, "test")
        _check_statistics("mean", self.mean, self.shape[0], above=-np.inf)
        _check_statistics("std", self.std, self.shape[0], above=0.0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The channels, height and width of an image."""
        return self.train.shape

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the content, in hexadecimal: pixels, labels, number of classes; no names, no files."""
        content = hashlib.sha256(f"images 1 {self.n_classes}".encode())
        for part in (self.train, self.test):
            kind = "<f4" if part.images.dtype == np.float32 else "|u1"
            content.update(f" {kind} {part.images.shape} ".encode())
            content.update(np.ascontiguousarray(part.images, dtype=kind).data)
            content.update(np.ascontiguousarray(part.labels, dtype="<i8").data)
        return content.hexdigest()


def _check_images(images: PixelArray) -> None:
    if not isinstance(images, np.ndarray) or images.dtype not in (np.uint8, np.float32):
        found = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
        raise InvalidInputError(f"images are {found}; expected an array of uint8, or of float32 in [0, 1]")
    if images.ndim != 4 or not images.size:
        raise InvalidInputError(f"images have shape {images.shape}; expected (n, channels, height, width), not empty")
    height, width = images.shape[2:]
    if height != width or height % SIDE_MULTIPLE:
        raise InvalidInputError(
            f"images are of {height} x {width} pixels; expected a square with a side that is a multiple of "
            f"{SIDE_MULTIPLE}, as the network halves it twice"
        )
    if images.dtype == np.float32:
        _check_unit_range(images)


def _check_unit_range(images: AnyArray) -> None:
    if images.min() >= 0 and images.max() <= 1:  # false where one is NaN
        return
    first = np.flatnonzero(~((images >= 0) & (images <= 1)).ravel())[0]
    place = np.unravel_index(first, images.shape)
    raise InvalidInputError(f"image {place[0]} has a pixel of {images[place]}; expected float32 in [0, 1]")


def _check_labels(labels: IntArray, n: int) -> None:
    if not isinstance(labels, np.ndarray) or labels.dtype != np.int64 or labels.shape != (n,):
        found = f"{labels.dtype} of shape {labels.shape}" if isinstance(labels, np.ndarray) else type(labels).__name__
        raise InvalidInputError(f"labels are {found}; expected int64 of shape ({n},), one per image")
    if (labels < 0).any():
        first = np.flatnonzero(labels < 0)[0]
        raise InvalidInputError(f"image {first} has the label {labels[first]}; expected 0 or more")


def _check_range(labels: IntArray, n_classes: int, split: str) -> None:
    wrong = np.flatnonzero(labels >= n_classes)
    if wrong.size:
        raise InvalidInputError(
            f"{split} image {wrong[0]} has the label {labels[wrong[0]]}; expected 0 to {n_classes - 1} "
            f"({wrong.size} such)"
        )


def _check_statistics(name: str, values: tuple[float, ...], n_channels: int, above: float) -> None:
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (n_channels,) or not (np.isfinite(numbers) & (numbers > above)).all():
        limit = f" above {above:g}" if np.isfinite(above) else ""
        raise InvalidInputError(
            f"{name} is {excerpt(values)}; expected {n_channels} finite numbers{limit}, one per channel"
        )
