"""Sentences that a caller should read, as warnings that point to the call."""

from __future__ import annotations

import sys
import warnings


class Note(UserWarning):
    """What the command line says as a note: worth knowing, and nothing to stop for."""


def note(sentence: str) -> None:
    """Warn with a sentence, at the first line that is not of these packages."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(sentence, Note, stacklevel=level)


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in ("experiments", "contextlib")
