"""The 15 corruptions of the database, on any images: read from the published files, or generated.

**The two are not on one scale.** The database was measured on CIFAR-10-C and CIFAR-100-C, whose constants were chosen
for 32 x 32 pixels. Generated images have the constants of ImageNet-C, chosen for 224 x 224 pixels, and these are much
harsher: gaussian_noise has a standard deviation of 0.08 to 0.38 instead of 0.04 to 0.10, defocus_blur a radius of 3 to
10 pixels instead of 0.3 to 1.5, jpeg_compression a quality of 25 to 7 instead of 80 to 40. Accuracies on generated
images can be compared with each other, and with nothing published on CIFAR-C. `CorruptedImages.scale` says which ones
an accuracy was measured on, and belongs beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from robustnas.checks import whole_number
from robustnas.errors import DataNotFoundError, InvalidInputError, unknown_name
from robustnas.evaluator.corruptions.corruption_files import LABELS, PUBLISHED, CorruptionFiles
from robustnas.evaluator.corruptions.corruption_library import generate
from robustnas.evaluator.corruptions.file_digests import images_digest
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.software import defining
from robustnas.metric import CORRUPTIONS, SEVERITIES

GENERATED_SCALE = "ImageNet-C constants"
"""The scale of images that were generated: harsher than CIFAR-10-C at the same severity."""


@dataclass(frozen=True, eq=False)
class CorruptedImages:
    """Corrupted test images, with the labels of the clean ones.

    Attributes:
        images: The images, uint8.
        scale: What a severity means: ``CIFAR-10-C files``, ``CIFAR-100-C files`` or ``ImageNet-C constants``; see the
            head of this module. Numbers on different scales can't be compared.
        digest: The SHA-256 of images that were read from files; empty for generated ones.
    """

    images: LabelledImages
    scale: str
    digest: str = ""


def corrupted(
    data: ImageData,
    name: str,
    severity: int,
    *,
    folder: Path | None = None,
    seed: int = 0,
    tick: Callable[[int], None] = lambda _: None,
) -> CorruptedImages:
    """Return the test images with one corruption.

    They are read from the published files where these are: in `folder`, or for the data ``cifar10`` and ``cifar100`` in
    ``CIFAR-10-C`` and ``CIFAR-100-C`` below the folder that ROBUSTNAS_IMAGES names or ``images`` in the user's data
    directory. Otherwise they are generated (`robustnas.evaluator.corruptions.corruption_library`), which is harsher.

    Args:
        data: The images; `data.test` is corrupted. With files it has to be the published test images, or the first of
            them.
        name: A name of `robustnas.metric.CORRUPTIONS`.
        severity: 1 to 5.
        folder: A folder with the files of CIFAR-10-C or CIFAR-100-C; None to look for it.
        seed: Fixes generated images, in any process and in any order of calls. Files do not depend on it.
        tick: Called with numbers of images just generated.

    Raises:
        InvalidInputError: A bad name, severity or seed; or a folder for images that have no published files.
        DataError: The files are there, and one is missing or damaged or has other labels. Images are not generated
            then: a scale is not changed silently.
        EvaluationError: Images are to be generated, and the library for it is not installed.
    """
    if name not in CORRUPTIONS:
        raise InvalidInputError(unknown_name("corruption", name, CORRUPTIONS))
    severity = whole_number("severity", severity, at_least=SEVERITIES[0], at_most=SEVERITIES[-1])
    seed = whole_number("seed", seed, at_least=0)
    files = find_files(data.name, folder)
    if files is not None:
        found = files.read(data.test, name, severity)
        return CorruptedImages(found, _scale(data.name), images_digest(found.images.transpose(0, 2, 3, 1)))
    images = generate(data.test, name, severity, seed, tick)
    return CorruptedImages(LabelledImages(images, data.test.labels), GENERATED_SCALE)


def facts(data: ImageData, name: str, severity: int, *, folder: Path | None = None) -> dict[str, str]:
    """Return what fixes the images that `corrupted` gives, besides the clean ones and the seed, by name.

    That is their scale, and the SHA-256 of the images of the files or the release of the library that generates them.

    Args:
        data: The images.
        name: The corruption.
        severity: 1 to 5.
        folder: As in `corrupted`.

    Raises:
        InvalidInputError, DataError: As `corrupted`.
    """
    files = find_files(data.name, folder)
    if files is None:
        return {"scale": GENERATED_SCALE, **defining("imagecorruptions-imaug")}
    return {**unknown_files(data.name), "images": files.digest(name, severity, len(data.test), data.shape)}


def unknown_files(dataset: str) -> dict[str, str]:
    """Return what was known of numbers on the published files of a dataset before their digests belonged to the key."""
    return {"scale": _scale(dataset)}


def find_files(dataset: str, folder: Path | None = None) -> CorruptionFiles | None:
    """Return the published files that corruptions of a dataset are read from; None if they are generated.

    Args:
        dataset: The name of the image data.
        folder: The folder of the files, or the one above; None to look for it.

    Raises:
        InvalidInputError: A folder for images that have no published files.
        DataNotFoundError: A folder without them.
    """
    if folder is None:
        return CorruptionFiles.find(dataset)
    if dataset not in PUBLISHED:
        published = " and ".join(PUBLISHED)
        raise InvalidInputError(
            f"folder is {str(folder)!r} for {dataset}; there are published files of {published} only"
        )
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataNotFoundError(f"{folder}: no such folder; expected that of {PUBLISHED[dataset]}")
    below = folder / PUBLISHED[dataset]
    if not (folder / LABELS).exists() and below.is_dir():
        return CorruptionFiles(below)
    return CorruptionFiles(folder)


def _scale(dataset: str) -> str:
    return f"{PUBLISHED[dataset]} files"
