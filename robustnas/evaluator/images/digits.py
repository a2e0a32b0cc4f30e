"""The digits of scikit-learn: 1,797 of 8 x 8 gray pixels (Alpaydin and Kaynak 1998), on every machine."""

from __future__ import annotations

import numpy as np

from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.images.normalisation import normalisation

_HELD_OUT = 4


def load_digits() -> ImageData:
    """Return the digits, split once and for all: of each class every fourth image is a test image.

    That makes 1,352 training and 445 test images. Pixels are k / 16, k from 0 to 16, as float32. No seed is
    in this: images 4, 8, 12, ... of each class, in scikit-learn's order, are held out.

    >>> data = load_digits()
    >>> data.shape, data.n_classes, len(data.train), len(data.test)
    ((1, 8, 8), 10, 1352, 445)
    """
    from sklearn import datasets

    bunch = datasets.load_digits()
    images = (bunch.images[:, None] / 16).astype(np.float32)
    labels = bunch.target.astype(np.int64)
    everything = LabelledImages(images, labels)
    held_out = np.zeros(len(labels), dtype=bool)
    for label in range(10):
        held_out[np.flatnonzero(labels == label)[_HELD_OUT - 1 :: _HELD_OUT]] = True
    train, test = everything.subset(np.flatnonzero(~held_out)), everything.subset(np.flatnonzero(held_out))
    mean, std = normalisation("digits", train)
    return ImageData("digits", train, test, 10, mean, std)
