"""Measuring into a store: every missing number once, whoever else is measuring."""

from __future__ import annotations

import time
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np

from robustnas.arrays import FloatArray
from robustnas.errors import BuildError
from robustnas.evaluator.device import threads
from robustnas.evaluator.evaluator import Evaluator, parse_metrics
from robustnas.evaluator.progress import Progress, silent
from robustnas.measurements import Claim, Measurement, MeasurementStore, NetworkKey, Selection
from robustnas.metric import Metric
from robustnas.spaces import DEFAULT_SPACE, EnumerableSpace
from robustnas.tables.noise import NoiseFloor, repeated_noise

_POLL_SECONDS = 1.0


class StoreMeasurer:
    """Answers from a store, and measures what it lacks; a `robustnas.tables.growing_table.Measurer`.

    Args:
        evaluator: What measures.
        store: Where numbers are kept.
        progress: Called with what is being done, and the share of it that is done.
        since: Numbers of the store that were measured before this moment are measured again, and replaced.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        store: MeasurementStore,
        progress: Progress = silent,
        *,
        since: datetime | None = None,
    ) -> None:
        self.evaluator, self.store, self._report, self.since = evaluator, store, progress, since
        self._notes: list[str] = []
        self._n_set_aside: dict[Metric, int] = {}

    def with_seed(self, seed: int) -> StoreMeasurer:
        """Return a measurer of networks of another training seed, into the same store."""
        return StoreMeasurer(self.evaluator.with_seed(seed), self.store, self._report, since=self.since)

    @property
    def name(self) -> str:
        """The name of the image data."""
        return self.evaluator.images.name

    def digest(self, metrics: Iterable[Metric]) -> str:
        """Return a SHA-256 of what fixes some numbers besides the networks: image data, training, settings, seed."""
        evaluator, wanted = self.evaluator, tuple(metrics)
        digests = evaluator.settings_digests(wanted) if wanted else {}
        facts = [evaluator.images.digest, evaluator.training_digest, repr(evaluator.settings)]
        facts += [f"{metric} {digest}" for metric, digest in sorted(digests.items())]
        return sha256(" ".join(facts).encode()).hexdigest()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of the numbers should know, such as vanishing gradients, with the network's uid."""
        return (*set_aside_note(sum(self._n_set_aside.values())), *self._notes)

    @property
    def space(self) -> EnumerableSpace[Any]:
        """The search space whose networks it measures."""
        return self.evaluator.space

    @property
    def training(self) -> str:
        """How the networks are trained, in words; empty if in the standard way."""
        return self.evaluator.regime

    @property
    def skeleton(self) -> Any:
        """The size of the networks in the space's own terms."""
        return self.evaluator.skeleton

    def stored(self, metric: Metric, group: Iterable[Metric]) -> Mapping[int, float]:
        """Return the numbers of one metric that the store holds under these settings, by space index."""
        protocol, settings = self.evaluator.settings.protocol_of(metric), self.evaluator.settings_digests(group)[metric]
        found = self.store.accuracies(metric=str(metric), protocol=protocol, settings=settings, since=self.since)
        seed = self.evaluator.settings.seed
        same = [network for network in found if network.seed == seed and self.evaluator.is_same_training(network)]
        self._n_set_aside[metric] = set_aside(self.evaluator, self.store, [metric])
        space = self.space
        return {space.index(space.parse(network.arch)): found[network] for network in same}

    def noise(self, group: Iterable[Metric]) -> Mapping[Metric, NoiseFloor]:
        """Return the noise of one training, of metrics of which the store holds networks trained with several seeds."""
        found = training_noise(self.evaluator, self.store, group, since=self.since)
        return {metric: floor for metric, floor in found.items() if floor.degrees_of_freedom}

    def measure(self, architecture: Any, metrics: Iterable[Metric], group: Iterable[Metric]) -> Mapping[Metric, float]:
        """Return some numbers of an architecture, measuring and keeping what is not known yet."""
        return {metric: value.accuracy for metric, value in self.measurements(architecture, metrics, group).items()}

    def costs(self, name: str, architectures: Sequence[Any]) -> FloatArray:
        """Return a cost of some architectures, counted on their networks; NaN where one cannot be built."""
        networks, found = self.evaluator.networks, np.full(len(architectures), np.nan)
        for row, architecture in enumerate(architectures):
            with suppress(BuildError):
                found[row] = networks.counted(name, architecture)
            if len(architectures) > 1:
                self._report(f"counting {name}", (row + 1) / len(architectures))
        return found

    def prepare(self, architectures: Sequence[Any], group: Iterable[Metric]) -> None:
        """Train those of some networks at once that nobody else is at, and of which the store lacks a number.

        What ends a training is told when its network is measured.

        Args:
            architectures: The networks.
            group: What will be measured.

        Raises:
            DataError: The store or weights cannot be read or written.
        """
        together, claims = parse_metrics(group), dict[NetworkKey, Claim]()
        with ExitStack() as held:
            for architecture in architectures:
                network = self.evaluator.network_key(architecture)
                keys = self.evaluator.keys(architecture, together).values()
                if network in claims or not self.store.missing(keys, since=self.since):
                    continue
                if claim := self.store.claim(network):
                    claims[network] = held.enter_context(claim)
            if len(claims) > 1:
                reports = [partial(self._report_at_once, claim) for claim in claims.values()]
                self.evaluator.train([network.arch for network in claims], reports)

    def _report_at_once(self, claim: Claim, stage: str, share: float) -> None:
        claim.progress(stage, share)
        self._report(stage, share)

    def measurements(
        self, arch: Any, metrics: Iterable[Metric | str], group: Iterable[Metric | str] = ()
    ) -> dict[Metric, Measurement]:
        """Return measurements of an architecture by metric, measuring what is missing; waits for other workers.

        Args:
            arch: The architecture.
            metrics: What is wanted.
            group: What else is measured with them: under the protocol nested, eps of one attack depend on each other.

        Raises:
            EvaluationError: It cannot be measured.
            DataError: The store cannot be read or written.
        """
        wanted = parse_metrics(metrics)
        together = parse_metrics([*wanted, *group])
        keys = {metric: key for metric, key in self.evaluator.keys(arch, together).items() if metric in wanted}
        network = self.evaluator.network_key(arch)
        while self.store.missing(keys.values(), since=self.since):
            claimed = self.store.claim(network)
            if claimed is None:
                self._report("waiting for another worker", 0.0)
                time.sleep(_POLL_SECONDS)
                continue
            known = len(self.evaluator.notes)
            with claimed as claim:
                measure_missing(
                    self.evaluator,
                    self.store,
                    claim,
                    arch,
                    wanted,
                    group=together,
                    progress=self._report,
                    since=self.since,
                )
            named = self._name(arch)
            self._notes += [f"{named}: {note}" for note in self.evaluator.notes[known:]]
        found = {value.key: value for value in self.store.measurements(network)}
        return {metric: found[key] for metric, key in keys.items()}

    def _name(self, arch: Any) -> str:
        space = self.space
        architecture = space.parse(arch)
        return f"network {space.uid(architecture) if space.name == DEFAULT_SPACE else architecture}"


