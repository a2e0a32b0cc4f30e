"""Measurements and their keys: plain values, checked at the door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np

from robustnas.arrays import IntArray
from robustnas.checks import whole_number
from robustnas.errors import InvalidInputError
from robustnas.measurements import fields as checked
from robustnas.metric import check_protocol
from robustnas.spaces import DEFAULT_SPACE

_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True, order=True)
class NetworkKey:
    """What fixes one trained network.

    Args:
        arch: The text of the canonical architecture; in NAS-Bench-201 the arch string of the canonical cell.
        images: The name of the image data, such as ``digits``.
        images_digest: The SHA-256 of the image data.
        training: A hex digest of the skeleton and the training configuration.
        seed: The seed of the training, 0 or larger.
        space: The name of the search space.

    Raises:
        InvalidInputError: Naming the field, the value and what was expected.

    >>> from robustnas import Cell
    >>> from robustnas.spaces.nasbench201 import space
    >>> arch = space.canonical(Cell.parse("#13433")).arch
    >>> NetworkKey(arch, "digits", "0" * 64, "c0ffee00", seed=0).seed
    0
    """

    arch: str
    images: str
    images_digest: str
    training: str
    seed: int
    space: str = DEFAULT_SPACE

    def __post_init__(self) -> None:
        _set(self, "space", checked.text("space", self.space))
        _set(self, "arch", checked.architecture("arch", self.arch, self.space))
        _set(self, "images", checked.text("images", self.images))
        _set(self, "images_digest", checked.sha256("images_digest", self.images_digest))
        _set(self, "training", checked.digest("training", self.training))
        _set(self, "seed", whole_number("seed", self.seed, at_least=0, at_most=_LARGEST_SEED))

    def __str__(self) -> str:
        where = "" if self.space == DEFAULT_SPACE else f" of {self.space}"
        return f"{self.arch}{where} on {self.images}, seed {self.seed}"


@dataclass(frozen=True, slots=True, order=True)
class MeasurementKey:
    """What fixes one number.

    Args:
        network: The trained network.
        metric: The name of a `robustnas.metric.Metric`; it is kept as that writes it (``pgd@1.50`` as ``pgd@1.5``).
        protocol: One of `robustnas.metric.PROTOCOLS`.
        settings: A hex digest of the attack's settings and the number of test images.

    Raises:
        InvalidInputError: Naming the field, the value and what was expected.
    """

    network: NetworkKey
    metric: str
    protocol: str
    settings: str

    def __post_init__(self) -> None:
        if not isinstance(self.network, NetworkKey):
            raise InvalidInputError(f"network is {self.network!r}; expected a NetworkKey")
        _set(self, "metric", checked.metric_name("metric", self.metric))
        check_protocol(self.protocol)
        _set(self, "settings", checked.digest("settings", self.settings))

    def __str__(self) -> str:
        return f"{self.metric} ({self.protocol}) of {self.network}"


@dataclass(frozen=True, slots=True, eq=False)
class Measurement:
    """One measured number, with where it came from. Two are equal if every field is.

    Args:
        key: What was measured.
        accuracy: In [0, 1].
        confidence: Mean confidences in [0, 1] by what they are of, such as ``prediction`` and ``label``.
        confusion: Counts of test images, shape (n_classes, n_classes); rows are the true class.
        seconds: How long the measurement took, without the training.
        device: What it ran on, such as ``cpu`` or ``cuda:NVIDIA H100``.
        versions: The versions of the software, by name.
        measured_at: When, as an aware datetime; kept in UTC, to the microsecond.

    Raises:
        InvalidInputError: Naming the field, the value and what was expected; NaN is refused everywhere.
    """

    key: MeasurementKey
    accuracy: float
    confidence: Mapping[str, float]
    confusion: IntArray
    seconds: float
    device: str
    versions: Mapping[str, str]
    measured_at: datetime

    def __post_init__(self) -> None:
        if not isinstance(self.key, MeasurementKey):
            raise InvalidInputError(f"key is {self.key!r}; expected a MeasurementKey")
        _set(self, "accuracy", checked.fraction("accuracy", self.accuracy))
        _set(self, "confidence", checked.mapping("confidence", self.confidence, checked.fraction))
        _set(self, "confusion", checked.confusion_matrix("confusion", self.confusion))
        _set(self, "seconds", checked.number("seconds", self.seconds))
        _set(self, "device", checked.text("device", self.device))
        _set(self, "versions", checked.mapping("versions", self.versions, checked.text))
        _set(self, "measured_at", checked.utc("measured_at", self.measured_at))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Measurement):
            return NotImplemented
        return all(np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))

    def __hash__(self) -> int:
        return hash(self.key)


def _set(value: object, name: str, checked_field: object) -> None:
    object.__setattr__(value, name, checked_field)
