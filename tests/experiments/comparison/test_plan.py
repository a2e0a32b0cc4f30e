from __future__ import annotations

from pathlib import Path

import pytest

from experiments.comparison.plan import Plan, builtin_text
from robustnas.errors import PlanError

GOOD = """
dataset = "cifar10"
objectives = ["clean", "pgd@1"]
budget = 50
seeds = [3, 5]
[[searchers]]
name = "evolution"
label = "RE-20"
population_size = 20
[[searchers]]
name = "random"
"""


def test_a_plan_is_read_whole() -> None:
    plan = Plan.parse(GOOD)
    assert (plan.dataset, plan.objectives, plan.budget, plan.seeds) == ("cifar10", ("clean", "pgd@1"), 50, (3, 5))
    assert [searcher.label for searcher in plan.searchers] == ["RE-20", "random"]
    assert plan.searchers[0].parameters == {"population_size": 20}
    assert plan.n_runs == 8


def test_the_builtin_plan_is_the_papers_comparison() -> None:
    plan = Plan.builtin()
    assert plan == Plan.parse(builtin_text())
    assert plan.objectives == ("clean", "fgsm@1")
    assert plan.budget == 300
    assert len(plan.searchers) == 4


def test_objectives_are_normalised() -> None:
    plan = Plan.parse(
        GOOD.replace('"clean", "pgd@1"', '" 0.5*clean +  0.5*pgd@1 "').replace('"evolution"', '"evolution"')
    )
    assert plan.objectives == ("0.5*clean + 0.5*pgd@1",)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("budget = 50", "budgets = 50", "unknown key 'budgets'; did you mean 'budget'"),
        ("population_size", "populationsize", "unknown parameter 'populationsize'; did you mean 'population_size'"),
        ('"random"', '"randon"', "unknown searcher 'randon'; did you mean 'random'"),
        ('"pgd@1"', '"pdg@1"', "did you mean 'pgd@1'"),
        ('["clean", "pgd@1"]', '"clean"', "objectives is 'clean'; expected a list"),
        ('["clean", "pgd@1"]', "[]", "objectives is"),
        ('["clean", "pgd@1"]', '["clean", "clean"]', "'clean' is given twice"),
        ('["clean", "pgd@1"]', '["clean, pgd@1"]', "one objective"),
        ("budget = 50", "budget = 0", "budget is 0; expected an integer from 1 to 6466"),
        ("budget = 50", "budget = true", "budget is True"),
        ("budget = 50", "budget = 9999", "9999"),
        ("[3, 5]", "0", "seeds is 0"),
        ("[3, 5]", "[]", "seeds is"),
        ("[3, 5]", "[3, 3]", "3 is given twice"),
        ("[3, 5]", "[-1]", "seeds is"),
        ("[3, 5]", "[true]", "seeds is"),
        ("population_size = 20", "population_size = 0", "'RE-20'.*population_size is 0"),
        ('label = "RE-20"', 'label = "random"', "labels of searchers: 'random' is given twice"),
        ('label = "RE-20"', 'label = ""', "label"),
        ('name = "evolution"', "name = 3", "name 3"),
        ('dataset = "cifar10"', "dataset = 10", "dataset is 10"),
        ("[[searchers]]", "[searchers]", "not TOML|searchers"),
        ("budget = 50", "budget = ", "not TOML"),
    ],
)
def test_a_wrong_plan_is_refused_naming_what_is_wrong(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(PlanError, match=message) as error:
        Plan.parse(GOOD.replace(old, new), "my.toml")
    assert str(error.value).startswith("my.toml")


def test_an_empty_plan_is_refused() -> None:
    with pytest.raises(PlanError, match="objectives is None"):
        Plan.parse("")


def test_a_plan_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"cannot read the plan .*nowhere\.toml"):
        Plan.load(tmp_path / "nowhere.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PlanError, match="cannot read the plan"):
        Plan.load(tmp_path / "binary.toml")
