from __future__ import annotations

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from robustnas.errors import DataError, InvalidInputError
from robustnas.evaluator.filling import worker
from robustnas.evaluator.filling.plan import FillPlan
from robustnas.evaluator.filling.worker import FillJob, work
from robustnas.measurements import MeasurementStore

pytestmark = pytest.mark.timeout(60)  # torch is loaded

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
