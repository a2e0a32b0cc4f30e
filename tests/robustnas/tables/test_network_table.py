from __future__ import annotations

import numpy as np
import pytest

from robustnas.arrays import FloatArray, read_only
from robustnas.errors import InvalidInputError, ObjectiveError
from robustnas.metric import Metric
from robustnas.spaces.nasbench201 import NASBENCH201, space
from robustnas.tables.embedded import SurrogateTable
from robustnas.tables.network_table import NetworkTable

CLEAN, PGD = Metric("clean"), Metric("pgd", 1.0)


class Numbers(NetworkTable):
    space = NASBENCH201
    dataset, digest, source, metrics = "numbers", "0" * 64, "array", (CLEAN, PGD)

    def __init__(self) -> None:
        self.n_reads = 0

    def _read(self, metric: Metric) -> FloatArray:
        self.n_reads += 1
        return read_only({CLEAN: np.linspace(0, 1, space.N_CELLS), PGD: np.full(space.N_CELLS, 0.25)}[metric])


def test_a_subclass_supplies_its_columns_and_gets_the_rest() -> None:
    table = Numbers()
    assert table.column("clean") is table.column("clean")
    assert table.n_reads == 1
    assert table.value("index:15624", CLEAN) == 1.0
    assert table.scores("#3") == {"clean": table.value("#3", "clean"), "pgd@1": 0.25}
    assert table.values([[0, 1, 2, 3, 4, 0], "#5"], "pgd@1").tolist() == [0.25, 0.25]
    assert table.frame().shape == (space.N_NETWORKS, 3)
    assert table.listing()["mean"].tolist() == [table.network_column("clean").mean(), 0.25]
    assert (table.attached, table.attached_columns(), table.attached_digests()) == ({}, {}, {})


def test_missing_metrics_and_bad_indices_are_refused() -> None:
    with pytest.raises(ObjectiveError, match=r"numbers holds no pgd@2; it has pgd@1"):
        Numbers().column("pgd@2")
    with pytest.raises(InvalidInputError, match="15625 is not a space index"):
        Numbers().values([15625], "clean")


def test_a_surrogate_benchmark_has_the_views_of_the_database() -> None:
    table = SurrogateTable()
    assert table.listing().loc["pgd@1", "title"] == "PGD, eps 1/255"
    assert table.values([5, 6], "clean").tolist() == table.column("clean")[5:7].tolist()
