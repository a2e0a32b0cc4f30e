"""No test sees the user who runs it, nor leaves anything with them; ROBUSTNAS_DATA alone is asked for.

This file lies here, and not in tests/, so that it holds for the examples in docstrings, README and docs too.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before numpy loads: tests share processors, threads would only wait

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

USERS_OWN = ("ROBUSTNAS_ATTACHED", "ROBUSTNAS_STORE", "ROBUSTNAS_IMAGES", "ROBUSTNAS_URL")
"""Variables of the user's own that name a table, a store, images or a mirror."""

_HOMES = count()


@pytest.fixture(scope="session", autouse=True)
def nothing_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Hide the user's home, tables, store and images from fixtures that many tests share; return a folder for homes.

    The cache is shared: it is addressed by content, and reading the published database anew takes long. So are the
    fonts that matplotlib has found.
    """
    homes = tmp_path_factory.mktemp("homes")
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLCONFIGDIR", os.environ.get("MPLCONFIGDIR") or str(caches / "matplotlib"))
        patch.setenv("ROBUSTNAS_CACHE", os.environ.get("ROBUSTNAS_CACHE") or str(shared / "robustnas-cache"))
        for name in USERS_OWN:
            patch.delenv(name, raising=False)
        _move(patch, homes / "shared")
        yield homes


@pytest.fixture(autouse=True)
def own_home(nothing_of_the_user: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a test, and the processes that it starts, an empty home: what it attaches or stores, no other one finds."""
    home = nothing_of_the_user / str(next(_HOMES))
    _move(monkeypatch, home)
    return home


def _move(patch: pytest.MonkeyPatch, home: Path) -> None:
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        patch.setenv(name, str(home))
    for name in ("DATA", "CONFIG", "STATE", "CACHE"):
        patch.setenv(f"XDG_{name}_HOME", str(home / name.lower()))
    patch.setattr("platformdirs.user_data_path", lambda name: home / "data" / name)  # elsewhere XDG says nothing
