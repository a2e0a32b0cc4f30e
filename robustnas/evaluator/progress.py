"""Progress: how callers are shown what is being done."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, float], None]
"""Called with what is being done, such as ``training``, and the share of it that is done, in [0, 1]."""


def silent(stage: str, share: float) -> None:
    """Show no progress."""
