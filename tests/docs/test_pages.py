"""Everything on the pages for beginners is done as a reader would: files are written, commands and scripts are run.

They run in this process, in the order of the page: to start another one for each takes longer than what they do.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
import time
from itertools import takewhile
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.commands.group import LazyCommand
from robustnas.measurements import MeasurementStore
from tests import ROOT

BLOCK = re.compile(r"^```(bash|python|toml)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NAME = re.compile(r"# ([\w.]+)\n")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def follow(page: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Do what a page says in a folder, without a database; return all that was printed."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ROBUSTNAS_DATA", raising=False)
    told = []
    for kind, text in BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8")):
        if kind == "bash":
            told += [run(line) for line in text.splitlines() if line.startswith("robustnas ")]
        elif found := NAME.match(text):
            Path(found[1]).write_text(text, encoding="utf-8")
            if kind == "python":
                runpy.run_path(found[1], run_name="__main__")
                told.append(capsys.readouterr().out)
    return "\n".join(told)


def run(line: str) -> str:
    result = CliRunner().invoke(main, shlex.split(line, comments=True)[1:], prog_name="robustnas")
    assert result.exit_code == 0, f"{line}: {result.output}"
    return result.output


def test_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = follow("tutorial.md", tmp_path, monkeypatch, capsys)
    assert "clean                         89.0\n" in told
    assert "@1 33.1" in told
    assert "0.596 |" in told
    assert "report: results/report.html" in told
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_fill_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="what measures is not installed: the extra 'evaluate'")
    told = follow("fill-a-gap.md", tmp_path, monkeypatch, capsys)
    assert "4 numbers of 2 networks are missing" in told
    assert "4 numbers measured; nothing is missing" in told
    assert told.count("pgd@16") >= 3


@pytest.mark.timeout(400)
def test_own_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """After a fill that was killed: the page goes on with what it left."""
    pytest.importorskip("torch", reason="what measures is not installed: the extra 'evaluate'")
    monkeypatch.setenv("ROBUSTNAS_CACHE", str(tmp_path / "cache"))
    store = tmp_path / "store.sqlite"
    monkeypatch.setenv("ROBUSTNAS_STORE", str(store))
    n_kept = killed_fill(tmp_path, "tutorial-own-space.md", "convnets.toml", store)
    told = follow("tutorial-own-space.md", tmp_path, monkeypatch, capsys)
    assert "pgd  @16 " in told
    assert "front of " in told
    (missing,) = re.findall(r"(\d+) numbers of \d networks are missing", told)
    assert int(missing) <= 16 - n_kept
    assert f"{missing} numbers measured; nothing is missing" in told
    assert "trained with 2 seeds (0, 1)" in told
    assert "autoattack  @16 " in told
    assert "params  " in told
    assert (tmp_path / "results" / "report.html").exists()


def killed_fill(folder: Path, page: str, plan: str, store: Path) -> int:
    """Fill by the plan of a page until something is measured, kill that, and return how many numbers it left."""
    blocks = BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))
    for _, text in blocks:
        if (found := NAME.match(text)) and found[1] in (plan, "my_spaces.py"):
            (folder / found[1]).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "experiments", "fill", plan, "--executor", "serial", "--lease", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as process:
        n = 0
        while not n and process.poll() is None:
            time.sleep(0.1)
            if store.exists():
                with MeasurementStore.open(store) as opened:
                    n = len(opened)
        process.kill()
    assert n
    return n


def test_coming_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    told = follow("coming-from.md", tmp_path, monkeypatch, capsys)
    assert "13433 6466 108" in told
    assert "50 0." in told
    assert told.count("networks in ") == 2


PAGES = sorted(path.relative_to(ROOT).as_posix() for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")))


@pytest.mark.parametrize("page", PAGES)
def test_commands_have_the_options_they_are_given(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On every page: what is too long to run is at least understood."""
    monkeypatch.chdir(tmp_path)
    assert isinstance(main, click.Group)
    text = (ROOT / page).read_text(encoding="utf-8")
    for words in commands(text):
        group: click.Group = main
        while True:
            command = group.get_command(click.Context(group), words[1])
            assert command, f"no command {words[1]}"
            command = command.load() if isinstance(command, LazyCommand) else command
            words = words[1:]
            if not isinstance(command, click.Group):
                break
            group = command
        command.make_context(words[0], words[1:])


@pytest.mark.parametrize("page", PAGES)
def test_python_is_python(page: str) -> None:
    for kind, text in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        if kind == "python" and not text.startswith(">>> "):
            compile(text, page, "exec")


def commands(text: str) -> list[list[str]]:
    """Return our commands on a page as words, without what a shell does with them."""
    blocks = [block for kind, block in BLOCK.findall(text) if kind == "bash"]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    typed = [part.strip() for line in lines for part in line.split("&&")]
    words = [shlex.split(part, comments=True) for part in typed if part.startswith("robustnas ")]
    return [list(takewhile(lambda word: word not in (">", "|"), command)) for command in words]
