"""A table that grows: what it does not hold is looked up in a store, or measured, when a search asks for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import BuildError, EvaluationError, InvalidInputError, ObjectiveError, TrainingError
from robustnas.metric import PAPER_ATTACKS, Metric
from robustnas.spaces import COSTS, ChoiceSpace, EnumerableSpace, GrowingSpace
from robustnas.tables.column_facts import ColumnFacts, column_facts
from robustnas.tables.lookups import Lookups
from robustnas.tables.noise import NoiseFloor
from robustnas.tables.table import STANDARD_TRAINING, Table, missing_metric, other_training, says_cost

FAILED = "failed"
"""The source of a network that could not be measured: its numbers are unknown."""

MOST_COUNTED = 2_000
"""The most architectures whose costs are counted before a search: each takes some hundredths of a second."""

_MOST_FAILURES = 5  # in a row
_SOME = 50  # architectures of a large space, of which costs are counted to know about how large they are


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

    def costs(self, name: str, architectures: Sequence[Any]) -> FloatArray:
        """Return a cost of `robustnas.spaces.COSTS` of some architectures, shape (n,), NaN where there is none."""

    def prepare(self, architectures: Sequence[Any], group: Iterable[Metric]) -> None:
        """Do at once what `measure` of some architectures begins with, such as training."""


def _met(space: EnumerableSpace[Any]) -> EnumerableSpace[Any]:
    """Return the space, or what is met of one that is too large to be enumerated."""
    return GrowingSpace(space) if isinstance(space, ChoiceSpace) and not space.is_enumerated else space


class GrowingTable(Lookups):
    """A `Table` whose gaps are filled on demand: from a table first, then from a store, then by measuring.

    Costs that the space does not say are counted on the networks: of all architectures at once where there are few of
    them (`MOST_COUNTED`), else of each that is asked for. A network that cannot be built, or whose training diverges,
    has no numbers; a note says why.

    A metric that the base table holds is always taken from there. Numbers are those of networks: architectures of one
    canonical class share them. A column holds NaN where nothing is known yet.

    Of a space that is too large to be enumerated, the table's space is that of the architectures that it has met
    (`robustnas.spaces.GrowingSpace`), and columns grow with it.

    Args:
        measurer: What measures.
        metrics: The metrics that will be asked for.
        base: The table to ask first; None to measure everything.

    Raises:
        InvalidInputError: The base table's networks were not trained as ours are: either are trained adversarially.

    Attributes:
        dataset: The base table's name, else that of the image data.
        source: The base table's, else ``measured``.
        space: The search space, or the part of it that it has met.
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
        self.space = _met(measurer.space)
        self.skeleton = measurer.skeleton
        self.training = str(getattr(base, "training", "")) if base else measurer.training
        self._canonical = np.array(self.space.canonical_list())
        held = set(base.metrics) if base else set()
        self._own = tuple(dict.fromkeys(metric for metric in metrics if metric not in held))
        self._check_training()
        self._columns = {metric: np.full(self.space.size, np.nan) for metric in self._own}
        for metric in self._columns:
            for index, value in measurer.stored(metric, self._own).items():
                architecture = measurer.space.architecture(index)
                if measurer.space.is_enumerated or architecture in measurer.space:
                    self._keep(metric, self._index(architecture), value)
        self._measured: set[tuple[Metric, int]] = set()
        self._counted: dict[str, dict[int, float]] = {}
        self._failed: dict[int, str] = {}
        self._n_failures = 0  # in a row

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
            self._keep_up()
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
        return (*self.measurer.notes, *(f"not measured: {reason}" for reason in self._failed.values()))

    @property
    def costs(self) -> Mapping[str, FloatArray]:
        """Costs that are counted on the networks, by name: columns as those of metrics."""
        return _CountedCosts(self)

    @property
    def learned_costs(self) -> frozenset[str]:
        """Costs that are known only of architectures that were asked for: all that are counted of a large space."""
        return frozenset(name for name in COSTS if self._is_learned and not says_cost(self.space, name, self.skeleton))

    @property
    def _is_learned(self) -> bool:
        return self._grows or len(self.space.members()) > MOST_COUNTED

    @property
    def _grows(self) -> bool:
        return self.space.reachable is not self.space

    def counted(self, name: str) -> FloatArray:
        """Return what is known of a cost by index, shape (space.size,): all, where there are few architectures."""
        members, is_new = self.space.members(), name not in self._counted
        known = self._counted.setdefault(name, {})
        if self._grows:
            self._count(name, [index for index in members.tolist() if index not in known])
        elif is_new:
            self._count(name, members[:: len(members) // _SOME if self._is_learned else 1].tolist())
        column = np.full(self.space.size, np.nan)
        column[list(known)] = list(known.values())
        return read_only(column)

    def _count(self, name: str, indices: Sequence[int]) -> None:
        costs = self.measurer.costs(name, [self.space.architecture(index) for index in indices])
        self._counted[name] |= dict(zip(indices, costs.tolist(), strict=True))

    def prepare(self, architectures: Sequence[Any], metrics: Iterable[Metric]) -> None:
        """Prepare to fill several architectures, by training the networks at once that will be measured."""
        own = [metric for metric in metrics if metric in self._columns]
        indices = [self._index(architecture) for architecture in architectures]
        lacking = [
            architecture
            for architecture, index in zip(architectures, indices, strict=True)
            if any(np.isnan(self._columns[metric][index]) for metric in own)
        ]
        if len(lacking) > 1:
            self.measurer.prepare(lacking, self._own)

    def fill(self, architecture: Any, metrics: Iterable[Metric]) -> str:
        """Measure what is not known of an architecture, and return where its numbers come from.

        That is the base table's source, ``store``, ``measured``, or several of them: ``table+measured``; or `FAILED`.

        Args:
            architecture: The architecture.
            metrics: What is asked of it.

        Raises:
            EvaluationError: It cannot be measured; a network that is no network, or diverges, ends nothing by itself.
            DataError: The store cannot be read or written.
        """
        index, asked = self._index(architecture), list(metrics)
        network = int(self._canonical[index])
        for name, known in self._counted.items():
            if index not in known:
                self._count(name, [index])
        own = [metric for metric in asked if metric in self._columns]
        lacking = [metric for metric in own if np.isnan(self._columns[metric][index])]
        if lacking and (network in self._failed or not self._measure(architecture, index, lacking)):
            return FAILED
        sources = {"measured" if (metric, network) in self._measured else "store" for metric in own}
        if len(own) < len(asked):
            sources.add(self.source)
        return (
            "+".join(name for name in dict.fromkeys((self.source, "store", "measured")) if name in sources)
            or self.source
        )

    def _measure(self, architecture: Any, index: int, lacking: Sequence[Metric]) -> bool:
        """Measure some numbers of a network; return whether that was possible.

        Raises:
            EvaluationError: It is not, nor was it for the networks before.
        """
        network = int(self._canonical[index])
        try:
            found = self.measurer.measure(architecture, lacking, self._own)
        except (BuildError, TrainingError) as error:
            self._failed[network] = str(error)
            self._n_failures += 1
            if self._n_failures >= _MOST_FAILURES:
                raise EvaluationError(
                    f"{self._n_failures} networks in a row could not be measured, the last because {error}; what was "
                    "measured is kept"
                ) from error
            return False
        self._n_failures = 0
        for metric, value in found.items():
            self._keep(metric, index, value)
            self._measured.add((metric, network))
        return True

    def _index(self, architecture: Any) -> int:
        index = self.space.index(architecture)
        self._keep_up()
        return index

    def _keep(self, metric: Metric, index: int, value: float) -> None:
        """Keep a number of the network of an index."""
        self._columns[metric][self._canonical == self._canonical[index]] = value

    def _keep_up(self) -> None:
        """Make room for architectures that have appeared; those of a network that is known have its numbers."""
        n = len(self._canonical)
        if n == self.space.size:
            return
        self._canonical = np.array(self.space.canonical_list())
        for metric, column in self._columns.items():
            grown = np.concatenate([column, np.full(self.space.size - n, np.nan)])
            grown[n:] = grown[self._canonical[n:]]
            self._columns[metric] = grown

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


class _CountedCosts(Mapping[str, FloatArray]):
    """The costs of a growing table, counted when they are looked at."""

    def __init__(self, table: GrowingTable) -> None:
        self._table = table

    def __getitem__(self, name: str) -> FloatArray:
        if name not in COSTS:
            raise KeyError(name)
        return self._table.counted(name)

    def __iter__(self) -> Iterator[str]:
        return iter(COSTS)

    def __len__(self) -> int:
        return len(COSTS)
