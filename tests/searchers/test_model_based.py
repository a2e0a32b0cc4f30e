from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.errors import InvalidInputError
from robustnas.objectives import known_utilities, parse_objectives, utility_columns
from robustnas.oracle import Outcome
from robustnas.pareto import HypervolumeScale
from robustnas.spaces.nasbench201 import NASBENCH201, space
from robustnas.tables.database.database import Database
from searchers import create, search
from searchers.acquisition import ACQUISITIONS, Prediction
from searchers.belief import GPBelief, RegressorBelief, network_features
from searchers.hypervolume_improvement import hypervolume_scalarisation
from searchers.initial_design import maximin
from searchers.model_based import FEATURES, ModelBasedSearch
from searchers.testing import landscape

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

RNG = np.random.default_rng


def prediction(mean: list[float], std: list[float], best: float = 0.0, n_seen: int = 0) -> Prediction:
    means = np.array(mean)
    return Prediction(
        means, np.array(std), best, best - 0.5, n_seen, lambda rng: means + rng.standard_normal(len(means))
    )


class TestAcquisitions:
    @pytest.mark.parametrize("name", ["ei", "noisy-ei"])
    def test_expected_improvement_is_the_mean_of_simulated_gains(self, name: str) -> None:
        belief = prediction([-1.0, 0.2, 0.5], [0.5, 1.0, 0.1], best=0.3)
        incumbent = 0.3 if name == "ei" else -0.2
        draws = belief.mean + belief.std * RNG(0).standard_normal((400_000, 3))
        simulated = np.maximum(draws - incumbent, 0).mean(axis=0)
        np.testing.assert_allclose(ACQUISITIONS[name](belief, RNG(0)), simulated, atol=3e-3)

    def test_upper_confidence_bound_adds_deviations(self) -> None:
        np.testing.assert_allclose(ACQUISITIONS["ucb"](prediction([1.0, 2.0], [0.5, 0.1]), RNG(0)), [2.5, 2.3])

    def test_alternating_takes_turns(self) -> None:
        even, odd = (prediction([1.0, 2.0], [0.5, 0.1], n_seen=n) for n in (10, 11))
        np.testing.assert_array_equal(ACQUISITIONS["alternating"](odd, RNG(0)), ACQUISITIONS["ucb"](odd, RNG(0)))
        np.testing.assert_array_equal(ACQUISITIONS["alternating"](even, RNG(0)), ACQUISITIONS["noisy-ei"](even, RNG(0)))

    def test_independent_thompson_has_the_models_mean_and_deviation(self) -> None:
        belief = prediction([0.0] * 100_000, [2.0] * 100_000)
        draw = ACQUISITIONS["independent-thompson"](belief, RNG(0))
        assert (abs(draw.mean()) < 0.03, abs(draw.std() - 2) < 0.03) == (True, True)


def test_maximin_designs_are_spread_and_distinct() -> None:
    features = np.concatenate(network_features(FEATURES, NASBENCH201), axis=1)
    spread, random = maximin(features, 20, RNG(0)), RNG(0).permutation(len(features))[:20]
    assert len(set(spread)) == 20

    def closest(rows: list[int]) -> float:
        distances = np.linalg.norm(features[rows][:, None] - features[rows][None], axis=2)
        return float(distances[~np.eye(20, dtype=bool)].min())

    assert closest(spread) > 2 * closest(list(random))


def test_maximin_takes_every_row_once_even_among_equal_ones() -> None:
    assert sorted(maximin(np.zeros((6, 2)), 6, RNG(0))) == list(range(6))


def test_the_gp_belief_is_a_gp_refitted_from_scratch() -> None:
    features = network_features("path, graph", NASBENCH201)
    target = np.sin(features[0][:, 0] * 20) + features[1][:, 1]
    rows = RNG(1).permutation(space.N_NETWORKS)[:29].tolist()
    stepwise, at_once = GPBelief(features), GPBelief(features)
    for n in range(10, 30):
        mean, std = stepwise.update(rows[:n], target[rows[:n]])
    # the last refit was at 20: the same hyperparameters on all 29 give the same posterior
    at_once._posterior.params = None
    at_once.update(rows[:20], target[rows[:20]])
    assert std[rows].max() < std.mean()
    assert np.corrcoef(mean[rows], target[rows])[0, 1] > 0.9


def test_a_gp_belief_outgrows_its_capacity() -> None:
    belief = GPBelief(network_features("path", NASBENCH201))
    belief._capacity = 12
    belief._grow(6)
    rows = RNG(1).permutation(space.N_NETWORKS)[:40].tolist()
    for n in (10, 12, 13, 25, 40):
        mean, _ = belief.update(rows[:n], np.linspace(0, 1, n))
    assert mean.shape == (space.N_NETWORKS,)


