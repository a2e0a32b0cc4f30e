"""Recorders: what TensorBoard and MLflow read of what was recorded."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from robustnas import recorder as module
from robustnas.errors import DataError, InvalidInputError, MissingPackageError
from robustnas.recorder import RECORDERS, Log, LogWarning, open_recorder

pytestmark = [
    pytest.mark.timeout(60),  # slow where processors are shared
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),  # of the libraries' own
]

RUN = "cifar10/pgd@1, clean where params <= 5e5/evolution/0"


def read_tensorboard(place: str) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    (file,) = Path(place).rglob("events.*")
    events = EventAccumulator(str(file)).Reload()
    return {
        tag: [(event.step, make_ndarray(event.tensor_proto).item()) for event in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


def mlflow_runs(place: str) -> tuple[Any, list[Any]]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=place)
    experiment = client.get_experiment_by_name("robustnas")
    assert experiment
    return client, list(client.search_runs([experiment.experiment_id]))


def read_mlflow(place: str) -> dict[str, list[tuple[int, float]]]:
    client, (run,) = mlflow_runs(place)
    return {
        name: [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]
        for name in run.data.metrics
    }


@pytest.fixture(params=RECORDERS)
def log(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Log:
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database takes ten times as long to make
    return Log.parse(f"{request.param}:{tmp_path / 'logs'}")


def record(log: Log, *values: float, divisor: int = 1) -> None:
    """Record numbers; fail at the end if the divisor is 0."""
    with open_recorder(log, RUN) as recorder:
        assert recorder
        for step, value in enumerate(values, start=1):
            recorder.scalar("best", value, step)
        assert 1 // divisor


def test_what_was_recorded_is_read_back(log: Log) -> None:
    with open_recorder(log, RUN) as recorder:
        assert recorder
        for step, value in ((1, 0.25), (2, 0.5), (3, 0.5)):
            recorder.scalar("score/pgd@1", value, step)
        recorder.scalar("best", math.nan, 1)
        recorder.scalar("best", 0.75, 2)
    if log.recorder == "tensorboard":
        found = read_tensorboard(log.place)
        assert found["score/pgd@1"] == [(1, 0.25), (2, 0.5), (3, 0.5)]
        assert [step for step, _ in found["best"]] == [1, 2]
        (folder,) = {path.parent for path in Path(log.place).rglob("events.*")}
        assert str(folder.relative_to(log.place)) == RUN
    else:
        found = read_mlflow(log.place)
        assert found == {"score/pgd_1": [(1, 0.25), (2, 0.5), (3, 0.5)], "best": [(2, 0.75)]}
        (run,) = mlflow_runs(log.place)[1]
        assert (run.info.run_name, run.info.status) == (RUN, "FINISHED")


def test_a_run_that_fails_is_closed(log: Log) -> None:
    with pytest.raises(ZeroDivisionError):
        record(log, 0.5, 1 / 2, divisor=0)
    found = read_tensorboard(log.place) if log.recorder == "tensorboard" else read_mlflow(log.place)
    assert found["best"] == [(1, 0.5), (2, 0.5)]
    if log.recorder == "mlflow":
        assert [run.info.status for run in mlflow_runs(log.place)[1]] == ["FAILED"]


def test_a_log_that_cannot_be_opened_is_one_sentence(log: Log, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(DataError, match=f"cannot write the log '{log.recorder}:.*logs': ") as error:
        record(log)
    assert "\n" not in str(error.value)


class Broken:
    """Cannot write from the second number on."""

    def __init__(self, place: str, run: str) -> None:
        self.calls = 0

    def scalar(self, name: str, value: float, step: int) -> None:
        self.calls += 1
        if self.calls > 1:
            raise OSError(28, "No space left on device")

    def close(self, *, failed: bool = False) -> None:
        raise AssertionError("it was given up")


def test_a_run_outlives_its_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.RECORDERS, "tensorboard", RECORDERS["tensorboard"]._replace(opened=Broken))
    with pytest.warns(LogWarning) as warned:
        record(Log("tensorboard", "runs"), *[0.5] * 5)
    (one,) = warned
    assert str(one.message) == (
        "cannot write the log 'tensorboard:runs': No space left on device; nothing more is recorded"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tensorbord:runs", "unknown recorder of log 'tensorbord'; did you mean 'tensorboard'"),
        ("tensorboard", "log is 'tensorboard'; expected tensorboard:DIR"),
        ("mlflow: ", "log is 'mlflow: '; expected mlflow:URI"),
        ("", "unknown recorder of log ''"),
    ],
)
def test_a_log_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Log.parse(text)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r'needs mlflow: pip install "robustnas\[mlflow\]"'):
        Log.parse("mlflow:http://server")


def test_nothing_is_recorded_without_a_log() -> None:
    with open_recorder(None, RUN) as recorder:
        assert recorder is None


def test_what_a_log_needs_is_imported_when_it_is_opened() -> None:
    script = (
        "import sys, robustnas.recorder, experiments.commands.search\n"
        "print(sorted({'torch', 'tensorboard', 'mlflow'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
