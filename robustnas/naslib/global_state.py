"""Isolates the process-wide state that NASLib's code uses: swapped in while it runs and restored afterwards."""

from __future__ import annotations

import random
import sys
import threading
from copy import copy
from typing import Any, NamedTuple

import numpy as np
import torch

_LARGEST_SEED = 2**32 - 1
_TURN = threading.RLock()  # of threads one at a time: there is one state for all
_NO_PARAMETERS: dict[str, dict[str, Any]] = {"params": {}, "constraints": {}}


class GlobalState:
    """One caller's own copy of the process-wide state.

    It consists of the states of `random`, `numpy` and `torch` (on the CPU) and the parameters of Pyro's Gaussian
    processes.

    Args:
        seed: Seeds all three, 0 to 2**32 - 1.

    >>> before = random.getstate()
    >>> mine, again = GlobalState(7), GlobalState(7)
    >>> with mine:
    ...     first = random.random()
    >>> with again:
    ...     first == random.random()
    True
    >>> random.getstate() == before
    True
    """

    def __init__(self, seed: int) -> None:
        assert 0 <= seed <= _LARGEST_SEED
        self._others: _States | None = None
        self._own = _States.seeded(seed)

    def copy(self) -> GlobalState:
        """Return an independent copy in the same state."""
        assert self._others is None, "in use"
        return copy(self)

    def __enter__(self) -> GlobalState:
        assert self._others is None, "already entered"
        _TURN.acquire()
        self._others = _States.now()
        self._own.restore()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._others is not None
        self._own = _States.now()
        self._others.restore()
        self._others = None
        _TURN.release()


class _States(NamedTuple):
    python: Any
    numpy: Any
    torch: Any
    pyro: Any

    @classmethod
    def seeded(cls, seed: int) -> _States:
        numpy = np.random.RandomState(seed).get_state()
        generator = torch.Generator().manual_seed(seed).get_state()
        return cls(random.Random(seed).getstate(), numpy, generator, _NO_PARAMETERS)

    @classmethod
    def now(cls) -> _States:
        store = _pyro_store()
        numpy = np.random.get_state()  # noqa: NPY002
        return cls(random.getstate(), numpy, torch.get_rng_state(), None if store is None else store.get_state())

    def restore(self) -> None:
        random.setstate(self.python)
        np.random.set_state(self.numpy)  # noqa: NPY002
        torch.set_rng_state(self.torch)
        store = _pyro_store()
        if store is not None:
            store.clear()
            store.set_state(self.pyro or _NO_PARAMETERS)


def _pyro_store() -> Any:
    """Return Pyro's store of parameters, or None if Pyro was not imported."""
    pyro: Any = sys.modules.get("pyro")
    return pyro.get_param_store() if hasattr(pyro, "get_param_store") else None
