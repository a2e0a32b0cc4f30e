"""CIFAR-10-C and CIFAR-100-C: the published corrupted test images (Hendrycks and Dietterich 2019).

A folder holds ``<corruption>.npy``, uint8 of shape (50000, 32, 32, 3), the 10,000 test images at severity 1, then at
severity 2, to 5, and ``labels.npy``, the labels of all. They are mapped into memory; one severity is read at a time.

Copies of them differ: some are cut short, repaired or made again. What was measured on a block of images is therefore
keyed by the SHA-256 of the block. It is computed once for a file as it is (`file_digests`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from robustnas.arrays import AnyArray
from robustnas.errors import DataError, DataNotFoundError
from robustnas.evaluator.corruptions.file_digests import block_digest
from robustnas.evaluator.images.image_folders import first_existing
from robustnas.evaluator.images.images import LabelledImages
from robustnas.metric import SEVERITIES

PUBLISHED: dict[str, str] = {"cifar10": "CIFAR-10-C", "cifar100": "CIFAR-100-C"}
"""The name of the published corrupted test images, by dataset."""

LABELS = "labels.npy"
"""The file of the labels."""


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
        images, labels = self._open(name, clean.shape)
        block = self._block(severity, len(clean), labels)
        _check_labels(np.asarray(labels[block]), clean, self.folder / LABELS)
        return LabelledImages(np.ascontiguousarray(images[block].transpose(0, 3, 1, 2)), clean.labels)

    def digest(self, name: str, severity: int, n: int, shape: tuple[int, int, int] = (3, 32, 32)) -> str:
        """Return the SHA-256 of the first `n` images of a severity: what a number that is measured on them depends on.

        It is remembered for a file as it is: the second time takes no reading.

        Args:
            name: The corruption.
            severity: 1 to 5.
            n: Images that are used.
            shape: Channels, height and width of an image.

        Raises:
            DataNotFoundError: A file is missing.
            DataError: A file is damaged, or has fewer images.
        """
        images, labels = self._open(name, shape)
        return block_digest(self.folder / f"{name}.npy", images, self._block(severity, n, labels))

    def _open(self, name: str, shape: tuple[int, int, int]) -> tuple[AnyArray, AnyArray]:
        """Return all images of a corruption and their labels, mapped into memory and of the right form."""
        path, labels_path = self.folder / f"{name}.npy", self.folder / LABELS
        images, labels = _mapped(path), _mapped(labels_path)
        n, rest = divmod(len(labels) if labels.ndim == 1 else 0, len(SEVERITIES))
        if not n or rest or labels.dtype.kind not in "iu":
            found = f"is {labels.dtype} of shape {labels.shape}"
            raise DataError(f"{labels_path}: {found}; expected integers, as many for each of 5 severities")
        channels, height, width = shape
        expected = (len(labels), height, width, channels)
        if images.dtype != np.uint8 or images.shape != expected:
            raise DataError(f"{path}: is {images.dtype} of shape {images.shape}; expected uint8 of shape {expected}")
        return images, labels

    def _block(self, severity: int, n: int, labels: AnyArray) -> slice:
        there = len(labels) // len(SEVERITIES)
        if n > there:
            path = self.folder / LABELS
            raise DataError(f"{path}: has {there} images per severity; there are {n} test images")
        return slice((severity - 1) * there, (severity - 1) * there + n)


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
    wrong = np.flatnonzero(labels != clean.labels)
    if wrong.size:
        i = wrong[0]
        raise DataError(
            f"{path}: label {i} is {labels[i]}, that of test image {i} is {clean.labels[i]}; "
            f"expected the test images in their published order, all or the first of them ({wrong.size} differ)"
        )
