"""ImageNet16-120: the first 120 classes of ImageNet at 16 x 16 pixels (Chrabaszcz et al. 2017, Dong and Yang 2020).

Each file is a pickle, read without running it: a dictionary with ``data``, bytes of shape (n, 768), and ``labels`` from
1 to 1000. The published validation images (6,000 of these classes) are the test images here; NAS-Bench-201 takes one
half of them for validation and the other for test.
"""

from __future__ import annotations

import numpy as np

from robustnas.errors import DataError
from robustnas.evaluator.images.bundle import Bundle
from robustnas.evaluator.images.cifar_batches import joined, pickled_pixels
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.images.splits import Splits, checked_labels
from robustnas.safe_pickle import load_dictionary

IMAGENET16: tuple[str, ...] = (*(f"train_data_batch_{i}" for i in range(1, 11)), "val_data")
"""Names of the files, the test images last."""

_SHAPE = (3, 16, 16)
_PUBLISHED_CLASSES = 1000
_N_CLASSES = 120


def read_imagenet16_120(bundle: Bundle) -> Splits:
    """Read the images of the first 120 classes.

    Raises:
        DataError: Naming the file and what is wrong in it.
    """
    batches = {name: _batch(content, bundle.where(name)) for name, content in bundle.read(IMAGENET16)}
    train = [batch for name in IMAGENET16[:-1] if (batch := batches[name]) is not None]
    test = batches[IMAGENET16[-1]]
    if not train or test is None:
        lacking = "val_data" if train else "the training batches"
        raise DataError(f"{bundle.path}: {lacking} have no image of the classes 1 to {_N_CLASSES}")
    return Splits(joined(train), test, _N_CLASSES)


def _batch(content: bytes, where: str) -> LabelledImages | None:
    found = load_dictionary(content, where)
    images = pickled_pixels(found, _SHAPE, where)
    if "labels" not in found:
        raise DataError(f"{where}: has no 'labels' but {', '.join(map(repr, found))}")
    labels = checked_labels(found["labels"], len(images), _PUBLISHED_CLASSES, where, first=1)
    kept = np.flatnonzero(labels < _N_CLASSES)
    return LabelledImages(images[kept], labels[kept]) if kept.size else None
