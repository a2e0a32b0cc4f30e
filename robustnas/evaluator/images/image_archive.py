"""Images of any kind in a numpy archive: four arrays in an .npz file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile

from robustnas.arrays import AnyArray
from robustnas.errors import DataError
from robustnas.evaluator.images.images import LabelledImages, PixelArray
from robustnas.evaluator.images.splits import Splits, checked_labels, counted_classes

KEYS: tuple[tuple[str, str, str, str], ...] = (
    ("train_images", "train_labels", "test_images", "test_labels"),
    ("x_train", "y_train", "x_test", "y_test"),
)
"""The names of the arrays: training images and labels, test images and labels."""

_LARGEST_LABEL = 2**31


def read_image_archive(path: Path) -> Splits:
    """Read an .npz file.

    Images have shape (n, h, w), (n, h, w, c) or (n, c, h, w), where h = w tells which; uint8, or floating point in
    [0, 1]. Labels are integers from 0, shape (n,) or (n, 1), and every class has training images.

    Raises:
        DataError: Naming the file, the array and what was expected.
    """
    arrays = _load(path)
    found = [keys for keys in KEYS if set(keys) <= arrays.keys()]
    if len(found) != 1:
        expected = " or ".join(", ".join(keys) for keys in KEYS)
        raise DataError(f"{path}: has the arrays {', '.join(arrays) or 'none'}; expected either {expected}")
    keys = found[0]
    train, test = (_labelled(arrays, keys[i], keys[i + 1], path) for i in (0, 2))
    return Splits(train, test, counted_classes(train.labels, test.labels, path))


def _load(path: Path) -> dict[str, AnyArray]:
    wanted = {key for keys in KEYS for key in keys}
    try:
        with path.open("rb") as file:  # numpy leaves a file open that it cannot read
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, NpzFile):
                raise ValueError("one array")
            return {key: archive[key] for key in archive.files if key in wanted}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: truncated, or no archive of numeric arrays: {error}") from None


def _labelled(arrays: Mapping[str, AnyArray], images_key: str, labels_key: str, path: Path) -> LabelledImages:
    images = _channels_first(_pixels(arrays[images_key], f"{path}, {images_key}"), f"{path}, {images_key}")
    labels = arrays[labels_key]
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    return LabelledImages(images, checked_labels(labels, len(images), _LARGEST_LABEL, f"{path}, {labels_key}"))


def _pixels(images: AnyArray, where: str) -> PixelArray:
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise DataError(f"{where}: is {images.dtype}; expected uint8, or floating point in [0, 1]")
    if not images.size or images.min() < 0 or images.max() > 1 or np.isnan(images).any():
        span = f"from {images.min():g} to {images.max():g}" if images.size else "empty"
        raise DataError(f"{where}: is {span}; expected floating point in [0, 1], or bytes as uint8")
    return images.astype(np.float32)


def _channels_first(images: PixelArray, where: str) -> PixelArray:
    if images.ndim == 3:
        return images[:, None]
    square_first, square_last = (images.ndim == 4 and images.shape[i] == images.shape[i + 1] for i in (1, 2))
    if square_first == square_last:
        problem = "are ambiguous" if square_first else "are no square images"
        raise DataError(
            f"{where}: axes of shape {images.shape} {problem}; expected (n, h, w), (n, h, w, c) or (n, c, h, w), h = w"
        )
    return images.transpose(0, 3, 1, 2) if square_first else images
