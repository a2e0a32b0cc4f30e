from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from experiments.paper.correlations import correlations
from experiments.paper.correlations.correlation_figures import hundredths, tau_figure
from experiments.paper.correlations.rank_correlations import blocks_clustered, clean_against, kendall, tau_matrix
from experiments.paper.section import Question
from robustnas.errors import ObjectiveError
from robustnas.tables.database.database import Database

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.timeout(180)]


def counted_tau(a: np.ndarray, b: np.ndarray) -> float:
    """Kendall's tau-b by counting pairs."""
    signs = [(np.sign(a[i] - a[j]), np.sign(b[i] - b[j])) for i, j in combinations(range(len(a)), 2)]
    x, y = np.array(signs).T
    return float((x * y).sum() / np.sqrt((x != 0).sum() * (y != 0).sum()))


def test_tau_counts_pairs_with_ties() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, 40).astype(float), rng.integers(0, 6, 40).astype(float)
    assert kendall(a, b) == pytest.approx(counted_tau(a, b))
    assert np.isnan(kendall(a, np.zeros(40)))


def test_what_agrees_stands_together_and_only_the_lower_triangle_is_drawn() -> None:
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 60))
    columns = {"clean": first, "pgd@1": second, "fgsm@1": first + 0.1, "pgd@2": second + 0.1}
    columns["fgsm@2"] = first + 0.01 * rng.normal(size=60)
    matrix = tau_matrix(columns)
    assert blocks_clustered(matrix) in (
        ["clean", "fgsm@1", "fgsm@2", "pgd@1", "pgd@2"],
        ["fgsm@1", "fgsm@2", "clean", "pgd@1", "pgd@2"],
        ["pgd@1", "pgd@2", "clean", "fgsm@1", "fgsm@2"],
        ["pgd@1", "pgd@2", "fgsm@1", "fgsm@2", "clean"],
    )
    axes = tau_figure(matrix).axes[0]
    fields = [text for text in axes.texts if text.get_position()[0] % 1 == 0 and text.get_text().lstrip("−").isdigit()]
    assert len(fields) == 5 * 4 // 2
    assert all(text.get_position()[1] > text.get_position()[0] for text in fields)


def test_the_matrix_is_symmetric() -> None:
    a = np.arange(10.0)
    matrix = tau_matrix({"a": a, "b": -a, "c": np.ones(10)})
    assert matrix.loc["a", "b"] == matrix.loc["b", "a"] == pytest.approx(-1)
    assert matrix.loc["a", "a"] == 1
    assert matrix["c"].isna().all()


def test_the_best_by_clean_accuracy_with_ties_at_the_border() -> None:
    clean = np.array([0.1, 0.2, 0.3, 0.3, 0.5, 0.6])
    frame = clean_against(clean, {"x": -clean}, (1.0, 0.5)).set_index("share")
    assert frame["n"].to_dict() == {1.0: 6, 0.5: 4}
    np.testing.assert_allclose(frame["kendall_tau"], -1)


def test_numbers_have_a_minus_sign() -> None:
    assert (hundredths(-0.114), hundredths(-0.004), hundredths(1.0)) == ("−11", "0", "100")


def test_a_partial_folder(published: Path) -> None:
    database = Database.open(published)
    section = correlations(Question(database["cifar10"]))
    assert section.frames["tau_all"].shape == (9, 10)
    assert set(section.figures) == {"correlations_all", "correlations_attacks", "correlations_corruptions"}
    with pytest.raises(ObjectiveError, match="holds 1 metric"):
        correlations(Question(database["cifar100"]))


@pytest.mark.real_data
def test_tau_of_a_sample_and_signs_on_real_data(real_data_dir: Path) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    clean, pgd = table.network_column("clean"), table.network_column("pgd@1")
    rows = np.arange(0, 6466, 20)
    assert kendall(clean[rows], pgd[rows]) == pytest.approx(counted_tau(clean[rows], pgd[rows]))
    assert kendall(clean, pgd) == pytest.approx(0.17, abs=0.01)
    assert kendall(clean, table.network_column("apgd@1")) == pytest.approx(-0.11, abs=0.01)
