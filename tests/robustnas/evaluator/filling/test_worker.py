from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from robustnas.errors import DataError, InvalidInputError, RobustNASError, TrainingError
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.filling import worker
from robustnas.evaluator.filling.gaps import Gaps
from robustnas.evaluator.filling.plan import FillPlan
from robustnas.evaluator.filling.worker import FillJob, work
from robustnas.evaluator.progress import Progress
from robustnas.measurements import MeasurementStore

pytestmark = pytest.mark.timeout(60)  # torch is loaded

SMALL = """
images = "digits"
metrics = ["clean"]
cells = 3
channels = 2
n_cells = 1
n_images = 50
[training]
epochs = 1
"""
PLAN = FillPlan.parse('images = "digits"\nmetrics = ["clean"]\ncells = 1')


@pytest.fixture
def job(tmp_path: Path) -> FillJob:
    return FillJob(PLAN, MeasurementStore.open(tmp_path / "store.sqlite"), device="cpu")


def test_workers_of_one_process_take_turns(job: FillJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Generators that libraries share would else give other numbers."""
    at_work, most = set[str](), []

    class Worker:
        def __init__(self, *_: object) -> None:
            pass

        def work(self, name: str) -> None:
            at_work.add(name)
            most.append(len(at_work))
            time.sleep(0.05)
            at_work.remove(name)

    monkeypatch.setattr(worker, "_Worker", Worker)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda number: work(job, "token", f"{socket.gethostname()}:1", number), range(4)))
    assert most == [1, 1, 1, 1]


def test_a_file_of_another_machine_is_refused(job: FillJob) -> None:
    with pytest.raises(InvalidInputError, match=r"is a file of elsewhere; expected one on a PostgreSQL server"):
        work(job, "token", "elsewhere:1", 0)


def test_other_images_are_refused(job: FillJob) -> None:
    run = job.store.start_run()
    with pytest.raises(DataError, match=r"the images digits or their corruptions on .* are not those of"):
        work(job, run.token, run.submitter, 0)


def small_job(folder: Path, **options: object) -> FillJob:
    plan = FillPlan.parse(SMALL)
    job = FillJob(plan, MeasurementStore.open(folder / "store.sqlite"), device="cpu", **options)  # type: ignore[arg-type]
    return replace(job, digest=Gaps(plan, job.evaluator(0, "cpu")).digest)


def measured(job: FillJob) -> dict[str, float]:
    run = job.store.start_run()
    work(job, run.token, run.submitter, 0)
    assert job.store.active_claims() == []
    return {value.key.network.arch: value.accuracy for value in job.store.measurements()}


def test_networks_at_once_are_measured_as_one_after_the_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def train(self: Evaluator, archs: Sequence[str], progress: Sequence[Progress]) -> list[RobustNASError | None]:
        calls.append(len(archs))
        return original(self, archs, progress)

    original = Evaluator.train
    monkeypatch.setattr(Evaluator, "train", train)
    found = []
    for n in (1, 2):
        monkeypatch.setenv("ROBUSTNAS_CACHE", str(tmp_path / str(n)))
        (tmp_path / str(n)).mkdir()
        found.append(measured(small_job(tmp_path / str(n), at_once=n)))
    assert calls == [2]  # of three networks, the last is alone
    assert len(found[0]) == 3
    assert found[1] == found[0]


def test_a_training_that_fails_beside_others_is_given_up_alone(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(self: Evaluator, archs: Sequence[str], progress: Sequence[Progress]) -> list[RobustNASError | None]:
        errors = original(self, archs[1:], progress[1:])
        return [TrainingError("the loss is nan"), *errors]

    original = Evaluator.train
    monkeypatch.setattr(Evaluator, "train", train)
    job = small_job(tmp_path, at_once=5)
    run = job.store.start_run()
    work(job, run.token, run.submitter, 0)
    assert list(run.failed().values()) == ["the loss is nan"]
    assert len(job.store) == 2


def test_what_breaks_all_trainings_is_told_of_the_network_that_it_is_of(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Evaluator, "train", broken)
    assert len(measured(small_job(tmp_path, at_once=5))) == 3
