"""What only a card can show: steps are captured, trainings repeat, memory that runs out, attacks as on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from robustnas.errors import TrainingError
from robustnas.evaluator.attacks.robustness import attack_images
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.normalised import Normalised
from robustnas.evaluator.prediction import predict
from robustnas.evaluator.training.sgd import DeviceSGD
from robustnas.evaluator.training.step_graphs import StepGraphs, Work
from robustnas.evaluator.training.throughput import networks_at_once, time_steps
from robustnas.evaluator.training.training import train, train_many
from robustnas.evaluator.training.training_config import RECIPES, TrainingConfig, recipe
from robustnas.evaluator.training.training_task import TrainingProgress, TrainingResult, TrainingTask
from robustnas.spaces.nasbench201.network import build

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
    pytest.mark.timeout(120),
]

ARCHS = ("#13433", "#1462", "#9930", "#0")
CONFIG = TrainingConfig(epochs=5, batch_size=64, cosine_per_step=True, warmup=0.2, flip=False, crop_padding=1)


@pytest.fixture(scope="module")
def cuda() -> torch.device:
    return torch.device("cuda")


@pytest.fixture(scope="module")
def images(digits: ImageData) -> LabelledImages:
    """Seven whole batches and one of 9 images."""
    return digits.train.head(457)


@pytest.fixture
def captured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The branches of every graph that was captured."""
    found: list[int] = []
    original = StepGraphs.capture

    def capture(self: StepGraphs, branches: Sequence[Work]) -> Work:
        launch = original(self, branches)
        found.append(len(branches))
        return launch

    monkeypatch.setattr(StepGraphs, "capture", capture)
    return found


def network(seed: int = 0, channels: int = 8) -> Normalised:
    return Normalised(build(ARCHS[seed % 4], 10, channels, 1, 1, seed=seed), [0.3], [0.37])


def weights(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([value.double().flatten().cpu() for value in model.state_dict().values()])


def fit(model: Normalised, images: LabelledImages, cuda: torch.device, **options: object) -> TrainingResult:
    return train(model, images, CONFIG, **{"seed": 3, "device": cuda, **options})  # type: ignore[arg-type]


def test_steps_are_captured_and_trainings_repeat_bit_by_bit(
    images: LabelledImages, cuda: torch.device, captured: list[int]
) -> None:
    first, again = network(), network()
    result = fit(first, images, cuda)
    assert result.notes == ()
    assert captured == [1, 1]  # one graph for whole batches, one for what is left over
    assert fit(again, images, cuda).losses == result.losses
    assert torch.equal(weights(first), weights(again))


@pytest.mark.parametrize("mixed", [False, None])
def test_graphs_compute_what_plain_calls_do(mixed: bool | None, images: LabelledImages, cuda: torch.device) -> None:
    plain, replayed = network(), network()
    expected = fit(plain, images, cuda, graphs=False, mixed_precision=mixed)
    result = fit(replayed, images, cuda, mixed_precision=mixed)
    assert result.losses == pytest.approx(expected.losses, rel=1e-2)
    assert (weights(plain) - weights(replayed)).abs().max() < 0.02


def test_networks_at_once_end_as_alone_and_one_that_fails_stops_no_other(
    images: LabelledImages, cuda: torch.device, captured: list[int]
) -> None:
    models = [network(seed) for seed in range(4)]
    with torch.no_grad():
        models[1].network.classifier.bias.fill_(torch.inf)  # type: ignore[union-attr, operator]
    outcomes = train_many([TrainingTask(model, 3) for model in models], images, CONFIG, device=cuda)
    assert isinstance(outcomes[1], TrainingError)
    assert captured[:1] == [4]
    assert set(captured[1:]) == {3}
    for seed in (0, 2, 3):
        outcome, expected = outcomes[seed], fit(network(seed), images, cuda)
        assert isinstance(outcome, TrainingResult)
        assert outcome.notes == ()
        assert outcome.losses == pytest.approx(expected.losses, rel=1e-2)


def test_a_training_goes_on_from_its_checkpoint_with_the_same_weights(
    images: LabelledImages, cuda: torch.device, tmp_path: Path
) -> None:
    def interrupt(progress: TrainingProgress) -> None:
        if progress.epoch == 3:
            raise KeyboardInterrupt

    path, whole, resumed = tmp_path / "training.pt", network(), network(4)
    with pytest.raises(KeyboardInterrupt):
        fit(network(), images, cuda, checkpoint=path, checkpoint_seconds=0, progress=interrupt)
    fit(whole, images, cuda)
    assert fit(resumed, images, cuda, checkpoint=path).n_epochs_resumed == 3
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=1e-2, atol=0.02)


