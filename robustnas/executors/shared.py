"""What all tasks share, such as a table: how it reaches workers, each of which opens it once."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from socket import gethostname
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

import cloudpickle

from robustnas.errors import DataError, InvalidInputError, WorkerDiedError

Context = TypeVar("Context")

_LARGEST_INLINE = 2**16  # bytes that are sent with every task; more goes by way of a file
_MOST_OPEN = 4  # contexts that a worker keeps


@dataclass(frozen=True)
class Setup:
    """What a worker needs before its first task.

    Attributes:
        work: The function, called with what all tasks share and one task.
        reopen: Makes what they share.
        version: The version of RobustNAS.
        folder: The working directory, relative to which files are named.
    """

    work: Callable[[Any, Any], Any]
    reopen: Callable[[], Any]
    version: str
    folder: str


@dataclass(frozen=True)
class Spooled(Generic[Context]):
    """What all tasks share, in a file that workers see."""

    path: Path
    digest: str

    def __call__(self) -> Context:
        """Read it.

        Raises:
            DataError: The file is not there, or another one is.
        """
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise DataError(
                f"worker on {gethostname()} cannot read {self.path}: {error.strerror or error}; expected a folder that "
                "all workers see, or a dataset by name"
            ) from None
        if sha256(content).hexdigest() != self.digest:
            raise DataError(f"worker on {gethostname()} found another file as {self.path}; expected the submitter's")
        found: Context = pickle.loads(content)  # noqa: S301  its digest came from the submitter
        return found


@contextmanager
def sent(
    work: Callable[[Context, Any], Any], context: Context, reopen: Callable[[], Context] | None, folder: Path | None
) -> Iterator[bytes]:
    """Yield a setup as it is sent to workers with every task; a large context goes into a file meanwhile.

    Args:
        work: The function.
        context: What all tasks share.
        reopen: Makes the context in a worker, where that is cheaper than to send it.
        folder: A folder that all workers see; this machine's temporary one if None.

    Raises:
        InvalidInputError: Something cannot be pickled.
        DataError: The file cannot be written.
    """
    content = b"" if reopen else pickled(context)
    if len(content) <= _LARGEST_INLINE:
        yield _setup(work, reopen or _Inline(content))
        return
    try:
        with TemporaryDirectory(prefix=".workers-", dir=folder, ignore_cleanup_errors=True) as name:
            path = Path(name).resolve() / "shared.pickle"
            path.write_bytes(content)
            yield _setup(work, Spooled(path, sha256(content).hexdigest()))
    except OSError as error:
        raise DataError(f"cannot write what workers need to {folder}: {error.strerror or error}") from error


_opened: dict[bytes, tuple[Callable[[Any, Any], Any], Any]] = {}
_opening = threading.Lock()  # threads of one worker share what is open


def opened(setup: bytes) -> tuple[Callable[[Any, Any], Any], Any]:
    """Return the function and what all tasks share; made once per process, however many tasks there are.

    Raises:
        WorkerDiedError: This worker has another version of RobustNAS.
    """
    with _opening:
        if setup not in _opened:
            found: Setup = pickle.loads(setup)  # noqa: S301  from the submitter
            if found.version != version("robustnas"):
                raise WorkerDiedError(
                    f"worker on {gethostname()} has RobustNAS {version('robustnas')}; expected {found.version}, as the "
                    "submitter has: install the same version there"
                )
            if os.path.isdir(found.folder) and not os.path.samefile(found.folder, "."):  # noqa: PTH112, PTH121
                os.chdir(found.folder)
            while len(_opened) >= _MOST_OPEN:
                del _opened[next(iter(_opened))]
            _opened[setup] = found.work, found.reopen()
        return _opened[setup]


@dataclass(frozen=True)
class _Inline(Generic[Context]):
    content: bytes

    def __call__(self) -> Context:
        found: Context = pickle.loads(self.content)  # noqa: S301  from the submitter
        return found


def _setup(work: Callable[[Any, Any], Any], reopen: Callable[[], Any]) -> bytes:
    return pickled(Setup(work, reopen, version("robustnas"), os.getcwd()))  # noqa: PTH109


def pickled(value: object) -> bytes:
    """Pickle something, functions and classes of a notebook or of the running script included; errors as `sent`."""
    try:
        content: bytes = cloudpickle.dumps(value)
    except (TypeError, AttributeError, ValueError, pickle.PicklingError) as error:
        raise InvalidInputError(f"{error}, so worker processes cannot have it; use one process (jobs=1)") from error
    return content
