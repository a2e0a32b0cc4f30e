"""What constraints say before any query: the space that they leave."""

from __future__ import annotations

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.errors import ObjectiveError
from robustnas.objectives import known_constraints, known_space, known_utilities, parse_objectives
from robustnas.spaces import Subspace
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables import ArrayTable
from robustnas.tables.growing_table import GrowingTable
from searchers.testing import landscape

RNG = np.random.default_rng(0)
LATENCY = RNG.random(NASBENCH201.size)  # differs between the cells of a network
ACCURACY = landscape().column(landscape().metrics[0])
TABLE = ArrayTable(
    {"clean": ACCURACY, "val_acc": ACCURACY},
    attached={"hw.latency": LATENCY, "t.val_acc": ACCURACY, "t.none": np.full(NASBENCH201.size, np.nan)},
)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("clean", []),
        ("clean where params <= 4e5 and flops < 5e7", ["params <= 4e5", "flops < 5e7"]),
        ("clean where clean >= 0.5 and hw.latency < 0.5", ["hw.latency < 0.5"]),
        ("val_acc where val_acc >= 0.5", []),  # a metric of a user's own is measured as any other
        ("clean where t.val_acc >= 0.5", ["t.val_acc >= 0.5"]),
        ("t.val_acc where t.val_acc >= 0.5", []),  # what is searched for is not known
        ("max(t.val_acc) where 0.5*t.val_acc >= 0.2", []),
        ("clean, hw.latency where hw.latency < 0.5", ["hw.latency < 0.5"]),
        ("clean where params + flops <= 4e7", ["params + flops <= 4e7"]),
    ],
)
def test_constraints_on_costs_and_attached_columns_are_known(text: str, known: list[str]) -> None:
    assert [str(constraint) for constraint in known_constraints(parse_objectives(text), TABLE)] == known


def test_exactly_the_architectures_that_satisfy_them_are_left() -> None:
    space = known_space(parse_objectives("clean where hw.latency < 0.1 and clean > 0.5"), TABLE)
    np.testing.assert_array_equal(space.members(), np.flatnonzero(LATENCY < 0.1))
    networks = np.unique(NASBENCH201.network_of_index()[LATENCY < 0.1])
    assert space.n_networks == len(networks)
    assert (LATENCY[space.network_indices()] < 0.1).all()
    np.testing.assert_array_equal(NASBENCH201.network_of_index()[space.network_indices()], networks)


def test_a_space_that_they_leave_whole_is_the_space_itself() -> None:
    assert known_space(parse_objectives("clean"), TABLE) is TABLE.space
    assert known_space(parse_objectives("clean where hw.latency < 2"), TABLE) is TABLE.space


def test_a_part_of_a_part() -> None:
    light = Subspace(NASBENCH201, NASBENCH201.cost_column("params") <= 100_000)
    table = ArrayTable({"clean": ACCURACY}, attached={"hw.latency": LATENCY}, space=light)
    space = known_space(parse_objectives("clean where hw.latency < 0.3"), table)
    inside = np.zeros(NASBENCH201.size, dtype=bool)
    inside[light.members()] = True
    np.testing.assert_array_equal(space.members(), np.flatnonzero(inside & (LATENCY < 0.3)))


@pytest.mark.parametrize("clause", ["hw.latency < 0", "t.none > 0", "hw.latency < 0.5 and t.none > 0"])
def test_nothing_left_is_refused_with_what_there_is(clause: str) -> None:
    with pytest.raises(ObjectiveError, match=r"no cell of .* satisfies .*: .*(is from|is not known of any)"):
        known_space(parse_objectives(f"clean where {clause}"), TABLE)


def test_a_growing_table_knows_costs_before_it_measures_anything() -> None:
    class Nothing:
        name, skeleton, space, notes, training = "digits", None, NASBENCH201, (), ""

        def digest(self, metrics: object) -> str:
            return ""

        def stored(self, metric: object, group: object) -> dict[int, float]:
            return {}

        def noise(self, group: object) -> dict[object, object]:
            return {}

        def measure(self, architecture: object, metrics: object, group: object) -> dict[object, float]:
            raise AssertionError

    objectives = parse_objectives("clean where clean >= 0.9 and params <= 1e5")
    table = GrowingTable(Nothing(), objectives[0].metrics)
    oracle = Oracle(objectives, table, budget=5)
    assert oracle.space.n_members == (NASBENCH201.cost_column("params", table.skeleton) <= 1e5).sum()


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("clean, params", [False, True]),
        ("clean, -flops, 0.5*params + flops", [False, True, True]),
        ("clean, hw.latency", [False, True]),
        ("clean, max(hw.latency)", [False, False]),
        ("clean, min(t.val_acc)", [False, True]),  # said to be a cost
        ("clean, t.val_loss", [False, False]),  # what only a trained network has
        ("clean, t.train_seconds", [False, False]),
        ("clean, hw.gap_ms", [False, False]),  # unknown of one architecture
    ],
)
def test_costs_are_known_and_what_takes_a_training_is_not(text: str, known: list[bool]) -> None:
    columns = {"hw.latency": LATENCY, "t.val_acc": ACCURACY, "t.val_loss": ACCURACY, "t.train_seconds": 1 + LATENCY}
    missing = LATENCY.copy()
    missing[3] = np.nan
    table = ArrayTable({"clean": ACCURACY}, attached={**columns, "hw.gap_ms": missing})
    utilities = known_utilities(parse_objectives(text), table)
    assert [column is not None for column in utilities] == known


def test_known_utilities_are_larger_where_costs_are_smaller() -> None:
    (_, utility) = known_utilities(parse_objectives("clean, hw.latency where params <= 4e5"), TABLE)
    np.testing.assert_array_equal(utility, -LATENCY)
