"""The batches of CIFAR-10 and CIFAR-100, in the "python" and the "binary" version (Krizhevsky 2009).

The python version is a pickle per batch, read without running it: a dictionary with ``data``, bytes of shape (n, 3072),
and ``labels`` or ``fine_labels``. The binary version is records of one label, for CIFAR-100 a coarse and a fine one,
and 3,072 pixels. Pixels are red, green, blue, each row by row. Of CIFAR-100 the 100 fine labels are read.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from robustnas.errors import DataError, excerpt
from robustnas.evaluator.images.bundle import Bundle
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.images.splits import Splits, checked_labels
from robustnas.safe_pickle import load_dictionary

CIFAR10_PYTHON: tuple[str, ...] = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch")
CIFAR10_BINARY: tuple[str, ...] = tuple(f"{name}.bin" for name in CIFAR10_PYTHON)
CIFAR100_PYTHON: tuple[str, ...] = ("train", "test")
CIFAR100_BINARY: tuple[str, ...] = ("train.bin", "test.bin")
"""Names of the files, the test images last."""

_SHAPE = (3, 32, 32)


def read_cifar10(bundle: Bundle) -> Splits:
    """Read CIFAR-10, in the version that the bundle has all of, binary if both.

    Raises:
        DataError: Naming the file and what is wrong in it.
    """
    binary = not bundle.missing(CIFAR10_BINARY)
    return _splits(bundle, CIFAR10_BINARY if binary else CIFAR10_PYTHON, 10)


def read_cifar100(bundle: Bundle) -> Splits:
    """Read CIFAR-100 with fine labels, in the version that the bundle has all of, binary if both.

    Raises:
        DataError: Naming the file and what is wrong in it.
    """
    binary = not bundle.missing(CIFAR100_BINARY)
    return _splits(bundle, CIFAR100_BINARY if binary else CIFAR100_PYTHON, 100)


def joined(batches: Sequence[LabelledImages]) -> LabelledImages:
    """Return the images of some batches as one."""
    images = np.concatenate([batch.images for batch in batches])
    return LabelledImages(images, np.concatenate([batch.labels for batch in batches]))


def pickled_pixels(found: dict[str, object], shape: tuple[int, int, int], where: str) -> NDArray[np.uint8]:
    """Return the images of a pickled batch: uint8, shape (n, channels, height, width).

    Raises:
        DataError: Naming the file and what was expected.
    """
    data, size = found.get("data"), int(np.prod(shape))
    if not isinstance(data, np.ndarray):
        raise DataError(f"{where}: has no array 'data' but {', '.join(map(repr, found)) or 'nothing'}")
    if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != size or not len(data):
        raise DataError(f"{where}: 'data' is {data.dtype} of shape {data.shape}; expected uint8 of shape (n, {size})")
    return data.reshape(-1, *shape)


def _splits(bundle: Bundle, names: Sequence[str], n_classes: int) -> Splits:
    batches = {name: _batch(content, n_classes, bundle.where(name), name) for name, content in bundle.read(names)}
    return Splits(joined([batches[name] for name in names[:-1]]), batches[names[-1]], n_classes)


def _batch(content: bytes, n_classes: int, where: str, name: str) -> LabelledImages:
    return (_binary if name.endswith(".bin") else _pickled)(content, n_classes, where)


def _pickled(content: bytes, n_classes: int, where: str) -> LabelledImages:
    found = load_dictionary(content, where)
    images = pickled_pixels(found, _SHAPE, where)
    key = "fine_labels" if n_classes == 100 else "labels"
    if key not in found:
        raise DataError(f"{where}: has no {excerpt(key)} but {', '.join(map(repr, found))}")
    return LabelledImages(images, checked_labels(found[key], len(images), n_classes, where))


def _binary(content: bytes, n_classes: int, where: str) -> LabelledImages:
    n_labels = 2 if n_classes == 100 else 1
    size = n_labels + int(np.prod(_SHAPE))
    if not content or len(content) % size:
        raise DataError(f"{where}: has {len(content)} bytes; expected a multiple of {size}, one record per image")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    labels = checked_labels(records[:, n_labels - 1], len(records), n_classes, where)
    return LabelledImages(np.ascontiguousarray(records[:, n_labels:]).reshape(-1, *_SHAPE), labels)
