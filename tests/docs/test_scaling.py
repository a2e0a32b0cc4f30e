"""The plan, the tables and the commands of docs/scaling.md are understood; those of engines run in their own tests."""

from __future__ import annotations

import importlib
import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from benchmarks.scaling import DATASETS, N_NETWORKS, N_NUMBERS
from experiments.cli import main
from experiments.comparison.plan import Plan
from experiments.comparison.runner import compare
from robustnas.executors import ExecutorSpec
from robustnas.plan_file import read_toml
from tests import ROOT

PAGE = (ROOT / "docs/scaling.md").read_text()
TOML = dict(re.findall(r"^```toml\n# ([\w.]+)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))
COMMANDS = [
    line for block in re.findall(r"^```bash\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE) for line in block.splitlines()
]


@pytest.mark.timeout(60)
def test_the_plan_runs(tmp_path: Path) -> None:
    plan = Plan.parse(TOML["fleet.toml"])
    *_, (n_done, _) = compare(plan, tmp_path / "results", executor="serial")
    assert n_done == plan.n_runs == 8


def test_the_table_of_slurm_is_understood() -> None:
    spec = ExecutorSpec.read(read_toml(TOML["slurm.toml"])["executor"])
    assert (spec.engine, spec.workers, spec.tasks_per_job) == ("slurm", 64, 500)


def test_the_factory_is_python() -> None:
    (text,) = re.findall(r"^```python\n# my_cluster.py\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    names: dict[str, Any] = {}
    exec(text, names)
    assert callable(names["make"])


def test_commands_have_the_options_they_are_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, text in TOML.items():
        Path(name).write_text(text)
    Path("gaps.toml").write_text("")
    found = [
        words
        for line in COMMANDS
        for words in (shlex.split(line, comments=True),)
        if words[:1] == ["robustnas"] or "robustnas fill" in line
    ]
    assert len(found) >= 7
    for words in found:
        inner = words if words[0] == "robustnas" else shlex.split(words[words.index("--wrap") + 1])
        assert isinstance(main, click.Group)
        command = main.get_command(click.Context(main), inner[1])
        assert command
        command.make_context(inner[1], inner[2:])


def test_benchmarks_have_the_options_they_are_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for line in COMMANDS:
        words = shlex.split(line, comments=True)
        if words[:2] == ["python", "-m"]:
            monkeypatch.setattr("sys.argv", [words[2], "--help"])
            with pytest.raises(SystemExit):
                importlib.import_module(words[2]).main()
            told = capsys.readouterr().out
            assert all(word in told for word in words[3:] if word.startswith("--")), line


def test_numbers_of_the_fill() -> None:
    assert f"{round(len(DATASETS) * N_NETWORKS * N_NUMBERS, -4):,} above" in PAGE
    assert f"all {N_NUMBERS}\nnumbers of the paper" in PAGE


def test_bytes_are_those_of_the_measured_costs() -> None:
    costs = json.loads((ROOT / "benchmarks/unit_costs.json").read_text())
    assert f"{costs['writer']['100']['bytes_per_record']:,} and {costs['writer']['300']['bytes_per_record']:,}" in PAGE
    numbers = [costs["store"][kind]["bytes_per_number"] for kind in ("sqlite", "postgresql")]
    assert "| bytes per number, SQLite and PostgreSQL | {} and {} |".format(*numbers) in PAGE
