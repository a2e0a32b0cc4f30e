"""The inventory of a store: how many measurements of what there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, case, delete, func, select, update

from robustnas.measurements.schema import measurements, networks
from robustnas.measurements.selection import REGIME, SPACE_DIGESTS, Selection, of_unknown_files


@dataclass(frozen=True, slots=True)
class Group:
    """The measurements of one metric under one training and one protocol.

    Attributes:
        images: The name of the image data.
        images_digest: The SHA-256 of the image data.
        training: The digest of skeleton and recipe, or of weights.
        metric: The metric.
        protocol: The protocol.
        settings: The digest of the attack's settings, test images and corrupted images.
        unknown_files: Whether it is of corrupted images of unknown files: such numbers are set aside.
        n_networks: Architectures.
        n: Measurements: one for each architecture and seed.
        first: When the first was measured.
        last: When the last was measured.
        regime: How the networks were trained, in words, if not in the standard way; empty otherwise.
    """

    images: str
    images_digest: str
    training: str
    metric: str
    protocol: str
    settings: str
    unknown_files: bool
    n_networks: int
    n: int
    first: datetime
    last: datetime
    regime: str = ""

    @property
    def selection(self) -> Selection:
        """All numbers of this metric and these settings on these images, whatever the training."""
        return Selection(images=self.images, metrics=(self.metric,), settings=self.settings)


def groups(connection: Connection, selection: Selection) -> list[Group]:
    """Return the groups of some measurements, those of one training together, by metric."""
    unknown = case((of_unknown_files(), 1), else_=0)
    of = [
        *(networks.c[name] for name in ("images", "images_digest", "training")),
        *(measurements.c[name] for name in ("metric", "protocol", "settings")),
    ]
    at = measurements.c.measured_at
    regime = func.coalesce(func.max(measurements.c.versions[REGIME].as_string()), "")
    counts = (func.count(networks.c.arch.distinct()), func.count(), func.min(at), func.max(at), regime)
    query = select(*of, unknown, *counts).join_from(networks, measurements).where(selection.condition)
    keys = (networks.c.images, networks.c.training, measurements.c.source, measurements.c.level)
    ordered = query.group_by(*of, unknown, measurements.c.source, measurements.c.level).order_by(*keys, *of)
    return [Group(*row[:6], bool(row[6]), *row[7:]) for row in connection.execute(ordered)]


def space_versions(connection: Connection, space: str) -> dict[str, int]:
    """Return how many measurements there are of each version of a space, the last measured last.

    Those that do not say theirs are left out.
    """
    version = measurements.c.versions[SPACE_DIGESTS].as_string()
    query = select(version, func.count()).join_from(networks, measurements).where(networks.c.space == space)
    found = query.group_by(version).order_by(func.max(measurements.c.id))
    return {str(digests): n for digests, n in connection.execute(found) if digests is not None}


def archs(connection: Connection, space: str, version: str, most: int) -> list[str]:
    """Return architectures of a version of a space that were measured, at most so many."""
    same = measurements.c.versions[SPACE_DIGESTS].as_string() == version
    query = select(networks.c.arch).distinct().join_from(networks, measurements)
    return list(connection.scalars(query.where(networks.c.space == space, same).limit(most)))


def forget(connection: Connection, selection: Selection) -> int:
    """Delete some measurements and return how many there were; their networks, and claims of them, stay."""
    chosen = select(measurements.c.id).join_from(networks, measurements).where(selection.condition)
    gone = delete(measurements).where(measurements.c.id.in_(chosen)).returning(measurements.c.id)
    return len(connection.execute(gone).all())


def n_images(connection: Connection, selection: Selection) -> int:
    """Return how many test images the first of some measurements counts."""
    query = select(measurements.c.confusion).join_from(networks, measurements).where(selection.condition).limit(1)
    return int(np.sum(connection.scalar(query) or 0))


def rekey(connection: Connection, selection: Selection, settings: str, versions: Mapping[str, str]) -> int:
    """Give some measurements other settings, and further versions; see `MeasurementStore.rekey`."""
    there = measurements.alias()
    taken = (
        select(there.c.id)
        .where(there.c.settings == settings)
        .where(*(there.c[name] == measurements.c[name] for name in ("network_id", "metric", "protocol")))
    )
    query = select(measurements.c.id, measurements.c.versions).join_from(networks, measurements)
    found = connection.execute(query.where(selection.condition, ~taken.exists())).all()
    for row, former in found:
        new = {"settings": settings, "versions": {**former, **versions}}
        connection.execute(update(measurements).where(measurements.c.id == row).values(new))
    return len(found)
