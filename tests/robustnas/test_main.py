"""The command of an installation, where the user's own folders have the names of our packages."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from robustnas.__main__ import hidden
from tests import ROOT

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def started(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "robustnas", *arguments]
    own = os.environ | {"PYTHONPATH": os.pathsep.join((str(folder), str(ROOT)))} | environment
    return subprocess.run(command, capture_output=True, text=True, env=own, check=False)


def test_the_installed_command_is_the_one_that_looks() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts == {"robustnas": "robustnas.__main__:main"}


@pytest.mark.parametrize("package", ["experiments", "searchers", "surrogates"])
def test_a_package_of_the_users_own_that_hides_ours_is_named(tmp_path: Path, package: str) -> None:
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").write_text("raise RuntimeError('not to be run')\n")
    result = started(tmp_path, "--version")
    assert result.returncode == 2
    assert result.stderr.startswith(f"Error: Python finds a package {package} in {tmp_path / package}, which hides ")
    assert f"take {tmp_path} off PYTHONPATH" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_a_folder_that_is_no_package_hides_nothing(tmp_path: Path) -> None:
    for package in ("experiments", "searchers"):
        (tmp_path / package).mkdir()
    result = started(tmp_path, "--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("robustnas, version ")


def test_a_package_that_is_missing_is_said_to_be() -> None:
    assert "is not in" in hidden("a_package_that_nobody_has")


def test_the_matplotlib_backend_of_a_notebook_stands_in_no_ones_way() -> None:
    code = "import experiments.cli, matplotlib; print(matplotlib.get_backend())"
    environment = os.environ | {"MPLBACKEND": "module://nobody_has.backend_inline", "PYTHONPATH": str(ROOT)}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert result.stdout.strip() == "agg", result.stderr
