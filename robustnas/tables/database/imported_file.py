"""An imported file: accuracies of one dataset that came in another form than the published one, as they are kept.

One archive, ``<dataset>/imported.npz``, with ``manifest.json`` and ``values.npy``, shape (n_metrics, 6466), networks in
ascending order of uid, NaN where the source has none. Equal content gives equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import DataError
from robustnas.metric import Metric
from robustnas.spaces.nasbench201.identity import N_NETWORKS
from robustnas.tables.database.network_values import NetworkValues, checked_shares

IMPORTED = "imported.npz"
"""The name of the file in a dataset's folder."""

_FORMAT = 1
_MANIFEST, _VALUES = "manifest.json", "values.npy"


@dataclass(frozen=True)
class ImportedFile:
    """One imported file, as its manifest describes it.

    Attributes:
        path: The file.
        dataset: The dataset it belongs to, as its folder is called.
        training: How the networks were trained, in words.
        metrics: The metrics it holds.
        digest: A SHA-256 of dataset, training, metrics and values.
        source: The name of the file it was read from.
        sha256: The SHA-256 of that file.
        n_networks: Networks with a value.
        seeds: How many values are means of how many training seeds.
        noise: Standard deviation between trainings and degrees of freedom by metric, where the source has seeds.
    """

    path: Path
    dataset: str
    training: str
    metrics: tuple[Metric, ...]
    digest: str
    source: str
    sha256: str
    n_networks: int
    seeds: Mapping[int, int]
    noise: Mapping[Metric, tuple[float, int]]

    @classmethod
    def read(cls, path: Path) -> ImportedFile:
        """Read the manifest of an imported file.

        Raises:
            DataError: It is not an imported file, or damaged.
        """
        try:
            with zipfile.ZipFile(path) as archive:
                found = json.loads(archive.read(_MANIFEST))
            if found["format"] != _FORMAT:
                raise ValueError(f"format {found['format']!r}, expected {_FORMAT}")
            if found["dataset"] != path.parent.name:
                raise ValueError(f"it is of {found['dataset']!r}, but lies in the folder of {path.parent.name!r}")
            return cls(
                path=path,
                dataset=path.parent.name,
                training=str(found["training"]),
                metrics=tuple(Metric.parse(name) for name in found["metrics"]),
                digest=str(found["digest"]),
                source=str(found["source"]),
                sha256=str(found["sha256"]),
                n_networks=int(found["n_networks"]),
                seeds={int(seeds): int(count) for seeds, count in found["seeds"].items()},
                noise={Metric.parse(name): (float(std), int(n)) for name, (std, n) in found["noise"].items()},
            )
        except _FAULTS as error:
            raise _damaged(path, error) from error

    @cached_property
    def values(self) -> FloatArray:
        """The values, shape (n_metrics, 6466), read-only, read on first use.

        Raises:
            DataError: The file is damaged.
        """
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(_VALUES) as file:
                values = np.lib.format.read_array(file, allow_pickle=False)
        except _FAULTS as error:
            raise _damaged(self.path, error) from error
        if values.dtype != np.float64 or values.shape != (len(self.metrics), N_NETWORKS):
            raise _damaged(self.path, f"its values are {values.dtype} of shape {values.shape}")
        if _digest(self.dataset, self.training, self.metrics, values) != self.digest:
            raise _damaged(self.path, "its values have another digest")
        return read_only(values)

    def column(self, metric: Metric) -> FloatArray:
        """Return the values of one metric by network, shape (6466,), NaN where missing; KeyError if it has none."""
        if metric not in self.metrics:
            raise KeyError(metric)
        column: FloatArray = self.values[self.metrics.index(metric)]
        return column

    def check(self) -> None:
        """Read and check every value.

        Raises:
            DataError: The file is damaged, or holds a number that is not an accuracy.
        """
        for metric, column in zip(self.metrics, self.values, strict=True):
            checked_shares(column, str(metric), str(self.path))

    def summary(self) -> dict[str, Any]:
        """Return what it is as plain data."""
        return {
            "training": self.training,
            "source": self.source,
            "sha256": self.sha256,
            "digest": self.digest,
            "n_networks": self.n_networks,
            "seeds": {str(seeds): count for seeds, count in self.seeds.items()},
            "noise": {str(metric): list(spread) for metric, spread in self.noise.items()},
        }


def write_imported(folder: Path, found: NetworkValues, source: str, sha256: str) -> ImportedFile:
    """Write what a file holds of one dataset into a database's folder and return it, as read.

    Args:
        folder: The database's folder.
        found: The values.
        source: The name of the file they are from.
        sha256: Its SHA-256.

    Raises:
        OSError: It cannot be written.
    """
    path = folder / found.dataset / IMPORTED
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.array([found.columns[metric] for metric in found.metrics], dtype=np.float64)
    manifest = {
        "format": _FORMAT,
        "dataset": found.dataset,
        "training": found.training,
        "metrics": [str(metric) for metric in found.metrics],
        "digest": _digest(found.dataset, found.training, found.metrics, values),
        "source": source,
        "sha256": sha256,
        "n_networks": found.n_networks,
        "seeds": {str(seeds): count for seeds, count in found.seeds.items()},
        "noise": {str(metric): list(spread) for metric, spread in found.noise.items()},
    }
    content = io.BytesIO()
    np.lib.format.write_array(content, values, allow_pickle=False)
    with zipfile.ZipFile(path, "w") as archive:
        for name, entry in ((_MANIFEST, json.dumps(manifest, indent=1).encode()), (_VALUES, content.getvalue())):
            archive.writestr(zipfile.ZipInfo(name), entry, zipfile.ZIP_DEFLATED)  # no date
    return ImportedFile.read(path)


def imported_files(folder: Path) -> dict[str, ImportedFile]:
    """Return the imported files of a database's folder, by dataset.

    Raises:
        DataError: One is damaged.
    """
    return {path.parent.name: ImportedFile.read(path) for path in sorted(folder.glob(f"*/{IMPORTED}"))}


_FAULTS = (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error)


def _digest(dataset: str, training: str, metrics: tuple[Metric, ...], values: FloatArray) -> str:
    facts = json.dumps([dataset, training, [str(metric) for metric in metrics]])
    return hashlib.sha256(facts.encode() + np.ascontiguousarray(values).tobytes()).hexdigest()


def _damaged(path: Path, reason: object) -> DataError:
    return DataError(f"{path}: not an imported file, or damaged: {reason}; delete it and import its source again")
