"""The executors of the standard library."""

import threading
import time
from concurrent.futures import process
from contextlib import suppress

import pytest

from robustnas.executors.local import open_processes


def test_no_thread_of_a_pool_that_was_left_by_an_error_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = process._ExecutorManagerThread
    at_once = manager.join_executor_internals

    def slowly(self: process._ExecutorManagerThread) -> None:
        time.sleep(0.5)
        at_once(self)

    monkeypatch.setattr(manager, "join_executor_internals", slowly)
    before = set(threading.enumerate())
    _leave_by_an_error()
    assert set(threading.enumerate()) <= before


def _leave_by_an_error() -> None:
    with suppress(KeyboardInterrupt), open_processes(None, 2) as engine:
        engine.executor.submit(time.sleep, 60)
        raise KeyboardInterrupt
