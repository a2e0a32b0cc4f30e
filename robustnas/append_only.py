"""Append-only files: one writer, and every line whole or absent, whatever happens to the process or the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from robustnas.errors import DataError

_BLOCK = 1 << 20  # bytes that are read at once, longer than almost all lines


class AppendOnlyFile:
    """A text file to which whole lines are appended; hold `sole_writer` while one exists.

    Opening it cuts off a last line that a killed process or a full disk left torn.

    Args:
        path: The file; made by the first `append`.
        unit: What a line holds, in the plural, for error messages.
    """

    def __init__(self, path: Path, unit: str) -> None:
        self.path, self._unit = path, unit
        if path.exists() and (end := _end_of_lines(path)) < path.stat().st_size:
            os.truncate(path, end)

    @property
    def empty(self) -> bool:
        """Whether there is no line yet."""
        return not self.path.exists() or not self.path.stat().st_size

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the number of every line, from 1, and its content without the line break."""
        if self.path.exists():
            with self.path.open("rb") as file:
                for number, line in enumerate(file, start=1):
                    yield number, line.rstrip(b"\n")

    def append(self, text: str) -> None:
        """Append a line, or several, all or none.

        Raises:
            DataError: The disk is full, or the file cannot be written; everything before is kept.
        """
        content = f"{text}\n".encode()
        length = 0 if self.empty else self.path.stat().st_size
        try:
            with self.path.open("ab", buffering=0) as file:
                if file.write(content) < len(content):
                    raise OSError(28, os.strerror(28))
        except OSError as error:
            if self.path.exists():
                os.truncate(self.path, length)
            advice = f"finished {self._unit} are kept; run the same command to resume"
            raise DataError(f"cannot write {self.path}: {error.strerror}; {advice}") from error


def _end_of_lines(path: Path) -> int:
    """Return where the last whole line of a file ends; read from the end, as the file may be larger than the memory."""
    with path.open("rb") as file:
        position = file.seek(0, os.SEEK_END)
        while position:
            start = max(position - _BLOCK, 0)
            file.seek(start)
            if (found := file.read(position - start).rfind(b"\n")) >= 0:
                return start + found + 1
            position = start
    return 0


@contextmanager
def sole_writer(lock: Path, target: Path) -> Iterator[None]:
    """Make the lock's folder and hold the lock.

    Args:
        lock: The lock file.
        target: The file or folder that is written, for error messages.

    Raises:
        DataError: Another process holds the lock, or it cannot be made.
    """
    from filelock import FileLock, Timeout

    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"cannot make the directory {str(lock.parent)!r}: {error.strerror}") from error
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout:
        raise DataError(f"another process is writing {str(target)!r}; wait for it, or choose another --out") from None
    except OSError as error:
        raise DataError(f"cannot write {str(target)!r}: {error.strerror or error}") from error
    try:
        yield
    finally:
        held.release()
