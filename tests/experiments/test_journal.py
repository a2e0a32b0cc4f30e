from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.journal import open_journal
from robustnas.errors import DataError

RUN = {"objective": "clean", "searcher": "random", "seed": 0, "values": list(range(50))}


def test_runs_come_back_in_order(tmp_path: Path) -> None:
    with open_journal(tmp_path / "new" / "results") as journal:
        for seed in range(3):
            journal.append(RUN | {"seed": seed})
        assert [run["seed"] for run in journal.runs()] == [0, 1, 2]


def test_a_torn_last_line_is_cut_off_and_the_rest_kept(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.append(RUN)
    with (tmp_path / "runs.jsonl").open("ab") as file:
        file.write(json.dumps(RUN).encode()[:37])
    with open_journal(tmp_path) as journal:
        journal.append(RUN | {"seed": 1})
        assert [run["seed"] for run in journal.runs()] == [0, 1]


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl").write_bytes(b"{}\nnonsense\n{}\n")
    with open_journal(tmp_path) as journal, pytest.raises(DataError, match="line 2 is not JSON"):
        list(journal.runs())


def test_two_processes_cannot_write_at_once(tmp_path: Path) -> None:
    code = f"from experiments.journal import open_journal\nwith open_journal({str(tmp_path)!r}): pass"
    with open_journal(tmp_path):
        other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "another process is writing" in other.stderr
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_full_disk_loses_nothing_that_was_finished(tmp_path: Path) -> None:
    """A limit on the file's size stands for the disk: the write ends in the middle of the line."""
    code = f"""
import resource, signal
from experiments.journal import open_journal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with open_journal({str(tmp_path)!r}) as journal:
    journal.append({RUN!r})
    size = journal.directory.joinpath("runs.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, size + 20))
    journal.append({RUN!r})
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "DataError: cannot write" in process.stderr
    assert "finished runs are kept" in process.stderr
    with open_journal(tmp_path) as journal:
        assert list(journal.runs()) == [RUN]


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot make the directory"), open_journal(tmp_path / "file" / "results"):
        pass
