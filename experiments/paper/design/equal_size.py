"""Networks of equal size: how far apart accuracies lie where the number of parameters is the same."""

from __future__ import annotations

import numpy as np
import pandas as pd

from experiments.paper.objective_scores import mean_adversarial
from robustnas.arrays import AnyArray, IntArray
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import all_parameters
from robustnas.spaces.nasbench201.encodings.structure import live_operations
from robustnas.spaces.nasbench201.numbering import all_operations
from robustnas.spaces.nasbench201.operations import Operation
from robustnas.spaces.nasbench201.twins import network_twin_labels
from robustnas.tables.database.database import DatabaseTable
from robustnas.tables.noise import noise_floor
from robustnas.tables.table import skeleton_of

N_3X3, N_1X1 = 2, 0
"""The convolutions of the cells that the paper shows: two 3x3, no 1x1."""


def equal_size_networks(table: DatabaseTable, n_3x3: int = N_3X3, n_1x1: int = N_1X1) -> pd.DataFrame:
    """Return the evaluated networks with so many convolutions, best mean accuracy under attack first.

    Returns:
        Index uid; columns arch, adversarial (mean over every attack and eps that the table holds), live (convolutions
        on a path from input to output), function (equal for functional twins), and clean where the table holds it.

    Raises:
        ObjectiveError: The table holds no attack.
    """
    counts, live = _convolutions(all_operations()), _convolutions(live_operations())
    rows = np.flatnonzero((counts == (n_1x1, n_3x3)).all(axis=1))
    frame = pd.DataFrame(
        {
            "arch": [Cell.from_index(int(index)).arch for index in space.network_indices()[rows]],
            "adversarial": mean_adversarial(table)[rows],
            "live": live.sum(axis=1)[rows],
            "function": network_twin_labels()[rows],
        },
        index=pd.Index(space.networks()[rows], name="uid"),
    )
    if any(str(metric) == "clean" for metric in table.metrics):
        frame["clean"] = table.network_column("clean")[rows]
    return frame.sort_values("adversarial", ascending=False, kind="stable")


def size_groups(table: DatabaseTable) -> pd.DataFrame:
    """Return the spread of mean accuracy under attack among networks with equally many convolutions of either kind.

    Returns:
        Columns n_3x3, n_1x1, params, n_networks, min, q25, median, q75, max, range, range_live (among networks all of
        whose convolutions are on a path from input to output) and noise_floor; fewest parameters first.
    """
    counts, live = _convolutions(all_operations()), _convolutions(live_operations())
    frame = pd.DataFrame({"n_1x1": counts[:, 0], "n_3x3": counts[:, 1], "score": mean_adversarial(table)})
    frame["params"] = _parameters(table)
    frame["alive"] = frame["score"].where((counts == live).all(axis=1))
    groups = frame.groupby(["params", "n_3x3", "n_1x1"])
    spread = (
        groups["score"].describe().rename(columns={"count": "n_networks", "25%": "q25", "50%": "median", "75%": "q75"})
    )
    spread["range"] = spread["max"] - spread["min"]
    spread["range_live"] = groups["alive"].max() - groups["alive"].min()
    spread["noise_floor"] = noise_floor(mean_adversarial(table)).std
    spread["n_networks"] = spread["n_networks"].astype(int)
    return spread.drop(columns=["mean", "std"]).reset_index()


def extreme_cells(frame: pd.DataFrame, n: int = 3) -> pd.DataFrame:
    """Return the n best and the n worst of `equal_size_networks`, functional twins once, best first.

    Fewer than 2 n functions are all returned. A column place is added: ``best 1``, ..., ``worst 1``.
    """
    different = frame.drop_duplicates("function")
    n = min(n, len(different) // 2)
    best = different.head(n).assign(place=[f"best {i + 1}" for i in range(n)])
    worst = frame.iloc[::-1].drop_duplicates("function").head(n).assign(place=[f"worst {i + 1}" for i in range(n)])
    return pd.concat([best, worst.iloc[::-1]])


def _convolutions(operations: AnyArray) -> IntArray:
    """Return the counts of 1x1 and 3x3 convolutions of every evaluated network, shape (6466, 2)."""
    ops = operations[space.network_indices()]
    return np.stack([(ops == op).sum(axis=1) for op in (Operation.CONV_1X1, Operation.CONV_3X3)], axis=1)


def _parameters(table: DatabaseTable) -> IntArray:
    return np.asarray(all_parameters(skeleton_of(table))[space.network_indices()])