def test_joint_draws_have_the_posteriors_spread() -> None:
    belief = GPBelief(network_features("path", NASBENCH201))
    rows = RNG(1).permutation(space.N_NETWORKS)[:20].tolist()
    mean, std = belief.update(rows, RNG(2).standard_normal(20))
    draws = np.array([belief.draw(RNG(seed)) for seed in range(200)])
    np.testing.assert_allclose(draws.mean(axis=0), mean, atol=5 * std.max() / np.sqrt(200))
    assert np.median(draws.std(axis=0) / std) == pytest.approx(1.0, abs=0.05)


def test_regressors_are_fitted_when_the_data_grew_by_a_tenth() -> None:
    fits: list[int] = []

    class Counting:
        def fit(self, x: np.ndarray, y: np.ndarray) -> None:
            fits.append(len(x))

        def predict(self, x: np.ndarray, return_std: bool) -> tuple[np.ndarray, np.ndarray]:
            return np.zeros(len(x)), np.ones(len(x))

    belief = RegressorBelief(lambda seed: Counting(), np.zeros((space.N_NETWORKS, 1)), RNG(0))
    for n in range(10, 301):
        belief.update(list(range(n)), np.zeros(n))
    assert fits[0] == 10
    assert len(fits) < 45
    assert all(after <= max(before + 1, 1.1 * before + 1) for before, after in pairwise(fits))


def test_a_batch_holds_distinct_networks() -> None:
    searcher = create("gp", 0)
    for outcome in search(searcher, Oracle("clean", landscape(), budget=15)):
        assert not outcome.repeat
    batch = [space.canonical(searcher.ask()) for _ in range(12)]
    assert len(set(batch)) == 12


