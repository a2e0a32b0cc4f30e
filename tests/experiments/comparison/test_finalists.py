"""The best networks of a search, trained again: on tables of made-up trainings whose noise is known."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pytest

from experiments.commands.finalists_text import finalists_lines, finalists_result
from experiments.comparison.finalists import Finalists, best_outcomes, seeds_to_tell_apart, trained_again
from experiments.comparison.run import finished, steps
from experiments.comparison.spec import RunSpec
from experiments.comparison.trajectory import Trajectory
from robustnas import Cell
from robustnas.errors import EvaluationError
from robustnas.tables.array_table import ArrayTable

TRUTH = np.linspace(0.1, 0.9, 15625)
NOISE = 0.02


def table_of(seed: int) -> ArrayTable:
    rng = np.random.default_rng(seed)
    clean = np.clip(TRUTH + rng.normal(0, NOISE, len(TRUTH)), 0, 1)
    return ArrayTable({"clean": clean, "pgd@8": np.clip(1 - TRUTH + rng.normal(0, NOISE, len(TRUTH)), 0, 1)})


def searched(objective: str, budget: int = 60) -> Trajectory:
    return finished(steps(RunSpec(objective, "random", "random", {}, budget, 0), table_of(0)))


def again(objective: str, n: int, seeds: Sequence[int], tables: Any = table_of) -> Finalists:
    trajectory = searched(objective)
    (*_, last) = trained_again(trajectory, best_outcomes(trajectory, n), seeds, tables)
    return last


def test_the_best_come_first_and_the_first_training_is_what_the_search_saw() -> None:
    trajectory = searched("clean")
    scores = [outcome.score for outcome in best_outcomes(trajectory, 5)]
    assert scores == sorted((outcome.score for outcome in trajectory.outcomes), reverse=True)[:5]
    found = again("clean", 5, range(3))
    assert {network.searched[0] for network in found.networks} == set(scores)
    assert all(network.scores[0, 0] == network.searched[0] for network in found.networks)
    means = [float(network.mean[0]) for network in found.networks]
    assert means == sorted(means, reverse=True)


def test_the_noise_is_that_of_the_trainings() -> None:
    noise = again("clean where clean < 0.8", 20, range(6)).noise[0]
    assert noise.degrees_of_freedom == 100
    assert noise.std == pytest.approx(NOISE, abs=4 * noise.standard_error)


def test_the_winner_among_equals_was_lucky() -> None:
    def equal(seed: int) -> ArrayTable:
        return ArrayTable({"clean": np.random.default_rng(seed).normal(0.5, NOISE, len(TRUTH))})

    trajectory = finished(steps(RunSpec("clean", "random", "random", {}, 60, 0), equal(0)))
    (*_, found) = trained_again(trajectory, best_outcomes(trajectory, 3), range(9), equal)
    for network in found.networks:
        assert network.searched[0] > 0.5 + NOISE
        assert network.scores[1:, 0].mean() == pytest.approx(0.5, abs=4 * NOISE / math.sqrt(8))


def test_of_a_front_both_ends_are_there() -> None:
    trajectory = searched("clean, pgd@8")
    front = sorted((member["scores"] for member in trajectory.front()), reverse=True)
    chosen = [list(outcome.scores) for outcome in best_outcomes(trajectory, 3)]
    assert (chosen[0], chosen[-1], len(chosen)) == (front[0], front[-1], 3)
    found = again("clean, pgd@8", 3, (0, 7))
    assert [noise.degrees_of_freedom for noise in found.noise] == [3, 3]
    assert math.isnan(found.gap)
    assert "gap" not in finalists_result(found)


@pytest.mark.parametrize(("gap", "noise", "n"), [(0.01, 0.01, 16), (0.02, 0.01, 4), (1.0, 0.01, 2), (0.01, 0.1, 1570)])
def test_how_many_trainings_tell_two_networks_apart(gap: float, noise: float, n: int) -> None:
    assert seeds_to_tell_apart(gap, noise) == n
    if 2 < n < 100:  # the power is what was asked for
        draws = np.random.default_rng(0).normal(0, noise, (2, 20_000, n)).mean(axis=2)
        told = np.abs(draws[0] + gap - draws[1]) > 1.96 * noise * math.sqrt(2 / n)
        assert told.mean() == pytest.approx(0.8, abs=0.04)


def test_a_training_that_fails_costs_no_other() -> None:
    class Failing:
        def __init__(self, table: ArrayTable) -> None:
            self.table, self.complete = table, False

        def fill(self, cell: Cell, metrics: Iterable[Any]) -> str:
            if cell == worst:
                raise EvaluationError("out of memory")
            return "measured"

        def __getattr__(self, name: str) -> Any:
            return getattr(self.table, name)

    worst = best_outcomes(searched("clean"), 3)[-1].cell
    found = again("clean", 3, (0, 1), lambda seed: Failing(table_of(seed)) if seed else table_of(seed))
    (failed,) = [network for network in found.networks if network.cell == worst]
    assert np.isnan(failed.scores[1]).all()
    assert np.isnan(failed.deviation[0])
    assert failed.mean[0] == failed.searched[0]
    assert found.failures == (f"{worst} with seed 1: out of memory",)
    assert found.noise[0].degrees_of_freedom == 2
    assert finalists_result(found)["networks"][found.networks.index(failed)]["scores"][1] == [None]
    assert f"  failed: {worst} with seed 1: out of memory" in finalists_lines(found, table_of(0))


def test_it_is_said_in_words() -> None:
    lines = finalists_lines(again("clean", 2, range(3)), table_of(0))
    assert lines[0] == "trained with 3 seeds (0, 1, 2): mean ± deviation (and what the search saw)"
    assert lines[1].endswith("|")
    assert "±" in lines[1]
    assert lines[3].startswith("noise of one training: ")
    assert lines[4].startswith("the first two differ by ")


def test_what_does_not_vary_has_no_noise() -> None:
    found = again("params", 2, range(2))
    assert not any("noise" in line for line in finalists_lines(found, table_of(0)))


def test_nothing_feasible_leaves_nothing_to_train() -> None:
    trajectory = searched("clean where pgd@8 > 0.94", 5)
    assert best_outcomes(trajectory, 3) == []
    assert list(trained_again(trajectory, [], range(3), table_of)) == []
