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

from robustnas.errors import DataError, InvalidInputError, WorkerDiedError
from robustnas.executors import ExecutorSpec, complete
from robustnas.executors.shared import Spooled

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

TWO = ExecutorSpec(workers=2)

SCRIPT = """
from dataclasses import dataclass
from robustnas.errors import WorkerDiedError
from robustnas.executors import ExecutorSpec, complete

class Searcher:
    def __init__(self, seed):
        self.seed = seed
    def ask(self):
        return self.seed

@dataclass(frozen=True)
class Spec:
    searcher: type
    seed: int

def work(offsets, spec):
    return [offset + spec.searcher(spec.seed).ask() for offset in offsets]

def main():
    specs = [Spec(Searcher, seed) for seed in range(6)]
    found = []
    try:
        list(complete(work, specs, (10, 20), found.append, executor=ExecutorSpec(workers=2)))
        print(sorted(found))
    except WorkerDiedError as error:
        print(error)
"""
ANSWER = str([[10 + seed, 20 + seed] for seed in range(6)])


def run(*arguments: str, script: str | None = None) -> str:
    result = subprocess.run(
        [sys.executable, *arguments], input=script, check=True, capture_output=True, text=True, timeout=50
    )
    return result.stdout.strip()


def add_to(context: int, task: int) -> int:
    return context + task


def results(work: Any, tasks: Any, context: Any, **options: Any) -> list[Any]:
    kept: list[Any] = []
    deque(complete(work, list(tasks), context, kept.append, **options), maxlen=0)
    return kept


@pytest.mark.parametrize("name", ["processes", "threads", "serial"])
@pytest.mark.parametrize("tasks_per_job", [None, 7])
def test_every_task_is_done_once(name: str, tasks_per_job: int | None) -> None:
    spec = ExecutorSpec(name, workers=2, tasks_per_job=tasks_per_job)
    assert sorted(results(add_to, range(20), 100, executor=spec)) == list(range(100, 120))


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


def add_value(context: Unpicklable, task: int) -> int:
    return context.value + task


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_kept_before_they_are_yielded(workers: int) -> None:
    kept: list[int] = []
    spec = ExecutorSpec(workers=workers)
    steps = [
        (done, result, len(kept))
        for done, result in complete(add_to, [1, 2, 3], 10, kept.append, n_done=4, executor=spec)
    ]
    assert steps[0] == (4, None, 0)
    assert [done for done, *_ in steps] == [4, 5, 6, 7]
    assert [n for *_, n in steps] == [0, 1, 2, 3]
    assert sorted(kept) == [11, 12, 13]
    assert [result for _, result, _ in steps[1:]] == kept


def test_workers_can_make_the_context_themselves() -> None:
    assert sorted(results(add_value, [1, 2], Unpicklable(0), executor=TWO, reopen=partial(Unpicklable, 10))) == [11, 12]


def pid_and_identity(context: object, task: int) -> tuple[int, int]:
    return os.getpid(), id(context)


def test_a_worker_makes_the_context_once() -> None:
    found = results(pid_and_identity, range(12), [0], executor=TWO, reopen=partial(list, [1]))
    assert os.getpid() not in {pid for pid, _ in found}
    assert len(set(found)) == len({pid for pid, _ in found}) <= 2


def length(context: bytes, task: int) -> int:
    return len(context) + task


def test_a_large_context_goes_by_way_of_a_file_that_is_gone_afterwards(tmp_path: Path) -> None:
    steps = complete(length, [1, 2], bytes(10**6), lambda _: None, executor=TWO, folder=tmp_path)
    seen = [[path.stat().st_size for path in tmp_path.rglob("*.pickle")] for _ in steps]
    assert seen[-1][0] > 10**6
    assert not list(tmp_path.iterdir())


def test_a_context_that_workers_cannot_see_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "shared.pickle"
    spooled: Spooled[object] = Spooled(path, "0" * 64)
    with pytest.raises(DataError, match=r"cannot read .*shared.pickle: .*; expected a folder that all workers see"):
        spooled()
    path.write_bytes(b"another one")
    with pytest.raises(DataError, match=r"found another file as .*shared.pickle; expected the submitter's"):
        results(add_to, [1, 2], 0, executor=TWO, reopen=spooled)


