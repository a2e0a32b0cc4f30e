from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from robustnas.errors import InvalidInputError
from robustnas.evaluator.proxies import PROXIES, ImageBatch, drawn_batch, open_batch, proxy_scores, random_batch
from robustnas.evaluator.proxies.registry import checked_names
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import IMAGENET16_120
from robustnas.tables.attached.columns import read_columns
from robustnas.tables.sheets.reading import read_bytes, read_sheet

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

BATCH = random_batch(6, 8, 4)
SMALL: dict[str, Any] = {"n_classes": 4, "channels": 4, "n_cells": 1}
NO_PATH = Cell((0, 0, 0, 0, 0, 0))
DEAD_END = Cell((3, 0, 0, 0, 0, 0))  # a convolution that leads nowhere
OF_NOTHING = Cell((0, 0, 3, 1, 3, 0))  # convolutions of zeros, beside a skip
NO_CONVOLUTION = Cell((1, 4, 1, 0, 4, 1))


def scores(cell: Any = "#81", names: Any = "all", batch: ImageBatch = BATCH, **options: Any) -> dict[str, float]:
    return proxy_scores(cell, names, **{"images": batch.images, "labels": batch.labels, **SMALL, **options})


def test_every_measure_is_finite_and_in_the_order_asked_for() -> None:
    found = scores()
    assert list(found) == list(PROXIES)
    assert all(type(value) is float and math.isfinite(value) for value in found.values())
    assert list(scores(names=("zen", "params", "zen"))) == ["zen", "params"]


@pytest.mark.parametrize("name", PROXIES)
def test_shared_passes_change_nothing(name: str) -> None:
    assert scores(names=(name,))[name] == pytest.approx(scores()[name], rel=1e-5)


@pytest.mark.timeout(60)
def test_seeds_fix_everything() -> None:
    assert scores() == scores()
    assert all(scores(seed=1)[name] != scores()[name] for name in PROXIES if name not in ("params", "flops"))


@pytest.mark.timeout(60)
def test_another_process_computes_the_same() -> None:
    program = (
        "import json; from robustnas.evaluator.proxies import *; b = random_batch(6, 8, 4);"
        "s = proxy_scores('#81', 'all', images=b.images, labels=b.labels, n_classes=4, channels=4, n_cells=1);"
        "print(json.dumps(s))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert json.loads(result.stdout) == pytest.approx(scores(), rel=1e-6)


def test_global_state_is_left_as_it_was() -> None:
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    images, labels = BATCH.images.copy(), BATCH.labels.copy()
    with torch.no_grad():
        found = scores()
        assert not torch.is_grad_enabled()
    assert found == scores()
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state[1])  # noqa: NPY002
    assert np.array_equal(images, BATCH.images)
    assert np.array_equal(labels, BATCH.labels)


def test_tensors_and_arrays_are_alike() -> None:
    as_tensors = {"images": torch.tensor(BATCH.images), "labels": torch.tensor(BATCH.labels)}
    assert scores(**as_tensors) == scores(images=BATCH.images.astype(np.float64), labels=BATCH.labels.tolist())


@pytest.mark.parametrize("cell", [NO_PATH, DEAD_END])
def test_a_network_without_a_path(cell: Cell) -> None:
    found = scores(cell)
    assert math.isnan(found["jacov"])
    assert math.isnan(found["zen"])
    assert math.isnan(found["nwot"]) == (cell == NO_PATH)  # the first cell's ReLUs still tell images apart
    assert [found[name] for name in ("synflow", "snip", "jacobian_norm", "hessian")] == [0, 0, 0, 0]
    assert all(math.isfinite(found[name]) for name in PROXIES if name not in ("jacov", "zen", "nwot"))


@pytest.mark.parametrize("cell", [OF_NOTHING, NO_CONVOLUTION])
def test_odd_cells_with_a_path(cell: Cell) -> None:
    assert all(math.isfinite(value) for value in scores(cell).values())


