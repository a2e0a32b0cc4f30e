from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robustnas import Oracle
from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, UserCodeError
from robustnas.metric import Metric
from robustnas.objectives import known_space, parse_objectives
from robustnas.spaces import Subspace, open_space
from robustnas.tables import ArrayTable
from robustnas.tables.embedded import open_surrogate
from robustnas.tables.table import Table
from searchers import Prior, Searcher, create, open_prior, search
from searchers.averaged_belief import AveragedBelief
from searchers.belief import GPBelief
from searchers.prior import components, start
from searchers.prior_sources import prior_names
from searchers.testing import SearcherContract, landscape

pytestmark = pytest.mark.timeout(120)  # slow where processors are shared

SPACE = open_space()
ROWS = SPACE.network_indices()
RNG = np.random.default_rng


def true(table: Table | None = None) -> FloatArray:
    """The utilities of all networks of the landscape."""
    return (table or landscape()).column(Metric.parse("clean"))[ROWS]


def noisy(seed: int, share: float = 0.3) -> Prior:
    """A prior that knows the landscape but for some noise."""
    values = true()
    return Prior("noisy", (values + share * values.std() * RNG(seed).standard_normal(len(values)))[None])


class TestPriorOfANeighbour(SearcherContract):
    def create(self, seed: int) -> Searcher:
        return create("gp", seed, prior=noisy(0), n_prior=3)


class TestPriorOfTrees(SearcherContract):
    def create(self, seed: int) -> Searcher:
        return create("forest", seed, prior=noisy(0), n_prior=3)


def first(searcher: Searcher, n: int) -> list[int]:
    return [int(SPACE.network_of_index()[SPACE.index(searcher.ask())]) for _ in range(n)]


def best_of(prior: Prior | None, n: int, seed: int, name: str = "gp") -> float:
    return max(o.score for o in search(create(name, seed, prior=prior), Oracle("clean", landscape(), budget=n)))


def test_the_search_starts_with_what_the_prior_ranks_highest() -> None:
    prior = noisy(0)
    order = np.argsort(-prior.guesses[0], kind="stable")
    asked = first(create("gp", 0, prior=prior), 8)
    assert asked[:5] == order[:5].tolist()
    assert len(set(asked)) == 8
    assert first(create("gp", 0, prior=prior, n_prior=2), 3)[:2] == order[:2].tolist()
    assert not set(first(create("gp", 0, prior=prior, n_prior=0), 10)) & set(order[:5].tolist())


def test_several_priors_and_objectives_take_turns() -> None:
    up, down = np.arange(4.0), -np.arange(4.0)
    both = Prior("both", np.array([up, down]))
    assert start([both], 2, 3) == [3, 0, 2]
    assert start([Prior("up", up[None]), Prior("down", down[None])], 1, 9) == [3, 0, 2, 1]
    assert start([Prior("some", np.array([[np.nan, 1.0, np.nan, 2.0]]))], 1, 9) == [3, 1]


@pytest.mark.parametrize("name", ["gp", "xgboost", "forest"])
def test_a_good_prior_saves_queries(name: str) -> None:
    with_prior = np.mean([best_of(noisy(seed), 15, seed, name) for seed in range(3)])
    without = np.mean([best_of(None, 15, seed, name) for seed in range(3)])
    assert with_prior > without + 0.3 * true().std()


def test_a_prior_counts_for_what_it_explains() -> None:
    rows = RNG(0).permutation(len(ROWS))[:40]
    utilities = true()[rows]
    values = (utilities - utilities.mean()) / utilities.std()
    features = (RNG(1).standard_normal((len(ROWS), 3)),)
    weights = {}
    for name, guess in (("right", noisy(0)), ("random", Prior("random", RNG(2).random((1, len(ROWS)))))):
        informed = GPBelief([*features, guess.group(0)], guess.guess(0)[:, None])
        belief = AveragedBelief(GPBelief(features), informed)
        mean, deviation = belief.update(rows.tolist(), values)
        assert (np.isfinite(mean).all(), (deviation > 0).all()) == (True, True)
        weights[name] = belief.trust
    assert weights["right"] > 0.95
    assert weights["random"] < 0.4


def test_distances_are_computed_once_for_all_searches_with_a_prior() -> None:
    prior = noisy(0)
    assert prior.distances(0) is prior.distances(0)
    assert prior.distances(0) is not noisy(0).distances(0)
    np.testing.assert_allclose(prior.distances(0)([4])[0], (prior.group(0) - prior.group(0)[4])[:, 0] ** 2, atol=1e-12)


def test_a_misleading_prior_is_overcome() -> None:
    wrong = Prior("wrong", -noisy(0).guesses)
    reached = [best_of(wrong, 60, seed) for seed in range(3)]
    assert min(reached) >= np.sort(true())[-20]


def test_components_are_those_of_logits() -> None:
    rng = RNG(0)
    quality = rng.random(200)
    accuracies = np.column_stack([0.2 + 0.6 * quality, 0.1 + 0.3 * quality, np.full(200, 0.5), np.full(200, np.nan)])
    accuracies[3, 0] = np.nan
    found = components(accuracies)
    assert found.shape == (200, 2)
    assert abs(np.corrcoef(found[:, 0], quality)[0, 1]) > 0.95
    assert components(np.full((5, 2), 0.3)).shape == (5, 0)