def test_nothing_missing_starts_nothing() -> None:
    assert [*complete(add_to, [], 0, list[int]().append, n_done=3)] == [(3, None)]


def fail_or_wait(context: int, task: int) -> int:
    if task == 0:
        raise ValueError("task 0")
    time.sleep(1)
    return task


@pytest.mark.parametrize("name", ["processes", "threads"])
def test_what_was_running_when_a_task_failed_is_kept_and_nothing_more_is_started(name: str) -> None:
    kept: list[int] = []
    with pytest.raises(ValueError, match="task 0") as caught:
        deque(complete(fail_or_wait, range(40), 0, kept.append, executor=ExecutorSpec(name, workers=2)), maxlen=0)
    assert 0 < len(kept) < 10
    assert name == "threads" or "fail_or_wait" in caught.value.__notes__[0]  # the worker's traceback


def test_what_cannot_be_pickled_is_refused_in_words() -> None:
    with pytest.raises(InvalidInputError, match=r"cannot pickle .*lock.*; use one process \(jobs=1\)"):
        results(add_to, range(3), threading.Lock(), executor=TWO)


class Odd(Exception):
    def __init__(self, first: int, second: int) -> None:
        super().__init__(f"{first} and {second}")


def fail_oddly(context: int, task: int) -> int:
    raise Odd(1, 2)


def test_an_error_that_cannot_be_sent_is_told_in_words() -> None:
    with pytest.raises(RuntimeError, match="Odd: 1 and 2"):
        results(fail_oddly, range(3), 0, executor=TWO)


def die_until(folder: Path, task: int) -> int:
    """Kill the worker that works on task 3, the first two times."""
    if task == 3:
        deaths = folder / "deaths"
        n = len(deaths.read_bytes()) if deaths.exists() else 0
        if n < 2:
            deaths.write_bytes(b"x" * (n + 1))
            os.kill(os.getpid(), signal.SIGKILL)
    return task


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_task_whose_worker_dies_is_run_again(tmp_path: Path) -> None:
    assert sorted(results(die_until, range(12), tmp_path, executor=TWO)) == list(range(12))
    assert (tmp_path / "deaths").read_bytes() == b"xx"


def die(context: int, task: int) -> int:
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_a_task_that_kills_every_worker_ends_it_and_what_was_finished_is_kept() -> None:
    kept: list[int] = []
    spec = ExecutorSpec(workers=2, retries=0)
    with pytest.raises(WorkerDiedError, match=r"a worker process died, perhaps out of memory, once on the same task"):
        deque(complete(die, range(12), 0, kept.append, executor=spec), maxlen=0)
    assert sorted(kept) == [task for task in range(12) if task != 3]


def die_always(context: int, task: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_workers_that_always_die_end_it_soon() -> None:
    with pytest.raises(WorkerDiedError):
        results(die_always, range(1000), 0, executor=ExecutorSpec(workers=2, retries=0))


FAILING = """
import os, sys, time
from robustnas.executors import ExecutorSpec, complete

def wait(context, task):
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    list(complete(wait, range(4), 0, print, executor=ExecutorSpec(workers=2)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_workers_end_with_a_submitter_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(FAILING)
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        workers = [int(process.stdout.readline()) for _ in range(2)]
        process.kill()
    deadline = time.monotonic() + 20
    while any(map(is_there, workers)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL")
def test_what_is_running_ends_with_whoever_waits_for_it() -> None:
    steps = complete(slow_pid, range(8), 0, lambda _: None, executor=TWO)
    next(steps)
    _, worker = next(steps)
    assert worker is not None
    begun = time.monotonic()
    steps.close()
    assert time.monotonic() - begun < 20  # and not the minute that the others take
    assert not is_there(worker)


def slow_pid(context: int, task: int) -> int:
    if task:
        time.sleep(60)
    return os.getpid()
