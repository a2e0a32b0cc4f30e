"""Scores of one objective: one number per network, with its title and its training noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import ObjectiveError
from robustnas.metric import ATTACKS
from robustnas.objectives import cross_objectives, declared, objective_column, scale_of, title
from robustnas.spaces.nasbench201 import space
from robustnas.tables.database.database import DatabaseTable
from robustnas.tables.noise import noise_floor
from robustnas.tables.table import Table

COST_TITLES = {"params": "parameters (millions)", "flops": "multiply-accumulates (millions)"}


@dataclass(frozen=True, eq=False)
class ObjectiveScores:
    """One objective over all networks.

    Attributes:
        name: As in the grammar of objectives, such as ``pgd@1``.
        title: As in papers, such as ``PGD, eps 1/255``.
        scores: Shape (6466,), in ascending order of uid, natural units; NaN where unknown.
        noise: Standard deviation between trainings of one function; 0 for costs, NaN if unknown.
        minimised: Whether smaller is better.
        scale: How scores are written: ``accuracy``, in percent, or ``count``, as they are.
    """

    name: str
    title: str
    scores: FloatArray
    noise: float
    minimised: bool = False
    scale: str = "accuracy"

    @property
    def utilities(self) -> FloatArray:
        """The scores, signed so that larger is better."""
        return -self.scores if self.minimised else self.scores

    @property
    def short(self) -> str:
        """The title in two lines at most, for the columns of heat maps."""
        return self.title.replace(", ", "\n", 1).replace("mean ", "mean\n", 1)


def objective_scores(table: Table, names: Sequence[str] | None = None) -> tuple[ObjectiveScores, ...]:
    """Return objectives over all networks.

    Args:
        table: The dataset.
        names: Accuracies in the grammar of objectives, costs or attached columns; None for those of the paper's
            Table 1 that the table holds: clean, the four attacks at eps 1/255, the mean over all corruptions.

    Raises:
        ObjectiveError: The table holds none of the paper's, or lacks one that is named.
    """
    chosen = [str(found) for found in cross_objectives(table)] if names is None else names
    if not chosen:
        held = ", ".join(map(str, table.metrics)) or "nothing"
        raise ObjectiveError(
            f"{table.dataset} holds none of clean, fgsm@1, pgd@1, apgd@1, square@1 and corruption; it has {held}"
        )
    return tuple(_of(table, name) for name in chosen)


def robust_scores(table: Table) -> tuple[ObjectiveScores, ...]:
    """Return the paper's robust objectives that the table holds: `objective_scores` without clean.

    Raises:
        ObjectiveError: There is none.
    """
    found = tuple(entry for entry in objective_scores(table) if entry.name != "clean")
    if not found:
        raise ObjectiveError(f"{table.dataset} holds clean accuracy only; expected an attack at eps 1 or corruptions")
    return found


def mean_adversarial(table: DatabaseTable) -> FloatArray:
    """Return the mean accuracy over every attack and eps that a table holds, by network, shape (6466,).

    Raises:
        ObjectiveError: The table holds no attack.
    """
    columns = [table.network_column(metric) for metric in table.metrics if metric.kind in ATTACKS]
    if not columns:
        raise ObjectiveError(f"{table.dataset} holds no accuracy under attack; expected one of {', '.join(ATTACKS)}")
    return read_only(np.mean(columns, axis=0))


def n_attack_columns(table: DatabaseTable) -> int:
    """Return how many combinations of attack and eps a table holds."""
    return sum(metric.kind in ATTACKS for metric in table.metrics)


def _of(table: Table, name: str) -> ObjectiveScores:
    (objective,) = declared(name, table)
    if name in COST_TITLES:
        cheapest = _cheapest(objective_column(name, table)) / 1e6
        return ObjectiveScores(name, COST_TITLES[name], cheapest, 0.0, True, "count")
    scores = np.asarray(objective_column(name, table)[space.network_indices()])
    noise = 0.0 if objective.minimised or objective.attached else noise_floor(scores).std
    return ObjectiveScores(name, title(name), scores, noise, objective.minimised, scale_of(objective, table))


def _cheapest(column: FloatArray) -> FloatArray:
    """Return the smallest cost among the cells of each network, shape (6466,): without convolutions that do nothing."""
    cheapest = np.full(space.N_NETWORKS, np.inf)
    np.minimum.at(cheapest, space.network_of_index(), column)
    return cheapest
