"""Fixtures of all tests: the published database where ROBUSTNAS_DATA names it, and a synthetic one in its layout."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.identity import networks, uids
from robustnas.spaces.nasbench201.numbering import index_of_id
from robustnas.tables.datasets import open_table
from tests.synthetic import EPSILONS, write_published

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


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


@pytest.fixture(scope="session")
def imported_once(published_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the arrays of the synthetic database, which take long to read."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROBUSTNAS_CACHE", str(folder))
        for dataset in ("cifar10", "cifar100"):
            open_table(dataset, published_once)
    return folder


@pytest.fixture
def warm_cache(own_cache: Path, imported_once: Path) -> Path:
    """Like `own_cache`, with the arrays of the synthetic database in it, for tests that are not about reading it."""
    shutil.copytree(imported_once, own_cache)
    return own_cache
