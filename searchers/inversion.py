"""A loop that asks, turned around: its questions come out one by one, and it resumes when it gets an answer.

A search strategy of ours has `ask` and `tell`. One of another library may run its own loop and call a function for
every score. Here such a loop runs in a greenlet: in the caller's thread, within `Inversion.advance`, up to its next
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
    """Hands out the questions of a loop; all in the thread of the first `advance`.

    Args:
        loop: Called with a function that takes a question and returns its answer. Once the inversion is no longer
            used, `greenlet.GreenletExit`, which is not an `Exception`, is raised where the loop waits.

    >>> answers = []
    >>> inversion = Inversion(lambda question: answers.append(question("six times seven?")))
    >>> inversion.advance()
    'six times seven?'
    >>> inversion.advance(42)
    Traceback (most recent call last):
        ...
    robustnas.errors.SearchStalled: the loop has come to its end
    >>> answers
    [42]
    """

    def __init__(self, loop: Callable[[Callable[[Question], Answer]], object]) -> None:
        self._loop: Any = greenlet(partial(_run, loop))
        self._end: BaseException | None = None

    def advance(self, answer: Answer | None = None) -> Question:
        """Answer the previous question, if there was one, and return the next.

        Raises:
            SearchStalled: The loop has come to its end.
            Exception: Whatever the loop raised; the same again if it is advanced once more.
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
            self._end = SearchStalled("the loop has come to its end")
            raise self._end
        return question


def _run(loop: Callable[[Callable[[Question], Answer]], object], _: object) -> None:
    loop(_ask)


def _ask(question: Any) -> Any:
    """Hand a question out and wait for its answer; called within the loop."""
    caller = getcurrent().parent
    assert caller is not None
    return caller.switch(question)
