"""``robustnas export``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pyarrow.parquet
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.comparison.tidy import COLUMNS
from experiments.surrogate_benchmark.plan import BenchmarkPlan
from experiments.surrogate_benchmark.runner import benchmark

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


def export(folder: Path, *target: object) -> Result:
    return CliRunner().invoke(main, ["export", str(folder), "--to", *map(str, target)], prog_name="robustnas")


@pytest.fixture
def records(write_records: Callable[..., Path]) -> Path:
    return write_records(("clean", "clean, pgd@1"), ("random",), n_seeds=2, budget=4)


def test_to_optuna(records: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'r.db'}"
    result = export(records, "optuna", url)
    assert (result.exit_code, result.stdout) == (0, f"4 studies in {url}: 4 with new trials, 16 trials\n")
    assert export(records, "optuna", url).stdout == f"4 studies in {url}: 0 with new trials, 0 trials\n"
    assert len(optuna.get_all_study_names(url)) == 4


def test_to_parquet_and_csv(records: Path, tmp_path: Path) -> None:
    target = tmp_path / "r.parquet"
    target.write_text("an older one")
    result = export(records, "parquet", target)
    assert (result.exit_code, result.stdout) == (0, f"24 rows in {target}\n")
    schema = pyarrow.parquet.read_schema(target)
    assert {one.name: one.metadata[b"description"].decode() for one in schema} == COLUMNS
    assert json.loads(schema.metadata[b"robustnas"])["budget"] == 4
    frame = pd.read_parquet(target)
    assert len(frame) == 24
    assert export(records, "csv", tmp_path / "r.csv").exit_code == 0
    table = pd.read_csv(tmp_path / "r.csv")
    assert table["score"].tolist() == frame["score"].tolist()
    assert table["arch"].tolist() == frame["arch"].tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r.csv", "r.parquet"]


def test_a_benchmark_of_surrogates_is_a_table_and_no_study(published_once: Path, tmp_path: Path) -> None:
    plan = BenchmarkPlan(surrogates=("ridge",), encodings=("cost",), train_sizes=(20,), n_trials=2)
    list(benchmark(plan, tmp_path / "b", data=published_once, jobs=1))
    assert export(tmp_path / "b", "parquet", tmp_path / "b.parquet").exit_code == 0
    frame = pd.read_parquet(tmp_path / "b.parquet")
    assert frame["trial"].tolist() == [0, 1]
    assert frame["surrogate"].tolist() == ["ridge", "ridge"]
    assert frame["kendall_tau"].notna().all()
    result = export(tmp_path / "b", "optuna", f"sqlite:///{tmp_path / 'r.db'}")
    assert result.exit_code == 2
    assert "holds a benchmark of surrogates, no searches" in result.stderr
    assert "export it to parquet or csv" in result.stderr
    assert not (tmp_path / "r.db").exists()


@pytest.mark.parametrize(
    ("target", "code", "message"),
    [
        (("parqet", "x"), 2, "unknown form of --to 'parqet'; did you mean 'parquet'"),
        (("optuna", "results.db"), 2, "storage is 'results.db'; expected a URL"),
        (("parquet", "no/such/folder.parquet"), 1, "cannot write no/such/folder.parquet: No such file or directory"),
        (("parquet", "."), 1, "cannot write ."),
        (("optuna",), 2, "Option '--to' requires 2 arguments"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    records: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, target: tuple[str, ...], code: int, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = export(records, *target)
    assert result.exit_code == code
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    result = export(tmp_path, "csv", tmp_path / "r.csv")
    assert result.exit_code == 1
    assert f"no manifest.json in {tmp_path}" in result.stderr
    assert "expected a directory of records" in result.stderr
