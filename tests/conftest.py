"""Fixtures of all tests: the published database, where ROBUSTNAS_DATA names it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


@pytest.fixture(scope="session")
def real_data_dir() -> Path:
    """The folder of the published database; skips the test where there is none."""
    named = os.environ.get("ROBUSTNAS_DATA")
    if not named:
        pytest.skip("ROBUSTNAS_DATA names no published database")
    return Path(named)