@pytest.mark.parametrize("channels", [1, 3])
def test_any_number_of_image_channels(channels: int) -> None:
    batch = random_batch(4, 8, 4, in_channels=channels)
    assert all(math.isfinite(value) for value in scores(batch=batch).values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": "synflw"}, "did you mean 'synflow'"),
        ({"names": ""}, "no measure is named"),
        ({"names": ()}, "no measure is named"),
        ({"images": np.zeros((4, 3, 8))}, r"shape \(4, 3, 8\)"),
        ({"images": np.zeros((1, 3, 8, 8))}, "n at least 2"),
        ({"images": np.zeros((6, 3, 6, 6))}, "multiple of 4"),
        ({"images": np.zeros((6, 3, 8, 4))}, r"\(6, 3, 8, 4\)"),
        ({"images": np.full((6, 3, 8, 8), np.nan)}, "not finite"),
        ({"labels": [0, 1]}, r"labels have shape \(2,\)"),
        ({"labels": [0.5] * 6}, "expected 6 integers"),
        ({"labels": [0, 1, 2, 3, 4, 0]}, "label 4; expected 0 to 3"),
        ({"labels": [0, 1, 2, 3, -1, 0]}, "label -1"),
        ({"n_classes": 1}, "n_classes is 1"),
        ({"channels": 0}, "channels is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"device": "gpu"}, "device 'gpu'"),
        ({"cell": "nonsense"}, "nonsense"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        scores(**options)


def test_names_are_read_from_text() -> None:
    assert checked_names(" zen , all,") == ("zen", *(name for name in PROXIES if name != "zen"))


class TestBatches:
    def test_seeds_fix_random_batches(self) -> None:
        assert random_batch(4, 8, 3).digest == random_batch(4, 8, 3).digest
        assert len({random_batch(4, 8, 3, seed=s).digest for s in range(3)} | {random_batch(4, 8, 5).digest}) == 4
        batch = random_batch(500, 8, 3)
        assert abs(batch.images.mean()) < 0.01
        assert batch.images.std() == pytest.approx(1, abs=0.01)
        assert set(batch.labels.tolist()) == {0, 1, 2}

    def test_real_images_are_normalised(self) -> None:
        batch = open_batch("digits", 64)
        assert batch.images.shape == (64, 1, 8, 8)
        assert (batch.name, batch.n_classes) == ("digits", 10)
        assert abs(batch.images.mean()) < 0.1
        assert batch.images.std() == pytest.approx(1, abs=0.1)
        assert batch.digest == open_batch("digits", 64).digest != open_batch("digits", 64, seed=1).digest

    def test_bad_batches_are_refused(self) -> None:
        from robustnas.evaluator.images.image_files import open_images

        with pytest.raises(InvalidInputError, match="multiple of 4"):
            random_batch(4, 10, 3)
        with pytest.raises(InvalidInputError, match="n is 1"):
            random_batch(1)
        with pytest.raises(InvalidInputError, match="n is 100000"):
            drawn_batch(open_images("digits"), 100_000)
        with pytest.raises(InvalidInputError, match="random images only"):
            open_batch("digits", size=16)


@pytest.mark.timeout(60)
@pytest.mark.real_data
@pytest.mark.slow
def test_published_measures_are_reproduced(real_data_dir: Path) -> None:
    path = real_data_dir.parent / "tables" / "nb201_imagenet16_120_zero_cost_proxies.csv"
    if not path.exists():
        pytest.skip(f"no {path.name} beside the database")
    table = read_columns(read_sheet(path, read_bytes(path), "ImageNet16-120")).columns
    known = np.flatnonzero(np.isfinite(table["synflow"]))
    cells = [Cell.from_index(int(i)) for i in np.random.default_rng(5).choice(known, 40, replace=False)]
    batch, indices = random_batch(8), space.indices(cells)
    names = ("synflow", "snip", "l2_norm", "params")
    options: dict[str, Any] = {"images": batch.images, "labels": batch.labels, "n_classes": 120}
    rows = [proxy_scores(cell, names, **options) for cell in cells]
    found = {name: np.array([row[name] for row in rows]) for name in names}
    assert np.array_equal(found["params"], np.round(1e6 * table["params"][indices]))
    assert np.array_equal(found["params"], [IMAGENET16_120.parameters(cell) for cell in cells])
    assert np.abs(found["synflow"] - table["synflow"][indices]).max() < 1
    assert np.abs(found["l2_norm"] / table["l2_norm"][indices] - 1).max() < 0.02
    rho = {name: spearmanr(found[name], table[name][indices]).statistic for name in names}
    assert rho["synflow"] > 0.99
    assert rho["l2_norm"] > 0.9
    assert rho["snip"] > 0.85
