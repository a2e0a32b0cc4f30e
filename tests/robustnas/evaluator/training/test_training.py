"""Training: determinism, going on after a crash, failures, and what a network predicts."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustnas.errors import DataError, InvalidInputError, TrainingError
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.memory_size import DeviceMemoryError
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.prediction import accuracy, predict
from robustnas.evaluator.training import training, training_run
from robustnas.evaluator.training.training import train
from robustnas.evaluator.training.training_config import TrainingConfig
from robustnas.evaluator.training.training_task import TrainingProgress, TrainingResult
from robustnas.spaces.nasbench201.network import build
from tests import ROOT

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

CPU = torch.device("cpu")
TINY = TrainingConfig(epochs=4, batch_size=64, learning_rate=0.1, crop_padding=1, warmup=0.1, cosine_per_step=True)


def images(n: int = 201, seed: int = 0, n_channels: int = 1) -> LabelledImages:
    """Noise with a bright quadrant, upper or lower, which is the class: no flip changes it."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    pixels = rng.integers(0, 100, (n, n_channels, 8, 8), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[:, 4 * label : 4 * label + 4] += 100
    return LabelledImages(pixels, labels.astype(np.int64))


def network(seed: int = 0, arch: str = "#13433") -> Normalised:
    return Normalised(build(arch, n_classes=2, channels=4, n_cells=1, in_channels=1, seed=seed), [0.4], [0.3])


def fit(model: nn.Module, config: TrainingConfig = TINY, **options: object) -> TrainingResult:
    return train(model, images(), config, **{"seed": 3, "device": CPU, **options})  # type: ignore[arg-type]


def digest(model: nn.Module) -> str:
    content = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        content.update(name.encode() + tensor.contiguous().numpy().tobytes())
    return content.hexdigest()


