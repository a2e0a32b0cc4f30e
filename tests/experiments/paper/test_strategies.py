from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from experiments.comparison.run import record
from experiments.comparison.spec import RunSpec
from experiments.paper.section import Question
from experiments.paper.strategies import PAPER_BEST, flat, plan_of, strategies
from robustnas.errors import ObjectiveError
from robustnas.tables import ArrayTable
from robustnas.tables.database.database import Database

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


@pytest.mark.real_data
def test_the_section_agrees_with_single_runs(real_data_dir: Path) -> None:
    table = Database.open(real_data_dir)["cifar10"]
    section = strategies(Question(table, n_seeds=2, budget=20, jobs=1))
    frame = section.frames["strategies"].set_index(["objective", "searcher", "metric"])
    assert len(frame) == 6 * 4 * 6
    runs = [record(RunSpec("pgd@1", "random", "random", {}, 20, seed), table)["cross"]["clean"] for seed in (0, 1)]
    assert frame.loc[("pgd@1", "random", "clean"), "mean"] == pytest.approx(np.mean(runs))
    best = section.tables["strategies"].rows[0].entries
    assert [float(entry.text) for entry in best[1:]] == pytest.approx(
        [100 * value for value in PAPER_BEST.values()], abs=0.09
    )
    assert set(section.captions) == set(section.figures)


def test_the_plan_is_a_plan_with_its_seeds(published: Path) -> None:
    plan = plan_of(Question(Database.open(published)["cifar10"], n_seeds=3, budget=50, seed=7))
    assert plan.seeds == (7, 8, 9)
    assert plan.budget == 50
    assert [searcher.name for searcher in plan.searchers] == ["random", "local", "evolution", "gp"]


def test_a_table_of_few_networks_has_a_smaller_budget() -> None:
    table = ArrayTable.from_frame(pd.DataFrame({"arch": ["#13433", "#81", "#2631"], "clean": [0.5, 0.6, 0.7]}))
    assert plan_of(Question(table, budget=300)).budget == 3


def test_a_cross_evaluation_in_plain_columns() -> None:
    columns = pd.MultiIndex.from_tuples([("clean", "mean"), ("clean", "std")])
    index = pd.MultiIndex.from_tuples([("pgd@1", "random")])
    (row,) = flat(pd.DataFrame([[0.9, 0.1]], index=index, columns=columns)).to_dict("records")
    assert row == {"objective": "pgd@1", "searcher": "random", "metric": "clean", "mean": 0.9, "std": 0.1}


def test_a_partial_folder_shrinks_the_section_or_is_refused(published: Path) -> None:
    section = strategies(Question(Database.open(published)["cifar10"], n_seeds=2, budget=20, jobs=1))
    assert "clean" in set(section.frames["strategies"]["objective"])
    assert "apgd@1" not in set(section.frames["strategies"]["objective"])
    for name in ("pgd@Linf_accuracy.json", "fog_accuracy.json", "clean_accuracy.json"):
        (published / "cifar10" / name).unlink()
    (published / "cifar10" / "fgsm@Linf_accuracy.json").unlink(missing_ok=True)
    database = Database.open(published)
    with pytest.raises(ObjectiveError, match="nothing to search"):
        strategies(Question(database["cifar10"], n_seeds=2, budget=20, jobs=1))
