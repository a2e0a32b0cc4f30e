from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from robustnas.workers import complete


class Unpicklable:
    def __init__(self, value: int) -> None:
        self.value = value

    def __reduce__(self) -> Any:
        raise AssertionError("a context that workers make themselves is not pickled")


def add(context: int, task: int) -> int:
    return context + task


def add_value(context: Unpicklable, task: int) -> int:
    return context.value + task


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_are_kept_before_they_are_yielded(jobs: int) -> None:
    kept: list[int] = []
    steps = [
        (done, result, len(kept)) for done, result in complete(add, [1, 2, 3], 10, kept.append, n_done=4, jobs=jobs)
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
    assert [*complete(add, [], 0, list[int]().append, n_done=3)] == [(3, None)]
