from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustnas.errors import DataError
from tests.robustnas.tables.sheets.sheet_files import CELLS, EXPECTED, FRAME, numbers_of

RECORDS = list(FRAME.itertuples())
ROWS = FRAME.set_index("arch").to_dict(orient="index")


@pytest.mark.parametrize(
    "value",
    [
        ROWS,
        OrderedDict(ROWS),
        defaultdict(dict, ROWS),
        {"cifar10": ROWS},
        FRAME.to_dict(orient="records"),
        FRAME.to_dict(orient="list"),
        {"arch": np.array(FRAME["arch"], dtype=object), **{name: FRAME[name].to_numpy() for name in ("lat", "acc")}},
        {np.str_(arch): row for arch, row in ROWS.items()},
        {"arch": list(FRAME["arch"].to_numpy(dtype=str)), "lat": EXPECTED["lat"], "acc": EXPECTED["acc"]},
        {"arch": FRAME["arch"].to_numpy(dtype=str), "lat": list(FRAME["lat"].to_numpy()), "acc": EXPECTED["acc"]},
        {
            cell.database_id: {"lat": np.float32(lat), "acc": lat + 90}
            for cell, lat in zip(CELLS, EXPECTED["lat"], strict=True)
        },
    ],
)
@pytest.mark.parametrize("protocol", [2, 5])
def test_plain_containers_and_arrays(tmp_path: Path, value: Any, protocol: int) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    assert numbers_of(path) == EXPECTED


def test_nothing_is_run(tmp_path: Path) -> None:
    class Runs:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"arch": Runs()}))
    with pytest.raises(DataError, match="refused: the pickle asks for"):
        numbers_of(tmp_path / "a.pkl")
    assert not (tmp_path / "ran").exists()


def test_a_frame_is_refused_with_the_command_that_converts_it(tmp_path: Path) -> None:
    FRAME.to_pickle(tmp_path / "a.pkl")
    with pytest.raises(DataError, match=r"asks for pandas\S+; .*if you trust it, .*python -c .*read_pickle"):
        numbers_of(tmp_path / "a.pkl")


@pytest.mark.parametrize("content", [b"", b"\x80\x05", pickle.dumps(ROWS)[:-20], b"no pickle"])
def test_damage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.pkl").write_bytes(content)
    with pytest.raises(DataError, match="truncated, or no pickle"):
        numbers_of(tmp_path / "a.pkl")


def test_a_small_pickle_does_not_unfold_to_more_than_memory(tmp_path: Path) -> None:
    value: Any = [1] * 10
    for _ in range(30):
        value = [value, value]
    (tmp_path / "a.pkl").write_bytes(pickle.dumps({"arch": value}))
    with pytest.raises(DataError, match="parts"):
        numbers_of(tmp_path / "a.pkl")


class TestTorch:
    def test_tensors(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        path = tmp_path / "a.pt"
        values = torch.tensor(EXPECTED["lat"], dtype=torch.float64)
        pairs = torch.stack([values, values + 90], dim=1)
        torch.save({"arch": list(FRAME["arch"]), "lat": pairs[:, 0], "acc": pairs[:, 1]}, path)
        assert numbers_of(path) == EXPECTED
        torch.save({cell.arch: {"lat": lat} for cell, lat in zip(CELLS, values, strict=True)}, path)
        assert numbers_of(path) == {"lat": EXPECTED["lat"]}

    def test_files_of_older_versions_are_refused_with_the_command(self, tmp_path: Path) -> None:
        torch = pytest.importorskip("torch")
        path = tmp_path / "a.pt"
        torch.save(ROWS, path, _use_new_zipfile_serialization=False)
        with pytest.raises(DataError, match=r"is no torch file, .*python -c .*torch.load"):
            numbers_of(path)

    def test_faults(self, tmp_path: Path) -> None:
        path = tmp_path / "a.pt"
        path.write_bytes(b"PK")
        with pytest.raises(DataError, match="is no torch file"):
            numbers_of(path)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/version", "3")
        with pytest.raises(DataError, match=r"it has no data.pkl"):
            numbers_of(path)
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", pickle.dumps(FRAME))
        with pytest.raises(DataError, match="asks for pandas"):
            numbers_of(path)
