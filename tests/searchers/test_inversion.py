from __future__ import annotations

import gc
import signal
import threading
import time
from collections.abc import Callable

import pytest

from robustnas.errors import SearchStalled
from searchers.inversion import THREAD_NAME, Inversion

Ask = Callable[[int], int]


def counting(ask: Ask) -> None:
    total = 0
    while True:
        total += ask(total)


def threads() -> int:
    return sum(thread.name == THREAD_NAME for thread in threading.enumerate())


def wait_for_no_thread() -> None:
    gc.collect()
    until = time.monotonic() + 10
    while threads() and time.monotonic() < until:
        time.sleep(0.01)


def test_questions_come_one_by_one_with_the_answers_before() -> None:
    inversion = Inversion(counting)
    assert [inversion.advance(answer) for answer in (None, 1, 2, 10)] == [0, 1, 3, 13]


def test_nothing_runs_before_the_first_question_is_wanted_nor_between() -> None:
    seen: list[str] = []

    def loop(ask: Ask) -> None:
        seen.append("begun")
        ask(1)
        seen.append("answered")
        ask(2)

    inversion = Inversion(loop)
    time.sleep(0.05)
    assert seen == []
    inversion.advance()
    time.sleep(0.05)
    assert seen == ["begun"]
    inversion.advance(0)
    assert seen == ["begun", "answered"]


def test_the_end_of_the_loop() -> None:
    inversion = Inversion(lambda ask: ask(1))
    inversion.advance()
    with pytest.raises(SearchStalled, match="come to its end"):
        inversion.advance(5)


def test_an_error_of_the_loop_is_raised_where_it_is_advanced() -> None:
    def loop(ask: Ask) -> None:
        raise ZeroDivisionError(f"after {ask(1)}")

    inversion = Inversion(loop)
    inversion.advance()
    with pytest.raises(ZeroDivisionError, match="after 7"):
        inversion.advance(7)


def test_after_its_end_it_says_so_again() -> None:
    inversion: Inversion[int, int] = Inversion(lambda ask: None)
    for _ in range(3):
        with pytest.raises(SearchStalled):
            inversion.advance(1)


def test_none_is_an_answer() -> None:
    answers: list[object] = []
    inversion = Inversion(lambda ask: [answers.append(ask("?")) for _ in range(2)])
    inversion.advance()
    inversion.advance(None)
    assert answers == [None]


def test_the_thread_ends_with_the_inversion() -> None:
    wait_for_no_thread()
    inversions = [Inversion(counting) for _ in range(20)]
    for inversion in inversions:
        inversion.advance()
    assert threads() == 20
    del inversion, inversions
    wait_for_no_thread()
    assert threads() == 0


def test_no_handler_of_the_loop_keeps_its_thread() -> None:
    def stubborn(ask: Ask) -> None:
        while True:
            try:
                ask(1)
            except Exception:
                continue

    wait_for_no_thread()
    inversion = Inversion(stubborn)
    inversion.advance()
    del inversion
    wait_for_no_thread()
    assert threads() == 0


def test_an_interruption_ends_the_loop_in_its_work() -> None:
    def busy(ask: Ask) -> None:
        while True:
            time.sleep(0.001)

    wait_for_no_thread()
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    main = threading.main_thread().ident
    timer = threading.Timer(0.2, signal.pthread_kill, (main, signal.SIGINT))
    inversion = Inversion(busy)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            inversion.advance()
    finally:
        timer.join()
        signal.signal(signal.SIGINT, handler)
    assert threads() == 0
    with pytest.raises(SearchStalled, match="interrupted"):
        inversion.advance()
