from __future__ import annotations

import gc
import signal
import threading
import time
import weakref
from collections.abc import Callable

import pytest

from robustnas.errors import SearchStalled
from searchers.inversion import Inversion

Ask = Callable[[int], int]


def counting(ask: Ask) -> None:
    total = 0
    while True:
        total += ask(total)


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
    with pytest.raises(SearchStalled, match="the loop has ended"):
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


def test_the_loop_ends_with_the_inversion() -> None:
    ended: list[str] = []

    def loop(ask: Ask) -> None:
        try:
            counting(ask)
        finally:
            ended.append("ended")

    inversions = [Inversion(loop) for _ in range(20)]
    for inversion in inversions:
        inversion.advance()
    assert ended == []
    del inversion, inversions
    gc.collect()
    assert len(ended) == 20


def test_a_loop_that_never_began_ends_silently() -> None:
    inversion: Inversion[int, int] = Inversion(counting)
    del inversion
    gc.collect()


def test_no_handler_of_the_loop_keeps_it() -> None:
    asked: list[int] = []

    def stubborn(ask: Ask) -> None:
        while True:
            try:
                asked.append(ask(1))
            except Exception:
                continue

    inversion = Inversion(stubborn)
    inversion.advance()
    loop = weakref.ref(inversion._loop)
    del inversion
    gc.collect()
    assert loop() is None
    assert asked == []


def test_an_interruption_ends_the_loop_in_its_work() -> None:
    def busy(ask: Ask) -> None:
        while True:
            time.sleep(0.001)

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
    with pytest.raises(SearchStalled, match="interrupted"):
        inversion.advance()


def test_inversions_within_inversions_and_in_other_threads() -> None:
    def outer(ask: Ask) -> None:
        inner = Inversion(counting)
        question = inner.advance()
        while True:
            question = inner.advance(ask(question))

    found: list[int] = []

    def run() -> None:
        inversion = Inversion(outer)
        found.extend(inversion.advance(answer) for answer in (None, 1, 2, 10))

    run()
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [0, 1, 3, 13] * 2
