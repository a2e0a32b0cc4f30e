"""Everything on docs/spaces.md is done as a reader would: files are written, scripts and commands are run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ROOT

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGE = BLOCK.findall((ROOT / "docs/spaces.md").read_text())

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def run(folder: Path, *command: str) -> str:
    environment = {name: value for name, value in os.environ.items() if name != "ROBUSTNAS_DATA"}
    environment |= {"ROBUSTNAS_TABLES": str(folder / "tables")}
    environment |= {"PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)])}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_page(tmp_path: Path) -> None:
    """Files and commands in the order of the page."""
    told = {}
    for kind, text in PAGE:
        if kind == "bash":
            for line in text.splitlines():
                told[line] = run(tmp_path, sys.executable, "-m", "experiments", *shlex.split(line)[1:])
            continue
        name = text.partition("\n")[0].removeprefix("# ")
        (tmp_path / name).write_text(text)
        if name.startswith("test_"):
            told[name] = run(tmp_path, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", name)
        elif kind == "python":
            told[name] = run(tmp_path, sys.executable, name)
    assert " passed" in told["test_stages.py"]
    assert "46,160,474 parameters" in told["widths.py"]
    assert "140,625 architectures" in told["sized.py"]
    assert (tmp_path / "network.svg").exists()
    assert (tmp_path / "stages-results" / "report.html").exists()
