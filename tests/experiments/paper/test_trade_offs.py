from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from experiments.paper.objective_scores import ObjectiveScores, objective_scores
from experiments.paper.section import Question
from experiments.paper.trade_offs.front_figures import costs_figure, fronts_figure
from experiments.paper.trade_offs.fronts import front_facts, front_members, hypervolume, near_front
from experiments.paper.trade_offs.result import trade_offs
from robustnas import Cell
from robustnas.errors import ObjectiveError
from robustnas.spaces.nasbench201 import space
from robustnas.tables.attached.attaching import attach
from robustnas.tables.database.database import Database

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


@pytest.mark.real_data
def test_the_section_agrees_with_a_slow_count(real_data_dir: Path) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    section = trade_offs(Question(table))
    facts = section.frames["trade_offs"].set_index(["objective", "against"])
    clean, pgd = (entry.scores for entry in objective_scores(table, ["clean", "pgd@1"]))
    beaten = [((clean >= c) & (pgd >= p) & ((clean > c) | (pgd > p))).any() for c, p in zip(clean, pgd, strict=True)]
    assert facts.loc[("clean", "pgd@1"), "n_front"] == len(beaten) - sum(beaten)
    assert (facts["n_near"] >= facts["n_front"]).all()
    assert facts["hypervolume"].between(0, 1).all()
    members = section.frames["trade_off_members"]
    assert (members.groupby(["objective", "against"])["knee"].sum() <= 1).all()


def _scores(name: str, values: np.ndarray, minimised: bool = False) -> ObjectiveScores:
    return ObjectiveScores(name, name, values, 0.0 if minimised else 0.15, minimised)


def test_a_front_of_known_answer() -> None:
    first, second = np.zeros(6466), np.full(6466, 9.0)
    first[:4], second[:4] = [1.0, 0.9, 0.5, 0.4], [4.0, 2.0, 1.0, 3.0]
    pair = _scores("accuracy", first), _scores("cost", second, minimised=True)
    members = front_members(*pair)
    assert members["first"].tolist() == [1.0, 0.9, 0.5]
    assert members["knee"].tolist() == [False, True, False]
    facts = front_facts(*pair)
    assert (facts["n_front"], facts["n_steps"], facts["n_unsure"]) == (3, 2, 1)


def test_hypervolume_of_one_best_is_the_whole() -> None:
    assert hypervolume(np.array([[1.0, 5.0], [0.0, 0.0], [0.5, 1.0]])) == 1.0


def test_an_equal_cost_and_a_clear_loss_is_not_near() -> None:
    utilities = np.array([[1.0, -3.0], [0.95, -3.0], [0.5, -3.0], [0.4, -1.0]])
    assert near_front(utilities, np.array([0.1, 0.0])).tolist() == [True, True, False, True]


def test_a_partial_folder_is_refused_in_words(published: Path) -> None:
    for name in ("pgd@Linf_accuracy.json", "fog_accuracy.json"):
        (published / "cifar10" / name).unlink()
    with pytest.raises(ObjectiveError, match="clean accuracy only"):
        trade_offs(Question(Database.open(published)["cifar10"]))


@pytest.fixture
def latency(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A latency of every network, attached; a tenth has the mark -1. Shape (6466,)."""
    monkeypatch.setenv("ROBUSTNAS_ATTACHED", str(tmp_path / "attached"))
    values = np.random.default_rng(0).integers(1, 60, size=space.N_NETWORKS).astype(float)
    values[::10] = -1.0
    archs = [Cell.from_index(index).arch for index in range(space.N_CELLS)]
    frame = pd.DataFrame({"arch": archs, "latency": values[space.network_of_index()]})
    frame.to_csv(tmp_path / "hw.csv", index=False)
    attach(tmp_path / "hw.csv", "cifar10", "hw")
    return values


def test_fronts_against_an_attached_latency(published: Path, latency: np.ndarray) -> None:
    """Counted by hand, without the networks whose latency is missing."""
    table = Database.open(published)["cifar10"]
    section = trade_offs(Question(table))
    assert set(section.figures) == set(section.captions)
    assert "trade_off_attached" in section.figures
    clean = objective_scores(table, ["clean"])[0].scores
    known = latency > 0
    beaten = [
        (known & (clean >= c) & (latency <= x) & ((clean > c) | (latency < x))).any()
        for c, x in zip(clean[known], latency[known], strict=True)
    ]
    facts = section.frames["trade_offs"].set_index(["objective", "against"])
    assert facts.loc[("clean", "hw.latency"), "n_front"] == len(beaten) - sum(beaten)
    members = section.frames["trade_off_members"]
    assert members.loc[members["against"] == "hw.latency", "second"].min() >= 1


def test_without_attached_costs_there_is_no_figure_of_them(published: Path) -> None:
    section = trade_offs(Question(Database.open(published)["cifar10"]))
    assert set(section.figures) == set(section.captions) == {"trade_off_robust", "trade_off_size"}


def _overlapping(texts: Sequence[Text]) -> list[tuple[str, str]]:
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    return [(a, b) for (a, one), (b, other) in combinations(boxes, 2) if one.overlaps(other)]


def test_a_front_stands_among_the_networks_around_it() -> None:
    """Cloud, noise, knee and ids are drawn; the axes hold all of the front, and the ids stay on the figure."""
    rng = np.random.default_rng(0)
    first, second = (0.8 * rng.random(6466) for _ in range(2))
    first[:4], second[:4] = [0.95, 0.93, 0.5, 0.90], [0.5, 0.8, 0.9, 0.85]
    pair = _scores("a", first), _scores("b", second)
    figure = fronts_figure([pair, (pair[0], replace(pair[1], minimised=True, noise=0.0, scale="count"))])
    axes = figure.axes[0]
    members = front_members(*pair)
    named = {f"#{uid}" for uid in members["uid"].iloc[[0, -1]]} | {f"#{members.loc[members['knee'], 'uid'].iloc[0]}"}
    ids = [text for text in axes.texts if text.get_text()]
    assert {text.get_text() for text in ids} == named
    assert _overlapping(ids) == []
    assert all(text.get_window_extent().x0 >= 0 and text.get_window_extent().x1 <= figure.bbox.width for text in ids)
    cloud, near = (line.get_xdata() for line in axes.lines[:2])
    assert len(cloud) == 6466
    assert len(members) < len(near) < 6466
    low, high = axes.get_xlim()
    assert low < 100 * members["second"].min() <= 100 * members["second"].max() < high
    assert sum(low < x < high for x in cloud) > len(near)
    (across, up) = next(container.lines[2] for container in axes.containers)
    assert np.ptp(across.get_segments()[0][:, 0]) == pytest.approx(2 * 100 * 0.15)
    assert np.ptp(up.get_segments()[0][:, 1]) == pytest.approx(2 * 100 * 0.15)
    assert figure.axes[1].get_xlim()[1] > second.max()  # of a cost, all networks
    assert [text.get_text() for text in figure.legends[0].texts][-1] == "knee"


def test_the_names_of_fronts_against_costs_fit_a_column() -> None:
    accuracies = [_scores(f"a long name of accuracy {i}", np.linspace(0, 1, 6466)) for i in range(6)]
    figure = costs_figure([(entry, _scores("cost", np.linspace(0, 9, 6466), minimised=True)) for entry in accuracies])
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width
