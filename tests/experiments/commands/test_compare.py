"""The bars of ``robustnas compare``: what they count, and how they write scores."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.commands.compare import compare
from experiments.commands.report import report
from tests.experiments.test_progress import Terminal

pytestmark = pytest.mark.timeout(120)  # slow where processors are shared

PLAN = """
dataset = "cifar10-surrogate"
objectives = ["clean", "params"]
budget = 5
seeds = {seeds}
[[searchers]]
name = "random"
[[searchers]]
name = "evolution"
"""


def bars(plan: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Run a plan as in a terminal, and return what its bars say in the end, by what they are about."""
    Path("my.toml").write_text(plan)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", stream)
        compare.main(["my.toml", "--out", "results", "--jobs", "1"], standalone_mode=False)
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    said = {}
    for line in text.splitlines():
        if found := re.match(r"(.+?) +━[━╸╺ ]* *(\d+/\d+) *\S+ *(.*)", line.rpartition("\r")[2]):
            said[found[1]] = f"{found[2]} {found[3]}".strip()
    return said


def test_a_resumed_comparison_counts_the_finished_runs_of_each_searcher(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = bars(PLAN.format(seeds=2), monkeypatch)
    assert first["clean / random"].startswith("2/2 mean best ")
    resumed = bars(PLAN.format(seeds=3), monkeypatch)
    assert resumed["all runs"] == "12/12"
    names = [f"{objective} / {searcher}" for objective in ("clean", "params") for searcher in ("random", "evolution")]
    assert {name: resumed[name].partition(" ")[0] for name in names} == dict.fromkeys(names, "3/3")
    again = bars(PLAN.format(seeds=3), monkeypatch)
    assert again == resumed  # the means too


def test_scores_have_fixed_decimals(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = bars(PLAN.format(seeds=2), monkeypatch)
    assert re.fullmatch(r"2/2 mean best \d\d\.\d\d %", said["clean / evolution"])
    assert re.fullmatch(r"2/2 mean best [\d,]+", said["params / evolution"])


def test_json_is_all_of_standard_output(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text(PLAN.format(seeds=1))
    result = CliRunner().invoke(compare, ["my.toml", "--out", "results", "--jobs", "1", "--json"])
    assert result.exit_code == 0, result.output
    answer = json.loads(result.stdout)
    assert set(answer) == {
        *("dataset", "source", "budget", "seeds", "searchers", "objectives", "n_runs", "summary", "directory", "report")
    }
    assert (answer["n_runs"], answer["searchers"], answer["seeds"]) == (4, ["random", "evolution"], [0])
    assert answer["objectives"]["params"]["minimised"] is True
    with Path("results/summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    for found, row in zip(answer["summary"], rows, strict=True):
        assert {name: "nan" if value is None else str(value) for name, value in found.items()} == {
            name: value or "nan" for name, value in row.items()
        }
    monkeypatch.setattr("experiments.commands.compare.write_report", lambda *_: Path(answer["report"]))
    assert json.loads(CliRunner().invoke(report, ["results", "--json"]).stdout) == answer
