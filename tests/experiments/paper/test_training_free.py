from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau

from experiments.paper.section import Question
from experiments.paper.training_free import measure_correlations, training_free
from robustnas import Cell
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cost import all_parameters
from robustnas.tables.attached.attaching import attach
from robustnas.tables.database.database import Database

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.timeout(180)]


@pytest.fixture(autouse=True)
def no_attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROBUSTNAS_ATTACHED", str(tmp_path / "attached"))


def test_known_correlations() -> None:
    scores = np.array([0.1, 0.2, 0.3, 0.4])
    frame = measure_correlations({"up": scores, "part": np.array([2.0, 1.0, np.nan, np.nan])}, {"clean": scores})
    np.testing.assert_allclose(frame["kendall_tau"], [1, -1])
    assert frame["n"].tolist() == [4, 2]


def test_without_a_table_it_says_how_to_attach(published: Path) -> None:
    section = training_free(Question(Database.open(published)["cifar10"]))
    assert set(section.frames["training_free"]["measure"]) == {"params", "flops"}
    assert "no table of measures is attached" in section.lead
    assert "robustnas data attach FILE --dataset cifar10" in section.paragraphs[-1]
    assert "--attach" in section.paragraphs[-1]


def test_an_attached_table_is_measured(published: Path, tmp_path: Path) -> None:
    table = Database.open(published)["cifar10"]
    rows = space.network_indices()[:50]
    lines = [f"{Cell.from_index(int(i)).arch},{-table.column('pgd@1')[i]}" for i in rows]
    (tmp_path / "zc.csv").write_text("\n".join(["arch,against", *lines]))
    attach(tmp_path / "zc.csv", "cifar10", "zc")
    section = training_free(Question(Database.open(published)["cifar10"]))
    frame = section.frames["training_free"].set_index(["measure", "metric"])
    assert frame.loc[("zc.against", "pgd@1"), "kendall_tau"] == pytest.approx(-1)
    assert frame.loc[("zc.against", "pgd@1"), "n"] == 50
    assert "1 attached measure, parameters and FLOPs, zc.against ranks best" in section.lead


@pytest.mark.real_data
def test_parameters_on_real_data(real_data_dir: Path) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    frame = training_free(Question(table)).frames["training_free"].set_index(["measure", "metric"])
    params = all_parameters()[space.network_indices()]
    expected = kendalltau(params, table.network_column("fgsm@1")).statistic
    assert frame.loc[("params", "fgsm@1"), "kendall_tau"] == pytest.approx(expected)
    assert frame.loc[("params", "clean"), "kendall_tau"] == pytest.approx(0.61, abs=0.01)
