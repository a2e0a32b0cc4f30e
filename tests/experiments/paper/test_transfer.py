from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from experiments.paper.objective_scores import ObjectiveScores
from experiments.paper.section import Question
from experiments.paper.transfer import transfer
from experiments.paper.transfer.regrets import transfer_regrets
from experiments.paper.transfer.result import _tau_figure
from robustnas.errors import ObjectiveError
from robustnas.tables.database.database import Database

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


@pytest.mark.real_data
def test_the_section_agrees_with_plain_arithmetic(real_data_dir: Path) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    section = transfer(Question(table))
    frame = section.frames["transfer"].set_index(["chosen_by", "used_on"])
    clean, pgd = table.network_column("clean"), table.network_column("pgd@1")
    pair = frame.loc[("clean", "pgd@1")]
    assert pair["regret"] == pytest.approx(pgd.max() - pgd[clean == clean.max()].mean())
    assert pair["kendall_tau"] == pytest.approx(stats.kendalltau(clean, pgd).statistic)
    assert (frame["regret_top"] >= -1e-12).all()
    same = frame[[first == second for first, second in frame.index]]
    np.testing.assert_allclose(same[["regret", "regret_top"]], 0.0, atol=1e-12)
    assert set(section.figures) == set(section.captions)


def test_a_known_answer() -> None:
    rising = np.linspace(0.0, 1.0, 6466)
    pair = [ObjectiveScores("a", "a", rising, 0.1), ObjectiveScores("b", "b", 1.0 - rising, 0.5)]
    frame = transfer_regrets(pair, k=2).set_index(["chosen_by", "used_on"])
    line = frame.loc[("a", "b")]
    assert line["kendall_tau"] == pytest.approx(-1.0)
    assert (line["regret"], line["regret_noise"]) == pytest.approx((1.0, 2.0))
    assert line["regret_top"] == pytest.approx(1.0 - 1.0 / 6465)


def test_other_datasets_are_rows_and_columns(published: Path) -> None:
    database = Database.open(published)
    frame = transfer(Question(database["cifar10"], dict(database))).frames["transfer"]
    assert "cifar100: clean" in set(frame["chosen_by"])
    assert not any(name.startswith("cifar10: ") for name in frame["used_on"])


def test_clean_accuracy_alone_is_refused_in_words(published: Path) -> None:
    for name in ("pgd@Linf_accuracy.json", "fog_accuracy.json"):
        (published / "cifar10" / name).unlink()
    with pytest.raises(ObjectiveError, match="clean accuracy only"):
        transfer(Question(Database.open(published)["cifar10"]))


def test_the_objectives_of_two_datasets_stand_apart_and_their_numbers_fit() -> None:
    names = [*(f"pgd@{i}" for i in range(18)), *(f"cifar100: pgd@{i}" for i in range(6))]
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"kendall_tau": rng.uniform(-1, 1, len(names) ** 2)})
    scores = np.zeros(6466)
    figure = _tau_figure(frame, [ObjectiveScores(name, name, scores, 0.1) for name in names])
    heat_map = figure.axes[0]
    field = heat_map.bbox.width / len(names)
    written = [text for text in heat_map.texts if text.get_text()]
    assert len(written) == len(names) ** 2
    assert max(text.get_window_extent().width for text in written) < field
    assert {text.get_text() for text in written} <= {f"{i}".replace("-", "−") for i in range(-100, 101)}
    assert [line.get_ydata()[0] for line in heat_map.lines] == [17.5, 0]
    assert figure.axes[1].get_xlabel() == "100 times Kendall's tau"
