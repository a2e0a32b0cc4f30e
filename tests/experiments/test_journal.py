from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from experiments.journal import open_journal, read_runs
from robustnas.errors import DataError

RUN = {"objective": "clean", "searcher": "random", "seed": 0, "values": list(range(50))}


def as_read(run: Any, where: str) -> dict[str, Any]:
    if not isinstance(run, dict):
        raise DataError(f"{where}: holds no run")
    return run


def test_runs_come_back_in_order(tmp_path: Path) -> None:
    with open_journal(tmp_path / "new" / "results", as_read) as journal:
        for seed in range(3):
            journal.append(RUN | {"seed": seed})
        assert [run["seed"] for run in journal.runs()] == [0, 1, 2]


def test_a_torn_last_line_is_cut_off_and_the_rest_kept(tmp_path: Path) -> None:
    with open_journal(tmp_path, as_read) as journal:
        journal.append(RUN)
    with (tmp_path / "runs.jsonl").open("ab") as file:
        file.write(json.dumps(RUN).encode()[:37])
    with open_journal(tmp_path, as_read) as journal:
        journal.append(RUN | {"seed": 1})
        assert [run["seed"] for run in journal.runs()] == [0, 1]


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_bytes(b"{}\nnonsense\n{}\n")
    with open_journal(tmp_path, as_read) as journal, pytest.raises(DataError, match="line 2 is not JSON"):
        list(journal.runs())


def test_two_processes_cannot_write_at_once(tmp_path: Path) -> None:
    code = f"from experiments.journal import open_journal\nwith open_journal({str(tmp_path)!r}, None): pass"
    with open_journal(tmp_path, as_read):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "another process is writing" in other.stderr
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_full_disk_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    """A limit on the file's size stands for the disk: the write ends in the middle of the line."""
    code = f"""
import resource, signal
from experiments.journal import open_journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_journal({str(tmp_path)!r}, lambda run, where: run) as journal:
    journal.append({RUN!r})
    size = journal.directory.joinpath("runs.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, size + 20))
    journal.append({RUN!r})
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "DataError: cannot write" in process.stderr
    assert "finished runs are kept" in process.stderr
    with open_journal(tmp_path, as_read) as journal:
        assert list(journal.runs()) == [RUN]


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DataError, match="cannot make the directory"),
        open_journal(tmp_path / "file" / "results", as_read),
    ):
        pass


class Spec(NamedTuple):
    searcher: str
    seed: int

    @property
    def key(self) -> tuple[str, int]:
        return self.searcher, self.seed


def missing(folder: Path, specs: list[Spec], **facts: object) -> list[Spec]:
    with open_journal(folder, as_read) as journal:
        return journal.missing(specs, ("searcher", "seed"), lambda _: facts)


def test_what_has_no_run_is_missing(tmp_path: Path) -> None:
    specs = [Spec("random", seed) for seed in range(3)]
    assert missing(tmp_path, specs) == specs
    with open_journal(tmp_path, as_read) as journal:
        journal.append(RUN | {"seed": 1})
    assert missing(tmp_path, specs, objective="clean") == [specs[0], specs[2]]
    with pytest.raises(DataError, match=r"another experiment \(searcher 'random', seed 1\); choose another --out"):
        missing(tmp_path, specs[:1])
    with pytest.raises(DataError, match="objective 'clean' instead of 'pgd@1'"):
        missing(tmp_path, specs, objective="pgd@1")


def test_runs_of_an_edited_source_are_missing_again_with_a_word(tmp_path: Path) -> None:
    specs, notes = [Spec("mine", seed) for seed in range(3)], list[str]()

    def look(digest: str) -> tuple[list[Spec], list[dict[str, object]]]:
        with open_journal(tmp_path, as_read) as journal:
            facts = {"sources": {"mine.py:Mine": digest}}
            runs = list[dict[str, object]]()
            return journal.missing(specs, ("searcher", "seed"), lambda _: facts, notes.append, found=runs.append), runs

    with open_journal(tmp_path, as_read) as journal:
        for seed, digest in ((0, "old"), (1, "old"), (2, "new"), (0, "new")):
            journal.append({"searcher": "mine", "seed": seed, "sources": {"mine.py:Mine": digest}})
    missing, found = look("new")
    assert missing == [specs[1]]
    assert {run["seed"] for run in found} == {0, 2}
    assert all(run["sources"] == {"mine.py:Mine": "new"} for run in found)
    assert notes == ["mine.py:Mine was edited after 2 of the runs here; they are run again"]


def test_a_run_of_another_kind_is_not_asked_for(tmp_path: Path) -> None:
    with open_journal(tmp_path, as_read) as journal:
        journal.append({"surrogate": "gp"})
    with pytest.raises(DataError, match="searcher None, seed None"):
        missing(tmp_path, [Spec("random", 0)])


def test_a_tuple_and_nan_are_as_the_record_holds_them(tmp_path: Path) -> None:
    with open_journal(tmp_path, as_read) as journal:
        journal.append(RUN | {"parameters": {"sizes": (1, 2), "temperature": float("nan")}})
    assert not missing(tmp_path, [Spec("random", 0)], parameters={"sizes": (1, 2), "temperature": float("nan")})


def test_runs_that_are_done_are_not_kept_in_memory(tmp_path: Path) -> None:
    """Of a million runs of 300 queries, 7 GB, a resume keeps the keys."""
    n_runs, values = 500, list(range(1000, 3000))
    with open_journal(tmp_path, as_read) as journal:
        for seed in range(n_runs):
            journal.append(RUN | {"seed": seed, "values": values})
    specs = [Spec("random", seed) for seed in range(n_runs + 1)]
    size = (tmp_path / "runs.jsonl").stat().st_size
    tracemalloc.start()
    try:
        assert missing(tmp_path, specs) == specs[-1:]
        assert tracemalloc.get_traced_memory()[1] < size / 2
    finally:
        tracemalloc.stop()


def test_a_last_line_without_an_end_counts_if_it_is_whole(tmp_path: Path) -> None:
    for torn, seeds in ((b'{"seed":1}', [0, 1]), (b'{"seed":', [0]), (b"", [0])):
        (tmp_path / "runs.jsonl").write_bytes(b'{"seed":0}\n\n' + torn)
        assert [run["seed"] for _, run in read_runs(tmp_path)] == seeds
    (tmp_path / "runs.jsonl").write_bytes(b'{"seed":\n{"seed":1}')
    with pytest.raises(DataError, match="line 1 is not JSON"):
        list(read_runs(tmp_path))
