"""Expected scores are closer to the truth than measured ones; without noise to take off, they are the measured ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from robustnas.objectives import Objective
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables import ArrayTable
from robustnas.tables.column_facts import ColumnFacts
from robustnas.tables.datasets import open_table
from surrogates.expected import Expected, expected, expected_scores

SIZE = NASBENCH201.size
ROWS = NASBENCH201.network_indices()
TRUE = np.asarray(open_table("cifar10-surrogate").column(Objective("clean").metrics[0]))


def noisy(seed: int = 0) -> ArrayTable:
    """Return a table of the embedded benchmark's clean accuracy, whose noise is 0.003, drawn by network."""
    noise = 0.003 * np.random.default_rng(seed).standard_normal(NASBENCH201.n_networks)
    return ArrayTable({"clean": np.clip(TRUE + noise[NASBENCH201.network_of_index()], 0, 1)})


@pytest.fixture(scope="module")
def table() -> ArrayTable:
    return noisy()


@pytest.fixture(scope="module")
def found(table: ArrayTable) -> Expected:
    return expected(Objective("clean"), table)


def error(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean((values - TRUE)[ROWS] ** 2)))


@pytest.mark.timeout(60)
def test_they_are_closer_to_the_truth_than_measured_scores(table: ArrayTable, found: Expected) -> None:
    measured = table.column(Objective("clean").metrics[0])
    assert found.reason == ""
    assert error(found.mean) < 0.8 * error(measured)
    lucky = ROWS[np.argsort(-measured[ROWS])[:50]]
    assert abs((found.mean - TRUE)[lucky].mean()) < 0.5 * abs((measured - TRUE)[lucky].mean())
    assert 0.93 < np.mean(np.abs(found.mean - TRUE)[ROWS] <= 1.96 * found.std[ROWS]) < 0.98
    assert np.median(found.noise) == pytest.approx(0.003, rel=0.15)


@pytest.mark.timeout(60)
def test_twins_and_cells_of_one_network_share_one(found: Expected) -> None:
    labels = NASBENCH201.twin_labels()
    assert labels is not None
    by_class = {}
    for label, value in zip(labels.tolist(), found.mean[ROWS].tolist(), strict=True):
        assert by_class.setdefault(label, value) == value
    assert found.mean[ROWS][NASBENCH201.network_of_index()].tolist() == found.mean.tolist()


@pytest.mark.timeout(60)
def test_a_constraint_changes_no_score(table: ArrayTable, found: Expected) -> None:
    assert expected(Objective("clean where params <= 5e5"), table).mean.tolist() == found.mean.tolist()


@pytest.mark.timeout(60)
def test_unknown_scores_stay_unknown(table: ArrayTable) -> None:
    values = np.array(table.column(Objective("clean").metrics[0]))
    unknown = NASBENCH201.network_of_index() % 3 == 0
    values[unknown] = np.nan
    found = expected(Objective("clean"), ArrayTable({"clean": values}))
    assert np.isnan(found.mean).tolist() == unknown.tolist()
    assert np.isnan(found.std).tolist() == unknown.tolist()


@pytest.mark.timeout(60)
def test_a_declared_noise_needs_no_twins() -> None:
    column = noisy(3).column(Objective("clean").metrics[0])
    table = ArrayTable({}, attached={"t.acc": column}, facts={"t.acc": ColumnFacts(noise=0.003)})
    found = expected(Objective("2*t.acc"), table)
    assert found.reason == ""
    assert np.unique(found.noise).tolist() == [0.006]
    assert error(found.mean / 2) < 0.8 * error(column)


def own(**columns: np.ndarray) -> ArrayTable:
    return ArrayTable(columns)


LATENCY = (NASBENCH201.codes() == 3).sum(axis=1) + 0.01 * np.random.default_rng(0).standard_normal(SIZE)
FEW = np.where(NASBENCH201.network_of_index() < 90, TRUE, np.nan)
NO_TWINS = np.where(np.isin(NASBENCH201.network_of_index(), np.unique(NASBENCH201.twin_labels(), return_index=True)[1]),
                    noisy().column(Objective("clean").metrics[0]), np.nan)  # fmt: skip


@pytest.mark.parametrize(
    ("table", "objective", "std", "reason"),
    [
        (own(clean=TRUE), "flops", 0.0, "it is a cost"),
        (ArrayTable({}, attached={"hw.latency": LATENCY}), "hw.latency", 0.0, "it is a cost"),
        (
            ArrayTable({}, attached={"hw.speed": LATENCY}),
            "hw.speed",
            np.nan,
            "differ by their cells, which explain 100%",
        ),
        (own(clean=TRUE), "clean", 0.0, "functional twins score the same"),
        (own(clean=np.full(SIZE, 0.1)), "clean", 0.0, "functional twins score the same"),
        (own(clean=FEW), "clean", np.nan, "functions have a known score, of which a model needs 100"),
        (own(clean=NO_TWINS), "clean", np.nan, "0 networks have a functional twin"),
    ],
)
def test_without_noise_to_take_off_they_are_the_measured_ones(
    table: ArrayTable, objective: str, std: float, reason: str
) -> None:
    found = expected(Objective(objective), table)
    assert reason in found.reason
    np.testing.assert_array_equal(found.mean, Objective(objective).evaluate(table))
    np.testing.assert_array_equal(found.std, np.full(SIZE, std))


@pytest.mark.timeout(60)
def test_they_are_kept_and_a_damaged_file_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUSTNAS_CACHE", str(tmp_path))
    scores = noisy(5).column(Objective("clean").metrics[0])[ROWS]
    first = expected_scores(scores, NASBENCH201)
    (kept,) = (tmp_path / "expected").iterdir()
    content = kept.read_bytes()
    monkeypatch.setattr("surrogates.expected._fitted", lambda *_: pytest.fail("fitted again"))
    np.testing.assert_array_equal(expected_scores(scores, NASBENCH201), first)
    monkeypatch.undo()
    monkeypatch.setenv("ROBUSTNAS_CACHE", str(tmp_path))
    kept.write_bytes(content[:1000])
    np.testing.assert_array_equal(expected_scores(scores, NASBENCH201), first)
    assert kept.read_bytes() == content


@pytest.mark.timeout(60)
def test_a_cache_that_cannot_be_written_costs_time_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("ROBUSTNAS_CACHE", str(tmp_path / "file"))
    found = expected_scores(noisy(6).column(Objective("clean").metrics[0])[ROWS], NASBENCH201)
    assert np.isfinite(found).all()
