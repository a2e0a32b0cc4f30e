"""Splits: what a reader of image files returns, and its check of labels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from robustnas.arrays import IntArray
from robustnas.errors import DataError
from robustnas.evaluator.images.images import LabelledImages


class Splits(NamedTuple):
    """Training images, test images, and the number of classes."""

    train: LabelledImages
    test: LabelledImages
    n_classes: int


def checked_labels(values: object, n: int, n_classes: int, where: object, *, first: int = 0) -> IntArray:
    """Return the labels of a file, counted from 0.

    Args:
        values: What the file holds: a list or an array.
        n: The number of images that they belong to.
        n_classes: The number of classes of the file.
        where: The file, for messages.
        first: The label of the first class in the file.

    Returns:
        Shape (n,), int64, from 0 to n_classes - 1.

    Raises:
        DataError: Naming the file, the first offending index and value, and what was expected.

    >>> checked_labels([1, 3], 2, 3, "val_data", first=1).tolist()
    [0, 2]
    """
    try:
        labels = np.asarray(values)
    except ValueError:  # ragged
        labels = np.asarray(None)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(f"{where}: its labels are no list of integers; expected {n} of them")
    if len(labels) != n:
        raise DataError(f"{where}: has {len(labels)} labels for {n} images; expected one per image")
    last = first + n_classes - 1
    wrong = np.flatnonzero((labels < first) | (labels > last))
    if wrong.size:
        raise DataError(
            f"{where}: label {wrong[0]} is {labels[wrong[0]]}; expected {first} to {last} ({wrong.size} such)"
        )
    return labels.astype(np.int64) - first


def counted_classes(train: IntArray, test: IntArray, where: object) -> int:
    """Return the number of classes of a file that does not say it: one more than its largest label.

    Raises:
        DataError: A class below that has no training image, so that labels are not 0 to n - 1.
    """
    n_classes = int(max(train.max(), test.max())) + 1
    present = np.unique(train)
    if len(present) != n_classes:
        gap = next(label for label in range(n_classes) if label >= len(present) or present[label] != label)
        raise DataError(
            f"{where}: class {gap} has no training image, while labels go up to {n_classes - 1}; "
            f"expected labels from 0 to n - 1 and training images of every class"
        )
    return n_classes
