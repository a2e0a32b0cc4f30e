"""CIFAR-10-C and CIFAR-100-C: the published corrupted test images (Hendrycks and Dietterich 2019).

A folder holds ``<corruption>.npy``, uint8 of shape (50000, 32, 32, 3), the 10,000 test images at severity 1, then at
severity 2, to 5, and ``labels.npy``, the labels of all. They are mapped into memory; one severity is read at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustnas.arrays import AnyArray
from robustnas.errors import DataError, DataNotFoundError
from robustnas.evaluator.images.image_folders import first_existing
from robustnas.evaluator.images.images import LabelledImages
from robustnas.metric import SEVERITIES

PUBLISHED: dict[str, str] = {"cifar10": "CIFAR-10-C", "cifar100": "CIFAR-100-C"}
"""The name of the published corrupted test images, by dataset."""


@dataclass(frozen=True)
class CorruptionFiles:
    """A folder of published corrupted test images.

    Attributes:
        folder: The folder.
    """

    folder: Path

    @classmethod
    def find(cls, dataset: str) -> CorruptionFiles | None:
        """Return those of a dataset below the image folders, None if they are not there."""
        found = first_existing((PUBLISHED[dataset],)) if dataset in PUBLISHED else None
        return cls(found) if found else None

    def read(self, clean: LabelledImages, name: str, severity: int) -> LabelledImages:
        """Return the corrupted images of some test images.

        Args:
            clean: The test images, all of them or the first: (n, 3, 32, 32).
            name: The corruption.
            severity: 1 to 5.

        Raises:
            DataNotFoundError: A file is missing.
            DataError: A file is damaged, or its labels are not those of the test images; names the file.
        """
        path, labels_path = self.folder / f"{name}.npy", self.folder / "labels.npy"
        images, labels = _mapped(path), _mapped(labels_path)
        n, rest = divmod(len(labels) if labels.ndim == 1 else 0, len(SEVERITIES))
        if not n or rest or labels.dtype.kind not in "iu":
            found = f"is {labels.dtype} of shape {labels.shape}"
            raise DataError(f"{labels_path}: {found}; expected integers, as many for each of 5 severities")
        channels, height, width = clean.shape
        expected = (len(labels), height, width, channels)
        if images.dtype != np.uint8 or images.shape != expected:
            raise DataError(f"{path}: is {images.dtype} of shape {images.shape}; expected uint8 of shape {expected}")
        block = slice((severity - 1) * n, (severity - 1) * n + min(n, len(clean)))
        _check_labels(np.asarray(labels[block]), clean, labels_path)
        return LabelledImages(np.ascontiguousarray(images[block].transpose(0, 3, 1, 2)), clean.labels)


def _mapped(path: Path) -> AnyArray:
    try:
        array: AnyArray = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise DataNotFoundError(
            f"{path}: no such file; expected the files of CIFAR-10-C or CIFAR-100-C beside each other"
        ) from None
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path}: truncated, or no .npy file: {error}") from None
    if not isinstance(array, np.ndarray):
        raise DataError(f"{path}: is an archive; expected one array, as numpy.save writes it")
    return array


def _check_labels(labels: AnyArray, clean: LabelledImages, path: Path) -> None:
    if len(labels) < len(clean):
        raise DataError(f"{path}: has {len(labels)} images per severity; there are {len(clean)} test images")
    wrong = np.flatnonzero(labels != clean.labels)
    if wrong.size:
        i = wrong[0]
        raise DataError(
            f"{path}: label {i} is {labels[i]}, that of test image {i} is {clean.labels[i]}; "
            f"expected the test images in their published order, all or the first of them ({wrong.size} differ)"
        )