@pytest.mark.parametrize("name", ["fast-adversarial", "adversarial", "trades"])
def test_adversarial_steps_are_captured(
    name: str, images: LabelledImages, cuda: torch.device, captured: list[int]
) -> None:
    config = replace(recipe(name, digits=True), epochs=2, batch_size=64)
    plain = train(network(), images, config, seed=3, device=cuda, graphs=False)
    result = train(network(), images, config, seed=3, device=cuda)
    assert captured
    assert not [note for note in result.notes if "CUDA graphs" in note]
    assert result.losses == pytest.approx(plain.losses, rel=0.05)


def test_half_precision_with_scaled_gradients(images: LabelledImages, cuda: torch.device) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("robustnas.evaluator.training.training.autocast_dtype", lambda device, mixed: torch.float16)
        result = fit(network(), images, cuda)
    assert result.losses[-1] < result.losses[0]


def test_memory_that_runs_out_splits_batches(cuda: torch.device) -> None:
    rng = np.random.default_rng(0)
    many = LabelledImages(rng.integers(0, 256, (4096, 1, 32, 32), dtype=np.uint8), rng.integers(0, 10, 4096))
    model, config = network(channels=32), TrainingConfig(epochs=2, batch_size=4096, learning_rate=0.01)
    total = torch.cuda.get_device_properties(cuda).total_memory
    torch.cuda.empty_cache()
    try:
        torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved(cuda) + 1.5e9) / total)
        result = train(model, many, config, seed=0, device=cuda)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert result.notes[0].startswith("out of memory with 4096 images at once")
    assert np.isfinite(result.losses).all()


def test_the_optimizer_takes_the_steps_of_pytorch(cuda: torch.device) -> None:
    torch.manual_seed(0)
    config = TrainingConfig(epochs=1, batch_size=2)
    mine = [torch.randn(3, 4, device=cuda), torch.randn(5, device=cuda)]
    theirs = [tensor.clone() for tensor in mine]
    ours = DeviceSGD(mine, config, cuda)
    reference = torch.optim.SGD(theirs, 0.1, 0.9, 0, config.weight_decay, nesterov=True)
    ours.rate, ours.momentum = torch.tensor(0.1, device=cuda), torch.tensor(0.9, device=cuda)
    for _ in range(3):
        for one, other in zip(mine, theirs, strict=True):
            one.grad = other.grad = torch.randn_like(one)
        ours.step()
        reference.step()
    for one, other in zip(mine, theirs, strict=True):
        torch.testing.assert_close(one, other)


def test_how_many_at_once_is_measured(images: LabelledImages, cuda: torch.device) -> None:
    assert networks_at_once(network, images, CONFIG, device=cuda, most=4) in (1, 2, 4)
    found = time_steps([network(), network(1)], images, CONFIG, device=cuda)
    assert found.notes == ()
    assert 0 < found.seconds < 1


def test_predictions_are_those_of_the_cpu(digits: ImageData, images: LabelledImages, cuda: torch.device) -> None:
    model = network()
    fit(model, images, cuda)
    there = predict(model, digits.test, device=cuda)
    here = predict(model, digits.test, device=torch.device("cpu"))
    np.testing.assert_allclose(there, here, atol=2e-3)


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "apgd", "square"])
def test_attacks_find_what_they_find_on_the_cpu(attack: str, model: Normalised, digits: ImageData) -> None:
    test, settings = digits.test.head(200), AttackSettings(pgd_steps=10, apgd_steps=10, square_queries=100)
    found = {
        device: [
            result.scores.accuracy
            for result in attack_images(model, test, attack, [8, 16], settings=settings, device=device)
        ]
        for device in ("cuda", "cpu")
    }
    assert found["cuda"] == pytest.approx(found["cpu"], abs=2 / 200)


def test_a_network_is_measured_from_end_to_end(digits: ImageData, tmp_path: Path) -> None:
    settings = EvaluationSettings(
        channels=8, n_cells=1, training=replace(RECIPES["digits"], epochs=8), n_images=200, protocol="nested"
    )
    evaluator = Evaluator(digits, settings, device="cuda", folder=tmp_path)
    assert evaluator.train(["#13433", "#1462"]) == [None, None]
    found = {value.key.metric: value.accuracy for value in evaluator.measure("#13433", ["clean", "pgd@8", "pgd@16"])}
    assert evaluator.training is None  # it was trained before, beside the other
    assert found["clean"] > 0.8
    assert found["pgd@16"] <= found["pgd@8"] <= found["clean"]
