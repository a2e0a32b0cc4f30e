"""Attacks may search in low precision; what they found is judged in float32."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from robustnas.errors import InvalidInputError
from robustnas.evaluator.attacks.robustness import attack_images
from robustnas.evaluator.attacks.settings import PRECISIONS, AttackSettings
from robustnas.evaluator.device import exact_arithmetic
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.inference import inference_form
from robustnas.evaluator.normalised import Normalised

pytestmark = pytest.mark.timeout(60)

SHORT = AttackSettings(pgd_steps=10, pgd_relative_step=0.25, apgd_steps=15, square_queries=100)


class Mistaken(nn.Module):
    """Gets every image wrong in low precision."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, pixels: Tensor) -> Tensor:
        logits: Tensor = self.model(pixels)
        return -logits if torch.is_autocast_enabled("cpu") else logits


@pytest.mark.parametrize("protocol", ["paper", "nested"])
@pytest.mark.parametrize("attack", ["fgsm", "pgd", "apgd"])
def test_attacks_in_bfloat16_are_as_strong(
    attack: str, protocol: str, model: Normalised, images: LabelledImages
) -> None:
    def accuracies(precision: str) -> list[float]:
        found = attack_images(
            model, images, attack, (16.0, 32.0), protocol=protocol, precision=precision, settings=SHORT
        )
        results = list(found)
        for result in results:
            with torch.no_grad():
                predictions = model(torch.from_numpy(result.adversarial)).argmax(dim=1).numpy()
            assert (predictions == images.labels).mean() == result.scores.accuracy
        return [result.scores.accuracy for result in results]

    for exact, low in zip(accuracies("float32"), accuracies("bfloat16"), strict=True):
        assert low == pytest.approx(exact, abs=4 / len(images))


@pytest.mark.parametrize("attack", ["apgd", "pgd"])
def test_images_fooled_in_low_precision_alone_are_attacked_again(
    attack: str, model: Normalised, images: LabelledImages
) -> None:
    options = {"protocol": "nested", "settings": SHORT}
    results = []
    for precision in ("float32", "bfloat16"):
        found = attack_images(Mistaken(model), images, attack, (24.0, 32.0), precision=precision, **options)  # type: ignore[arg-type]
        results.append(list(found))
    for exact, low in zip(*results, strict=True):
        assert low.predictions.tolist() == exact.predictions.tolist()
        assert exact.scores.accuracy < 0.95
        assert low.n_passes > exact.n_passes


def test_square_is_always_in_float32(model: Normalised, images: LabelledImages) -> None:
    settings = AttackSettings(square_queries=40)
    (exact,), (low,) = (
        attack_images(Mistaken(model), images, "square", (32.0,), precision=name, settings=settings)
        for name in ("float32", "bfloat16")
    )
    assert (low.adversarial == exact.adversarial).all()


def test_the_first_layer_and_the_logits_are_float32(model: Normalised, images: LabelledImages) -> None:
    form, exact = inference_form(model, torch.bfloat16), inference_form(model)
    pixels = torch.from_numpy(images.pixels())
    with torch.no_grad():
        assert form.stem(pixels).dtype == form(pixels).dtype == torch.float32
        assert {tensor.dtype for tensor in form.blocks.buffers()} == {torch.bfloat16}
        difference = (form(pixels) - exact(pixels)).abs().max()
    assert 0 < float(difference) < 0.3


def test_tf32_is_off_unless_asked_for() -> None:
    for asked in (False, True):
        with exact_arithmetic(tf32=asked):
            assert torch.backends.cudnn.allow_tf32 is torch.backends.cuda.matmul.allow_tf32 is asked


def test_tf32_is_float32_on_a_cpu_and_others_are_refused(model: Normalised, images: LabelledImages) -> None:
    (exact,), (tf32,) = (attack_images(model, images, "fgsm", (16.0,), precision=name) for name in ("float32", "tf32"))
    assert (exact.adversarial == tf32.adversarial).all()
    with pytest.raises(InvalidInputError, match=f"Known: {', '.join(sorted(PRECISIONS))}"):
        attack_images(model, images, "fgsm", (16.0,), precision="double")
