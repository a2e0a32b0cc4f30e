from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.commands import doctor

SECTIONS = (
    "RobustNAS system packages extras data tables cache store devices engines NASLib plugins settings".split()  # noqa: SIM905
)


def told(*arguments: str) -> dict[str, str]:
    result = CliRunner().invoke(main, ["doctor", "--json", *arguments])
    assert result.exit_code == 0, result.output
    found: dict[str, str] = json.loads(result.stdout)
    return found


@pytest.mark.timeout(60)  # torch
def test_one_screen_of_a_line_for_each_thing() -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == SECTIONS
    assert "cannot be told" not in result.stdout


@pytest.fixture
def _no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor._SECTIONS, "devices", lambda data: "")


@pytest.mark.usefixtures("_no_torch")
def test_the_home_is_not_told_nor_a_password(monkeypatch: pytest.MonkeyPatch) -> None:
    home = Path.home()
    monkeypatch.setenv("ROBUSTNAS_DATA", str(home / "données"))
    monkeypatch.setenv("ROBUSTNAS_STORE", "postgresql://ada:se@cret@db.lab/robustness")
    monkeypatch.setenv("ROBUSTNAS_URL", "https://ada:secret@mirror.lab/data")
    found = told()
    assert str(home) not in str(found)
    assert "cret" not in str(found)
    assert found["data"].startswith("none in ~/données (ROBUSTNAS_DATA)")
    assert found["store"] == "postgresql+psycopg://***@db.lab/robustness (not connected to)"
    assert "ROBUSTNAS_URL=https://***@mirror.lab/data" in found["settings"]


@pytest.mark.usefixtures("_no_torch")
def test_what_is_broken_is_told_and_the_rest_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROBUSTNAS_STORE", "mysql://ada:secret@db.lab/robustness")
    folder = tmp_path / "cifar10"
    folder.mkdir()
    (tmp_path / "meta.json").write_text("{")
    (folder / "clean_accuracy.json").write_text("{")
    found = told("--data", str(tmp_path))
    assert found["store"].startswith("cannot be told (InvalidInputError: the store is 'mysql://***@db.lab/robustness'")
    assert found["data"].startswith("cannot be told (DataError: ")
    assert found["plugins"] == "none"


def test_a_torch_that_ends_the_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_ASK_TORCH", "import os, sys; print('no such library', file=sys.stderr); os.abort()")
    pytest.importorskip("torch")
    assert told()["devices"] == "cannot be told (torch ended with -6: no such library)"


@pytest.mark.usefixtures("_no_torch")
def test_plugins_and_those_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    points = EntryPoints(
        [EntryPoint("hill", "searchers.local_search:LocalSearch", "robustnas.searchers"),
         EntryPoint("gone", "no_such_module:Gone", "robustnas.attacks")]
    )  # fmt: skip
    monkeypatch.setattr(doctor, "entry_points", lambda **chosen: points.select(**chosen))
    plugins = told()["plugins"]
    assert "searchers hill of searchers.local_search:LocalSearch" in plugins
    assert "attacks gone of no_such_module:Gone (cannot be loaded: ModuleNotFoundError: No module named" in plugins


def test_it_works_where_numpy_does_not(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise ImportError('numpy is broken')")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from experiments.cli import main; main(['doctor'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "data      cannot be told (ImportError: numpy is broken)" in done.stdout
    assert "packages  numpy " in done.stdout
