from __future__ import annotations

from pathlib import Path

import pytest

from robustnas.errors import InvalidInputError, PlanError
from robustnas.executors import EXECUTORS, ExecutorSpec, chosen_executor, open_engine


def test_names_of_the_command_line() -> None:
    assert list(EXECUTORS)[:6] == ["processes", "threads", "serial", "dask", "ray", "slurm"]
    engines = [ExecutorSpec(name).engine for name in ("dask", "dask:tcp://host:8786", "ray:auto")]
    assert engines == ["dask", "dask", "ray"]
    assert ExecutorSpec("dask").address is None
    assert ExecutorSpec("my_cluster.py:make").engine == "my_cluster.py:make"
    assert ExecutorSpec("my_cluster.py:make").address is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("proceses", "unknown executor 'proceses'; did you mean 'processes'"),
        (3, "executor is 3; expected a name such as 'processes', or a table with a name"),
        ({"name": 3}, "executor is 3; expected a name such as 'processes'"),
        ({"name": "dask", "workers": 0}, "workers is 0; expected an integer from 1"),
        ({"name": "dask", "tasks_per_job": "many"}, "tasks_per_job is 'many'; expected an integer"),
        ({"name": "dask", "retries": -1}, "retries is -1; expected an integer"),
    ],
)
def test_what_is_wrong_is_refused_in_words(value: object, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        ExecutorSpec.read(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (ExecutorSpec("serial:here"), "executor is 'serial:here'; expected 'serial', which has no address"),
        (
            ExecutorSpec(options={"n_thread": 2}),
            "unknown option of executor 'processes': 'n_thread'; did you mean",
        ),
        (ExecutorSpec("builtins:dict"), "executor 'builtins:dict' returned {}; expected a function that returns"),
        (ExecutorSpec("builtins:no_such"), "executor 'builtins:no_such'"),
        (ExecutorSpec("builtins:int", options={"base": 99}), "executor 'builtins:int' cannot be made: TypeError"),
    ],
)
def test_what_cannot_be_opened_is_refused_in_words(spec: ExecutorSpec, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message), open_engine(spec):
        pass


def test_options_of_a_plan_hold_for_its_engine_alone() -> None:
    planned = ExecutorSpec.read({"name": "slurm", "workers": 8, "partition": "cpu"})
    assert chosen_executor(None, planned) == planned
    assert chosen_executor("slurm", planned, workers=2) == ExecutorSpec("slurm", 2, options={"partition": "cpu"})
    assert chosen_executor("serial", planned) == ExecutorSpec("serial")


def test_a_file_holds_a_table(tmp_path: Path) -> None:
    path = tmp_path / "cluster.toml"
    path.write_text('seeds = 3\n[executor]\nname = "dask"\nworkers = 4\nthreads_per_worker = 2\n')
    assert ExecutorSpec.load(path) == ExecutorSpec("dask", 4, options={"threads_per_worker": 2})
    path.write_text("seeds = 3\n")
    with pytest.raises(PlanError, match=r"cluster.toml: there is no table \[executor\]"):
        ExecutorSpec.load(path)
    path.write_text('[executor]\nname = "dusk"\n')
    with pytest.raises(PlanError, match=r"cluster.toml: unknown executor 'dusk'; did you mean 'dask'"):
        ExecutorSpec.load(path)


def test_an_executor_of_ones_own_gets_the_number_of_workers() -> None:
    spec = ExecutorSpec("concurrent.futures:ThreadPoolExecutor", workers=3)
    with open_engine(spec) as engine:
        assert engine.capacity() == 3
        assert engine.executor.submit(pow, 2, 3).result() == 8
