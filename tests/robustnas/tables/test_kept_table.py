from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from robustnas import Oracle
from robustnas.errors import DataError, InvalidInputError
from robustnas.spaces import recorded_name
from robustnas.tables.datasets import open_table, space_of
from robustnas.tables.kept_table import find_kept, forget_table, keep_table, kept_folder, kept_names
from searchers import create, search
from tests.robustnas.spaces.large import Large, landscape

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

TEXT = "depth1=4,width1=8,depth2={},width2=8,depth3=4,width3=8"


def table(folder: Path, score: float, name: str = "t.csv") -> Path:
    path = folder / name
    lines = [f'"{TEXT.format(depth)}",{score / depth}' for depth in (4, 5, 7)]
    path.write_text("\n".join(["arch,clean", *lines]))
    return path


def keep(path: str, n: int) -> None:
    for _ in range(n):
        keep_table(path, "wide-resnets", "mine", replace_other=True)


def test_a_table_is_kept_until_it_is_replaced(tmp_path: Path) -> None:
    keep_table(table(tmp_path, 1.0), "wide-resnets")
    assert kept_names() == ["t"]
    assert space_of("t") is open_table("t").space.whole
    assert open_table("t").value("index:0", "clean") == 1 / 4
    keep_table(table(tmp_path, 1.0), "wide-resnets")  # the same again
    with pytest.raises(InvalidInputError, match=r"there is a table t already, of t\.csv over wide-resnets"):
        keep_table(table(tmp_path, 2.0), "wide-resnets")
    keep_table(table(tmp_path, 2.0), "wide-resnets", replace_other=True)
    assert len(list(kept_folder().glob("t-*.csv"))) == 1
    assert open_table("t").value("index:0", "clean") == 2 / 4
    forget_table("t")
    assert [path.name for path in kept_folder().iterdir()] in ([], [".lock"])


def test_a_faulty_file_keeps_what_there_was(tmp_path: Path) -> None:
    keep_table(table(tmp_path, 1.0), "wide-resnets")
    (tmp_path / "t.csv").write_text("arch,clean\nnonsense,1")
    with pytest.raises(DataError, match="line 2"):
        keep_table(tmp_path / "t.csv", "wide-resnets", replace_other=True)
    assert open_table("t").space.n_networks == 3


def test_damage_is_said(tmp_path: Path) -> None:
    kept, _ = keep_table(table(tmp_path, 1.0), "wide-resnets")
    description = kept_folder() / "t.json"
    whole = json.loads(description.read_text())
    for damaged in ("{", "[]", "{}", json.dumps(whole | {"digests": 3}), json.dumps(whole | {"file": "../x.csv"})):
        description.write_text(damaged)
        with pytest.raises(DataError, match="robustnas data forget t"):
            find_kept("t")
    description.write_text(json.dumps(whole))
    content = kept_folder() / kept.file
    content.write_bytes(content.read_bytes()[:-1])
    with pytest.raises(DataError, match="is damaged: its SHA-256 is another"):
        open_table("t")
    content.unlink()
    with pytest.raises(DataError, match="no such file"):
        open_table("t")
    assert find_kept("../t") is None


def test_two_processes_may_keep_one_name(tmp_path: Path) -> None:
    files = [str(table(tmp_path, score, f"{score}.csv")) for score in (1.0, 2.0)]
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=keep, args=(file, 10)) for file in files]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert open_table("mine").value("index:0", "clean") in (1 / 4, 2 / 4)
    assert len(list(kept_folder().glob("mine-*.csv"))) == 1


def test_a_table_of_some_architectures_of_a_large_space_is_a_dataset(tmp_path: Path) -> None:
    large = Large()
    some = [large.sample(np.random.default_rng(seed)) for seed in range(200)]
    frame = pd.DataFrame([dict(one) for one in some]).assign(
        clean=[landscape(one)["clean"] for one in some], params=7.0
    )
    frame.to_csv(tmp_path / "some.csv", index=False)
    reference = "tests/robustnas/spaces/large.py:Large"
    kept, table = keep_table(tmp_path / "some.csv", reference)
    assert kept.space.endswith("large.py:Large")
    for opened in (table, open_table("some")):
        assert opened.space.n_members == 200
        assert opened.value(some[7], "clean") == landscape(some[7])["clean"]
        assert opened.space.cost_column("params")[7] == large.cost(some[7])["params"]  # the space's, not the file's
    space = space_of("some")
    assert space is not None
    assert (space.size, recorded_name(space)) == (200, "Large (listed)")  # no records are read over the whole space
    for name, objective in (("gp", "clean where params <= 60"), ("nsga2", "clean, params"), ("optuna-tpe", "clean")):
        oracle = Oracle(objective, table, budget=20)
        searcher = create(name, 0, space=oracle.space, n_objectives=len(oracle.objectives), **SMALL.get(name, {}))
        assert len(list(search(searcher, oracle))) == 20
    forget_table("some")


SMALL: dict[str, dict[str, int]] = {"gp": {"n_initial": 16}, "nsga2": {"population_size": 10}}
