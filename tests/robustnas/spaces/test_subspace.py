from __future__ import annotations

import numpy as np
import pytest

from robustnas import Cell, Oracle
from robustnas.errors import InvalidInputError, NotationError
from robustnas.spaces import Subspace, encoding
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables import ArrayTable, noise_floor
from searchers import SEARCHERS, create, search
from searchers.testing import landscape

LIGHT = NASBENCH201.cost_column("params") <= 100_000
SMALL = Subspace(NASBENCH201, LIGHT, "light")


def test_it_has_the_networks_that_the_mask_keeps() -> None:
    kept = NASBENCH201.network_indices()[LIGHT[NASBENCH201.network_indices()]]
    np.testing.assert_array_equal(SMALL.network_indices(), kept)
    assert SMALL.n_networks == len(kept) < NASBENCH201.n_networks
    rows = SMALL.network_of_index()
    np.testing.assert_array_equal(rows[kept], np.arange(len(kept)))
    np.testing.assert_array_equal(SMALL.members(), np.flatnonzero(rows >= 0))
    assert SMALL.n_members == len(SMALL.members()) < SMALL.size == NASBENCH201.size
    assert {SMALL.uid(SMALL.architecture(int(index))) for index in kept} == set(SMALL.uids()[kept].tolist())


def test_a_mask_over_networks_is_the_same() -> None:
    by_network = Subspace(NASBENCH201, LIGHT[NASBENCH201.network_indices()])
    np.testing.assert_array_equal(by_network.members(), SMALL.members())


def test_neighbours_samples_and_mutants_stay_inside() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        cell = SMALL.sample(rng)
        assert cell in SMALL
        assert all(near in SMALL for near in SMALL.neighbours(cell))
        assert SMALL.mutate(cell, rng) in SMALL
    assert Cell((3,) * 6) not in SMALL
    assert set(SMALL.neighbours(cell)) == {near for near in NASBENCH201.neighbours(cell) if near in SMALL}


def test_a_lonely_architecture_mutates_into_any() -> None:
    mask = np.zeros(NASBENCH201.size, dtype=bool)
    far = [NASBENCH201.canonical(Cell((3,) * 6)), NASBENCH201.canonical(Cell((0, 0, 0, 1, 0, 0)))]
    mask[[cell.index for cell in far]] = True
    two = Subspace(NASBENCH201, mask)
    assert two.n_networks == 2
    assert two.neighbours(far[0]) == []
    assert two.mutate(far[0], np.random.default_rng(0)) in two


def test_it_shares_encodings_costs_and_twins_with_the_whole() -> None:
    assert encoding("path", space=SMALL).values.shape == (15625, 40)
    np.testing.assert_array_equal(SMALL.cost_column("flops"), NASBENCH201.cost_column("flops"))
    scores = np.random.default_rng(0).random(SMALL.n_networks)
    assert noise_floor(scores, SMALL).degrees_of_freedom > 0
    assert SMALL.parse("#13433") == NASBENCH201.parse("#13433")
    assert SMALL.name == "light"


@pytest.mark.parametrize("mask", [np.ones(5, dtype=bool), np.ones(15625), np.zeros(15625, dtype=bool)])
def test_other_masks_are_refused(mask: np.ndarray) -> None:
    with pytest.raises(InvalidInputError, match="the mask of a subspace"):
        Subspace(NASBENCH201, mask)


@pytest.mark.parametrize("name", [name for name in SEARCHERS if name != "optuna-gp"])
def test_every_searcher_stays_inside(name: str) -> None:
    metrics = {str(metric): landscape().column(metric) for metric in landscape().metrics}
    table = ArrayTable(metrics, space=SMALL)
    parameters = {"cheap": "pgd@1"} if name == "multi-fidelity" else {}
    objectives = "clean, pgd@1" if name in ("nsga2", "optuna-nsga2") else "clean"
    searcher = create(name, 0, space=SMALL, n_objectives=1 + objectives.count(","), **parameters)
    oracle = Oracle(objectives, table, budget=14)
    outside = oracle.query(Cell((3,) * 6))
    searcher.tell(outside)  # it does no harm
    asked = [outcome.cell for outcome in search(searcher, oracle)]
    assert len(asked) >= 13
    assert all(cell in SMALL for cell in asked)


