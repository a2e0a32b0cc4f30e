"""The records of a test module's own plan."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from experiments.comparison.plan import Plan
from experiments.comparison.runner import compare


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """The records of the module's ``PLAN``."""
    out = tmp_path_factory.mktemp("made")
    assert list(compare(Plan.parse(request.module.PLAN), out, jobs=1))
    return out


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to change at will."""
    return Path(shutil.copytree(made, tmp_path / "records"))
