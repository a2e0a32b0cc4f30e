"""Selections: which measurements of a store are meant, to list them or to forget them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, true

from robustnas.checks import whole_number
from robustnas.measurements import fields as checked
from robustnas.measurements.schema import measurements, networks
from robustnas.metric import ATTACKS, CORRUPTIONS

CORRUPTION_DIGEST = "corruption_images"
"""Where a measurement keeps, among its versions, the SHA-256 of the published corrupted images it was made on."""

REGIME = "training"
"""Where a measurement keeps, among its versions, how its network was trained in words, if not in the standard way."""

SPACE_DIGESTS = "space"
"""Where a measurement keeps, among its versions, the digests of a space that users may change, as JSON."""

OVERFITTING = "overfitting"
"""Where a measurement keeps, among its versions, the note on catastrophic overfitting of its network's training."""

_ON_FILES = "% files"  # the scale of published corrupted images, as measurements name it


@dataclass(frozen=True)
class Selection:
    """Some measurements of a store: those that meet every condition that is given; all if none is.

    Args:
        archs: Texts of canonical architectures.
        space: What records call the search space.
        images: The name of the image data.
        metrics: Names of metrics, such as ``pgd@1``.
        sources: ``clean``, an attack or a corruption; ``attack`` and ``corruption`` for all of them.
        training: How the digest of the training begins, as listings show it.
        seed: The seed of the training.
        protocol: The protocol.
        settings: The digest of the settings.
        before: Those measured before this moment.
        unknown_files: Only numbers on corrupted images of files that are not known: they were measured before the
            files belonged to the key.

    >>> Selection(metrics=("pgd@1.50",)).metrics
    ('pgd@1.5',)
    """

    archs: tuple[str, ...] = ()
    space: str | None = None
    images: str | None = None
    metrics: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    training: str | None = None
    seed: int | None = None
    protocol: str | None = None
    settings: str | None = None
    before: datetime | None = None
    unknown_files: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", tuple(checked.metric_name("metric", name) for name in self.metrics))
        if self.seed is not None:
            whole_number("seed", self.seed, at_least=0)

    @property
    def condition(self) -> ColumnElement[bool]:
        """What rows of networks and measurements, joined, have to meet."""
        found: list[ColumnElement[bool]] = [true()]
        if self.archs:
            found.append(networks.c.arch.in_(self.archs))
        if self.metrics:
            found.append(measurements.c.metric.in_(self.metrics))
        if self.sources:
            found.append(measurements.c.source.in_(_sources(self.sources)))
        if self.training is not None:
            found.append(func.substr(networks.c.training, 1, len(self.training)) == self.training)
        if self.before is not None:
            found.append(measurements.c.measured_at < self.before)
        if self.unknown_files:
            found.append(of_unknown_files())
        equal = (
            (networks.c.space, self.space),
            (networks.c.images, self.images),
            (networks.c.seed, self.seed),
            (measurements.c.protocol, self.protocol),
            (measurements.c.settings, self.settings),
        )
        return and_(*found, *(column == value for column, value in equal if value is not None))


EVERYTHING = Selection()
"""All measurements."""


def of_unknown_files() -> ColumnElement[bool]:
    """Return the condition of numbers on corrupted images of files that are not known."""
    versions = measurements.c.versions
    on_files = versions["corruptions"].as_string().like(_ON_FILES)
    return and_(measurements.c.source.in_(CORRUPTIONS), on_files, versions[CORRUPTION_DIGEST].as_string().is_(None))


def _sources(names: tuple[str, ...]) -> list[str]:
    groups = {"attack": tuple(ATTACKS), "corruption": CORRUPTIONS}
    return [source for name in names for source in groups.get(name, (name,))]
