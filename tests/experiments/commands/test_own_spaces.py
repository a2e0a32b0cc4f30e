"""A space of the user's own on the command line: a table over it is imported, searched, compared and drawn."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.comparison.records import load

pytestmark = pytest.mark.timeout(60)

Run = Callable[..., Result]

SPACE = """
from robustnas.spaces import ChoiceSpace


class Mine(ChoiceSpace):
    choices = {"depth1": (1, 2, 4), "width1": (8, 16, 32), "norm": ("batch", "none")}

    def valid(self, architecture):
        return architecture.depth1 < 4 or architecture.norm == "batch"
"""
PLAN = """
dataset = "mine"
objectives = ["pgd@8"]
budget = 6
seeds = 2
[[searchers]]
name = "random"
[[searchers]]
name = "gp"
encoding = "ordinal"
n_initial = 3
"""
OPTIONS = [
    combined
    for combined in itertools.product((1, 2, 4), (8, 16, 32), ("batch", "none"))
    if combined[::2] != (4, "none")
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ROBUSTNAS_DATA", raising=False)
    Path("my_spaces.py").write_text(SPACE)
    scores = np.random.default_rng(0).random((2, len(OPTIONS)))
    wide = pd.DataFrame(OPTIONS, columns=["depth1", "width1", "norm"])
    wide = wide.assign(**{"clean": scores[0], "pgd@8": scores[1], "params": 10 * wide["width1"]})
    wide.to_csv("wide.csv", index=False)
    archs = [f"depth1={depth},width1={width},norm={norm}" for depth, width, norm in OPTIONS]
    wide.drop(columns=["depth1", "width1", "norm"]).assign(arch=archs).to_parquet("t.parquet")

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="robustnas")

    return invoke


def imported(run: Run, *options: str, file: str = "wide.csv") -> Result:
    return run("data", "import", file, "--space", "my_spaces.py:Mine", "--name", "mine", *options)


@pytest.mark.parametrize("file", ["wide.csv", "t.parquet"])
def test_a_table_is_a_dataset(run: Run, file: str) -> None:
    found = imported(run, file=file)
    assert found.exit_code == 0, found.output
    assert "mine: 15 networks over" in found.output
    best = run(
        "search", "--dataset", "mine", "--objective", "pgd@8", "--searcher", "random", "--budget", "15", "--json"
    )
    table = pd.read_csv("wide.csv")
    assert json.loads(best.stdout)["best"]["score"] == pytest.approx(table["pgd@8"].max())
    row = table.iloc[table["pgd@8"].idxmax()]
    arch = f"depth1={row.depth1},width1={row.width1},norm={row.norm}"
    assert json.loads(best.stdout)["best"]["arch"] == arch
    queried = run(
        "query", f'{{"depth1": {row.depth1}, "width1": {row.width1}, "norm": "{row.norm}"}}', "--dataset", "mine"
    )
    assert f"{arch}\nnetwork" in queried.output
    assert f"{10 * row.width1} parameters" in queried.output
    listed = run("objectives", "--dataset", "mine").output
    assert "\nparams " in listed
    assert "\nflops " not in listed
    drawn = run("draw", arch, "--dataset", "mine", "--out", "a.svg")
    assert drawn.exit_code == 0, drawn.output
    svg = Path("a.svg").read_text()
    assert svg == run("draw", arch, "--space", "my_spaces.py:Mine").output
    assert all(
        f"{name}={option}</title>" in svg for name, option in zip(("depth1", "width1", "norm"), row, strict=False)
    )


def test_constraints_hold_on_columns_of_costs(run: Run) -> None:
    imported(run)
    found = run(
        *("search", "--dataset", "mine", "--objective", "clean, pgd@8 where params <= 100"),
        *("--searcher", "nsga2", "--budget", "5", "--json"),
    )
    assert json.loads(found.stdout)["known"] == {"constraints": ["params <= 100"], "n_networks": 5}


def test_an_edited_space_is_refused_in_words(run: Run) -> None:
    imported(run)
    Path("plan.toml").write_text(PLAN)
    assert run("compare", "plan.toml", "--out", "out", "--jobs", "1").exit_code == 0
    records = load("out")
    assert set(records.queries["arch"]) <= {f"depth1={d},width1={w},norm={n}" for d, w, n in OPTIONS}
    assert "depth1=" in Path("out/report.html").read_text()
    Path("my_spaces.py").write_text(SPACE + "\n    # of another colour\n")
    edited = run("compare", "plan.toml", "--out", "out", "--jobs", "1")
    assert "space_digests" in edited.output
    assert "undo what was edited in the files of the search space" in edited.output.replace("\n  ", " ")
    assert "my_spaces.py was edited after mine was imported" in run("query", "index:0", "--dataset", "mine").output
    Path("my_spaces.py").write_text(SPACE.replace("32)", "32, 64)"))
    grown = run("search", "--dataset", "mine", "--objective", "clean")
    assert grown.exit_code == 1
    assert "before the choices of that were changed" in " ".join(grown.output.split())
    assert run("report", "out").exit_code == 0
    assert "arch" not in load("out").queries
    assert imported(run).exit_code == 2
    assert imported(run, "--replace").exit_code == 0
    assert run("search", "--dataset", "mine", "--objective", "clean", "--budget", "5").exit_code == 0
    Path("my_spaces.py").unlink()
    assert "cannot read" in run("search", "--dataset", "mine", "--objective", "clean").output


def test_surrogates_are_compared_on_it(run: Run) -> None:
    imported(run)
    found = run(
        *("surrogates", "--dataset", "mine", "--objective", "clean", "--surrogates", "ridge", "--encodings"),
        *("choices,one-hot", "--train-sizes", "10", "--trials", "1", "--out", "fits"),
    )
    assert found.exit_code == 0, found.output
    assert json.loads(Path("fits/manifest.json").read_text())["space"].endswith("my_spaces.py:Mine")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--name", "mine"), "say with --space which space"),
        (("--space", "my_spaces.py:Min"), "did you mean 'Mine'"),
        (("--space", "my_spaces.py:Mine", "--name", "cifar10"), "that of another dataset"),
        (("--space", "my_spaces.py:Mine", "--name", "a/b"), "not a letter, then letters"),
        (("--space", "my_spaces.py:Mine", "--key", "depth1,norm"), "--key names 2 columns"),
        (("--space", "my_spaces.py:Mine", "--data", "x"), "--data is the database's folder"),
        (("--space", "nasbench201"), "no column of architectures"),
    ],
)
def test_what_does_not_fit_is_said(run: Run, arguments: tuple[str, ...], message: str) -> None:
    found = run("data", "import", "wide.csv", *arguments)
    assert found.exit_code in (1, 2)
    assert message in " ".join(found.output.split())


def test_rows_that_are_no_architectures_are_named(run: Run) -> None:
    table = pd.read_csv("wide.csv")
    for change, message in [
        ({"width1": 64}, "unknown option of width1: '64'. Known: 16, 32, 8"),
        ({"depth1": 4, "norm": "none"}, "is not in the space Mine: its valid() says so"),
        ({"depth1": 1, "width1": 8, "norm": "batch"}, "occurs twice"),
    ]:
        table.assign(**{name: table[name].where(table.index != 3, value) for name, value in change.items()}).to_csv(
            "bad.csv", index=False
        )
        found = imported(run, file="bad.csv")
        assert found.exit_code != 0
        assert "line 5" in found.output
        assert message in " ".join(found.output.split())


def test_a_table_is_forgotten(run: Run) -> None:
    imported(run)
    assert "mine: a table of your own, from wide.csv" in run("data", "status").output
    assert run("data", "attach", "t.parquet", "--dataset", "mine", "--name", "more").exit_code == 0
    found = run("search", "--dataset", "mine", "--objective", "more.clean", "--budget", "5")
    assert found.exit_code == 0, found.output
    assert "15 of 18 cells" in run("data", "attached").output
    assert run("data", "forget", "mine").exit_code == 0
    assert "no robustness database" in run("search", "--dataset", "mine", "--objective", "clean").output
    assert "unknown table 'mine'" in run("data", "forget", "mine").output


def test_a_table_of_own_code_over_it_is_planned_with_its_space(run: Run) -> None:
    code = """
import numpy as np
from robustnas.spaces import open_space
from robustnas.tables import ArrayTable


def mine():
    space = open_space("my_spaces.py:Mine")
    return ArrayTable({"clean": np.linspace(0, 1, space.size)}, "mine", space=space)
"""
    Path("my_tables.py").write_text(code)
    plan = PLAN.replace('"mine"', '"my_tables.py:mine"').replace("pgd@8", "clean")
    Path("plan.toml").write_text(plan)
    done = run("compare", "plan.toml", "--out", "out", "--jobs", "1")
    assert done.exit_code == 0, done.output
    Path("plan.toml").write_text(plan.replace("ordinal", "path"))
    assert "unknown encoding 'path'" in run("compare", "plan.toml", "--out", "other", "--jobs", "1").output
    fits = run(
        *("surrogates", "--dataset", "my_tables.py:mine", "--objective", "clean", "--surrogates", "ridge"),
        *("--encodings", "ordinal", "--train-sizes", "10", "--trials", "1"),
    )
    assert fits.exit_code == 0, fits.output
