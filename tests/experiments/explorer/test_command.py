"""``robustnas explore``: what it writes, prints and refuses; and a page of the published database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.explorer import explorer_page
from experiments.explorer.runs import recorded_dataset
from robustnas.tables import open_table

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def explore(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explore", *arguments], prog_name="robustnas")


def test_it_writes_one_file_and_says_how_large_it_is(
    tmp_path: Path, published: Path, warm_cache: Path, write_records: Callable[..., Path]
) -> None:
    path = tmp_path / "made" / "page.html"
    folder = write_records(("clean",), ("random",), n_seeds=1, budget=5)
    assert recorded_dataset(folder) == "cifar10"
    answer = explore("--results", str(folder), "--data", str(published), "--out", str(path), "--json")
    assert json.loads(answer.stdout) == {"page": str(path), "bytes": path.stat().st_size}
    assert path.stat().st_size < 1e6
    assert list(path.parent.iterdir()) == [path]
    assert "Measurements of the robustness database (cifar10)" in path.read_text()


def test_what_cannot_be_written_or_read_is_refused_in_a_sentence(
    tmp_path: Path, published: Path, warm_cache: Path
) -> None:
    (tmp_path / "folder").mkdir()
    data = ("--data", str(published), "--dataset", "cifar10")
    assert explore(*data, "--out", str(tmp_path / "folder")).stderr.startswith("Error: cannot write")
    answer = explore(*data, "--results", str(tmp_path), "--out", str(tmp_path / "page.html"))
    assert answer.exit_code == 1
    assert "no manifest.json" in answer.stderr
    assert not (tmp_path / "page.html").exists()


@pytest.mark.real_data
def test_a_page_of_the_database_is_small_and_says_whose_data_it_is(real_data_dir: Path) -> None:
    content = explorer_page(open_table("cifar10", real_data_dir))
    assert len(content.encode()) < 2_000_000
    assert "Neural Architecture Design and Robustness: A Dataset, ICLR 2023" in content
    assert '"n":6466' in content
