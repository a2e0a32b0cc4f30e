"""Searchers of the user's own that go wrong: one line that names them, and what was finished is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from experiments.comparison.plan import Plan
from experiments.comparison.runner import compare
from robustnas.errors import InvalidInputError, NotationError, RobustNASError, SearchError, UserCodeError
from robustnas.spaces.registry import SPACES, open_space
from robustnas.tables.datasets import DATASETS, open_table
from searchers import SEARCHERS, create
from surrogates import SURROGATES, make_surrogate

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

SOURCE = """
from robustnas.errors import SearchStalled
from searchers import Searcher
from sklearn.linear_model import Ridge

class TwoTexts(Exception):
    def __init__(self, one, two):
        super().__init__(one + two)

class Own(Searcher):
    def ask(self):
        return self.space.sample(self.rng)
    def tell(self, outcome):
        pass

class Raises(Own):
    def ask(self):
        raise TwoTexts("cannot be ", "pickled")

class Exits(Own):
    def tell(self, outcome):
        raise SystemExit(0)

class Late(Own):
    def __init__(self, rng, **problem):
        super().__init__(rng, **problem)
        self.proposed = 0
    def ask(self):
        self.proposed += 1
        return super().ask() if self.proposed < 3 else None

class Listed(Own):
    def ask(self):
        return [super().ask()]

class Text(Own):
    def ask(self):
        return "|nor_conv_3x3~0|"

class Stalled(Own):
    def ask(self):
        raise SearchStalled("nothing")

class Unfit(Ridge):
    def fit(self, X, y):
        raise RuntimeError("does not fit")
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.py").write_text(SOURCE)


def plan(searcher: str | dict[str, object], budget: int = 5) -> Plan:
    return Plan("cifar10-surrogate", ["clean"], budget, 2, ["random", searcher])


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("searcher", "error", "message"),
    [
        (
            "own.py:Raises",
            UserCodeError,
            r"^searcher 'own.py:Raises': TwoTexts: cannot be pickled\n.*own.py",
        ),
        ("own.py:Exits", UserCodeError, r"^searcher 'own.py:Exits': SystemExit: 0\n"),
        ("own.py:Late", NotationError, r"^Late\.ask: None is not an architecture of the space nasbench201$"),
        ("own.py:Listed", NotationError, r"^Listed\.ask: \[.*\] is not an architecture of the space nasbench201$"),
        ("own.py:Text", NotationError, r"^Text\.ask: '\|nor_conv_3x3~0\|' has 1 operations; expected 1 \+ 2 \+ 3"),
        ("own.py:Stalled", SearchError, r"^searcher 'own.py:Stalled' proposed nothing on clean, seed \d$"),
    ],
)
def test_a_searcher_that_goes_wrong_is_named(
    jobs: int, searcher: str, error: type[RobustNASError], message: str
) -> None:
    with pytest.raises(error, match=message):
        list(compare(plan(searcher), "out", jobs=jobs))
    kept = [json.loads(line) for line in Path("out/runs.jsonl").read_text().splitlines()]
    assert {run["searcher"] for run in kept} == {"random"}


def test_a_surrogate_that_goes_wrong_is_named() -> None:
    searcher = {"name": "xgboost", "surrogate": "own.py:Unfit"}
    with pytest.raises(UserCodeError, match=r"^surrogate 'own.py:Unfit': RuntimeError: does not fit\n"):
        list(compare(plan(searcher, budget=40), "out", jobs=1))


def test_a_constructor_that_goes_wrong_is_named_before_anything_runs() -> None:
    Path("own.py").write_text(SOURCE.replace("self.proposed = 0", "self.proposed = 1 / 0"))
    with pytest.raises(UserCodeError, match=r"^searcher 'own.py:Late': ZeroDivisionError: division by zero\n"):
        plan("own.py:Late")


@pytest.mark.parametrize("entry", [3, json, len])
def test_what_a_package_registers_is_checked_when_it_is_used(monkeypatch: pytest.MonkeyPatch, entry: Any) -> None:
    monkeypatch.setitem(SEARCHERS, "odd", entry)
    monkeypatch.setitem(SURROGATES, "odd", entry)
    monkeypatch.setitem(DATASETS, "odd", entry)
    monkeypatch.setitem(SPACES, "odd", entry)
    with pytest.raises(InvalidInputError, match=r"searcher 'odd' is .*; expected a subclass"):
        create("odd", 0)
    with pytest.raises(InvalidInputError, match=r"surrogate 'odd' is .*; expected a scikit-learn regressor"):
        make_surrogate("odd")
    if entry is not len:
        with pytest.raises(InvalidInputError, match=r"dataset 'odd' is .*; expected a function"):
            open_table("odd")
        with pytest.raises(InvalidInputError, match=r"search space 'odd' is .*; expected a function"):
            open_space("odd")


@pytest.mark.parametrize("table", [3, {"clean": [1.0]}])
def test_what_is_no_table_is_refused_in_words(table: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"table is a .*, not a table: it has no"):
        list(compare(Plan("cifar10-surrogate", ["clean"], 5, 2, ["random"]), "out", table=table, jobs=1))
