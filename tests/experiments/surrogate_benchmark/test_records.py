from __future__ import annotations

from pathlib import Path

import pytest

from experiments.surrogate_benchmark.plan import BenchmarkPlan
from experiments.surrogate_benchmark.records import load_records
from experiments.surrogate_benchmark.report import finding
from experiments.surrogate_benchmark.runner import benchmark
from experiments.surrogate_benchmark.tables import importances_table, ranking_table, rows_csv
from robustnas.errors import DataError
from tests.experiments.damage import damaged


@pytest.fixture(scope="module")
def folder(published_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("benchmark")
    plan = BenchmarkPlan(surrogates=("ridge", "forest"), encodings=("cost",), train_sizes=(20, 30), n_trials=1)
    for _ in benchmark(plan, out, data=published_once, jobs=1):
        pass
    return out


def sentence(folder: Path) -> str:
    """Return what is wrong with records; nothing if they can be reported on."""
    try:
        records = load_records(folder)
    except DataError as error:
        return str(error)
    ranking_table(records), importances_table(records), rows_csv(records)
    for objective in records.objectives:
        assert "\n" not in finding(records, objective)
    return ""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["manifest.json", "runs.jsonl"])
def test_whatever_is_wrong_is_one_sentence(folder: Path, name: str) -> None:
    """The last fit is a forest's on the largest training set: it has importances."""
    content = (folder / name).read_text()
    *lines, last = content.splitlines() if name == "runs.jsonl" else [content]
    n_refused = 0
    try:
        for broken in damaged(last):
            (folder / name).write_text("\n".join([*lines, broken]))
            message = sentence(folder)
            n_refused += bool(message)
            assert not message or (str(folder) in message and "\n" not in message), broken
    finally:
        (folder / name).write_text(content)
    assert n_refused > 100
