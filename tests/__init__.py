"""The tests; their tree mirrors that of the packages."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The folder that `tests` is imported from, for processes that tests start."""