def test_mutations_are_neighbours_of_the_best() -> None:
    searcher = create("gp", 0, candidates="mutations")
    outcomes = list(search(searcher, Oracle("clean", landscape(), budget=30)))
    best = sorted(outcomes, key=lambda outcome: -outcome.score)[:10]
    row = space.network_of_index()[searcher.ask().index]
    near = space.network_of_index()[space.neighbour_indices()[[space.canonical(o.cell).index for o in best]]]
    assert row in near


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"surrogate": "xgbost"}, "unknown surrogate 'xgbost'; did you mean 'xgboost'"),
        ({"acquisition": "thomson"}, "unknown acquisition 'thomson'; did you mean 'thompson'"),
        ({"candidates": "all"}, "unknown candidates 'all'"),
        ({"initial": "sobol"}, "unknown initial design 'sobol'"),
        ({"encoding": "pth"}, "did you mean 'path'"),
        ({"n_initial": 1}, "n_initial is 1"),
    ],
)
def test_unknown_parts_are_refused_by_name(parameters: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        create("gp", 0, **parameters)


@pytest.mark.parametrize("acquisition", ACQUISITIONS)
def test_every_acquisition_beats_random_search(acquisition: str) -> None:
    def best(searcher: object) -> float:
        return max(outcome.score for outcome in search(searcher, Oracle("clean", landscape(), budget=60)))

    ours = np.mean([best(create("gp", seed, acquisition=acquisition)) for seed in range(3)])
    theirs = np.mean([best(create("random", seed)) for seed in range(30)])
    assert ours > theirs


def test_any_surrogate_and_encoding_combine() -> None:
    searcher = create("xgboost", 0, surrogate="ridge", encoding="one-hot", acquisition="ucb", initial="random")
    assert isinstance(searcher, ModelBasedSearch)
    assert len(list(search(searcher, Oracle("clean", landscape(), budget=40)))) == 40


def test_outcomes_of_one_value_are_explored_at_random() -> None:
    searcher = create("gp", 0, n_initial=2)
    for _ in range(5):
        cell = searcher.ask()
        searcher.tell(Outcome(cell, (0.5,), (0.5,), 1.0, "test", repeat=False))
    assert searcher.ask() != cell


def test_hypervolume_scalarisation_prefers_what_dominates() -> None:
    gains = np.array([[1.0, 1.0], [0.5, 0.5], [2.0, 0.1]])
    for seed in range(20):
        scores = hypervolume_scalarisation(gains, RNG(seed))
        assert scores[0] > scores[1]


COST = landscape().space.cost_column("params")


def known_search(seed: int, known: bool, **parameters: object) -> list[Outcome]:
    table, asked = landscape(), "clean, params"
    utilities = (None, -COST) if known else None
    searcher = create("gp", seed, n_objectives=2, known_utilities=utilities, n_initial=10, **parameters)
    return list(search(searcher, Oracle(asked, table, budget=30)))


def test_a_known_objective_is_not_modelled_and_helps() -> None:
    table = landscape()
    scale = HypervolumeScale(np.stack([table.column(table.metrics[0]), -COST], axis=1))
    reached = {
        known: [scale(np.array([o.utilities for o in known_search(seed, known)])) for seed in range(4)]
        for known in (True, False)
    }
    assert np.mean(reached[True]) > np.mean(reached[False])


def test_known_objectives_alone_need_no_query_to_be_searched() -> None:
    utilities = tuple(-landscape().space.cost_column(name) for name in ("params", "flops"))
    searcher = create("gp", 0, n_objectives=2, known_utilities=utilities, n_initial=2)
    outcomes = list(search(searcher, Oracle("params, flops", landscape(), budget=4)))
    assert outcomes[2].scores == (COST.min(), landscape().space.cost_column("flops").min())


@pytest.mark.parametrize("acquisition", ["ei", "alternating", "ucb"])
def test_several_objectives_are_searched_alike_in_every_run(acquisition: str) -> None:
    first, second = (known_search(3, known=True, acquisition=acquisition) for _ in range(2))
    assert [o.cell for o in first] == [o.cell for o in second]
    assert len({space.canonical(o.cell) for o in first}) == 30


def test_known_utilities_are_one_for_each_objective() -> None:
    with pytest.raises(InvalidInputError, match="known_utilities has 1 entries; expected one entry for each of 2"):
        create("gp", 0, n_objectives=2, known_utilities=(None,))


# What the presets reach with 100 seeds is in docs/search.md; here fewer seeds, with three standard errors of margin.
@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("objective", "at_50", "at_100"),
    [
        ("clean", 94.37, 94.55),
        ("fgsm@1", 68.44, 69.01),
        ("pgd@1", 57.42, 58.54),
        ("apgd@1", 53.23, 53.76),
        ("square@1", 71.58, 72.90),
        ("corruption", 57.25, 58.35),
    ],
)
def test_gp_reaches_at_50_queries_what_evolution_does_at_100(
    real_data_dir: Path, objective: str, at_50: float, at_100: float
) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    best = []
    for seed in range(8):
        outcomes = list(search(create("gp", seed), Oracle(objective, table, budget=100)))
        scores = np.maximum.accumulate([outcome.score for outcome in outcomes])
        best.append((scores[49], scores[99]))
    mean, error = 100 * np.mean(best, axis=0), 100 * np.std(best, axis=0) / np.sqrt(len(best))
    assert (mean + 3 * error >= (at_50, at_100)).all()


@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize("searcher", ["xgboost", "forest"])
@pytest.mark.parametrize(("objective", "at_100"), [("square@1", 71.58), ("corruption", 57.25)])
def test_trees_reach_at_100_queries_what_evolution_does(
    real_data_dir: Path, searcher: str, objective: str, at_100: float
) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    best = [_best(searcher, seed, Oracle(objective, table, budget=100)) for seed in range(8)]
    assert 100 * (np.mean(best) + 2 * np.std(best) / np.sqrt(len(best))) >= at_100


def _best(searcher: str, seed: int, oracle: Oracle) -> float:
    return max(outcome.score for outcome in search(create(searcher, seed), oracle))


# Of 30 seeds, in docs/search.md: NSGA-II with 300 queries.
@pytest.mark.real_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("problem", "nsga2_at_300"),
    [("rob201-mop2", 0.959), ("rob201-mop6", 0.938), ("rob201-mop7", 0.925), ("rob201-mop8", 0.925)],
)
def test_gp_reaches_with_100_queries_the_hypervolume_of_nsga2_with_300(
    real_data_dir: Path, problem: str, nsga2_at_300: float
) -> None:
    table, objectives = Database.open(real_data_dir)["cifar10"], parse_objectives(problem)
    scale = HypervolumeScale(utility_columns(objectives, table).T)
    known, reached = known_utilities(objectives, table), []
    for seed in range(4):
        searcher = create("gp", seed, n_objectives=len(objectives), known_utilities=known)
        outcomes = search(searcher, Oracle(objectives, table, budget=100))
        reached.append(scale(np.array([outcome.utilities for outcome in outcomes])))
    assert np.mean(reached) + 3 * np.std(reached) / np.sqrt(len(reached)) >= nsga2_at_300
