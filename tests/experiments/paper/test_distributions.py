from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.paper.distributions import distributions
from experiments.paper.distributions.accuracy_spread import accuracy_quantiles, attack_summary, chance_level
from experiments.paper.section import Question
from robustnas.tables.database.database import Database

pytestmark = [pytest.mark.usefixtures("own_cache"), pytest.mark.timeout(180)]


def test_chance() -> None:
    assert [chance_level(name) for name in ("cifar10", "cifar100", "ImageNet16-120")] == [0.1, 0.01, 1 / 120]


def test_where_attacks_break_networks() -> None:
    rows = [("pgd", 0.1, 0.5, 0.6, 0.9), ("pgd", 1.0, 0.05, 0.1, 0.7), ("pgd", 8.0, 0.0, 0.0, 0.0)]
    frame = pd.DataFrame(rows, columns=["source", "level", "q25", "median", "q75"])
    (found,) = attack_summary(frame, 0.1).to_dict("records")
    assert (found["attack"], found["widest_eps"], found["eps_at_chance"]) == ("pgd", 1.0, 1.0)
    assert found["widest_range"] == pytest.approx(0.65)


def test_quantiles_are_those_of_the_networks(published: Path) -> None:
    table = Database.open(published)["cifar10"]
    frame = accuracy_quantiles(table).set_index("metric")
    assert list(frame.index) == [str(metric) for metric in table.metrics]
    scores = np.sort(table.network_column("pgd@1"))
    assert frame.loc["pgd@1", "n"] == 6466
    assert frame.loc["pgd@1", "median"] == pytest.approx((scores[3232] + scores[3233]) / 2)
    assert frame.loc["pgd@1", "at_chance"] == pytest.approx((scores <= 0.1).mean())


def test_a_partial_folder_gives_what_it_holds(published: Path) -> None:
    section = distributions(Question(Database.open(published)["cifar10"]))
    assert set(section.figures) == {"distributions_attacks", "distributions_corruptions"}
    assert len(section.frames["severity_quantiles"]) == 0
    only_clean = distributions(Question(Database.open(published)["cifar100"]))
    assert only_clean.figures == {}
    assert "clean" in only_clean.lead


@pytest.mark.real_data
def test_the_best_networks_are_the_published_ones(real_data_dir: Path) -> None:
    section = distributions(Question(Database.open(real_data_dir)["cifar10"]))
    best = section.frames["accuracy_quantiles"].set_index("metric")["best"]
    known = {"clean": 94.6, "fgsm@1": 69.2, "pgd@1": 58.8, "apgd@1": 54.0, "square@1": 73.6}
    assert {name: round(100 * best[name], 1) for name in known} == known
    assert "median network is 91.4 %" in section.lead
