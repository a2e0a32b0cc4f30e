from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from robustnas.errors import DataError, InvalidInputError, WorkerDiedError
from robustnas.evaluator.proxies import SweepSettings, proxy_scores, random_batch, sweep
from robustnas.evaluator.proxies.score_file import ScoreFile, open_scores, settings_path
from robustnas.spaces.nasbench201.cell import Cell

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

CELLS = [Cell.from_index(index) for index in (7812, 0, 13931, 15624, 4000)]
BATCH = random_batch(4, 8, 3)
SETTINGS = SweepSettings(BATCH, ("params", "nwot", "jacov"), channels=2, n_cells=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "scores.csv"


def run(path: Path, cells: list[Cell] = CELLS, settings: SweepSettings = SETTINGS, workers: int = 1) -> list[int]:
    return [done for done, _ in sweep(cells, settings, path, workers=workers)]


def rows(path: Path) -> dict[str, str]:
    header, *lines = path.read_text().splitlines()
    assert header == "arch,params,nwot,jacov"
    assert len({line.partition(",")[0] for line in lines}) == len(lines)
    return dict(line.split(",", 1) for line in lines)


def test_the_file_has_the_scores(path: Path) -> None:
    assert run(path) == [0, 1, 2, 3, 4, 5]
    options = {"n_classes": 3, "channels": 2, "n_cells": 1}
    for cell, scores in ScoreFile(path, SETTINGS.names).rows():
        expected = proxy_scores(cell, SETTINGS.names, images=BATCH.images, labels=BATCH.labels, **options)
        assert scores == pytest.approx(expected, rel=1e-5, nan_ok=True)
    assert rows(path)[CELLS[1].arch].endswith(",,")  # no path: neither nwot nor jacov


def test_a_sweep_goes_on_and_grows(path: Path) -> None:
    assert run(path, CELLS[:2]) == [0, 1, 2]
    before = path.read_bytes()
    assert run(path, [*CELLS, CELLS[0]]) == [2, 3, 4, 5]
    assert path.read_bytes().startswith(before)
    assert run(path) == [5]


@pytest.mark.timeout(60)
def test_processes_change_nothing(path: Path) -> None:
    run(path)
    other = path.with_name("parallel.csv")
    assert run(other, workers=2) == [0, 1, 2, 3, 4, 5]
    assert rows(other) == rows(path)


@pytest.mark.parametrize("n_bytes", [1, 30])
def test_a_torn_line_is_computed_again(path: Path, n_bytes: int) -> None:
    run(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-n_bytes])
    assert run(path) == [4, 5]
    assert path.read_bytes() == whole


def test_a_torn_header_begins_anew(path: Path) -> None:
    run(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:5])
    assert run(path) == [0, 1, 2, 3, 4, 5]
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (replace(SETTINGS, names=("params",)), "measures"),
        (replace(SETTINGS, channels=3), "channels 2 instead of 3"),
        (replace(SETTINGS, seed=1), "seed 0 instead of 1"),
        (replace(SETTINGS, batch=random_batch(4, 8, 3, seed=1)), "batch_digest"),
        (replace(SETTINGS, batch=random_batch(5, 8, 3)), "batch_size 4 instead of 5"),
    ],
)
def test_other_settings_are_refused(path: Path, settings: SweepSettings, message: str) -> None:
    run(path, CELLS[:1])
    before = path.read_bytes()
    with pytest.raises(DataError, match=message):
        run(path, settings=settings)
    assert path.read_bytes() == before


def test_foreign_files_are_refused(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("arch,params\n")
    with pytest.raises(DataError, match="which holds its settings"):
        run(path)
    settings_path(path).write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        run(path)
    settings_path(path).write_text(json.dumps(SETTINGS.summary()))
    with pytest.raises(DataError, match="line 1: expected arch,params,nwot,jacov"):
        run(path)
    with pytest.raises(InvalidInputError, match=r"ends in \.csv"):
        run(path.with_suffix(".txt"))


@pytest.mark.parametrize("line", ["|nonsense|,1,2,3", f"{CELLS[0]},1,2", f"{CELLS[0]},1,two,3"])
def test_a_line_that_is_no_row_is_named(path: Path, line: str) -> None:
    run(path, CELLS[:1])
    path.write_text(f"{path.read_text()}{line}\n")
    with pytest.raises(DataError, match="line 3"):
        run(path)


def test_one_process_writes(path: Path) -> None:
    path.parent.mkdir()
    with FileLock(path.with_name(f".{path.name}.lock")), pytest.raises(DataError, match="another process"):
        run(path)


def test_a_full_disk_leaves_whole_rows(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(path, CELLS[:1])
    before = path.read_bytes()

    def write_part(self: Path, *_: object, **__: object) -> object:
        file = open(self, "ab", buffering=0)  # noqa: PTH123, SIM115

        class Part:
            def __enter__(self) -> Part:
                return self

            def __exit__(self, *_: object) -> None:
                file.close()

            def write(self, content: bytes) -> int:
                return file.write(content[:3])

        return Part()

    scores = {"params": 1.0, "nwot": 2.0, "jacov": 3.0}
    with open_scores(path, SETTINGS.names, SETTINGS.summary()) as file, monkeypatch.context() as patch:
        patch.setattr(Path, "open", write_part)
        with pytest.raises(DataError, match="No space left"):
            file.append(CELLS[1], scores)
    assert path.read_bytes() == before


KILLED = """
import os, signal, sys
from pathlib import Path
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.evaluator.proxies import SweepSettings, random_batch, sweep
settings = SweepSettings(random_batch(4, 8, 3), ("params", "nwot", "jacov"), channels=2, n_cells=1)
cells = [Cell.from_index(index) for index in (7812, 0, 13931, 15624, 4000)]
if __name__ == "__main__":
    for done, _ in sweep(cells, settings, Path(sys.argv[1]), workers=2):
        if done == 2:
            os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.timeout(60)
def test_a_killed_sweep_goes_on(path: Path, tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    killed = subprocess.run([sys.executable, script, path], check=False, env=environment)
    assert killed.returncode == -signal.SIGKILL
    assert run(path) == [2, 3, 4, 5]
    other = path.with_name("other.csv")
    run(other)
    assert rows(path) == rows(other)


class Dying(SweepSettings):
    def scores(self, _: Cell) -> None:
        os._exit(1)


@pytest.mark.timeout(60)
def test_a_dead_worker_is_an_error(path: Path) -> None:
    with pytest.raises(WorkerDiedError, match="a worker process died"):
        run(path, settings=Dying(BATCH, SETTINGS.names, channels=2, n_cells=1), workers=2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"names": ("nwott",)}, "did you mean 'nwot'"),
        ({"channels": 0}, "channels is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"device": "tpu"}, "device 'tpu'"),
    ],
)
def test_bad_settings_are_refused_at_the_door(change: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        replace(SETTINGS, **change)


def test_workers_are_at_least_one(path: Path) -> None:
    with pytest.raises(InvalidInputError, match="workers is 0"):
        run(path, workers=0)


def test_what_is_counted_agrees_with_the_network() -> None:
    batch = random_batch(2, 8, 7, in_channels=1)
    cell = Cell.parse("#13433")
    settings = SweepSettings(batch, ("params", "flops"), channels=6, n_cells=2)
    images = {"images": batch.images, "labels": batch.labels, "n_classes": 7}
    assert settings.scores(cell) == (
        cell,
        proxy_scores(cell, ("params", "flops"), **images, channels=6, n_cells=2),
    )