def in_another_process(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONHASHSEED": "77", "OMP_NUM_THREADS": str(torch.get_num_threads())}
    prelude = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom {__name__} import *\n"
    return subprocess.run(
        [sys.executable, "-c", prelude + code, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_it_learns_and_says_how() -> None:
    model = network()
    result = fit(model, replace(TINY, epochs=6))
    assert accuracy(model, images(seed=1), device=CPU) > 0.95
    assert len(result.losses) == len(result.accuracies) == 6
    assert result.losses[-1] < result.losses[0] / 2
    assert result.accuracies[-1] > 0.9
    assert result.seconds > 0
    assert (result.n_epochs_resumed, result.notes) == (0, ())
    assert not any(module.training for module in model.modules())


def test_a_cell_without_a_path_learns_nothing_and_does_not_fail() -> None:
    result = fit(network(arch="|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"))
    assert result.losses[-1] == pytest.approx(np.log(2), abs=0.05)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_equal_seeds_give_equal_weights_in_any_process() -> None:
    first, other_seed, from_floats = network(), network(), network()
    fit(first)
    fit(other_seed, seed=4)
    train(from_floats, LabelledImages(images().pixels(), images().labels), TINY, seed=3, device=CPU)
    elsewhere = in_another_process("model = network()\nfit(model)\nprint(digest(model))")
    assert elsewhere.stdout.strip() == digest(first), elsewhere.stderr
    assert digest(from_floats) == digest(first)
    assert digest(other_seed) != digest(first)


def test_no_global_state_is_used_or_changed() -> None:
    model, again = network(), network()
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002 - the global generator is what is watched
    former = torch.get_rng_state(), np.random.get_state()[1], torch.backends.cudnn.benchmark  # noqa: NPY002
    fit(model)
    assert torch.equal(torch.get_rng_state(), former[0])
    np.testing.assert_array_equal(np.random.get_state()[1], former[1])  # noqa: NPY002
    assert torch.backends.cudnn.benchmark == former[2]
    torch.manual_seed(2)
    fit(again)
    assert digest(again) == digest(model)


KILLED = """
def kill(progress):
    if (progress.epoch, progress.step) == (2, 1):
        os.kill(os.getpid(), signal.SIGKILL)
training_run._PROGRESS_SECONDS = 0
fit(network(), checkpoint=Path(sys.argv[1]), checkpoint_seconds=0, progress=kill)
"""


@pytest.mark.timeout(60)
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
def test_a_killed_training_goes_on_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    path = tmp_path / "training.pt"
    killed = in_another_process(KILLED, str(path))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    whole, resumed = network(), network(seed=9)  # the checkpoint brings the weights
    expected, result = fit(whole), fit(resumed, checkpoint=path)
    assert result.n_epochs_resumed == 2
    assert digest(resumed) == digest(whole)
    assert (result.losses, result.accuracies) == (expected.losses, expected.accuracies)


def test_ctrl_c_leaves_the_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(progress: TrainingProgress) -> None:
        if (progress.epoch, progress.step) == (3, 2):
            raise KeyboardInterrupt

    monkeypatch.setattr(training_run, "_PROGRESS_SECONDS", 0.0)
    path, whole, resumed = tmp_path / "training.pt", network(), network()
    with pytest.raises(KeyboardInterrupt):
        fit(resumed, checkpoint=path, checkpoint_seconds=0, progress=interrupt)
    assert fit(resumed, checkpoint=path).n_epochs_resumed == 3
    fit(whole)
    assert digest(resumed) == digest(whole)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    path, first, again = tmp_path / "training.pt", network(), network(seed=9)
    expected = fit(first, checkpoint=path, checkpoint_seconds=1e9)
    result = fit(again, checkpoint=path)
    assert result.n_epochs_resumed == TINY.epochs
    assert result.losses == expected.losses
    assert digest(again) == digest(first)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 4}, "seed is '3', expected '4'"),
        ({"config": replace(TINY, epochs=5)}, "recipe is '"),
        ({"identity": {"architecture": "#1"}}, "architecture is None, expected '#1'"),
        ({"mixed_precision": True}, "precision is 'float32', expected 'bfloat16'"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    path, model = tmp_path / "training.pt", network()
    fit(model, replace(TINY, epochs=1), checkpoint=path)
    config = options.pop("config", replace(TINY, epochs=1))
    before = path.read_bytes()
    with pytest.raises(DataError, match=message):
        fit(network(), config, checkpoint=path, **options)  # type: ignore[arg-type]
    assert path.read_bytes() == before


def test_a_damaged_checkpoint_means_a_new_beginning_that_is_told(tmp_path: Path) -> None:
    path, first, again = tmp_path / "training.pt", network(), network()
    fit(first, checkpoint=path)
    path.write_bytes(path.read_bytes()[:1000])
    heard: list[TrainingProgress] = []
    result = fit(again, checkpoint=path, progress=heard.append)
    assert result.n_epochs_resumed == 0
    assert "is damaged: it is cut short; restarted" in result.notes[0]
    assert heard[0].notes == result.notes
    assert digest(again) == digest(first)
    assert fit(network(), checkpoint=path).n_epochs_resumed == TINY.epochs


def test_a_change_of_device_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "training.pt"
    fit(network(), checkpoint=path)
    monkeypatch.setattr(training_run, "device_name", lambda device: "cuda:other")
    assert fit(network(), checkpoint=path).notes == ("begun on cpu, continued on cuda:other from epoch 5",)


def test_progress_is_told_after_every_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[TrainingProgress] = []
    result = fit(network(), progress=heard.append)
    assert [progress.epoch for progress in heard if not progress.step] == [0, 1, 2, 3, 4]
    assert heard[-1].losses == result.losses
    assert heard[-1].fraction == 1.0
    assert [progress.seconds for progress in heard] == sorted(progress.seconds for progress in heard)
    monkeypatch.setattr(training_run, "_PROGRESS_SECONDS", 0.0)
    heard.clear()
    fit(network(), replace(TINY, epochs=1), progress=heard.append)
    assert [(progress.epoch, progress.step) for progress in heard] == [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0)]
    assert heard[2].fraction == pytest.approx(0.5)


def test_a_loss_that_is_no_number_ends_it_with_advice() -> None:
    pattern = r"loss is (nan|inf) after step \d of 4 in epoch \d of 4, at a learning rate of .*; a lower learning_rate"
    model = network()
    with torch.no_grad():
        model.network.classifier.bias.fill_(torch.inf)  # type: ignore[union-attr]
    with pytest.raises(TrainingError, match=pattern):
        fit(model)


def test_a_weight_that_is_no_number_is_not_kept(tmp_path: Path) -> None:
    model, path = network(), tmp_path / "training.pt"
    with torch.no_grad():
        model.network.cells[0].layers[4].op[1].weight.fill_(torch.nan)  # type: ignore[union-attr,index]
    with pytest.raises(TrainingError, match=r"(weight is not finite|loss is nan) after step"):
        fit(model, checkpoint=path, checkpoint_seconds=0)
    assert not path.exists()


class Greedy(nn.Module):
    """A linear network that has memory for a limited number of images."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit, self.sizes = limit, [0]
        self.linear = nn.Linear(64, 2)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        if len(pixels) > self.limit:
            raise torch.OutOfMemoryError("out of memory")
        self.sizes.append(len(pixels))
        logits: Tensor = self.linear(pixels.flatten(1))
        return logits


def test_out_of_memory_splits_batches_and_takes_the_same_steps(tmp_path: Path) -> None:
    config, path = replace(TINY, learning_rate=0.01), tmp_path / "training.pt"
    roomy, tight, resumed = Greedy(1000), Greedy(20), Greedy(20)
    expected, result = fit(roomy, config), fit(tight, config, checkpoint=path)
    assert max(tight.sizes) == 16
    assert result.losses == pytest.approx(expected.losses, rel=1e-5)
    torch.testing.assert_close(tight.linear.weight, roomy.linear.weight)
    assert [note.partition(":")[0] for note in result.notes] == [
        "out of memory with 64 images at once",
        "out of memory with 32 images at once",
    ]
    assert "batch norm saw 16 at a time" in result.notes[1]
    assert fit(resumed, config, checkpoint=path).notes == result.notes


def test_memory_for_less_than_two_images_is_an_error() -> None:
    with pytest.raises(DeviceMemoryError, match="out of memory on cpu with 2 images at once"):
        fit(Greedy(1))
    with pytest.raises(DeviceMemoryError, match="with a single image"):
        predict(Greedy(0), images(), device=CPU)


@pytest.mark.parametrize("n", [2, 3, 65])
def test_few_images_and_one_left_over_are_no_trouble(n: int) -> None:
    result = train(network(), images(n), replace(TINY, epochs=1), seed=0, device=CPU)
    assert np.isfinite(result.losses).all()


def test_images_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="there are 1 images; expected 2 or more"):
        train(network(), images(1), TINY, seed=0, device=CPU)
    with pytest.raises(InvalidInputError, match="images have 3 channels; the network takes 1"):
        train(network(), images(n_channels=3), TINY, seed=0, device=CPU)
    with pytest.raises(InvalidInputError, match="a label is 2; the network has 2 classes"):
        train(network(), LabelledImages(images(3).images, np.arange(3)), TINY, seed=0, device=CPU)
    with pytest.raises(InvalidInputError, match="seed is -1"):
        fit(network(), seed=-1)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_mixed_precision_keeps_weights_in_float32(
    dtype: torch.dtype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "autocast_dtype", lambda device, mixed: dtype)
    path, model, again = tmp_path / "training.pt", network(), network()
    result = fit(model, replace(TINY, epochs=2), checkpoint=path)
    assert result.losses[1] < result.losses[0]
    assert all(weight.dtype == torch.float32 for weight in model.parameters())
    assert fit(again, replace(TINY, epochs=2), checkpoint=path).losses == result.losses


def test_predictions_are_those_of_evaluation_mode_in_any_batches() -> None:
    model, data = network(), images()
    model.train()
    model.network.lastact.eval()  # type: ignore[union-attr]
    modes = [module.training for module in model.modules()]
    logits = predict(model, data, device=CPU, batch_size=1000)
    assert [module.training for module in model.modules()] == modes
    assert (logits.shape, logits.dtype) == ((201, 2), np.float32)
    np.testing.assert_allclose(predict(model, data, device=CPU, batch_size=7), logits, atol=1e-5)
    model.eval()
    with torch.no_grad():
        expected = model(torch.from_numpy(data.pixels())).numpy()
    np.testing.assert_allclose(logits, expected, atol=1e-5)
    assert accuracy(model, data, device=CPU) == np.mean(expected.argmax(1) == data.labels)


def test_prediction_halves_its_batches_when_memory_runs_out() -> None:
    greedy = Greedy(20)
    assert predict(greedy, images(), device=CPU, batch_size=64).shape == (201, 2)
    assert max(greedy.sizes) == 16
