"""Weights in the forms that people have them, and what is refused, in words."""

from __future__ import annotations

import io
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import Tensor, nn

from robustnas import Cell
from robustnas.errors import DataError, InvalidInputError
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.images.images import ImageData
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.training.state_dict import load_state_dict
from robustnas.evaluator.training.weights_file import WeightsFile
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.network import build

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

CELL = Cell.parse("#13433")
State = dict[str, Tensor]


def state_of(seed: int = 0, cell: Cell = CELL, n_classes: int = 10, channels: int = 4, n_cells: int = 1) -> State:
    return dict(build(cell, n_classes, channels, n_cells, seed=seed).state_dict())


def saved(content: Any, folder: Path) -> Path:
    path = folder / "weights.pth"
    torch.save(content, path)
    return path


def load(path: Path, cell: Cell = CELL, **choice: Any) -> Normalised:
    model = Normalised(build(cell, 10, 4, 1, seed=99), (0.5, 0.25, 0.5), (0.25, 0.5, 0.25))
    load_state_dict(WeightsFile.read(path, **choice), model)
    return model


def assert_is(model: Normalised, expected: State) -> None:
    for name, tensor in model.network.state_dict().items():
        assert torch.equal(tensor, expected[name]), name


def prefixed(prefix: str) -> Callable[[State], Any]:
    return lambda state: {f"{prefix}{name}": tensor for name, tensor in state.items()}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: OrderedDict(state),
        lambda state: {"net_state_dict": state, "epochs": 200, "train_acc1es": {"0": 12.5}},
        lambda state: {"model_state_dict": state, "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]}},
        lambda state: {"epoch": 3, "state_dict": state, "best_acc": 0.5},
        lambda state: {"model": state, "ema": state},
        lambda state: {"anything": state},
        lambda state: {"net": {"state_dict": prefixed("module.")(state)}},
        lambda state: {777: state},
        lambda state: {"777": {"net_state_dict": state}},
        lambda state: {"full": {"arch_str": CELL.arch, "all_results": {("cifar10", 777): {"net_state_dict": state}}}},
        prefixed("module."),
        prefixed("model."),
        prefixed("1."),
        prefixed("_orig_mod.module.network."),
        lambda state: {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")},
        lambda state: {**prefixed("1.")(state), "0.mean": torch.tensor([0.5, 0.25, 0.5]).view(1, 3, 1, 1)},
    ],
)
def test_forms(wrap: Callable[[State], Any], tmp_path: Path) -> None:
    state = state_of()
    assert_is(load(saved(wrap(state), tmp_path)), state)


def test_half_precision_becomes_float32(tmp_path: Path) -> None:
    half = {name: t.half() if t.is_floating_point() else t for name, t in state_of().items()}
    model = load(saved(half, tmp_path))
    assert model.network.state_dict()["stem.0.weight"].dtype == torch.float32


class TestSeeds:
    STATES: ClassVar = {seed: state_of(seed) for seed in (777, 888)}

    @pytest.mark.parametrize("wrap", [lambda states: states, lambda states: {"net_state_dict": states}])
    def test_one_is_chosen(self, wrap: Callable[[Any], Any], tmp_path: Path) -> None:
        path = saved(wrap(self.STATES), tmp_path)
        for seed, state in self.STATES.items():
            assert_is(load(path, seed=seed), state)
        assert len({WeightsFile.read(path, seed=seed).digest for seed in self.STATES}) == 2
        with pytest.raises(InvalidInputError, match="weights of the training seeds 777, 888; choose one of them"):
            load(path)
        with pytest.raises(InvalidInputError, match="holds no weights of the training seed 999, but of 777, 888"):
            load(path, seed=999)

    def test_by_dataset(self, tmp_path: Path) -> None:
        runs = {("cifar10", 777): self.STATES[777], ("cifar100", 888): self.STATES[888]}
        path = saved({"all_results": runs}, tmp_path)
        assert_is(load(path, dataset="cifar100"), self.STATES[888])
        with pytest.raises(InvalidInputError, match="trainings on cifar10, cifar100, none on digits"):
            load(path, dataset="digits")

    def test_no_seeds_there(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInputError, match="does not hold weights by training seed; leave the seed out"):
            load(saved(self.STATES[777], tmp_path), seed=777)


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("executed",))


