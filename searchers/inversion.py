"""A loop that asks, turned around: its questions come out one by one, and it goes on when it gets an answer.

A search strategy of ours is asked and told. One of another library may run its own loop and call a function for every
score. Here such a loop runs in a thread of its own that never runs at the same time as the caller: it works only while
the caller waits in `Inversion.advance`, up to its next question.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

from robustnas.errors import SearchStalled

THREAD_NAME = "RobustNAS inversion"

_PATIENCE = 30.0  # seconds that a call of a compiled library may take to return after an interruption

Question = TypeVar("Question")
Answer = TypeVar("Answer")


class Inversion(Generic[Question, Answer]):
    """Hands out the questions of a loop.

    Args:
        loop: Called with a function that takes a question and returns its answer. It holds no reference to the
            inversion, so that the thread ends when the inversion is no longer used.

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
        self._channel = _Channel[Question, Answer]()
        self._end: BaseException | None = None
        self._thread = threading.Thread(target=_run, args=(loop, self._channel), name=THREAD_NAME, daemon=True)
        weakref.finalize(self, self._channel.close)

    def advance(self, answer: Answer | None = None) -> Question:
        """Answer the question before, if there was one, and return the next.

        Raises:
            SearchStalled: The loop has come to its end.
            Exception: Whatever the loop raised; the same again if it is advanced once more.
            KeyboardInterrupt: Ctrl-C; the loop is ended first, within its work.
        """
        if self._end is not None:
            raise self._end
        if not self._thread.ident:
            self._thread.start()
        else:
            self._channel.answers.put(_Message(answer))
        try:
            message = self._channel.questions.get()
        except BaseException:
            self._stop()
            raise
        if message.error is not None:
            self._end = message.error
            raise self._end
        assert message.content is not None
        return message.content

    def _stop(self) -> None:
        """Have the loop end in the middle of its work, and wait for it: Ctrl-C reaches only the main thread."""
        self._end = SearchStalled("the loop was interrupted")
        self._channel.close()
        thread = ctypes.c_ulong(self._thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_Closed))
        self._thread.join(_PATIENCE)


class _Message(Generic[Question]):
    def __init__(self, content: Question | None = None, error: BaseException | None = None) -> None:
        self.content, self.error = content, error


class _Closed(BaseException):
    """Ends the loop's thread; no exception handler of the loop should take it for a fault."""


class _Channel(Generic[Question, Answer]):
    def __init__(self) -> None:
        self.questions: SimpleQueue[_Message[Question]] = SimpleQueue()
        self.answers: SimpleQueue[_Message[Answer]] = SimpleQueue()

    def ask(self, question: Question) -> Answer:
        """Hand a question out and wait for its answer; called in the loop's thread."""
        self.questions.put(_Message(question))
        message = self.answers.get()
        if message.error is not None:
            raise message.error
        return message.content  # type: ignore[return-value]  # an answer may be None

    def close(self) -> None:
        """Have the loop end at the question at which it waits."""
        self.answers.put(_Message(error=_Closed()))


def _run(
    loop: Callable[[Callable[[Question], Answer]], object],
    channel: _Channel[Question, Answer],
) -> None:
    try:
        loop(channel.ask)
    except _Closed:
        return
    except BaseException as error:
        channel.questions.put(_Message(error=error))
    else:
        channel.questions.put(_Message(error=SearchStalled("the loop has come to its end")))