def test_a_budget_is_at_most_the_networks_that_are_left() -> None:
    table = ArrayTable({"clean": landscape().column(landscape().metrics[0])}, space=SMALL)
    with pytest.raises(InvalidInputError, match=f"from 1 to {SMALL.n_networks}"):
        Oracle("clean", table, budget=SMALL.n_networks + 1)
    oracle = Oracle("clean", table, budget=SMALL.n_networks)
    assert len(list(search(create("random", 0, space=SMALL), oracle))) == SMALL.n_networks


def test_a_searcher_that_leaves_the_space_is_named() -> None:
    table = ArrayTable({"clean": landscape().column(landscape().metrics[0])}, space=SMALL)
    elsewhere = create("random", 0, space=NASBENCH201)
    with pytest.raises(NotationError, match=r"^RandomSearch\.ask: .* is outside the space light; give the searcher"):
        list(search(elsewhere, Oracle("clean", table)))


@pytest.mark.parametrize("n_networks", [1, 2, 5])
@pytest.mark.parametrize("name", ["gp", "forest"])
def test_a_space_smaller_than_an_initial_design_is_searched_whole(name: str, n_networks: int) -> None:
    tiny = Subspace(NASBENCH201, np.arange(NASBENCH201.n_networks) < n_networks, "tiny")
    table = ArrayTable({"clean": landscape().column(landscape().metrics[0])}, space=tiny)
    assert len(list(search(create(name, 0, space=tiny), Oracle("clean", table)))) == n_networks


class TestSplit:
    """Subspaces that keep a part of the architectures of a network."""

    KEPT = np.random.default_rng(0).random(NASBENCH201.size) < 0.02
    SPLIT = Subspace(NASBENCH201, KEPT, "split", split=True)

    def test_it_keeps_exactly_the_architectures_of_the_mask(self) -> None:
        np.testing.assert_array_equal(self.SPLIT.members(), np.flatnonzero(self.KEPT))
        rows = NASBENCH201.network_of_index()
        assert self.SPLIT.n_networks == len(np.unique(rows[self.KEPT]))
        representatives = self.SPLIT.network_indices()
        np.testing.assert_array_equal(rows[representatives], np.unique(rows[self.KEPT]))
        assert self.KEPT[representatives].all()

    def test_a_network_is_represented_by_its_canonical_architecture_where_that_is_kept(self) -> None:
        canonical = NASBENCH201.network_indices()[NASBENCH201.network_of_index()[self.SPLIT.network_indices()]]
        where = self.KEPT[canonical]
        assert 0 < where.sum() < len(where)
        np.testing.assert_array_equal(self.SPLIT.network_indices()[where], canonical[where])

    def test_classes_stay_those_of_the_whole(self) -> None:
        mine, whole = np.array(self.SPLIT.canonical_list()), np.array(NASBENCH201.canonical_list())
        pairs = set(zip(mine.tolist(), whole.tolist(), strict=True))
        assert len(pairs) == len(set(mine.tolist())) == len(set(whole.tolist())) == NASBENCH201.n_networks
        rows = self.SPLIT.network_of_index()
        inside = self.SPLIT.members()
        np.testing.assert_array_equal(mine[inside], self.SPLIT.network_indices()[rows[inside]])

    @pytest.mark.parametrize("name", [name for name in SEARCHERS if name != "optuna-gp"])
    def test_every_searcher_finds_all_of_few_networks_far_apart(self, name: str) -> None:
        mask = np.zeros(NASBENCH201.size, dtype=bool)
        mask[np.random.default_rng(1).choice(NASBENCH201.size, size=13, replace=False)] = True
        few = Subspace(NASBENCH201, mask, split=True)
        parameters = {"cheap": "pgd@1"} if name == "multi-fidelity" else {}
        oracle = Oracle("clean", landscape(), budget=100)
        asked = [outcome.cell for outcome in search(create(name, 0, space=few, **parameters), oracle)]
        assert oracle.n_queries == few.n_networks <= 13
        assert all(cell in few for cell in asked)

    def test_thompson_sampling_draws_from_fewer_networks_than_it_draws_jointly(self) -> None:
        oracle = Oracle("clean", landscape(), budget=40)
        found = list(search(create("gp", 0, space=self.SPLIT, acquisition="thompson"), oracle))
        assert len(found) == 40


def test_a_part_shares_the_indices_of_the_whole() -> None:
    half = Subspace(NASBENCH201, np.arange(NASBENCH201.size) < 9_000, split=True)
    assert NASBENCH201.shares_indices(half)