@pytest.mark.parametrize(
    ("guesses", "features", "complaint"),
    [
        (np.arange(4.0), None, "guesses have shape"),
        (np.full((1, 4), np.nan), None, "known for 0 networks"),
        (np.zeros((1, 4)), np.zeros((3, 2)), "features have shape"),
        (np.zeros((1, 4)), np.full((4, 2), np.inf), "expected finite numbers"),
    ],
)
def test_bad_priors_are_refused(guesses: FloatArray, features: FloatArray | None, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint):
        Prior("mine", guesses, features)


def test_searchers_refuse_names_and_other_spaces() -> None:
    with pytest.raises(InvalidInputError, match="open_prior"):
        create("gp", 0, prior="cifar10")
    with pytest.raises(InvalidInputError, match="is about 4 networks"):
        create("gp", 0, prior=Prior("few", np.zeros((1, 4))))
    with pytest.raises(InvalidInputError, match="takes no prior"):
        create("multi-fidelity", 0, prior=noisy(0))
    with pytest.raises(InvalidInputError, match="unknown parameter 'prior'"):
        create("evolution", 0, prior=noisy(0))


def test_names_come_in_lists_and_with_commas() -> None:
    assert prior_names("cifar10") == ("cifar10",)
    assert prior_names(["cifar10", "zc.synflow"]) == prior_names("cifar10, zc.synflow") == ("cifar10", "zc.synflow")
    for bad in ("", [], 3, ["cifar10", 3], "a,,b", "a, a"):
        with pytest.raises(InvalidInputError, match="prior is"):
            prior_names(bad)


@pytest.fixture(scope="module")
def searched() -> Table:
    return open_surrogate("cifar10-surrogate@1")


class TestSources:
    def test_another_dataset(self, searched: Table) -> None:
        prior = open_prior("cifar100-surrogate", "pgd@1, params", searched)
        other = open_surrogate("cifar100-surrogate")
        np.testing.assert_array_equal(prior.guesses[0], other.column(Metric.parse("pgd@1"))[ROWS])
        assert prior.guesses[1].max() < 0  # fewer parameters are better
        assert prior.features is not None
        assert prior.features.shape == (len(ROWS), 12)
        assert prior.digest == other.digest

    def test_a_dataset_without_the_objective_says_what_is_good_in_general(self, searched: Table) -> None:
        clean, pgd = (searched.column(Metric.parse(name)) for name in ("clean", "pgd@1"))
        few = ArrayTable({"clean": clean, "autoattack@8": pgd}, "mine")
        prior = open_prior("cifar100-surrogate", "autoattack@8", few)
        general = open_prior("cifar100-surrogate", "clean", few).guess(0)
        assert np.corrcoef(prior.guess(0), general)[0, 1] > 0.5

    def test_the_searched_dataset_itself_is_refused(self, searched: Table) -> None:
        with pytest.raises(InvalidInputError, match="is the dataset that is searched"):
            open_prior("cifar10-surrogate@1", "clean", searched)

    def test_unknown_names_are_refused(self, searched: Table) -> None:
        with pytest.raises(InvalidInputError, match="prior 'cifar'"):
            open_prior("cifar", "clean", searched)
        with pytest.raises(InvalidInputError, match=r"no attached table, so no zc\.synflow"):
            open_prior("zc.synflow", "clean", searched)

    def test_an_attached_column_counts_in_its_own_direction(self) -> None:
        column = RNG(0).random(SPACE.size)
        table = ArrayTable({"clean": np.linspace(0, 1, SPACE.size)}, "mine", attached={"hw.latency": column})
        prior = open_prior("hw.latency", "clean", table)
        np.testing.assert_array_equal(prior.guesses[0], -column[ROWS])
        assert prior.digest == ""

    def test_a_function_is_asked_for_every_network(self, tmp_path: Path, searched: Table) -> None:
        file = tmp_path / "beliefs.py"
        file.write_text(
            "def convolutions(cell):\n    return str(cell).count('nor_conv_3x3')\n"
            "def half(cell):\n    return float('nan') if 'none' in str(cell) else 1.0\n"
            "def nothing(cell):\n    return float('nan')\n"
            "def words(cell):\n    return 'good'\n"
            "def endless(cell):\n    return float('inf')\n"
            "def broken(cell):\n    return cell.no_such_thing\n"
        )
        prior = open_prior(f"{file}:convolutions", "pgd@1, params", searched)
        best = SPACE.architecture(int(ROWS[prior.best(1)[0]]))
        assert (prior.guesses.shape, str(best).count("nor_conv_3x3")) == ((1, len(ROWS)), 6)
        known = np.isfinite(open_prior(f"{file}:half", "clean", searched).guesses).sum()
        assert 0 < known < len(ROWS)
        for name, complaint in (
            ("nothing", "says nothing"),
            ("words", "returned 'good'"),
            ("endless", "finite weight"),
        ):
            with pytest.raises(InvalidInputError, match=complaint):
                open_prior(f"{file}:{name}", "clean", searched)
        with pytest.raises(UserCodeError, match="no_such_thing"):
            open_prior(f"{file}:broken", "clean", searched)

    def test_a_subspace_has_its_own_networks(self, searched: Table) -> None:
        space = known_space(parse_objectives("pgd@1 where params <= 100000"), searched)
        assert isinstance(space, Subspace)
        prior = open_prior("cifar100-surrogate", "pgd@1", searched, space=space)
        assert prior.n_networks == space.n_networks < len(ROWS)
        searcher = create("gp", 0, space=space, prior=prior)
        oracle = Oracle("pgd@1 where params <= 100000", searched, budget=15)
        assert all(outcome.feasible for outcome in search(searcher, oracle))