def cut_short(state: State) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return buffer.getvalue()[:-200]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; download or copy it again"),
        (b"\0" * 4096, "is empty"),
        (b"\n<!DOCTYPE html><html>Sign in</html>", "is a web page, not weights; download the file that the page shows"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 2\n", "is a pointer of Git LFS"),
        (cut_short(state_of()), "is cut short; download or copy it again"),
        (b"\x80\x04nonsense", "holds no plain state dict, or is damaged"),
        (pickle.dumps({"a": Evil()}, protocol=2), "refused: it holds more than tensors, an object of"),
    ],
)
def test_other_files(content: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(path)
    assert capsys.readouterr().out == ""


def test_a_whole_module_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"an object of torch\.nn\.modules\.\S+, which loading would execute; save the"):
        load(saved(nn.Sequential(nn.Linear(2, 2)), tmp_path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"epoch": 3, "lr": 0.1}, "holds no state dict but the keys 'epoch', 'lr'; expected tensors by name"),
        ({f"k{i}": i for i in range(9)}, "'k4' and 4 more"),
        ([1, 2], "holds no state dict but a list"),
        ({}, "holds no state dict but the keys nothing"),
        (
            state_of(n_classes=100),
            r"classifier\.weight is of shape \(100, 16\), expected of shape \(10, 16\), as the im",
        ),
        (state_of(channels=8), r"stem\.0\.weight is of shape \(8, 3, 3, 3\), .* --channels 4 \(\d+ more differ\)"),
        (
            state_of(cell=Cell.parse("#1")),
            r"0\.layers\.1\.op\.1\.weight is of shape \(4, 4, 3, 3\), expected .*, nor_conv_1x1 from node 0 to 2 of \|",
        ),
        (state_of(n_cells=2), r"is of another network: cells\.1\."),
        ({**state_of(), "auxiliary.weight": torch.zeros(1)}, r"it also holds auxiliary\.weight; expected none"),
        ({"conv1.weight": torch.zeros(3), "fc.bias": torch.zeros(3)}, r"stem\.0\.weight is not there"),
        ({**state_of(), "classifier.bias": torch.zeros(10, dtype=torch.int8)}, r"is int8 of shape \(10,\)"),
        (
            {**prefixed("1.")(state_of()), "0.mean": torch.zeros(3)},
            r"by 0\.mean = 0, 0, 0; these images by 0\.5, 0\.25",
        ),
    ],
)
def test_other_networks(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        load(saved(content, tmp_path))


@pytest.mark.parametrize(("value", "kind"), [(float("nan"), "NaN"), (float("inf"), "infinite")])
def test_weights_that_are_no_numbers(value: float, kind: str, tmp_path: Path) -> None:
    state = state_of()
    state["stem.0.weight"] = state["stem.0.weight"].clone()
    state["stem.0.weight"].view(-1)[:3] = value
    message = rf"weights that are no numbers: 3 of 108 of stem\.0\.weight are not finite \({kind}\), and 0 more tensors"
    with pytest.raises(DataError, match=message):
        load(saved(state, tmp_path))


def test_an_architecture_that_the_file_says(tmp_path: Path) -> None:
    """Networks whose cells differ in skips and pools have the same parameters."""
    skip = Cell.parse(CELL.arch.replace("avg_pool_3x3", "skip_connect"))
    path = saved({"arch_str": skip.arch, "net_state_dict": state_of(cell=skip)}, tmp_path)
    with pytest.raises(DataError, match=r"is of \|skip_connect~0\|.*, as it says; expected \|avg_pool_3x3~0\|"):
        load(path)


def test_weights_belong_to_the_cell_as_it_is_given(digits: ImageData, tmp_path: Path) -> None:
    """The canonical cell of a network may have its layers in other places, and other weights there."""
    cells = map(Cell.from_index, range(space.N_CELLS))
    cell = next(c for c in cells if c.ops.count(3) == 1 and space.canonical(c).ops.index(3) != c.ops.index(3))
    canonical = space.canonical(cell)
    network = build(cell, 10, 4, 1, 1, seed=3)
    path = saved(network.state_dict(), tmp_path)
    settings = EvaluationSettings(channels=4, n_cells=1, n_images=50)
    evaluator = Evaluator(digits, settings, device="cpu", weights=path)
    keys = [evaluator.network_key(arch) for arch in (cell, canonical)]
    assert keys[0].training != keys[1].training == evaluator.training_digest
    assert [key.arch for key in keys] == [canonical.arch] * 2
    pixels = torch.from_numpy(digits.test.head(50).pixels())
    expected = Normalised(network, digits.mean, digits.std).eval()(pixels)
    assert torch.allclose(evaluator.network(cell)(pixels), expected, atol=1e-5)
    with pytest.raises(DataError, match="of another network"):
        evaluator.network(canonical)


def test_a_seed_without_weights(digits: ImageData) -> None:
    with pytest.raises(InvalidInputError, match="weights_seed is 3 without a file of weights"):
        Evaluator(digits, device="cpu", weights_seed=3)
