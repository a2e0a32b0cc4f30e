"""What `python -m build` ships: every file of the repository, and nothing that a user left in a clone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

import robustnas
from tests import ROOT

PACKAGES = ("robustnas", "surrogates", "searchers", "experiments")
LEFT = (
    "robustness-data/meta.json",
    "robustness-data/cifar10/clean_accuracy.json",
    "robustnas-results/cifar10/runs.jsonl",
    "analysis/analysis.html",
    "proxies.csv",
    "my.toml",
    "measurements.sqlite",
    "surrogates/runs.jsonl",
    "surrogates/figures/tau.png",
    "surrogates/manifest.json",
    "experiments/out/report.html",
    "robustnas/tables/embedded/mine.npz",
    "tests/golden/new.json",
    "docs/hw_nas_bench.csv",
    "docs/images/draft.svg",
)
"""Results, and data of others, where users have put them."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.fixture(scope="module")
def tracked() -> set[str]:
    """The files of the repository."""
    command = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git repository here")
    return {name for name in found.split("\0") if name and (ROOT / name).exists()}


@pytest.fixture(scope="module")
def used(tracked: set[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone that was used."""
    clone = tmp_path_factory.mktemp("clone")
    for name in tracked:
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    for name in LEFT:
        assert name not in tracked
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_text("left")
    return clone


@pytest.fixture(scope="module")
def distributions(used: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist and the wheel of that clone, built with the project's own backend."""
    pytest.importorskip("hatchling", reason="what builds distributions is not installed")
    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    out = str(tmp_path_factory.mktemp("dist"))
    builders = {"sdist": SdistBuilder(str(used)), "wheel": WheelBuilder(str(used))}
    return {kind: Path(next(builder.build(directory=out, versions=["standard"]))) for kind, builder in builders.items()}


def contents(path: Path) -> set[str]:
    """Return the names of the files in a distribution, besides its metadata."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {name for name in archive.namelist() if ".dist-info/" not in name}
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()} - {"PKG-INFO"}


def below(names: Iterable[str], folders: tuple[str, ...]) -> set[str]:
    return {name for name in names if name.startswith(tuple(f"{folder}/" for folder in folders))}


def test_an_sdist_holds_the_repository_and_nothing_else(distributions: dict[str, Path], tracked: set[str]) -> None:
    shipped = contents(distributions["sdist"])
    assert shipped - tracked == set()
    assert tracked - shipped <= {".ci/run", ".gitignore"}


def test_a_wheel_holds_the_packages_and_nothing_else(distributions: dict[str, Path], tracked: set[str]) -> None:
    assert contents(distributions["wheel"]) == below(tracked, PACKAGES)


def test_the_package_index_would_take_them(distributions: dict[str, Path]) -> None:
    pytest.importorskip("twine", reason="what checks distributions is not installed")
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, distributions.values())]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("PASSED") == 2


def test_the_version_is_one(distributions: dict[str, Path]) -> None:
    (declared,) = re.findall(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert robustnas.__version__ == declared
    assert f"\nversion: {declared}\n" in (ROOT / "CITATION.cff").read_text()
    assert f"{{{declared}}}" in (ROOT / "docs/citing.md").read_text()
    assert {path.name for path in distributions.values()} == {
        f"robustnas-{declared}.tar.gz",
        f"robustnas-{declared}-py3-none-any.whl",
    }


@pytest.fixture(scope="module")
def fresh(distributions: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment: the wheel, and what is installed here, but neither torch nor the source."""
    if os.name == "nt":
        pytest.skip("links need rights on Windows")
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python3*/site-packages")
    for found in reversed([Path(path) for path in sys.path if path.endswith("-packages")]):
        for entry in found.iterdir():
            name = entry.name.lower()
            if not name.startswith(("torch", "pyautoattack", "robustnas", "_robustnas")) and entry.suffix != ".pth":
                (packages / entry.name).unlink(missing_ok=True)
                (packages / entry.name).symlink_to(entry)
    with zipfile.ZipFile(distributions["wheel"]) as archive:
        archive.extractall(packages)
    return folder / "bin" / "python"


def test_the_main_job_runs_in_a_fresh_environment_without_torch(fresh: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name not in ("ROBUSTNAS_DATA", "PYTHONPATH")}

    def run(*arguments: str) -> str:
        command = [str(fresh), "-m", "robustnas", *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    told = run("doctor")
    assert f"RobustNAS {robustnas.__version__} in {fresh.parent.parent}" in told
    assert "devices   no torch" in told
    plan = run("plan")
    for name, value in (("objectives", '["clean"]'), ("budget", "12"), ("seeds", "2")):  # what is shipped, but quick
        plan = re.sub(rf"^{name} = .*$", f"{name} = {value}", plan, flags=re.MULTILINE)
    (tmp_path / "plan.toml").write_text(plan)
    assert "report: " in run("compare", "plan.toml", "--out", "results", "--jobs", "1")
    assert (tmp_path / "results" / "report.html").stat().st_size > 50_000
