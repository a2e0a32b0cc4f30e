from __future__ import annotations

from pathlib import Path

import pytest

import experiments
from experiments.comparison.schema import check_run
from experiments.journal import open_journal
from experiments.output_folder import checked_output, default_results
from robustnas.errors import InvalidInputError

OURS = Path(experiments.__file__).parent


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        ("cifar10", "cifar10"),
        ("cifar10-surrogate@7", "cifar10-surrogate@7"),
        ("/data/tables/meine Tabelle.parquet", "meine-Tabelle.parquet"),
        ("my_tables.py:my_table", "my_table"),
        (r"C:\data\mine.csv", "mine.csv"),
        ("données", "données"),
        ("..", "results"),
        ("./", "results"),
    ],
)
def test_results_go_to_a_folder_named_by_the_dataset(dataset: str, name: str) -> None:
    assert default_results(dataset) == Path("robustnas-results") / name


def test_a_folder_for_results_is_no_package(tmp_path: Path) -> None:
    assert checked_output(tmp_path / "surrogates") == tmp_path / "surrogates"
    (tmp_path / "surrogates").mkdir()
    assert checked_output(tmp_path / "surrogates") == tmp_path / "surrogates"
    (tmp_path / "surrogates" / "__init__.py").touch()
    with pytest.raises(InvalidInputError, match="surrogates is a Python package; expected a folder for results"):
        checked_output(tmp_path / "surrogates")
    with pytest.raises(InvalidInputError, match="in the package experiments; expected a folder outside it"):
        checked_output(OURS / "new" / "results")


def test_no_records_are_written_into_a_package(tmp_path: Path) -> None:
    (tmp_path / "__init__.py").touch()
    with pytest.raises(InvalidInputError, match="is a Python package"), open_journal(tmp_path, check_run):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["__init__.py"]


def test_a_folder_beside_a_package_is_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(OURS.parent)
    assert checked_output(Path("experiments-results")) == Path("experiments-results")
    with pytest.raises(InvalidInputError, match="in the package surrogates"):
        checked_output(Path("surrogates/results"))
