"""Recorders: where the scalars of trainings and searches are shown while they run, in TensorBoard or MLflow.

A log is named by a text, such as ``tensorboard:runs`` or ``mlflow:http://server:5000``. What it needs is imported when
it is opened.
"""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple, Protocol

from robustnas.errors import DataError, InvalidInputError, MissingPackageError, excerpt, unknown_name

_UNSAFE = re.compile(r"[^\w.,@ +=<>-]")  # in names of folders
_UNKNOWN_TO_MLFLOW = re.compile(r"[^\w./ -]")  # in names of metrics
_EXPERIMENT = "robustnas"
_MLFLOW_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # it would report its use to its makers
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",  # 7 take minutes, while a training waits
}


class LogWarning(UserWarning):
    """A log can be written no more."""


class Recorder(Protocol):
    """Takes the scalars of one run."""

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a number; one that is not finite may be left out.

        Args:
            name: What it is, such as ``training loss``.
            value: The number.
            step: The epoch or query that it is of, from 1.
        """

    def close(self, *, failed: bool = False) -> None:
        """Write what is left; `failed` if the run ended in an error."""


class TensorBoardRecorder:
    """Writes event files of TensorBoard.

    Args:
        place: The folder that ``tensorboard --logdir`` is given.
        run: The name of the run; its parts, separated by ``/``, are folders.
    """

    def __init__(self, place: str, run: str) -> None:
        from tensorboard.summary import Writer  # needs no torch

        parts = [_UNSAFE.sub("_", part) for part in run.split("/")]
        self._writer = Writer(str(Path(place).expanduser().joinpath(*parts)))

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a number."""
        self._writer.add_scalar(name, value, step)

    def close(self, *, failed: bool = False) -> None:  # noqa: ARG002  event files have no state
        """Write what is left."""
        self._writer.close()


class MlflowRecorder:
    """Writes a run of MLflow, in the experiment ``robustnas``.

    Args:
        place: The tracking URI: a server, a database, or a folder.
        run: The name of the run.
    """

    def __init__(self, place: str, run: str) -> None:
        for name, value in _MLFLOW_DEFAULTS.items():
            os.environ.setdefault(name, value)
        from mlflow import MlflowClient

        self._client = MlflowClient(tracking_uri=place)
        self._run: str = self._client.create_run(self._experiment(), run_name=run).info.run_id

    def scalar(self, name: str, value: float, step: int) -> None:
        """Record a number; what is not finite is left out, not every store of MLflow takes it."""
        if math.isfinite(value):
            self._client.log_metric(self._run, _UNKNOWN_TO_MLFLOW.sub("_", name), value, step=step)

    def close(self, *, failed: bool = False) -> None:
        """End the run."""
        self._client.set_terminated(self._run, "FAILED" if failed else "FINISHED")

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(_EXPERIMENT)
        if found is None:
            try:
                return str(self._client.create_experiment(_EXPERIMENT))
            except MlflowException:  # another process made it meanwhile
                found = self._client.get_experiment_by_name(_EXPERIMENT)
                if found is None:
                    raise
        return str(found.experiment_id)


class _Kind(NamedTuple):
    opened: Callable[[str, str], Recorder]
    package: str
    place: str


RECORDERS = {
    "tensorboard": _Kind(TensorBoardRecorder, "tensorboard", "DIR"),
    "mlflow": _Kind(MlflowRecorder, "mlflow", "URI"),
}
"""The recorders by name; the extra that installs what one needs has its name."""


class Log(NamedTuple):
    """What records, and where.

    >>> Log.parse("tensorboard:runs")
    Log(recorder='tensorboard', place='runs')
    """

    recorder: str
    place: str

    @classmethod
    def parse(cls, text: str) -> Log:
        """Read ``tensorboard:DIR`` or ``mlflow:URI``.

        Raises:
            InvalidInputError: It is neither.
            MissingPackageError: The package is not installed.
        """
        name, colon, place = text.partition(":")
        if name not in RECORDERS:
            raise InvalidInputError(unknown_name("recorder of log", name, RECORDERS))
        kind = RECORDERS[name]
        if not colon or not place.strip():
            raise InvalidInputError(f"log is {excerpt(text)}; expected {name}:{kind.place}")
        if find_spec(kind.package) is None:
            raise MissingPackageError(f'log {excerpt(text)} needs {kind.package}: pip install "robustnas[{name}]"')
        return cls(name, place)


@contextmanager
def open_recorder(log: Log | None, run: str) -> Iterator[Recorder | None]:
    """Open a run in a log, and end it.

    A log that can be written no more, while the run goes on, is warned of, and nothing more is recorded: what is
    trained or searched is worth more than its curve.

    Args:
        log: Where to record; None for nowhere.
        run: The name of the run, such as ``cifar10/pgd@1/evolution/0``.

    Raises:
        DataError: The log cannot be opened.
    """
    if log is None:
        yield None
        return
    try:
        recorder = _Guarded(RECORDERS[log.recorder].opened(log.place, run), log)
    except Exception as error:  # each library has its own
        raise DataError(_sentence(log, error)) from error
    try:
        yield recorder
    except BaseException:
        recorder.close(failed=True)
        raise
    recorder.close()


class _Guarded:
    """A recorder that gives up, with a warning, where it cannot write."""

    def __init__(self, recorder: Recorder, log: Log) -> None:
        self._recorder: Recorder | None = recorder
        self._log = log

    def scalar(self, name: str, value: float, step: int) -> None:
        self._do(lambda recorder: recorder.scalar(name, float(value), step))

    def close(self, *, failed: bool = False) -> None:
        self._do(lambda recorder: recorder.close(failed=failed))

    def _do(self, write: Callable[[Recorder], None]) -> None:
        if self._recorder is None:
            return
        try:
            write(self._recorder)
        except Exception as error:
            self._recorder = None
            warnings.warn(f"{_sentence(self._log, error)}; nothing more is recorded", LogWarning, stacklevel=4)


def _sentence(log: Log, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    first, *_ = str(reason).strip().splitlines() or [type(error).__name__]
    return f"cannot write the log {excerpt(f'{log.recorder}:{log.place}')}: {first}"
