"""The numbers that a store holds of one training, as a table: a row per architecture, a column per metric."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from robustnas.errors import DataError
from robustnas.evaluator.evaluator import Evaluator
from robustnas.measurements import MeasurementStore, Selection
from robustnas.metric import Metric
from robustnas.spaces import COSTS, recorded_name


def measured_table(
    evaluator: Evaluator, store: MeasurementStore, metrics: Iterable[Metric | str] = (), *, n_seeds: int = 1
) -> pd.DataFrame:
    """Return what a store holds of the networks of an evaluator, with their costs where the space does not say them.

    Args:
        evaluator: What measured them: space, images, training, settings and first seed.
        store: Where numbers are kept.
        metrics: The metrics; all that the store holds if there is none. Under the protocol nested, those that were
            measured together.
        n_seeds: How many seeds, of which the means are taken; architectures that lack one are left out.

    Returns:
        Columns ``architecture``, the metrics, and ``params`` and ``flops`` if they are counted; NaN where the store has
        no number.

    Raises:
        DataError: The store holds nothing of them, or cannot be read.
    """
    chosen = [Metric.parse(metric) if isinstance(metric, str) else metric for metric in metrics]
    wanted = chosen or _held(evaluator, store)
    digests = evaluator.settings_digests(wanted) if wanted else {}
    seeds = range(evaluator.settings.seed, evaluator.settings.seed + n_seeds)
    columns = {}
    for metric in wanted:
        protocol = evaluator.settings.protocol_of(metric)
        known = store.accuracies(metric=str(metric), protocol=protocol, settings=digests[metric])
        own = {key: value for key, value in known.items() if key.seed in seeds and evaluator.is_same_training(key)}
        rows = pd.DataFrame([(key.arch, value) for key, value in own.items()], columns=["architecture", "value"])
        groups = rows.groupby("architecture", sort=False)["value"]
        columns[str(metric)] = groups.mean()[groups.count() == n_seeds]
    frame = pd.DataFrame(columns).rename_axis("architecture").reset_index()
    if frame.empty:
        what = f"{', '.join(columns) or 'numbers'} of {recorded_name(evaluator.space)}"
        raise DataError(
            f"the store {store.location} holds no {what} on {evaluator.images.name} under these settings; "
            "`robustnas measurements list` shows what it holds"
        )
    return frame.assign(**_costs(evaluator, frame["architecture"]))


def _held(evaluator: Evaluator, store: MeasurementStore) -> list[Metric]:
    """Return the metrics that a store holds of a training."""
    found = store.groups(Selection(images=evaluator.images.name, training=evaluator.training_digest))
    return list(dict.fromkeys(Metric.parse(group.metric) for group in found))


def _costs(evaluator: Evaluator, archs: Iterable[str]) -> dict[str, list[float]]:
    """Return the costs that the space does not say, by name."""
    networks, space = evaluator.networks, evaluator.space
    names = [name for name in COSTS if not networks.says(name)]
    return {name: [networks.counted(name, space.parse(arch)) for arch in archs] for name in names}
