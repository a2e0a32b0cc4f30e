"""What an oracle reads: one dataset's metrics over a whole search space.

`Table` is a protocol, so that the published database, a surrogate benchmark or a user's own arrays serve alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Protocol

from robustnas.arrays import FloatArray
from robustnas.epsilon import norm_advice, scale_advice
from robustnas.errors import ObjectiveError, listing, unknown_name
from robustnas.metric import ATTACKS, Metric
from robustnas.spaces import EnumerableSpace

MEASURED: tuple[str, ...] = ("table", "file", "measured")
"""Sources whose numbers are measurements, as far as is known: published, in a user's own file, or our evaluator's."""

STANDARD_TRAINING = "standard training, one seed"
"""How the networks of the robustness database were trained, as records say it."""

ATTACHED_NAME = re.compile(r"[A-Za-z_]\w*\.\w+", re.ASCII)
"""What the full name of an attached column looks like: table, dot, column."""


class Table(Protocol):
    """One dataset's metrics over a search space, each a column with a number per index of the space."""

    def __hash__(self) -> int:
        """Tables are compared and hashed by identity: their content does not change."""

    @property
    def space(self) -> EnumerableSpace[Any]:
        """The search space that it is over."""

    @property
    def dataset(self) -> str:
        """The dataset's name, such as ``cifar10``."""

    @property
    def digest(self) -> str:
        """A SHA-256 of the content, for provenance."""

    @property
    def complete(self) -> bool:
        """Whether it holds all that it will ever hold; if not, `fill` measures what is asked for."""

    @property
    def notes(self) -> Sequence[str]:
        """What a reader of numbers that were measured should know; empty where nothing is measured."""

    @property
    def source(self) -> str:
        """Where its numbers come from, as records say it: ``table`` for measurements that were published."""

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics it holds."""

    def column(self, metric: Metric) -> FloatArray:
        """Return the values of one metric by index, shape (space.size,), accuracies in [0, 1], NaN where missing.

        Raises:
            ObjectiveError: The table does not hold the metric.
        """

    def prepare(self, architectures: Sequence[Any], metrics: Iterable[Metric]) -> None:
        """Prepare to `fill` several architectures, where some of the work can be done for all of them at once."""

    def fill(self, architecture: Any, metrics: Iterable[Metric]) -> str:
        """Measure what is not known of an architecture, if the table can, and return where its numbers come from."""

    def attached_columns(self) -> dict[str, FloatArray]:
        """Return the attached columns by name (``hw.edgegpu_latency``), each as `column`, in the file's own units."""

    def attached_digests(self) -> dict[str, str]:
        """Return a SHA-256 of the content of each attached table, by its name (``hw``), for provenance."""


def attached_column(name: str, table: Table) -> FloatArray:
    """Return one attached column of a table by its name, such as ``hw.edgegpu_latency``.

    Raises:
        ObjectiveError: Nothing of this name is attached; says what is.
    """
    columns = table.attached_columns()
    if name in columns:
        return columns[name]
    if columns:
        raise ObjectiveError(f"{table.dataset}: {unknown_name('attached column', name, columns)}")
    raise ObjectiveError(
        f"{table.dataset} has no attached table, so no {listing([name])}; "
        f"robustnas data attach FILE --dataset {table.dataset} --name {listing([name.partition('.')[0]])}"
    )


def skeleton_of(table: Table) -> Any:
    """Return the size of a table's networks: what it says itself, else the space's for the dataset's name."""
    own = getattr(table, "skeleton", None)
    return table.space.skeleton(table.dataset) if own is None else own


def cost_column(name: str, table: Table) -> FloatArray:
    """Return a cost of `robustnas.spaces.COSTS` for every architecture of a table, shape (space.size,).

    Where the space does not define it, a column that is called so in the user's file is it.

    Raises:
        ObjectiveError: Neither the space nor the table has it.
    """
    try:
        return table.space.cost_column(name, skeleton_of(table))
    except ObjectiveError:
        own: Mapping[str, FloatArray] = getattr(table, "costs", {})
        if name not in own:
            raise
        return own[name]


def says_cost(space: EnumerableSpace[Any], name: str, skeleton: Any = None) -> bool:
    """Return whether a space itself defines a cost."""
    try:
        space.cost_column(name, skeleton)
    except ObjectiveError:
        return False
    return True


def columns_digest(columns: Mapping[str, FloatArray]) -> str:
    """Return a SHA-256 of named columns, whatever their order."""
    content = sha256()
    for name in sorted(columns):
        content.update(name.encode() + columns[name].tobytes())
    return content.hexdigest()


def other_training(dataset: str, training: str, measured: str) -> str:
    """Return a sentence that refuses to add networks that are trained in one way to a table of another."""
    return (
        f"the networks of {dataset} are of {training or STANDARD_TRAINING}, those measured here of {measured}: they "
        "are not to be mixed; leave out the dataset to measure everything, or the recipe"
    )


def missing_metric(metric: Metric, table: Table) -> str:
    """Return a sentence that says which metric a table lacks, what it has near it, and what was probably meant."""
    same = [str(known) for known in table.metrics if known.kind == metric.kind]
    if not same:
        advice = norm_advice(metric.kind)
        unknown = unknown_name("metric", str(metric), [str(known) for known in table.metrics])
        return f"{table.dataset}: {advice or unknown}"
    meant = scale_advice(metric.kind, metric.level or 0.0) if metric.kind in ATTACKS else ""
    others = "; --images NAME measures others" if getattr(table, "training", "") in ("", STANDARD_TRAINING) else ""
    return f"{table.dataset} holds no {metric}; {f'{meant} It' if meant else 'it'} has {listing(same)}{others}"
