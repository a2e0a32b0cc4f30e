"""Inversion of control: runs another library's loop step by step, pausing it at each question until it is answered.

Our search strategies have `ask` and `tell`. Another library's strategy may run its own loop and call a function for
every score. Such a loop runs here in a greenlet: in the caller's thread, within `Inversion.advance`, up to its next
question.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar

from greenlet import getcurrent, greenlet

from robustnas.errors import SearchStalled

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Inversion(Generic[Question, Answer]):
    """Returns the questions of a loop one by one; call it only from the thread of the first `advance`.

    Args:
        loop: Called with a function that takes a question and returns its answer. When the inversion is discarded,
            `greenlet.GreenletExit`, which is not an `Exception`, is raised where the loop waits.

    >>> answers = []
    >>> inversion = Inversion(lambda question: answers.append(question("six times seven?")))
    >>> inversion.advance()
    'six times seven?'
    >>> inversion.advance(42)
    Traceback (most recent call last):
        ...
    robustnas.errors.SearchStalled: the loop has ended
    >>> answers
    [42]
    """

    def __init__(self, loop: Callable[[Callable[[Question], Answer]], object]) -> None:
        self._loop: Any = greenlet(partial(_run, loop))
        self._end: BaseException | None = None

    def advance(self, answer: Answer | None = None) -> Question:
        """Answer the previous question, if any, and return the next one.

        Raises:
            SearchStalled: The loop has ended.
            Exception: Whatever the loop raised; further calls raise it again.
            KeyboardInterrupt: Ctrl-C, which ends the loop.
        """
        if self._end is not None:
            raise self._end
        self._loop.parent = getcurrent()
        try:
            question: Question = self._loop.switch(answer)
        except BaseException as error:
            self._end = error if isinstance(error, Exception) else SearchStalled("the loop was interrupted")
            raise
        if self._loop.dead:
            self._end = SearchStalled("the loop has ended")
            raise self._end
        return question


def _run(loop: Callable[[Callable[[Question], Answer]], object], _: object) -> None:
    loop(_ask)


def _ask(question: Any) -> Any:
    """Pass a question to the caller of `advance` and wait for the answer; called within the loop."""
    caller = getcurrent().parent
    assert caller is not None
    return caller.switch(question)
