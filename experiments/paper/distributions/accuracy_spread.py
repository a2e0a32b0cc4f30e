"""Accuracy spread: how the accuracies of all networks are distributed under each metric."""

from __future__ import annotations

import numpy as np
import pandas as pd

from robustnas.arrays import FloatArray
from robustnas.errors import ObjectiveError
from robustnas.metric import ATTACKS, CORRUPTIONS, SEVERITIES, Metric
from robustnas.spaces.nasbench201.cost import SKELETONS
from robustnas.tables.database.column_names import ROBBENCH
from robustnas.tables.database.database import DatabaseTable

QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "median": 0.5, "q75": 0.75, "q95": 0.95, "best": 1.0}
"""What the boxes of the figures are drawn from, by the name of its column."""


def chance_level(dataset: str) -> float:
    """Return the accuracy of guessing among a dataset's classes, which are equally frequent in its test set.

    Raises:
        ObjectiveError: A dataset whose number of classes is not known.

    >>> chance_level("cifar100"), chance_level("robbench-cifar10")
    (0.01, 0.1)
    """
    images = dataset.removeprefix(ROBBENCH)
    if images not in SKELETONS:
        raise ObjectiveError(f"how many classes {dataset} has is not known; expected images of {', '.join(SKELETONS)}")
    return 1.0 / SKELETONS[images].n_classes


def accuracy_quantiles(table: DatabaseTable) -> pd.DataFrame:
    """Return the distribution over the 6,466 networks of every metric that a table holds.

    Returns:
        Columns metric, source, level (eps in 1/255 or severity; NaN for clean), n, mean, std, min, q05, q25, median,
        q75, q95, best (accuracies in [0, 1]) and at_chance (the share of networks that are no better than guessing).
    """
    chance = chance_level(table.dataset)
    rows = [
        {
            "metric": str(metric),
            "source": metric.kind,
            "level": metric.level,
            **_distribution(table.network_column(metric), chance),
        }
        for metric in table.metrics
    ]
    return pd.DataFrame(rows).astype({"level": float})


def severity_quantiles(table: DatabaseTable) -> pd.DataFrame:
    """Return the distribution of the mean over all 15 corruptions, per severity; empty unless all are held.

    Returns:
        Column severity and those of `accuracy_quantiles` that describe a distribution.
    """
    chance, rows = chance_level(table.dataset), []
    for severity in SEVERITIES:
        metrics = [Metric(name, float(severity)) for name in CORRUPTIONS]
        if set(table.metrics).issuperset(metrics):
            mean = np.mean([table.network_column(metric) for metric in metrics], axis=0)
            rows.append({"severity": severity, **_distribution(mean, chance)})
    return pd.DataFrame(rows)


def attack_summary(quantiles: pd.DataFrame, chance: float) -> pd.DataFrame:
    """Return where each attack tells networks apart best, and where it leaves half of them no better than guessing.

    Args:
        quantiles: As `accuracy_quantiles` returns it.
        chance: The accuracy of guessing.

    Returns:
        Columns attack, widest_eps (of the largest interquartile range), widest_range (that range), eps_at_chance (the
        smallest measured eps where the median is at chance or below; NaN if it never is).
    """
    rows = []
    for name in ATTACKS:
        levels = quantiles[quantiles["source"] == name].sort_values("level")
        if levels.empty:
            continue
        spread = (levels["q75"] - levels["q25"]).to_numpy()
        broken = levels.loc[levels["median"] <= chance, "level"]
        rows.append(
            {
                "attack": name,
                "widest_eps": float(levels["level"].iloc[int(spread.argmax())]),
                "widest_range": float(spread.max()),
                "eps_at_chance": float(broken.iloc[0]) if len(broken) else float("nan"),
            }
        )
    return pd.DataFrame(rows, columns=["attack", "widest_eps", "widest_range", "eps_at_chance"])


def _distribution(scores: FloatArray, chance: float) -> dict[str, float]:
    known = scores[np.isfinite(scores)]
    quantiles = np.quantile(known, list(QUANTILES.values())).tolist()
    return {
        "n": len(known),
        "mean": float(known.mean()),
        "std": float(known.std()),
        **dict(zip(QUANTILES, quantiles, strict=True)),
        "at_chance": float((known <= chance + 1e-9).mean()),
    }
