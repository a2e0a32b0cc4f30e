"""The notebooks run from top to bottom, and what is stored in them is what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import ROOT

nbformat = pytest.importorskip("nbformat", reason="what reads notebooks is not installed")
pytest.importorskip("nbclient", reason="what runs notebooks is not installed")
pytest.importorskip("ipykernel", reason="what runs notebooks is not installed")

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
NEED_TORCH = {"fill_a_gap", "your_own_space"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def test_there_are_four() -> None:
    assert [path.stem for path in NOTEBOOKS] == [
        "benchmark_your_predictor",
        "fill_a_gap",
        "search_in_ten_minutes",
        "your_own_space",
    ]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_is_stored(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if path.stem in NEED_TORCH:
        pytest.importorskip("torch", reason="measuring needs torch: install the extra 'evaluate'")
    from scripts.run_notebooks import executed

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    stored, shown = nbformat.read(path, as_version=4), executed(path, tmp_path)
    assert kinds(stored) == kinds(shown), "run `make notebooks`"
    assert "stderr" not in [output.get("name") for cell in shown.cells for output in cell.get("outputs", ())]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_small_and_of_no_machine(path: Path) -> None:
    text = path.read_text()
    assert len(text) < 300_000
    for folder in (str(Path.home()), str(ROOT), "/tmp"):
        assert folder not in text
    cells = nbformat.reads(text, as_version=4).cells
    for link in (part for cell in cells if cell.cell_type == "markdown" for part in cell.source.split("](")[1:]):
        assert (path.parent / link.partition(")")[0]).is_file(), link


def kinds(notebook: Any) -> list[list[tuple[str, ...]]]:
    """Return the kinds of what every cell shows; numbers are those of the versions that it was stored with."""
    return [
        [tuple(sorted(output.get("data", {output.get("name", ""): ""}))) for output in cell.outputs]
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
