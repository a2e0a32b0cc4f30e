from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from experiments.surrogate_benchmark.noise_ceiling import noise_ceiling
from experiments.surrogate_benchmark.runner import ceiling
from robustnas import Objective
from robustnas.arrays import FloatArray
from robustnas.spaces.nasbench201 import NASBENCH201, space
from robustnas.spaces.nasbench201.twins import network_twin_labels
from robustnas.tables import ArrayTable, open_table
from robustnas.tables.database.database import Database
from robustnas.tables.exchangeable_twins import explained_by_cells
from robustnas.tables.noise import twin_deviations

pytestmark = pytest.mark.timeout(120)  # slow where processors are shared

LABELS = network_twin_labels()
CODES = NASBENCH201.codes()[NASBENCH201.network_indices()]
N = len(LABELS)


def of_functions(seed: int = 0) -> FloatArray:
    """One noise-free score per network, equal for functional twins, normal over functions."""
    return np.random.default_rng(seed).normal(size=LABELS.max() + 1)[LABELS]


TRUTH = of_functions()
RNG = np.random.default_rng(1)
HEAVY = ("heavy tails", "failures")  # deviations from the mean of two hide some of the tail
NOISY = {
    "equal": TRUTH + 0.3 * RNG.normal(size=N),
    "as strong as the signal": TRUTH + RNG.normal(size=N),
    "larger among bad networks": TRUTH + 0.2 * np.exp(-TRUTH) * RNG.normal(size=N),
    "heavy tails": TRUTH + 0.3 * RNG.standard_t(2, N),
    "failures": np.where(RNG.random(N) < 0.02, -50 * RNG.random(N), TRUTH + 0.1 * RNG.normal(size=N)),
    "many orders of magnitude": -np.exp(3 * (TRUTH + 0.2 * RNG.normal(size=N))),
}


@pytest.mark.parametrize("kind", NOISY)
def test_the_ceiling_is_what_knowing_the_truth_would_reach(kind: str) -> None:
    truth = -TRUTH if kind == "many orders of magnitude" else TRUTH
    reached = kendalltau(truth, NOISY[kind]).statistic
    found = noise_ceiling(NOISY[kind])
    assert found.kendall_tau == pytest.approx(reached, abs=0.04 if kind in HEAVY else 0.02)
    assert 0.0005 < found.tau_error < 0.02
    assert found.reason == ""


@pytest.mark.parametrize("kind", ["equal", "as strong as the signal", "larger among bad networks"])
def test_the_r2_is_that_of_knowing_the_truth(kind: str) -> None:
    reached = 1 - np.mean((NOISY[kind] - TRUTH) ** 2) / NOISY[kind].var()
    assert noise_ceiling(NOISY[kind]).r2 == pytest.approx(reached, abs=0.05)


def test_few_networks_that_make_the_variance_leave_no_r2() -> None:
    found = noise_ceiling(NOISY["many orders of magnitude"])
    assert np.isnan(found.r2)
    assert found.kendall_tau > 0.8


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
@pytest.mark.parametrize("objective", ["clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption"])
def test_the_ceiling_of_the_embedded_benchmark_is_near_its_own(dataset: str, objective: str) -> None:
    smooth, noisy = (
        Objective(objective).evaluate(open_table(f"{dataset}-surrogate{seed}"))[space.network_indices()]
        for seed in ("", "@0")
    )
    assert noise_ceiling(noisy).kendall_tau == pytest.approx(kendalltau(smooth, noisy).statistic, abs=0.02)


def test_without_noise_it_is_one() -> None:
    found = noise_ceiling(TRUTH)
    assert (found.kendall_tau, found.r2) == pytest.approx((1.0, 1.0))


def test_it_depends_on_ranks_alone() -> None:
    assert noise_ceiling(np.exp(5 * NOISY["equal"])).kendall_tau == noise_ceiling(NOISY["equal"]).kendall_tau


def test_infinite_scores_are_unknown() -> None:
    scores = NOISY["equal"].copy()
    scores[::7], scores[3::70] = np.nan, -np.inf
    assert noise_ceiling(scores).kendall_tau == pytest.approx(noise_ceiling(NOISY["equal"]).kendall_tau, abs=0.02)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (np.full(N, np.nan), "0 networks have a functional twin"),
        (np.full(N, 0.5), "100% of the networks have the same score"),
        (np.maximum(NOISY["equal"], 0), r"(49|50|51)% of the networks have the same score"),
        (RNG.normal(size=N), "nothing but noise"),
        (TRUTH + CODES.sum(axis=1), "differ by their cells"),
    ],
    ids=["unknown", "constant", "half at zero", "noise", "latency"],
)
def test_where_there_is_none_it_says_why(scores: FloatArray, reason: str) -> None:
    found = noise_ceiling(scores)
    assert np.isnan([found.kendall_tau, found.tau_error, found.r2, found.r2_error]).all()
    assert re.search(reason, found.reason)


def test_cells_explain_latencies_but_not_noise() -> None:
    noise = RNG.normal(size=N)
    share, p_value = explained_by_cells(twin_deviations(noise), NASBENCH201)
    assert abs(share) < 0.03
    assert p_value > 0.01
    share, p_value = explained_by_cells(twin_deviations((CODES == 1).sum(axis=1) + noise), NASBENCH201)
    assert share > 0.05
    assert p_value == 1 / 200


def test_few_twins_are_too_few() -> None:
    known = np.full(N, np.nan)
    some = np.flatnonzero(np.bincount(LABELS)[LABELS] == 2)[:20]
    known[some] = NOISY["equal"][some]
    assert "networks have a functional twin; a ceiling needs 30" in noise_ceiling(known).reason


def test_costs_have_no_noise_and_latencies_no_ceiling() -> None:
    table = ArrayTable({"clean": NOISY["equal"][NASBENCH201.network_of_index()] / 100 + 0.5})
    assert ceiling("params", table)["ceiling"] == 1.0
    assert ceiling("clean", table)["ceiling"] == pytest.approx(0.81, abs=0.03)
    assert noise_ceiling((CODES == 1).sum(axis=1) + 0.01 * NOISY["equal"]).reason


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        ("cifar10", {"clean": 0.932, "fgsm@1": 0.929, "pgd@1": 0.858, "apgd@1": 0.844, "square@1": 0.809}),
        ("cifar100", {"clean": 0.932, "fgsm@1": 0.883, "pgd@1": 0.826, "apgd@1": 0.821, "square@1": 0.788}),
    ],
)
def test_the_ceilings_of_the_published_database(real_data_dir: Path, dataset: str, expected: dict[str, float]) -> None:
    table = Database.open(real_data_dir)[dataset]
    assert {text: ceiling(text, table)["ceiling"] for text in expected} == pytest.approx(expected, abs=0.01)
