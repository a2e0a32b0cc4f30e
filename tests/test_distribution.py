"""What `python -m build` ships: every file of the repository, and nothing that a user left in a clone."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

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


def built(clone: Path, target: str, out: Path) -> set[str]:
    """Build a distribution with the project's own backend and return the files in it."""
    pytest.importorskip("hatchling", reason="what builds distributions is not installed")
    from hatchling.builders.sdist import SdistBuilder
    from hatchling.builders.wheel import WheelBuilder

    builder = {"sdist": SdistBuilder, "wheel": WheelBuilder}[target](str(clone))
    (path,) = builder.build(directory=str(out), versions=["standard"])
    if target == "wheel":
        with zipfile.ZipFile(path) as archive:
            return {name for name in archive.namelist() if ".dist-info/" not in name}
    with tarfile.open(path) as archive:
        return {name.partition("/")[2] for name in archive.getnames()} - {"PKG-INFO"}


def below(names: Iterable[str], folders: tuple[str, ...]) -> set[str]:
    return {name for name in names if name.startswith(tuple(f"{folder}/" for folder in folders))}


def test_an_sdist_holds_the_repository_and_nothing_else(used: Path, tracked: set[str], tmp_path: Path) -> None:
    shipped = built(used, "sdist", tmp_path)
    assert shipped - tracked == set()
    assert tracked - shipped <= {".ci/run", ".gitignore"}


def test_a_wheel_holds_the_packages_and_nothing_else(used: Path, tracked: set[str], tmp_path: Path) -> None:
    assert built(used, "wheel", tmp_path) == below(tracked, PACKAGES)
