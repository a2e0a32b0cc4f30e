"""What attacks return, on networks whose robust accuracy is known and on a trained one."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustnas.errors import EvaluationError, InvalidInputError
from robustnas.evaluator.attacks.attacker import Attacker, Batch, Passes
from robustnas.evaluator.attacks.autoattack import APGD
from robustnas.evaluator.attacks.batches import Bucketed, bucket
from robustnas.evaluator.attacks.robustness import AttackResult, attack_images
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.normalised import Normalised
from robustnas.metric import ATTACKS, PAPER_ATTACKS, Attack, Metric
from robustnas.spaces.nasbench201.network import build

pytestmark = pytest.mark.timeout(60)

SHORT = AttackSettings(pgd_steps=10, pgd_relative_step=0.25, apgd_steps=20, square_queries=150)
GRID = (8.0, 16.0, 32.0)


def run(
    model: nn.Module, images: LabelledImages, attack: str, grid: Sequence[float], **options: Any
) -> list[AttackResult]:
    return list(attack_images(model, images, attack, grid, **({"settings": SHORT} | options)))


class Linear(nn.Module):
    """Two classes by the sign of a weighted sum of pixels: the best attack is known in closed form."""

    def __init__(self) -> None:
        super().__init__()
        weights = torch.linspace(-1, 1, 64) + 0.01
        self.layer = nn.Linear(64, 2)
        with torch.no_grad():
            self.layer.weight.copy_(torch.stack([-weights, weights]))
            self.layer.bias.zero_()

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.layer((pixels - 0.5).flatten(1))
        return logits


@pytest.fixture
def linear_images() -> LabelledImages:
    """Images away from 0 and 1, so that clipping does not matter, all classified correctly."""
    pixels = np.random.default_rng(0).uniform(0.4, 0.6, (200, 1, 8, 8)).astype(np.float32)
    with torch.no_grad():
        labels = Linear()(torch.from_numpy(pixels)).argmax(dim=1).numpy()
    return LabelledImages(pixels, labels)


@pytest.mark.parametrize("protocol", ["paper", "nested"])
@pytest.mark.parametrize("attack", ["fgsm", "pgd", "apgd"])
def test_gradient_attacks_are_optimal_on_a_linear_model(
    attack: str, protocol: str, linear_images: LabelledImages
) -> None:
    model = Linear()
    with torch.no_grad():
        margins = model(torch.from_numpy(linear_images.pixels())).diff(dim=1).abs().flatten().numpy()
        sensitivity = float((model.layer.weight[1] - model.layer.weight[0]).abs().sum())
    for result in run(model, linear_images, attack, (0.5, 1.0, 2.5), protocol=protocol):
        expected = (margins > result.eps / 255 * sensitivity).mean()
        assert 0.05 < expected < 0.95
        assert result.scores.accuracy == pytest.approx(expected, abs=1 / len(linear_images))


def test_square_gets_near_the_optimum_on_a_linear_model(linear_images: LabelledImages) -> None:
    best, found = (run(Linear(), linear_images, name, (4.0,))[0].scores.accuracy for name in ("fgsm", "square"))
    assert best <= found < (1 + best) / 2


@pytest.mark.parametrize("protocol", ["paper", "nested"])
@pytest.mark.parametrize("attack", PAPER_ATTACKS)
def test_examples_really_give_the_accuracy(
    attack: str, protocol: str, model: Normalised, images: LabelledImages
) -> None:
    clean = images.pixels()
    for result in run(model, images, attack, GRID, protocol=protocol):
        with torch.no_grad():
            predictions = model(torch.from_numpy(result.adversarial)).argmax(dim=1).numpy()
        assert (predictions == images.labels).mean() == result.scores.accuracy
        assert (predictions == result.predictions).all()
        assert np.abs(result.adversarial - clean).max() <= result.eps / 255 + 1e-6
        assert 0 <= result.adversarial.min() <= result.adversarial.max() <= 1
        assert result.scores.confusion.sum() == len(images)
        assert np.trace(result.scores.confusion) / len(images) == pytest.approx(result.scores.accuracy)
        assert result.scores.confusion.sum(axis=1).tolist() == np.bincount(images.labels, minlength=10).tolist()
        assert set(result.scores.confidence) >= {"prediction", "label"}


@pytest.mark.parametrize("attack", PAPER_ATTACKS)
def test_nested_is_never_weaker_than_paper_and_falls_with_eps(
    attack: str, model: Normalised, images: LabelledImages
) -> None:
    paper, nested = (run(model, images, attack, GRID, protocol=name) for name in ("paper", "nested"))
    for alone, together in zip(paper, nested, strict=True):
        fooled_alone = alone.predictions != images.labels
        assert (together.predictions != images.labels)[fooled_alone].all()
    accuracies = [result.scores.accuracy for result in nested]
    assert accuracies == sorted(accuracies, reverse=True)
    assert accuracies[0] > accuracies[-1]
    assert sum(r.n_passes for r in nested) <= sum(r.n_passes for r in paper)
    assert [r.n_attacked for r in nested] == sorted((r.n_attacked for r in nested), reverse=True)


@pytest.mark.parametrize("protocol", ["paper", "nested"])
@pytest.mark.parametrize("attack", PAPER_ATTACKS)
def test_what_happens_to_an_image_depends_on_no_other(
    attack: str, protocol: str, model: Normalised, images: LabelledImages
) -> None:
    whole = run(model, images, attack, (16.0,), protocol=protocol)[0]
    for batch_size in (16, 50):
        parts = run(model, images, attack, (16.0,), protocol=protocol, batch_size=batch_size)[0]
        assert parts.predictions.tolist() == whole.predictions.tolist()
    head = run(model, images.head(40), attack, (16.0,), protocol=protocol)[0]
    assert head.predictions.tolist() == whole.predictions[:40].tolist()


@pytest.mark.parametrize("attack", PAPER_ATTACKS)
def test_model_gradients_and_global_generators_are_left_alone(
    attack: str, model: Normalised, images: LabelledImages
) -> None:
    model.train()
    model.network.cells[0].eval()  # type: ignore[operator, index, union-attr]
    modes = [module.training for module in model.modules()]
    parameters = list(model.parameters())
    parameters[0].requires_grad_(False)
    for parameter in parameters:
        parameter.grad = torch.ones_like(parameter)
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    try:
        run(model, images.head(20), attack, (8.0,))
        assert [module.training for module in model.modules()] == modes
        assert [parameter.requires_grad for parameter in parameters] == [False] + [True] * (len(parameters) - 1)
        assert all(bool((parameter.grad == 1).all()) for parameter in parameters)  # type: ignore[union-attr]
        assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
        assert torch.equal(torch.get_rng_state(), torch_state)
        assert np.random.get_state()[1].tolist() == numpy_state  # type: ignore[index]  # noqa: NPY002
    finally:
        parameters[0].requires_grad_(True)
        for parameter in parameters:
            parameter.grad = None
        model.eval()


def test_training_mode_does_not_change_the_result(model: Normalised, images: LabelledImages) -> None:
    expected = run(model, images, "pgd", (16.0,))[0]
    model.train()
    try:
        assert run(model, images, "pgd", (16.0,))[0].predictions.tolist() == expected.predictions.tolist()
    finally:
        model.eval()


class Saturated(Linear):
    """Right about everything and so sure of it that the loss has no gradient."""

    def forward(self, pixels: Tensor) -> Tensor:
        return 1e6 * super().forward(pixels)


@pytest.mark.parametrize("attack", ["fgsm", "pgd", "apgd"])
def test_masked_gradients_are_reported(attack: str, linear_images: LabelledImages) -> None:
    result = run(Saturated(), linear_images, attack, (0.1,))[0]
    assert result.n_zero_gradient > 100
    assert f"masked gradients: {result.n_zero_gradient} of 200" in result.notes[0]
    assert not run(Linear(), linear_images, attack, (0.1,))[0].notes


def test_only_images_that_were_right_count(model: Normalised, images: LabelledImages) -> None:
    """Wrong labels are never attacked: no attack may make the network right about them."""
    wrong = LabelledImages(images.images, (images.labels + 1) % 10)
    result = run(model, wrong, "pgd", (16.0,))[0]
    with torch.no_grad():
        right = model(torch.from_numpy(wrong.pixels())).argmax(dim=1).numpy() == wrong.labels
    assert right.mean() < 0.1
    assert result.n_attacked == right.sum()
    assert (result.adversarial[~right] == wrong.pixels()[~right]).all()
    assert result.scores.accuracy <= right.mean()


def test_an_image_beyond_the_range_is_refused(model: Normalised) -> None:
    with pytest.raises(InvalidInputError, match=r"pixel of 1\.5"):
        LabelledImages(np.full((1, 1, 8, 8), 1.5, np.float32), np.array([0]))


@pytest.mark.parametrize("protocol", ["paper", "nested"])
def test_apgd_is_the_reference_implementation(protocol: str, model: Normalised, images: LabelledImages) -> None:
    """With the random start that the library would draw, the examples are those of the library, bit by bit."""
    from pyautoattack.autopgd_base import APGDAttack

    pixels, labels = torch.from_numpy(images.pixels()), torch.from_numpy(images.labels.copy())
    with torch.no_grad():
        right = model(pixels).argmax(dim=1) == labels
    pixels, labels = pixels[right], labels[right]
    attack = APGDAttack(model, n_iter=20, norm="Linf", eps=16 / 255, seed=3, loss="ce", device="cpu")
    with torch.random.fork_rng(devices=[]):
        reference = attack.perturb(pixels, labels)
    noise = 2 * torch.rand(pixels.shape, generator=torch.Generator().manual_seed(3)) - 1
    batch = Batch(pixels, labels, noise, 16 / 255, early=protocol == "nested")
    ours = APGD(SHORT).perturb(model, batch, Passes())
    with torch.no_grad():
        fooled, fooled_reference = (model(x).argmax(dim=1) != labels for x in (ours, reference))
    assert torch.equal(fooled, fooled_reference)
    assert 0.1 < float(fooled.float().mean()) < 0.95
    if protocol == "paper":
        assert torch.equal(ours[fooled], reference[fooled])


def test_seeds_matter_and_fix_the_result(model: Normalised, images: LabelledImages) -> None:
    first, again, other = (run(model, images, "pgd", (16.0,), seed=seed)[0].adversarial for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


class Forgetful(nn.Module):
    """Has memory for a few images only."""

    def __init__(self, model: nn.Module, most: int) -> None:
        super().__init__()
        self.model, self.most = model, most

    def forward(self, pixels: Tensor) -> Tensor:
        if len(pixels) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        logits: Tensor = self.model(pixels)
        return logits


@pytest.mark.parametrize("attack", PAPER_ATTACKS)
def test_out_of_memory_halves_the_batch_and_goes_on(attack: str, model: Normalised, images: LabelledImages) -> None:
    expected = run(model, images, attack, (16.0,))[0]
    result = run(Forgetful(model, 40), images, attack, (16.0,), batch_size=128)[0]
    assert result.predictions.tolist() == expected.predictions.tolist()
    with pytest.raises(EvaluationError, match="out of memory with a single image"):
        run(Forgetful(model, 0), images, attack, (16.0,))


def test_out_of_memory_in_the_middle_is_noted(model: Normalised, images: LabelledImages) -> None:
    class GradientHungry(Forgetful):
        def forward(self, pixels: Tensor) -> Tensor:
            return super().forward(pixels) if pixels.requires_grad else self.model(pixels)  # type: ignore[no-any-return]

    result = run(GradientHungry(model, 40), images, "pgd", (16.0,), batch_size=120)[0]
    assert [note.partition(":")[0] for note in result.notes] == ["out of memory"] * 2
    assert re.fullmatch(r"out of memory: continued with batches of (29|30)", result.notes[1])


def test_logits_that_are_not_finite_are_refused(images: LabelledImages) -> None:
    broken = Normalised(build("#13433", 10, 4, 1, 1), (0.3,), (0.2,))
    broken.network.classifier.bias.data.fill_(float("nan"))  # type: ignore[union-attr, operator]
    with pytest.raises(EvaluationError, match="not finite"):
        run(broken, images, "fgsm", (8.0,))


def test_an_attack_that_leaves_its_ball_becomes_no_number(
    model: Normalised, images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cheat(Attacker):
        def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
            return 1 - batch.pixels

    monkeypatch.setitem(ATTACKS, "fgsm", replace(ATTACKS["fgsm"], attacker=Cheat))
    with pytest.raises(EvaluationError, match="left its ball"):
        run(model, images, "fgsm", (8.0,))


def test_a_network_without_a_path_to_its_output_can_be_attacked(images: LabelledImages) -> None:
    blind = Normalised(build((1,) * 6, 10, 4, 1, 1), (0.3,), (0.2,)).eval()  # all none
    for attack in PAPER_ATTACKS:
        result = run(blind, images, attack, (8.0,))[0]
        assert result.scores.accuracy == pytest.approx((images.labels == result.predictions[0]).mean())
        assert result.n_zero_gradient == (0 if attack == "square" else result.n_attacked)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"attack": "pdg"}, "did you mean 'pgd'"),
        ({"protocol": "nestled"}, "did you mean 'nested'"),
        ({"epsilons": ()}, "one or more"),
        ({"epsilons": (8.0, 8.0)}, "different"),
        ({"epsilons": (0.0,)}, r"eps 0\.0"),
        ({"epsilons": (float("nan"),)}, "eps nan"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_input_is_refused_at_once(
    options: dict[str, Any], message: str, model: Normalised, images: LabelledImages
) -> None:
    with pytest.raises(InvalidInputError, match=message):
        attack_images(model, images, **({"attack": "fgsm", "epsilons": (8.0,)} | options))


def test_a_missing_library_is_named(model: Normalised, images: LabelledImages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyautoattack.autopgd_base", None)
    with pytest.raises(EvaluationError, match=r'pip install "robustnas\[evaluate\]"'):
        run(model, images, "apgd", (8.0,))


@pytest.mark.parametrize(
    ("name", "price", "most"), [("fgsm", 3, 3), ("pgd", 81, 81), ("apgd", 201, 203), ("square", 5001, 5002)]
)
def test_the_price_of_an_attack_and_what_it_takes(
    name: str, price: int, most: int, model: Normalised, images: LabelledImages
) -> None:
    assert (ATTACKS[name].passes, AttackSettings().passes(name)) == (price, most)
    assert price + ATTACKS[name].start_passes == most
    result = run(model, images, name, (0.01,))[0]  # hardly an image is fooled: all steps are taken
    planned = SHORT.passes(name) * result.n_attacked + len(images) - result.n_attacked
    assert (0.2 if name == "square" else 0.9) * planned < result.n_passes <= planned  # Square asks nothing twice


class Upwards(Attacker):
    """Brightens every pixel by a share of eps; an attack as somebody else would write it."""

    def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
        return torch.clamp(batch.pixels + self.settings.of("upwards")["share"] * batch.eps, 0, 1)


UPWARDS = Attack("Upwards", f"{__name__}:Upwards", passes_per_step=0, settings={"share": 0.5})


@pytest.mark.parametrize("attacker", [UPWARDS.attacker, Upwards])
def test_one_registration_makes_an_attack(
    attacker: Any, model: Normalised, images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ATTACKS, "upwards", replace(UPWARDS, attacker=attacker))
    metric = Metric.parse("upwards@8")
    assert (metric.title, metric.passes) == ("Upwards, eps 8/255", 1)
    settings = EvaluationSettings()
    assert settings.digest(metric) != settings.digest(Metric("clean"))
    assert settings.as_dict()["attacks"]["upwards"] == {"share": 0.5}
    result = run(model, images, "upwards", (8.0,))[0]
    distance = np.abs(result.adversarial - images.pixels()).max(axis=(1, 2, 3))
    np.testing.assert_allclose(distance[distance > 0], 4 / 255, rtol=1e-4)
    assert result.n_attacked == (distance > 0).sum()


@pytest.mark.parametrize(
    ("attacker", "message"),
    [
        ("nowhere.to_be_found:It", "fails to import: No module named 'nowhere'"),
        ("robustnas.metric:Nothing", "fails to import"),
        ("robustnas.metric:Metric", "expected a subclass of Attacker"),
    ],
)
def test_an_attack_that_cannot_be_run_is_named(
    attacker: str, message: str, model: Normalised, images: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ATTACKS, "broken", Attack("Broken", attacker, passes_per_step=1))
    with pytest.raises(EvaluationError, match=f"the attack broken is registered as .*{message}"):
        run(model, images, "broken", (8.0,))


def test_batch_shapes_stay_few(model: Normalised) -> None:
    assert len({bucket(n, 256) for n in range(1, 257)}) <= 11
    assert all(n <= bucket(n, 256) <= 256 for n in range(1, 257))

    shapes = set()

    class Watching(nn.Module):
        def forward(self, pixels: Tensor) -> Tensor:
            shapes.add(len(pixels))
            return pixels.flatten(1)[:, :2]

    padded = Bucketed(Watching(), 64)
    for n in range(1, 65):
        x = torch.rand(n, 1, 4, 4)
        assert torch.equal(padded(x), x.flatten(1)[:, :2])
    assert shapes == {8, 16, 24, 32, 40, 48, 56, 64}


_SCRIPT = """
import hashlib, numpy as np, torch
torch.set_num_threads(1)
from robustnas.evaluator.attacks.robustness import attack_images
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.images.image_files import open_images
from robustnas.evaluator.normalised import Normalised
from robustnas.spaces.nasbench201.network import build
torch.rand(5)  # whatever was drawn before
digits = open_images("digits")
model = Normalised(build("#13433", 10, 4, 1, 1, seed=1), digits.mean, digits.std).eval()
images = digits.test.head(64)
settings = AttackSettings(apgd_steps=10, square_queries=50, pgd_steps=5)
for attack in ("pgd", "apgd", "square"):
    for result in attack_images(model, images, attack, (16.0,), settings=settings, seed=4, protocol="nested"):
        print(hashlib.sha256(np.ascontiguousarray(result.adversarial).tobytes()).hexdigest())
"""


def outputs_of_processes() -> Iterator[str]:
    for hash_seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1", "PATH": ""}
        command = [sys.executable, "-c", _SCRIPT]
        yield subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def test_the_same_examples_in_other_processes() -> None:
    first, second = outputs_of_processes()
    assert first == second
    assert len(first.split()) == 3
