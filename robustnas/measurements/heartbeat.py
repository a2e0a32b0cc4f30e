"""The heartbeat of a claim: a thread in the background that renews it while its owner is busy."""

from __future__ import annotations

import threading
from collections.abc import Callable

from robustnas.errors import DataError

_MOMENT = 1.0  # seconds; a call takes milliseconds unless the store is in trouble


class Heartbeat:
    """Calls `renew` every `period` seconds until it returns False or `stop` is called.

    A store that cannot be reached is tried again at the next beat. The thread is a daemon: the process may end.

    Args:
        renew: Returns whether there is anything left to renew.
        period: Seconds between two calls.
    """

    def __init__(self, renew: Callable[[], bool], period: float) -> None:
        self._renew = renew
        self._period = period
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="robustnas heartbeat", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; it may still finish its current call."""
        self._stopped.set()

    def join(self) -> None:
        """Stop, and wait a moment for the call that the thread is in."""
        self.stop()
        self._thread.join(_MOMENT)

    def _beat(self) -> None:
        while not self._stopped.wait(self._period):
            try:
                if not self._renew():
                    return
            except DataError:
                continue