def measure_missing(
    evaluator: Evaluator,
    store: MeasurementStore,
    claim: Claim,
    arch: Any,
    metrics: Iterable[Metric],
    *,
    group: Iterable[Metric] = (),
    progress: Progress = silent,
    since: datetime | None = None,
) -> int:
    """Measure what a store lacks of a claimed network, and record each number as soon as it is measured.

    The claim is renewed by progress: its lease has to be longer than the longest step between two reports.

    Args:
        evaluator: What measures.
        store: Where numbers are kept.
        claim: The claim of the network.
        arch: The architecture.
        metrics: What is wanted.
        group: What else would be measured with them; see `StoreMeasurer.measurements`.
        progress: Called from time to time.
        since: What was measured before this moment is measured again, and replaced.

    Returns:
        How many numbers were measured and kept.

    Raises:
        ClaimLostError: The claim expired and another worker took it.
        RunEndedError: The run that the claim is of is over.
        EvaluationError: The network cannot be measured.
        DataError: The store cannot be written.
    """
    wanted = tuple(metrics)
    keys = evaluator.keys(arch, [*wanted, *group])
    lacking = set(store.missing((keys[metric] for metric in wanted), since=since))
    missing = [metric for metric in wanted if keys[metric] in lacking]

    def report(stage: str, share: float) -> None:
        claim.progress(stage, share)
        progress(stage, share)

    n_new = 0
    if missing:
        with threads(evaluator.n_threads):
            for measurement in evaluator.measure(arch, keys, missing=missing, progress=report):
                n_new += claim.record(measurement, replace=since is not None)
    return n_new


def training_noise(
    evaluator: Evaluator,
    store: MeasurementStore,
    metrics: Iterable[Metric],
    *,
    among: Container[str] | None = None,
    since: datetime | None = None,
) -> dict[Metric, NoiseFloor]:
    """Return the noise of one training by metric, from networks that a store holds of several training seeds.

    Args:
        evaluator: What measures, with the settings of any seed.
        store: Where numbers are kept.
        metrics: What is measured together.
        among: The architectures that count; all if None.
        since: Only numbers measured at this moment or later.

    Raises:
        DataError: The store cannot be read.
    """
    wanted = tuple(metrics)
    digests = evaluator.settings_digests(wanted) if wanted else {}
    found = {}
    for metric in wanted:
        protocol = evaluator.settings.protocol_of(metric)
        known = store.accuracies(metric=str(metric), protocol=protocol, settings=digests[metric], since=since)
        own = {
            network: value
            for network, value in known.items()
            if evaluator.is_same_training(network) and (among is None or network.arch in among)
        }
        number = {arch: row for row, arch in enumerate(dict.fromkeys(network.arch for network in own))}
        rows = np.array([number[network.arch] for network in own], dtype=np.int64)
        found[metric] = repeated_noise(np.array(list(own.values()), dtype=np.float64), rows)
    return found


def set_aside(evaluator: Evaluator, store: MeasurementStore, metrics: Iterable[Metric]) -> int:
    """Return how many numbers of some metrics a store has that may be of other corrupted images than those here.

    They were measured on published files before the content of these belonged to the key.
    """
    wanted = tuple(metrics)
    former = evaluator.superseded_digests(wanted) if wanted else {}
    return sum(
        group.n
        for metric, settings in former.items()
        for group in store.groups(Selection(images=evaluator.images.name, metrics=(str(metric),), settings=settings))
    )


def set_aside_note(n: int) -> list[str]:
    """Return what a reader should know of numbers that were set aside; nothing where there are none."""
    if not n:
        return []
    return [
        f"{n:,} corruption numbers in the store do not say which files they were measured on, and are set aside: "
        f"`robustnas measurements adopt` takes them as those of the files here, `robustnas measurements forget "
        f"--unknown-files` deletes them"
    ]
