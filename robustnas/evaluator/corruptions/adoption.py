"""Adoption: numbers measured on corrupted images of unknown files, taken as measured on the files that are here.

Older releases kept such numbers without a digest of the files. Whoever knows that the files are the same keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from robustnas.errors import DataNotFoundError
from robustnas.evaluator.corruptions.corruption_files import PUBLISHED, CorruptionFiles
from robustnas.evaluator.corruptions.corruptions import find_files, unknown_files
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.measurements import MeasurementStore, Selection
from robustnas.measurements.selection import CORRUPTION_DIGEST
from robustnas.metric import Metric


@dataclass(frozen=True)
class Adoption:
    """What became of numbers on unknown files.

    Attributes:
        folder: The folder of the files that they are of now.
        n_adopted: How many are.
        n_left: How many are left aside: there are newer ones, or they were measured under settings of another kind.
    """

    folder: Path
    n_adopted: int
    n_left: int


def adopt(store: MeasurementStore, dataset: str, folder: Path | None = None) -> Adoption:
    """Take numbers of a dataset on corrupted images of unknown files as measured on the files that are here.

    Args:
        store: The store.
        dataset: The name of the image data: cifar10 or cifar100.
        folder: The folder of the files; None to look for it.

    Raises:
        InvalidInputError: A dataset without published corrupted images.
        DataError: The files are not there or damaged, or the store cannot be written.
    """
    files = find_files(dataset, folder)
    if files is None:
        raise DataNotFoundError(
            f"there are no files of {PUBLISHED.get(dataset, 'corrupted images')} here; name their folder with "
            f"--corruption-files"
        )
    wanted = Selection(images=dataset, unknown_files=True)
    n_adopted = sum(
        _adopt(store, files, dataset, metric, settings)
        for metric, settings in dict.fromkeys((group.metric, group.settings) for group in store.groups(wanted))
    )
    return Adoption(files.folder, n_adopted, sum(group.n for group in store.groups(wanted)))


def _adopt(store: MeasurementStore, files: CorruptionFiles, dataset: str, name: str, settings: str) -> int:
    """Adopt the numbers of one metric under one digest of settings; return how many."""
    chosen = Selection(images=dataset, metrics=(name,), settings=settings, unknown_files=True)
    metric, n, former = Metric.parse(name), store.n_images(chosen), unknown_files(dataset)
    for used in (EvaluationSettings(), EvaluationSettings(n_images=n)):
        if used.digest(metric, corruption=former) == settings:
            digest = files.digest(metric.kind, int(metric.level or 0), n)
            new = used.digest(metric, corruption={**former, "images": digest})
            return store.rekey(chosen, new, {CORRUPTION_DIGEST: digest})
    return 0
