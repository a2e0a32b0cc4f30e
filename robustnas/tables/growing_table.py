"""A table that grows: what it does not hold is looked up in a store, or measured, when a search asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import InvalidInputError, ObjectiveError
from robustnas.metric import PAPER_ATTACKS, Metric
from robustnas.spaces import EnumerableSpace
from robustnas.tables.column_facts import ColumnFacts, column_facts
from robustnas.tables.noise import NoiseFloor
from robustnas.tables.table import STANDARD_TRAINING, Table, missing_metric, other_training


class Measurer(Protocol):
    """Where the numbers come from that a table lacks: a store of measurements, and an evaluator for what that lacks."""

    @property
    def name(self) -> str:
        """The name of the image data, such as ``digits``."""

    def digest(self, metrics: Iterable[Metric]) -> str:
        """Return a SHA-256 of what fixes the numbers of some metrics: image data and settings."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the numbers that it measured should know."""

    @property
    def space(self) -> EnumerableSpace[Any]:
        """The search space whose networks it measures."""

    @property
    def training(self) -> str:
        """How its networks are trained, in words, if not in the standard way; empty otherwise."""

    @property
    def skeleton(self) -> Any:
        """The size of the networks that it measures, in the space's own terms."""

    def stored(self, metric: Metric, group: Iterable[Metric]) -> Mapping[int, float]:
        """Return the known numbers of one metric, among others that are measured with it, by index."""

    def noise(self, group: Iterable[Metric]) -> Mapping[Metric, NoiseFloor]:
        """Return the noise of one training, of those metrics for which networks were trained several times."""

    def measure(self, architecture: Any, metrics: Iterable[Metric], group: Iterable[Metric]) -> Mapping[Metric, float]:
        """Return some numbers of an architecture, measuring and keeping those not known yet; `group` as in `stored`."""

    def prepare(self, architectures: Sequence[Any], group: Iterable[Metric]) -> None:
        """Do at once what `measure` of some architectures begins with, such as training."""


class GrowingTable:
    """A `Table` whose gaps are filled on demand: from a table first, then from a store, then by measuring.

    A metric that the base table holds is always taken from there. Numbers are those of networks: architectures of one
    canonical class share them. A column holds NaN where nothing is known yet.

    Args:
        measurer: What measures.
        metrics: The metrics that will be asked for.
        base: The table to ask first; None to measure everything.

    Raises:
        InvalidInputError: The base table's networks were not trained as ours are: either are trained adversarially.

    Attributes:
        dataset: The base table's name, else that of the image data.
        source: The base table's, else ``measured``.
        space: The search space.
        skeleton: The size of the networks, for their costs.
        training: How the networks were trained, in words.
        attacks: What ``adversarial@8`` and ``worst@8`` are over: the paper's four, which can be measured.
    """

    complete = False
    attacks = PAPER_ATTACKS

    def __init__(self, measurer: Measurer, metrics: Iterable[Metric], base: Table | None = None) -> None:
        self.measurer, self.base = measurer, base
        self.dataset = base.dataset if base else measurer.name
        self.source = base.source if base else "measured"
        self.space, self.skeleton = measurer.space, measurer.skeleton
        self.training = str(getattr(base, "training", "")) if base else measurer.training
        self._canonical = np.array(self.space.canonical_list())
        held = set(base.metrics) if base else set()
        self._own = tuple(dict.fromkeys(metric for metric in metrics if metric not in held))
        self._check_training()
        self._columns = {metric: np.full(self.space.size, np.nan) for metric in self._own}
        for metric, column in self._columns.items():
            for index, value in measurer.stored(metric, self._own).items():
                column[self._canonical == self._canonical[index]] = value
        self._measured: set[tuple[Metric, int]] = set()

    def _check_training(self) -> None:
        """Refuse to add measurements to a table of networks that were trained in another way than ours are."""
        if self._own and self.base and self.training not in ("", STANDARD_TRAINING):
            lacking = ", ".join(map(str, self._own[:5]))
            raise InvalidInputError(
                f"{self.dataset} holds no {lacking}, and its networks are of {self.training}: what is measured here is "
                "another training, not to be mixed with it; search on its own metrics, or without --dataset"
            )
        if self.base and self.measurer.training:
            raise InvalidInputError(other_training(self.dataset, self.training, self.measurer.training))

    @property
    def digest(self) -> str:
        """A SHA-256 of the base table's content and of what fixes the measurements."""
        parts = [self.base.digest if self.base else "", self.measurer.digest(self._own)]
        return sha256(" ".join(parts).encode()).hexdigest()

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics that it holds or will."""
        return (*(self.base.metrics if self.base else ()), *self._own)

    def column(self, metric: Metric) -> FloatArray:
        """Return what is known of one metric by index, shape (space.size,), NaN where it is not."""
        if metric in self._columns:
            return read_only(self._columns[metric].view())
        if self.base is None:
            raise ObjectiveError(missing_metric(metric, self))
        return self.base.column(metric)

    @property
    def seed_noise(self) -> dict[Metric, float]:
        """The standard deviation of one training, of metrics whose networks were trained with several seeds."""
        return {metric: floor.std for metric, floor in self.measurer.noise(self._own).items()}

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of the numbers that were measured should know."""
        return self.measurer.notes

    def prepare(self, architectures: Sequence[Any], metrics: Iterable[Metric]) -> None:
        """Prepare to fill several architectures, by training the networks at once that will be measured."""
        own = [metric for metric in metrics if metric in self._columns]
        indices = [self.space.index(architecture) for architecture in architectures]
        lacking = [
            architecture
            for architecture, index in zip(architectures, indices, strict=True)
            if any(np.isnan(self._columns[metric][index]) for metric in own)
        ]
        if len(lacking) > 1:
            self.measurer.prepare(lacking, self._own)

    def fill(self, architecture: Any, metrics: Iterable[Metric]) -> str:
        """Measure what is not known of an architecture, and return where its numbers come from.

        That is the base table's source, ``store``, ``measured``, or several of them: ``table+measured``.

        Args:
            architecture: The architecture.
            metrics: What is asked of it.

        Raises:
            EvaluationError: It cannot be measured.
            DataError: The store cannot be read or written.
        """
        index, asked = self.space.index(architecture), list(metrics)
        network = int(self._canonical[index])
        own = [metric for metric in asked if metric in self._columns]
        lacking = [metric for metric in own if np.isnan(self._columns[metric][index])]
        if lacking:
            members = self._canonical == network
            for metric, value in self.measurer.measure(architecture, lacking, self._own).items():
                self._columns[metric][members] = value
                self._measured.add((metric, network))
        sources = {"measured" if (metric, network) in self._measured else "store" for metric in own}
        if len(own) < len(asked):
            sources.add(self.source)
        return (
            "+".join(name for name in dict.fromkeys((self.source, "store", "measured")) if name in sources)
            or self.source
        )

    def attached_columns(self) -> dict[str, FloatArray]:
        """Return the base table's attached columns."""
        return self.base.attached_columns() if self.base else {}

    def column_facts(self, name: str) -> ColumnFacts:
        """Return what the base table says of a column."""
        return column_facts(name, self.base) if self.base else ColumnFacts()

    def attached_digests(self) -> dict[str, str]:
        """Return the digests of the base table's attached tables."""
        return self.base.attached_digests() if self.base else {}

    def __repr__(self) -> str:
        known: dict[str, Any] = {str(m): int(np.isfinite(column).sum()) for m, column in self._columns.items()}
        return f"<{self.dataset}, growing: architectures known {known}>"
