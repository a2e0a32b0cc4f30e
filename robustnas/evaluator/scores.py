"""The scores of a forward pass over labelled images: accuracy, confidence and confusion matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from robustnas.arrays import AnyArray, IntArray, read_only


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a classifier on some images.

    Attributes:
        accuracy: Share of images classified correctly, in [0, 1].
        confidence: Mean softmax probabilities in [0, 1]: ``prediction`` of the class predicted, ``label`` of the true
            class, each over all images, and ``correct`` and ``wrong`` of the class predicted over images classified
            so (left out if there are none).
        confusion: Counts of images, shape (n_classes, n_classes); rows are true classes, columns predicted ones.
    """

    accuracy: float
    confidence: dict[str, float]
    confusion: IntArray

    @classmethod
    def of(cls, logits: AnyArray, labels: IntArray) -> Scores:
        """Compute the scores from logits, shape (n, n_classes), and classes, shape (n,)."""
        n, n_classes = logits.shape
        predictions = logits.argmax(axis=1)
        right = predictions == labels
        probabilities = _softmax(logits.astype(np.float64))
        top, label = probabilities.max(axis=1), probabilities[np.arange(n), labels]
        confidence = {"prediction": top.mean(), "label": label.mean()}
        confidence |= {name: top[mask].mean() for name, mask in (("correct", right), ("wrong", ~right)) if mask.any()}
        counts = np.bincount(labels * n_classes + predictions, minlength=n_classes**2).astype(np.int64)
        return cls(
            accuracy=float(right.mean()),
            confidence={name: float(value) for name, value in confidence.items()},
            confusion=read_only(counts.reshape(n_classes, n_classes)),
        )


def _softmax(logits: AnyArray) -> AnyArray:
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: AnyArray = shifted / shifted.sum(axis=1, keepdims=True)
    return result
