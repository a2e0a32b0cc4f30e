"""Tables that grow, with a measurer that counts what it is asked, and the oracle on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from experiments.comparison.trajectory import hypervolume_scale
from robustnas import Cell, Metric, Oracle
from robustnas.arrays import FloatArray
from robustnas.errors import BudgetExhausted, EvaluationError, InvalidInputError, ObjectiveError
from robustnas.objectives.facts import training_of
from robustnas.objectives.objective import needed_metrics, parse_objectives
from robustnas.spaces.nasbench201 import NASBENCH201, space
from robustnas.spaces.nasbench201.cost import Skeleton
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.growing_table import GrowingTable
from robustnas.tables.noise import NoiseFloor
from tests.robustnas.spaces.large import Large

CELL, OTHER = Cell.parse("#13433"), Cell.parse("#0")
SMALL = Skeleton(8, 10, 8, 1, 1)
LARGE = Large()


class MadeUp:
    """Measures a number that follows from cell and metric, and keeps a list of what it measured."""

    name, notes, skeleton, space, training = "digits", (), SMALL, NASBENCH201, ""

    def __init__(self, known: Mapping[Metric, Mapping[int, float]] | None = None) -> None:
        self.known, self.measured = known or {}, list[tuple[int, Metric]]()
        self.prepared = list[int]()

    def digest(self, metrics: Iterable[Metric]) -> str:
        return " ".join(map(str, metrics))

    def stored(self, metric: Metric, group: Iterable[Metric]) -> Mapping[int, float]:
        return self.known.get(metric, {})

    def noise(self, group: Iterable[Metric]) -> Mapping[Metric, NoiseFloor]:
        return {}

    def prepare(self, cells: Sequence[Cell], group: Iterable[Metric]) -> None:
        self.prepared += [cell.index for cell in cells]

    def measure(self, cell: Cell, metrics: Iterable[Metric], group: Iterable[Metric]) -> Mapping[Metric, float]:
        asked = list(metrics)
        self.measured += [(cell.index, metric) for metric in asked]
        return {metric: value_of(cell, metric) for metric in asked}


def value_of(cell: Cell, metric: Metric) -> float:
    return (cell.index % 997 + (metric.level or 0)) / 2000


def growing(objective: str, measurer: MadeUp, base: ArrayTable | None = None) -> tuple[Oracle, GrowingTable]:
    table = GrowingTable(measurer, needed_metrics(parse_objectives(objective)), base)
    return Oracle(objective, table, budget=3), table


def test_several_are_prepared_where_several_are_lacking() -> None:
    measurer = MadeUp()
    oracle, _ = growing("clean", measurer)
    oracle.prepare([CELL])
    assert not measurer.prepared  # one alone is trained when it is measured
    oracle.query(CELL)
    third = Cell.parse("#7")
    oracle.prepare([CELL, OTHER])
    assert not measurer.prepared
    oracle.prepare([CELL, OTHER, third])
    assert (measurer.prepared, oracle.n_queries, len(measurer.measured)) == ([OTHER.index, third.index], 1, 1)


def test_nothing_is_measured_before_it_is_asked_for() -> None:
    measurer = MadeUp()
    oracle, table = growing("clean, pgd@1.5", measurer)
    assert not measurer.measured
    assert np.isnan(table.column(Metric("clean"))).all()
    outcome = oracle.query(CELL)
    assert outcome.scores == (value_of(CELL, Metric("clean")), value_of(CELL, Metric("pgd", 1.5)))
    assert outcome.source == "measured"
    assert (outcome.cost, oracle.cost) == (82, 82)
    assert [metric for _, metric in measurer.measured] == [Metric("clean"), Metric("pgd", 1.5)]


def test_a_network_is_measured_once_for_all_its_cells() -> None:
    measurer = MadeUp()
    oracle, table = growing("clean", measurer)
    cell = next(c for c in map(Cell.from_index, range(space.N_CELLS)) if space.canonical(c) != c)
    first, second = oracle.query(cell), oracle.query(space.canonical(cell))
    assert first.scores == second.scores
    assert (second.repeat, len(measurer.measured)) == (True, 1)
    members = space.canonical_indices() == space.canonical(cell).index
    assert np.isfinite(table.column(Metric("clean"))).tolist() == members.tolist()


def test_what_the_table_holds_is_not_measured() -> None:
    measurer = MadeUp()
    base = ArrayTable({"clean": np.full(15625, 0.75)}, "digits", "table")
    oracle, table = growing("0.5*clean + 0.5*pgd@1.5", measurer, base)
    outcome = oracle.query(CELL)
    assert outcome.score == pytest.approx(0.5 * 0.75 + 0.5 * value_of(CELL, Metric("pgd", 1.5)))
    assert outcome.source == "table+measured"
    assert [metric for _, metric in measurer.measured] == [Metric("pgd", 1.5)]
    assert table.metrics == (Metric("clean"), Metric("pgd", 1.5))


def test_what_the_store_holds_is_not_measured() -> None:
    index = space.canonical(CELL).index
    measurer = MadeUp({Metric("clean"): {index: 0.9}})
    oracle, _ = growing("clean", measurer)
    assert (oracle.query(CELL).score, oracle.query(CELL).source) == (0.9, "store")
    assert (oracle.query(OTHER).score, oracle.query(OTHER).source) == (value_of(OTHER, Metric("clean")), "measured")
    assert len(measurer.measured) == 1


def test_only_what_an_oracle_asks_is_measured() -> None:
    """A glance at a cheap metric does not pay for the dear one."""
    measurer = MadeUp()
    table = GrowingTable(measurer, [Metric("clean"), Metric("square", 1.0)])
    Oracle("clean", table, budget=1).query(CELL)
    assert [metric for _, metric in measurer.measured] == [Metric("clean")]
    Oracle("square@1", table, budget=1).query(CELL)
    assert [metric for _, metric in measurer.measured] == [Metric("clean"), Metric("square", 1.0)]


def test_costs_are_those_of_the_networks_measured() -> None:
    oracle, _ = growing("clean, params", MadeUp())
    assert oracle.query(CELL).scores[1] == SMALL.parameters(CELL)


def test_a_failed_measurement_costs_no_query() -> None:
    class Failing(MadeUp):
        def measure(self, cell: Cell, metrics: Iterable[Metric], group: Iterable[Metric]) -> Mapping[Metric, float]:
            raise EvaluationError("diverged")

    oracle, _ = growing("clean", Failing())
    with pytest.raises(EvaluationError):
        oracle.query(CELL)
    assert (oracle.n_queries, oracle.cost) == (0, 0)


def test_a_spent_budget_measures_nothing() -> None:
    measurer = MadeUp()
    table = GrowingTable(measurer, [Metric("clean")])
    oracle = Oracle("clean", table, budget=1)
    oracle.query(CELL)
    with pytest.raises(BudgetExhausted):
        oracle.query(OTHER)
    assert len(measurer.measured) == 1


def test_constraints_on_what_is_measured() -> None:
    oracle, _ = growing("clean where pgd@1 > 0.4", MadeUp())
    low, high = Cell.from_index(997), Cell.from_index(996)
    assert np.isnan(oracle.query(low).utility)
    assert oracle.query(high).utility == value_of(high, Metric("clean"))
    with pytest.raises(ObjectiveError, match="no cell of digits satisfies"):
        growing("params where params < 1", MadeUp())


def test_other_metrics_are_refused() -> None:
    _, table = growing("clean", MadeUp())
    with pytest.raises(ObjectiveError, match="fgsm@1"):
        table.column(Metric("fgsm", 1.0))


def test_digests_follow_base_and_settings() -> None:
    base = ArrayTable({"clean": np.zeros(15625)})
    tables = [growing("clean", MadeUp())[1], growing("clean", MadeUp(), base)[1]]
    assert tables[0].digest == growing("clean", MadeUp())[1].digest
    assert tables[0].digest != tables[1].digest
    assert tables[0].digest != growing("clean, pgd@1.5", MadeUp())[1].digest  # what other metrics depend on is in it


def test_measurements_are_not_mixed_with_networks_of_another_training() -> None:
    base = ArrayTable({"clean": np.full(space.N_CELLS, 0.5), "autoattack@8": np.full(space.N_CELLS, 0.25)})
    base.training = "adversarial training, mean of 3 seeds"
    oracle, _ = growing("clean, autoattack@8", MadeUp(), base)  # has what is asked for
    assert oracle.query(CELL).scores == (0.5, 0.25)
    with pytest.raises(InvalidInputError, match=r"holds no pgd@1, and its networks are of adversarial training"):
        growing("clean, pgd@1", MadeUp(), base)


def test_networks_that_are_trained_adversarially_are_a_table_of_their_own() -> None:
    measurer = MadeUp()
    measurer.training = "adversarial training (PGD-7, eps 8/255)"
    _, alone = growing("clean", measurer)
    assert training_of(alone) == {"training": measurer.training}
    base = ArrayTable({"clean": np.full(space.N_CELLS, 0.5)})
    with pytest.raises(InvalidInputError, match=r"are of standard training, one seed, those measured here of adv"):
        growing("clean", measurer, base)  # even where it holds all that is asked for
    assert training_of(growing("clean", MadeUp())[1]) == {}


class OfALargeSpace(MadeUp):
    """Measures digits, knows two networks, and counts costs."""

    space, skeleton = LARGE, None  # type: ignore[assignment]

    def measure(self, cell: Any, metrics: Iterable[Metric], group: Iterable[Metric]) -> Mapping[Metric, float]:
        return dict.fromkeys(metrics, cell.c11 / 10)

    def costs(self, name: str, architectures: Sequence[Any]) -> FloatArray:
        return np.array([float(one.c0) for one in architectures])


def test_a_large_space_is_met_architecture_by_architecture() -> None:
    known, other = (LARGE.sample(np.random.default_rng(seed)) for seed in (1, 2))
    clean = Metric("clean")
    table = GrowingTable(OfALargeSpace({clean: {LARGE.index(known): 0.25}}), [clean])
    assert table.space.reachable is LARGE
    assert table.column(clean).tolist() == [0.25]
    oracle = Oracle("clean, flops", table, budget=5)  # Large says params, and flops are counted
    assert oracle.space is LARGE
    assert oracle.query(known).scores == (0.25, known.c0)
    assert oracle.query(other).scores == (other.c11 / 10, other.c0)
    assert [oracle.query(one).source for one in (known, other)] == ["store", "measured"]
    scale = hypervolume_scale(oracle.objectives, table)
    assert scale.scaled(np.array([[1.0, 0.0], [0.0, -9.0]])).tolist() == [[1.0, 1.0], [0.0, 0.0]]
