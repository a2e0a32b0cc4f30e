"""The checkpoints of one training: when they are due, and what they are of."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from robustnas.evaluator.training.checkpoint import load_checkpoint, save_checkpoint

CHECKPOINT_SECONDS = 5.0
"""Seconds between two checkpoints at least."""


class RunCheckpoints:
    """Writes the checkpoints of a training, and finds the one to resume from.

    Args:
        path: The file; None for no checkpoints.
        identity: What they are of.
        seconds: Between two of them at least.
    """

    def __init__(self, path: Path | None, identity: Mapping[str, str], seconds: float) -> None:
        self._path, self._identity, self._seconds = path, identity, seconds
        self._saved = time.monotonic()

    def load(self) -> tuple[dict[str, Any], Path] | None:
        """Return the state of the checkpoint that is there, and its file; None if there is none.

        Raises:
            DamagedFileError: It is damaged.
            DataError: It cannot be read, or is of something else.
        """
        if self._path is None:
            return None
        state = load_checkpoint(self._path, self._identity)
        return None if state is None else (state, self._path)

    def is_due(self, *, is_over: bool) -> bool:
        """Return whether one is to be written: the training is over, or the last one is old enough."""
        return self._path is not None and (is_over or time.monotonic() - self._saved >= self._seconds)

    def save(self, state: Mapping[str, Any]) -> None:
        """Write one, if they are wanted.

        Raises:
            DataError: It cannot be written.
        """
        if self._path is not None:
            save_checkpoint(self._path, self._identity, state)
            self._saved = time.monotonic()
