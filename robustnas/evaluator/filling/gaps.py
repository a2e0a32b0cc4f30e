"""Gaps: which numbers of a plan neither a table nor a store holds yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

import numpy as np

from robustnas.errors import InvalidInputError
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.filling.plan import FillPlan
from robustnas.measurements import MeasurementStore, NetworkKey
from robustnas.metric import Metric
from robustnas.objectives.constraint import BoolArray
from robustnas.spaces import recorded_name
from robustnas.tables.table import Table, other_training


class Gaps:
    """Which numbers of a plan are missing: those that no table holds, less those in a store.

    As in a growing table, a metric that the table holds is taken from there for all networks and seeds, and
    the eps that are measured together under the protocol nested are those that the table does not hold.

    Args:
        plan: What is wanted.
        evaluator: What measures, with the settings of any seed.
        table: The table to ask first.
        since: Numbers of the store that were measured before this moment are missing, too: they are measured again.

    Raises:
        InvalidInputError: The evaluator trains adversarially, and there is a table, of networks trained in another way.

    Attributes:
        space: The search space.
        networks: The trained networks, one per seed and architecture, seed by seed.
        architectures: Those of `networks`, in the same order.
        wanted: The metrics of the plan.
        in_table: Those that the table holds.
        metrics: The others, to be measured.
    """

    def __init__(
        self, plan: FillPlan, evaluator: Evaluator, table: Table | None = None, since: datetime | None = None
    ) -> None:
        self.since, self.space = since, evaluator.space
        if table and not table.space.shares_indices(self.space):
            raise InvalidInputError(
                f"the dataset {table.dataset} is of {table.space.name}, not of the space {recorded_name(self.space)}; "
                "leave out the dataset to measure everything"
            )
        if table and evaluator.regime:
            raise InvalidInputError(other_training(table.dataset, getattr(table, "training", ""), evaluator.regime))
        held = set(table.metrics) if table else set()
        self.wanted = plan.metrics
        self.in_table = tuple(metric for metric in plan.metrics if metric in held)
        self.metrics = tuple(metric for metric in plan.metrics if metric not in held)
        keys = [evaluator.network_key(architecture) for architecture in plan.networks]
        self.networks = tuple(replace(key, seed=seed) for seed in plan.seeds for key in keys)
        self.architectures = tuple(plan.networks) * len(plan.seeds)
        self._column: dict[tuple[str, str, str], int] = {}
        if self.metrics:  # what fixes a number besides the network is the same for all of them
            digests, protocol_of = evaluator.settings_digests(self.metrics), evaluator.settings.protocol_of
            self._column = {
                (str(metric), protocol_of(metric), digests[metric]): column
                for column, metric in enumerate(self.metrics)
            }

    def stored(self, store: MeasurementStore, networks: Sequence[NetworkKey] | None = None) -> BoolArray:
        """Return which numbers a store holds, shape (n_networks, n_metrics): one query for every seed.

        Args:
            store: Where numbers are kept.
            networks: Some of the networks; all if None.

        Raises:
            DataError: The store cannot be read.
        """
        chosen = self.networks if networks is None else networks
        row = {network: number for number, network in enumerate(chosen)}
        found = np.zeros((len(chosen), len(self.metrics)), dtype=np.bool_)
        for seed in sorted({network.seed for network in chosen}):
            for key in store.known((network for network in chosen if network.seed == seed), since=self.since):
                column = self._column.get((key.metric, key.protocol, key.settings))
                if column is not None:
                    found[row[key.network], column] = True
        return found

    def n_missing(self, store: MeasurementStore, networks: Sequence[NetworkKey]) -> dict[NetworkKey, int]:
        """Return how many numbers some networks lack; those that lack none are left out; errors as `stored`."""
        return _n_missing(networks, self.stored(store, networks))

    @property
    def digest(self) -> str:
        """A SHA-256 of what fixes the numbers: networks, image data, training and settings."""
        return sha256(repr((self.networks, sorted(self._column.items()))).encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class GapReport:
    """What of a plan is where, at one moment.

    Attributes:
        gaps: Of what plan.
        stored: What the store holds, shape (n_networks, n_metrics).
    """

    gaps: Gaps
    stored: BoolArray

    @classmethod
    def of(cls, gaps: Gaps, store: MeasurementStore) -> GapReport:
        """Look into a store; errors as `Gaps.stored`."""
        return cls(gaps, gaps.stored(store))

    @property
    def n_missing(self) -> dict[NetworkKey, int]:
        """How many numbers each network lacks; those that lack none are left out."""
        return _n_missing(self.gaps.networks, self.stored)

    @property
    def total_missing(self) -> int:
        """How many numbers are missing in all."""
        return int((~self.stored).sum())

    def rows(self) -> list[dict[str, int | str]]:
        """Return by metric how many numbers are in the table, in the store, and missing, in the plan's order."""
        n, counts = len(self.gaps.networks), self.stored.sum(axis=0).tolist()
        rows = dict.fromkeys(self.gaps.in_table, (n, 0, 0))
        rows |= {metric: (0, k, n - k) for metric, k in zip(self.gaps.metrics, counts, strict=True)}
        columns = ("table", "store", "missing")
        return [{"metric": str(metric), **dict(zip(columns, rows[metric], strict=True))} for metric in self.gaps.wanted]

    def patterns(self) -> Iterator[tuple[tuple[Metric, ...], list[int]]]:
        """Yield every set of metrics that some networks lack, with the rows of those networks."""
        if not self.gaps.metrics:
            return
        kinds, kind_of_row = np.unique(self.stored, axis=0, return_inverse=True)
        for number, kind in enumerate(kinds):
            lacking = tuple(metric for metric, there in zip(self.gaps.metrics, kind, strict=True) if not there)
            if lacking:
                yield lacking, np.flatnonzero(kind_of_row.ravel() == number).tolist()


def _n_missing(networks: Sequence[NetworkKey], stored: BoolArray) -> dict[NetworkKey, int]:
    counts = (~stored).sum(axis=1).tolist()
    return {network: n for network, n in zip(networks, counts, strict=True) if n}
