"""The scripts of docs/adapters.md run, and print what the page says of them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

SCRIPTS = dict(
    re.findall(r"^```python\n# ([\w.]+)\n(.*?)^```$", (ROOT / "docs/adapters.md").read_text(), re.DOTALL | re.M)
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def run(name: str, folder: Path) -> list[str]:
    (folder / name).write_text(SCRIPTS[name])
    done = subprocess.run([sys.executable, name], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_pymoo(tmp_path: Path) -> None:
    first, second, best = run("nsga2_of_pymoo.py", tmp_path)
    assert first == "6 variables, 2 objectives, 1 constraint"
    assert second == "100 distinct networks"
    assert best.startswith("|")


def test_optuna(tmp_path: Path) -> None:
    first, *front = run("tpe_of_optuna.py", tmp_path)
    assert first == "30 distinct networks"
    assert front
    assert all(line.startswith("[0.") for line in front)
