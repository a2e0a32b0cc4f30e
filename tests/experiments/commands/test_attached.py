"""Columns of a user's own from `data attach` to what a search prints of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.comparison.directions import check_directions
from experiments.journal import MANIFEST
from robustnas import Cell
from robustnas.errors import DataError
from robustnas.tables.attached.attached import attached_tables

pytestmark = pytest.mark.timeout(60)

Run = Callable[..., Result]
BEST = Cell.from_index(15624)


@pytest.fixture
def run(published: Path, warm_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ROBUSTNAS_DATA", str(published))
    monkeypatch.setenv("ROBUSTNAS_ATTACHED", str(tmp_path / "attached"))
    monkeypatch.chdir(tmp_path)
    rows = np.arange(15625)
    shares = rows / 15624
    frame = {"arch": [Cell.from_index(i).arch for i in rows], "val_acc": 91.5 * shares, "board7": 5.0 + rows}
    pd.DataFrame({**frame, "synflow": 1e59 * shares, "lat": 1.0 + rows}).to_csv("t.csv", index=False)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="robustnas")

    return invoke


def attach(run: Run, *options: str) -> Result:
    return run("data", "attach", "t.csv", "--dataset", "cifar10", "--name", "t", *options)


def test_columns_in_percent_are_said_and_made_shares(run: Run) -> None:
    assert "--percent" in attach(run).output
    declared = attach(run, "--percent", "val_acc")
    assert declared.exit_code == 0, declared.output
    assert attached_tables("cifar10")["t"].cell_columns()["t.val_acc"][BEST.index] == pytest.approx(0.915)
    found = run("search", "--dataset", "cifar10", "--objective", "t.val_acc", "--budget", "20")
    assert "best of the table 91.50 %" in found.stdout
    assert "directions: t.val_acc maximised" in found.stdout


def test_huge_numbers_are_written_in_powers_of_ten(run: Run) -> None:
    attach(run)
    found = run("search", "--dataset", "cifar10", "--objective", "t.synflow", "--budget", "20")
    assert "best of the table 1e+59" in found.stdout


def test_directions_are_those_declared(run: Run) -> None:
    attach(run, "--minimise", "board7", "--maximise", "lat")
    found = run(
        "search",
        "--dataset",
        "cifar10",
        "--objective",
        "t.board7, t.lat",
        "--searcher",
        "optuna-nsga2",
        "--budget",
        "20",
        "--json",
    )
    assert json.loads(found.stdout)["directions"] == ["minimise", "maximise"]
    assert json.loads(found.stdout)["objective"] == "min(t.board7), max(t.lat)"


def test_each_column_of_a_front_has_its_own_unit(run: Run) -> None:
    attach(run, "--percent", "val_acc")
    found = run(
        "search",
        "--dataset",
        "cifar10",
        "--objective",
        "t.val_acc, t.lat, t.synflow",
        "--searcher",
        "optuna-nsga2",
        "--budget",
        "5",
    )
    head, member, *_ = found.stdout[found.stdout.index("  network") :].splitlines()
    assert [name.strip() for name in head.split("  ") if name.strip()][1:4] == ["t.val_acc (%)", "t.lat", "t.synflow"]
    _, accuracy, _, synflow, _ = member.split()
    assert 1 < float(accuracy) < 100
    assert "e+5" in synflow


@pytest.mark.parametrize(("file", "name"), [("hw.csv", "hw"), ("hw-nas bench.v2.csv", "hw_nas_bench_v2")])
def test_a_table_is_called_like_its_file(run: Run, file: str, name: str) -> None:
    Path("t.csv").rename(file)
    result = run("data", "attach", file, "--dataset", "cifar10")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{name} (cifar10): 15,625 of 15,625 cells")
    assert list(attached_tables("cifar10")) == [name]


@pytest.mark.parametrize("file", ["2026.csv", "表.csv"])
def test_a_file_whose_name_is_no_name_has_to_be_named(run: Run, file: str) -> None:
    Path("t.csv").rename(file)
    result = run("data", "attach", file)
    assert result.exit_code == 2
    assert "like its file; name it with --name" in result.stderr
    assert run("data", "attach", file, "--name", "t").exit_code == 0


@pytest.mark.parametrize("name", ["acc", "nan", "t.val_acc", ""])
@pytest.mark.parametrize("option", ["--percent", "--minimise", "--maximise"])
def test_an_unknown_column_is_refused_with_the_names_there(run: Run, option: str, name: str) -> None:
    result = attach(run, option, name)
    assert result.exit_code != 0
    assert "unknown column" in result.stderr
    assert all(known in result.stderr for known in ("val_acc", "board7", "synflow", "lat"))
    assert not attached_tables("cifar10")


@pytest.mark.parametrize("command", [("query", "--json"), ("draw",)])
def test_six_digits_are_said_to_be_naslibs(run: Run, command: tuple[str, ...]) -> None:
    digits = "(4, 0, 3, 1, 4, 3)"
    result = run(command[0], digits, *command[1:])
    assert result.exit_code == 0, result.output
    read, other = (Cell.readings(digits)[name] for name in ("naslib", "nasbench201"))
    assert f"'{digits}' is read in NASLib's order: {read}; the nasbench201 order would be {other}" in result.stderr
    assert "NASLib" not in result.stdout
    assert "NASLib's order" not in run(command[0], "#13433", *command[1:]).stderr
    assert "NASLib's order" not in run(command[0], "(4, 4, 4, 4, 4, 4)", *command[1:]).stderr


def test_notes_of_a_file_are_printed_once(run: Run) -> None:
    Path("own.csv").write_text(f"arch,clean,lat\n{BEST.arch},0.9,-inf\n#5,0.5,3\n#77,0.6,4\n")
    result = run("search", "--dataset", "own.csv", "--objective", "clean", "--budget", "2", "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("infinite value is left out") == 1
    json.loads(result.stdout)


def test_runs_in_another_direction_are_not_continued(tmp_path: Path) -> None:
    before = {"hw.fpga": {"minimised": False}, "clean": {"minimised": False}}
    (tmp_path / MANIFEST).write_text(json.dumps({"format": 1, "objectives": before}))
    check_directions(tmp_path, {"clean": {"minimised": False}})
    with pytest.raises(DataError, match=r"holds runs on 'hw.fpga' in another direction"):
        check_directions(tmp_path, {"hw.fpga": {"minimised": True}})
