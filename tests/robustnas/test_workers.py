from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from robustnas.errors import InvalidInputError, WorkerDiedError
from robustnas.workers import complete, in_processes

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

SCRIPT = """
from dataclasses import dataclass
from robustnas.errors import WorkerDiedError
from robustnas.workers import in_processes

class Searcher:
    def __init__(self, seed):
        self.seed = seed
    def ask(self):
        return self.seed

@dataclass(frozen=True)
class Spec:
    searcher: type
    seed: int

OFFSETS = []

def start(*offsets):
    OFFSETS.extend(offsets)

def work(spec):
    return [offset + spec.searcher(spec.seed).ask() for offset in OFFSETS]

def main():
    specs = [Spec(Searcher, seed) for seed in range(6)]
    try:
        print(sorted(in_processes(work, specs, 2, start, (10, 20))))
    except WorkerDiedError as error:
        print(error)
"""
ANSWER = str([[10 + seed, 20 + seed] for seed in range(6)])


def run(*arguments: str, script: str | None = None) -> str:
    result = subprocess.run(
        [sys.executable, *arguments], input=script, check=True, capture_output=True, text=True, timeout=50
    )
    return result.stdout.strip()


def prepare(offset: int) -> None:
    global _offset
    _offset = offset


def add(number: int) -> int:
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number + _offset


def test_functions_of_modules_run_in_workers() -> None:
    assert sorted(in_processes(add, range(20), 2, prepare, (100,))) == list(range(100, 120))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_worker_that_is_killed_is_reported() -> None:
    with pytest.raises(WorkerDiedError, match="a worker process died, perhaps out of memory"):
        list(in_processes(add, [-1], 1, prepare, (0,)))


def test_classes_of_a_script_work_under_a_guard(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT + 'if __name__ == "__main__":\n    main()\n')
    assert run(str(path)) == ANSWER


def test_a_script_without_a_guard_is_told_that_it_needs_one(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT + "main()\n")
    assert 'needs the guard `if __name__ == "__main__":`' in run(str(path))


def test_classes_without_a_file_work_as_in_a_notebook() -> None:
    assert run("-c", SCRIPT + "main()\n") == ANSWER


def test_a_script_from_standard_input_works_or_is_told_what_to_do() -> None:
    output = run("-", script=SCRIPT + "main()\n")
    assert output == ANSWER or "read from standard input cannot be imported; or use one process (jobs=1)" in output


class Unpicklable:
    def __init__(self, value: int) -> None:
        self.value = value

    def __reduce__(self) -> Any:
        raise AssertionError("a context that workers make themselves is not pickled")


def add_to(context: int, task: int) -> int:
    return context + task


def add_value(context: Unpicklable, task: int) -> int:
    return context.value + task


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_are_kept_before_they_are_yielded(jobs: int) -> None:
    kept: list[int] = []
    steps = [
        (done, result, len(kept)) for done, result in complete(add_to, [1, 2, 3], 10, kept.append, n_done=4, jobs=jobs)
    ]
    assert steps[0] == (4, None, 0)
    assert [done for done, *_ in steps] == [4, 5, 6, 7]
    assert [n for *_, n in steps] == [0, 1, 2, 3]
    assert sorted(kept) == [11, 12, 13]
    assert [result for _, result, _ in steps[1:]] == kept


def test_workers_can_make_the_context_themselves() -> None:
    kept: list[int] = []
    steps = [*complete(add_value, [1, 2], Unpicklable(0), kept.append, jobs=2, reopen=partial(Unpicklable, 10))]
    assert len(steps) == 3
    assert sorted(kept) == [11, 12]


def test_nothing_missing_starts_nothing() -> None:
    assert [*complete(add_to, [], 0, list[int]().append, n_done=3)] == [(3, None)]


def fail_or_wait(task: int) -> int:
    if task == 0:
        raise ValueError("task 0")
    time.sleep(1)
    return task


def test_what_was_running_when_a_task_failed_is_kept_and_nothing_more_is_started() -> None:
    kept: list[int] = []
    results = in_processes(fail_or_wait, range(40), 2, prepare, (0,))
    with pytest.raises(ValueError, match="task 0"):
        deque(map(kept.append, results), maxlen=0)
    assert 0 < len(kept) < 10


def test_what_cannot_be_pickled_is_refused_in_words() -> None:
    with pytest.raises(InvalidInputError, match=r"cannot pickle .*lock.*; use one process \(jobs=1\)"):
        list(in_processes(add, range(3), 2, prepare, (threading.Lock(),)))
