"""Everything on docs/extending.md is done as a reader would: files are written, scripts and commands are run."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from tests import ROOT

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGE = BLOCK.findall((ROOT / "docs/extending.md").read_text())
FILES = {
    text.partition("\n")[0].removeprefix("# "): text
    for kind, text in PAGE
    if kind in ("python", "toml") and re.match(r"# [\w.]+\n", text)
}
SCRIPTS = ("measure_noise.py", "my_table.py", "compare_mine.py")
COMMANDS = [line for kind, text in PAGE if kind == "bash" for line in text.splitlines() if line]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page."""
    folder = tmp_path_factory.mktemp("page")
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def run(folder: Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "ROBUSTNAS_DATA"}
    environment |= {"HOME": str(folder), "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_page_has_what_it_promises() -> None:
    assert {"annealing.py", "nearest.py", "counts.py", "noise.py", "my_table.py"} <= FILES.keys()
    for name in ("annealing.py", "nearest.py", "counts.py", "noise.py", "my_table.py"):
        assert len(FILES[name].splitlines()) <= 32, f"{name} is longer than a page should ask for"


@pytest.mark.parametrize("script", SCRIPTS)
def test_scripts_run(script: str, folder: Path) -> None:
    if script == "measure_noise.py":
        pytest.importorskip("torch", reason="attacks need torch: install the extra 'evaluate'")
    assert run(folder, sys.executable, script)


def test_commands_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process: to start another one for each takes longer than what they do."""
    assert len(COMMANDS) >= 6
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ROBUSTNAS_DATA", raising=False)
    for command in COMMANDS:
        result = CliRunner().invoke(main, shlex.split(command)[1:], prog_name="robustnas")
        assert result.exit_code == 0, f"{command}: {result.output}"


def test_its_contract_passes(folder: Path) -> None:
    assert " passed" in run(folder, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_annealing.py")


def test_an_edited_searcher_is_run_again_and_the_others_are_not(folder: Path) -> None:
    out, plan = "edited-results", "annealing.toml"
    compare = (sys.executable, "-m", "experiments", "compare", plan, "--out", out, "--jobs", "1")
    run(folder, *compare)
    records = folder / out / "runs.jsonl"
    first = [json.loads(line) for line in records.read_text().splitlines()]
    assert len(first) == 12
    assert {run["searcher"] for run in first if run.get("sources")} == {"annealing"}
    source = folder / "annealing.py"
    source.write_text(source.read_text().replace("range(50 if", "range(5 if"))
    told = run(folder, *compare)
    assert "annealing.py:Annealing was edited after 6 of the runs here; they are run again" in told
    assert len(records.read_text().splitlines()) == 18
    summary = (folder / out / "summary.csv").read_text()
    assert summary.count("annealing") == summary.count("random")
