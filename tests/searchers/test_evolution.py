from __future__ import annotations

from robustnas import Oracle
from robustnas.oracle import Outcome
from robustnas.spaces.nasbench201 import space
from searchers import create, search
from searchers.testing import landscape


def test_the_population_is_filled_with_distinct_random_networks_first() -> None:
    searcher = create("evolution", 0, population_size=50)
    first = [space.canonical(searcher.ask()) for _ in range(50)]
    assert len(set(first)) == 50


def test_children_are_neighbours_of_a_member() -> None:
    searcher, oracle = (
        create("evolution", 0, population_size=5, tournament_size=2),
        Oracle("clean", landscape(), budget=5),
    )
    members = [outcome.cell for outcome in search(searcher, oracle)]
    child = searcher.ask()
    assert min(space.edit_distance(child, member) for member in members) == 1


def test_the_oldest_member_dies_however_good() -> None:
    searcher = create("evolution", 0, population_size=2, tournament_size=2)
    cells = [searcher.ask() for _ in range(2)]
    for cell, utility in zip(cells, (1.0, 0.1), strict=True):
        searcher.tell(_outcome(cell, utility))
    newest = space.cell(15_000)
    searcher.tell(_outcome(newest, 0.2))  # the first, best member is now out
    child = searcher.ask()
    assert space.edit_distance(child, newest) == 1


def test_no_query_is_spent_on_a_known_network() -> None:
    outcomes = list(search(create("evolution", 1), Oracle("clean", landscape(), budget=300)))
    assert len({space.canonical(outcome.cell) for outcome in outcomes}) == len(outcomes) == 300


def test_the_whole_space_can_be_exhausted() -> None:
    outcomes = list(search(create("evolution", 1), Oracle("clean", landscape(), budget=6466)))
    assert len(outcomes) == 6466


def _outcome(cell: space.Cell, utility: float) -> Outcome:
    return Outcome(cell, (utility,), (utility,), 1.0, "test", repeat=False)
