"""IDX files, the format of MNIST and Fashion-MNIST (LeCun et al. 1998): a header of big-endian numbers, then bytes."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from robustnas.errors import DataError
from robustnas.evaluator.images.bundle import Bundle
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.images.splits import Splits, checked_labels, counted_classes

IDX: tuple[str, ...] = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""Names of the files; ``train-images.idx3-ubyte`` and ``.gz`` are known, too."""


def read_idx(bundle: Bundle) -> Splits:
    """Read gray images and their labels.

    Raises:
        DataError: Naming the file and what is wrong in it.
    """
    arrays = {
        name: parse_idx(content, 3 if "images" in name else 1, bundle.where(name)) for name, content in bundle.read(IDX)
    }
    train, test = (_labelled(arrays[IDX[i]], arrays[IDX[i + 1]], bundle.where(IDX[i + 1])) for i in (0, 2))
    return Splits(train, test, counted_classes(train.labels, test.labels, bundle.path))


def parse_idx(content: bytes, n_dimensions: int, where: str) -> NDArray[np.uint8]:
    """Return the array of an IDX file of bytes.

    Args:
        content: The file, decompressed.
        n_dimensions: How many dimensions are expected.
        where: The file, for messages.

    Raises:
        DataError: Naming the file and what was expected.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), 1, "labels").tolist()
    [7, 9]
    """
    magic, start = bytes([0, 0, 8, n_dimensions]), 4 + 4 * n_dimensions
    if content[:4] != magic:
        raise DataError(f"{where}: begins with {content[:4].hex() or 'nothing'}; expected {magic.hex()}, IDX of bytes")
    if len(content) < start:
        raise DataError(f"{where}: truncated in its header, after {len(content)} bytes; expected {start}")
    shape = tuple(np.frombuffer(content, ">u4", n_dimensions, 4).tolist())
    if len(content) - start != math.prod(shape):
        raise DataError(
            f"{where}: truncated, or too long: {len(content) - start} bytes after the header; "
            f"expected {math.prod(shape)} for shape {shape}"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _labelled(images: NDArray[np.uint8], labels: NDArray[np.uint8], where: str) -> LabelledImages:
    return LabelledImages(images[:, None], checked_labels(labels, len(images), 256, where))
