"""Fixtures of all tests: the published database where ROBUSTNAS_DATA names it, and a synthetic one in its layout."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy loads: tests share processors, threads would only wait

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.identity import networks, uids
from robustnas.spaces.nasbench201.numbering import index_of_id
from tests.synthetic import EPSILONS, write_published

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


USERS_OWN = ("ROBUSTNAS_ATTACHED", "ROBUSTNAS_STORE", "ROBUSTNAS_IMAGES", "ROBUSTNAS_URL")
"""What the user who runs the tests may have set, and no test may see; ROBUSTNAS_DATA is asked for by real_data_dir."""


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the user's attached tables, store and images from all tests, and from the processes that they start.

    The cache stays: it is addressed by content, and reading the published database anew takes long.
    """
    home = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        for name in USERS_OWN:
            patch.delenv(name, raising=False)
        patch.setenv("XDG_DATA_HOME", str(home))
        patch.setattr("platformdirs.user_data_path", lambda name: home / name)  # elsewhere XDG_DATA_HOME says nothing
        yield
    written = sorted(str(path.relative_to(home)) for path in home.rglob("*"))
    assert not written, f"a test wrote into the user's data directory, it needs own_cache: {', '.join(written)}"


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """The folder of the published database; skips the test where there is none."""
    named = os.environ.get("ROBUSTNAS_DATA")
    if not named:
        pytest.skip("ROBUSTNAS_DATA names no published database")
    return Path(named)


@pytest.fixture(scope="session")
def published_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    rng = np.random.default_rng(0)
    ids = {
        str(number): {"nb201-string": Cell.from_index(index).arch, "isomorph": str(uids()[index])}
        for number, index in enumerate(index_of_id().tolist())
    }
    (folder / "meta.json").write_text(json.dumps({"ids": ids, "epsilons": EPSILONS}))
    n = len(networks())
    write_published(folder, "cifar10", "clean", "accuracy", rng.random(n).round(3))
    write_published(folder, "cifar10", "pgd@Linf", "accuracy", rng.random((n, 3)).round(3))
    write_published(folder, "cifar10", "fog", "accuracy", rng.random((n, 5)).round(3))
    write_published(folder, "cifar10", "clean", "cm", rng.integers(0, 1000, (n, 10, 10)))
    write_published(folder, "cifar10", "pgd@Linf", "confidence", rng.random((n, 3)).round(3))
    write_published(folder, "cifar100", "clean", "accuracy", rng.random(n).round(3))
    return folder


@pytest.fixture
def published(published_once: Path, tmp_path: Path) -> Path:
    """A copy to change at will."""
    return Path(shutil.copytree(published_once, tmp_path / "published"))


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache and a user's data directory that no other test sees."""
    monkeypatch.setenv("ROBUSTNAS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / "home" / name)
    monkeypatch.delenv("ROBUSTNAS_DATA", raising=False)
    return tmp_path / "cache"
