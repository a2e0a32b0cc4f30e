from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from experiments.comparison.plan import Plan, builtin_text
from experiments.comparison.significance import ALPHA, MIN_BLOCKS
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


def test_the_builtin_plan_has_the_seeds_that_its_own_tests_need() -> None:
    """Wilcoxon's smallest two-sided p-value of n seeds is 2 / 2**n; Holm multiplies it by the number of pairs."""
    plan = Plan.builtin()
    n_pairs = len(plan.searchers) * (len(plan.searchers) - 1) // 2
    assert len(plan.seeds) >= MIN_BLOCKS
    assert n_pairs * 2 / 2 ** len(plan.seeds) < ALPHA


def test_without_data_the_builtin_plan_searches_scores_that_have_noise() -> None:
    assert Plan.builtin("cifar10-surrogate").dataset == "cifar10-surrogate@0"
    assert Plan.builtin("cifar100-surrogate@3").dataset == "cifar100-surrogate@3"
    assert Plan.builtin("cifar100").dataset == "cifar100"
    assert replace(Plan.builtin("cifar10-surrogate"), dataset="cifar10") == Plan.builtin()


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
        ("budget = 50", f"budget = {'9' * 5000}", "not TOML: an integer has thousands of digits"),
        ("budget = 50", f"budget = {'[' * 5000}{']' * 5000}", "not TOML: values are nested hundreds of levels deep"),
        ("seeds = [3, 5]", "seeds = [9223372036854775808]", "seeds is"),
        ('label = "RE-20"', f"label = '{'x' * 101}'", "expected a text of 1 to 100 characters"),
        ('label = "RE-20"', r'label = "a\u001b[31mb"', "on one line and without control characters"),
        ('label = "RE-20"', r'label = "two\nlines"', r"label 'two\\nlines'; expected a text"),
        ("population_size = 20", "population_size = 100000000000000000000", "an integer of at most 64 bits"),
        ("population_size = 20", "population_size = 1979-05-27", "population_size is datetime.date.*an integer"),
        ("population_size = 20", "n_objectives = 2", "n_objectives cannot be set"),
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


def small(**values: Any) -> Plan:
    chosen: dict[str, Any] = {"dataset": "cifar10-surrogate", "objectives": ["clean"], "searchers": ["random"]} | values
    return Plan(**chosen)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_plan_is_read_as_any_editor_or_shell_writes_it(tmp_path: Path, encoding: str) -> None:
    """Notepad writes a byte-order mark, PowerShell's > writes UTF-16, both end lines in CRLF."""
    path = tmp_path / "my.toml"
    label = 'label = "évolution"'
    text = builtin_text().replace('name = "evolution"', f'name = "evolution"\n{label}')
    path.write_bytes(text.replace("\n", "\r\n").encode(encoding))
    plan = Plan.load(path)
    assert plan.text == text
    assert "évolution" in [searcher.label for searcher in plan.searchers]


@pytest.mark.parametrize("seeds", [np.int64(3), np.arange(3), range(3), iter(range(3)), [np.int64(0), 1, 2]])
def test_seeds_may_be_numbers_of_numpy_and_generators(seeds: object) -> None:
    plan = small(seeds=seeds, budget=np.int32(5))
    assert plan.seeds == (0, 1, 2)
    assert json.loads(json.dumps(plan.as_dict()))["seeds"] == [0, 1, 2]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"seeds": range(10**12)}, "seeds is range"),
        ({"seeds": {1, 2}}, "seeds is {1, 2}"),
        ({"seeds": np.ones(2)}, "seeds is array"),
        ({"budget": np.array([5])}, "budget is array"),
        ({"objectives": {"clean"}}, "objectives is {'clean'}"),
        ({"searchers": [{"name": "xgboost", "surrogate": {1}}]}, "surrogate is .1.; expected a text"),
    ],
)
def test_values_of_python_that_are_refused(values: dict[str, object], message: str) -> None:
    with pytest.raises(PlanError, match=message):
        small(**values)


def test_parameters_are_plain_data() -> None:
    (searcher,) = small(searchers=[{"name": "evolution", "population_size": np.int64(20)}]).searchers
    assert type(searcher.parameters["population_size"]) is int


def test_a_plan_of_millions_of_runs_is_refused_at_once() -> None:
    searchers = [{"name": "random", "label": str(i)} for i in range(11)]
    with pytest.raises(PlanError, match="make 1,100,000 runs; expected at most 1,000,000"):
        Plan(objectives=["clean"], seeds=100_000, searchers=searchers)


def test_many_seeds_are_compared_in_no_time() -> None:
    with pytest.raises(PlanError, match="99998 is given twice"):
        Plan(objectives=["clean"], seeds=[*range(99_999), 99_998], searchers=["random"])


@pytest.mark.parametrize("value", [np.array(["clean"]), ("clean",), iter(["clean"])])
def test_what_is_reported_is_any_list(value: Any) -> None:
    assert Plan("cifar10", ["pgd@1"], searchers=["random"], report=value).report == ("clean",)


@pytest.mark.parametrize("value", ["clean", b"clean", {"clean"}, {"clean": 1}, None, 5, [5]])
def test_what_is_reported_is_nothing_but_a_list(value: Any) -> None:
    with pytest.raises(PlanError, match=r"report is .*; expected a list such as"):
        Plan("cifar10", ["pgd@1"], searchers=["random"], report=value)
