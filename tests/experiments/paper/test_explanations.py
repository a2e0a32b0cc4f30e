from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from experiments.paper.explanations.importances import importances
from experiments.paper.explanations.result import explanations, strongest
from experiments.paper.section import Question
from robustnas.errors import InvalidInputError, ObjectiveError
from robustnas.spaces import encoding
from robustnas.spaces.nasbench201 import space
from robustnas.tables.database.database import Database

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def test_the_feature_that_makes_the_score_is_found() -> None:
    features = encoding("graph")
    column = features.values[space.network_indices(), features.names.index("graph:max_field")]
    model = importances(-column)
    first = strongest(model).iloc[0]
    assert first["feature"] == "max_field"
    assert first["direction"] == -1
    assert model.kendall_tau > 0.9


def test_noise_predicts_nothing() -> None:
    model = importances(np.random.default_rng(0).normal(size=6466))
    assert abs(model.kendall_tau) < 0.1
    with pytest.raises(InvalidInputError, match="at least 100"):
        importances(np.full(6466, np.nan))


@pytest.mark.real_data
def test_held_out_predictions_rank_real_networks(real_data_dir: Path) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    scores = table.network_column("pgd@1")
    model = importances(scores)
    assert model.kendall_tau > 0.6
    features = encoding("graph")
    row = strongest(model).iloc[0]
    column = features.values[space.network_indices(), features.names.index(f"graph:{row['feature']}")]
    assert np.sign(stats.spearmanr(column, scores).statistic) == row["direction"]


def test_a_partial_folder_shrinks_the_section_or_is_refused(published: Path) -> None:
    section = explanations(Question(Database.open(published)["cifar10"]))
    assert set(section.frames["explanations"]["objective"]) >= {"clean"}
    assert set(section.captions) == set(section.figures)
    for name in ("pgd@Linf_accuracy.json", "fog_accuracy.json", "clean_accuracy.json"):
        (published / "cifar10" / name).unlink()
    with pytest.raises(ObjectiveError, match="holds none of"):
        explanations(Question(Database.open(published)["cifar10"]))
