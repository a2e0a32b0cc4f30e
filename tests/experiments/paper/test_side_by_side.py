from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from experiments.paper.objective_scores import ObjectiveScores
from experiments.paper.section import Question
from experiments.paper.side_by_side import side_by_side
from experiments.paper.side_by_side.choices import choices
from robustnas.errors import ObjectiveError
from robustnas.tables.database.database import Database
from robustnas.tables.database.importing import install
from tests.robustnas.tables.database.test_importing import ROBBENCH, page

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.timeout(60)]


def scores(name: str, values: np.ndarray, noise: float = 0.1) -> ObjectiveScores:
    return ObjectiveScores(name, name, values, noise)


def test_a_known_answer() -> None:
    rising = np.arange(6466) / 6465
    falling = 1 - rising
    falling[-1] = np.nan  # not known there
    (pair,) = choices([scores("a", rising)], [scores("b", falling)], k=50).to_dict("records")
    assert (pair["n"], pair["kendall_tau"], pair["overlap"]) == (6465, pytest.approx(-1), 0)
    assert pair["regret"] == pytest.approx(6464 / 6465)
    assert pair["regret_noise"] == pytest.approx(6464 / 646.5)
    assert pair["best_of_top"] == pytest.approx(50 / 6465)  # the 50 best by a reach from 1/6465 to 50/6465
    assert pair["rank_of_top"] == 6465 - 49
    (same,) = choices([scores("a", rising)], [scores("c", 2 * rising)]).to_dict("records")
    assert (same["overlap"], same["regret"], same["rank_of_top"]) == (1, 0, 1)


def test_two_regimes_of_one_folder(published: Path, tmp_path: Path) -> None:
    install(page(tmp_path / "page.json", [f"cifar10#{name}" for name in ROBBENCH]), published)
    database = Database.open(published)
    question = Question(database["cifar10"], dict(database))
    section = side_by_side(question)  # chooses the other regime
    frame = section.frames["side_by_side"].set_index(["chosen_by", "used_on"])
    mine = database["cifar10"].network_column("pgd@1")
    theirs = database["robbench-cifar10"].network_column("autoattack@8")
    assert frame.loc[("pgd@1", "autoattack@8"), "kendall_tau"] == pytest.approx(
        stats.kendalltau(mine, theirs).statistic
    )
    assert set(section.figures) == set(section.captions)
    assert "adversarial training, mean of 3 seeds" in section.paragraphs[0]
    assert set(section.frames["side_by_side_noise"]["dataset"]) == {"cifar10", "robbench-cifar10"}
    other = side_by_side(Question(database["cifar10"], dict(database), against=database["cifar100"]))
    assert set(other.frames["side_by_side"]["used_on"]) == {"clean"}


def test_one_dataset_alone_is_refused_in_words(published: Path) -> None:
    table = Database.open(published)["cifar10"]
    with pytest.raises(ObjectiveError, match=r"is the only dataset in .*name it with --against"):
        side_by_side(Question(table))
