"""AutoAttack is the library's, but that each image has random draws of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustnas.errors import EvaluationError
from robustnas.evaluator.attacks.attacker import Batch, Passes
from robustnas.evaluator.attacks.autoattack import AutoAttack, drawn
from robustnas.evaluator.attacks.robustness import AttackResult, attack_images
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.normalised import Normalised
from robustnas.metric import ATTACKS

pytestmark = pytest.mark.timeout(60)

SHORT = AttackSettings(apgd_steps=6, square_queries=60)
EPS = 24.0


@pytest.fixture(scope="module")
def few(model: Normalised, images: LabelledImages) -> LabelledImages:
    """Images that the network gets right."""
    with torch.no_grad():
        right = model(torch.from_numpy(images.pixels())).argmax(dim=1).numpy() == images.labels
    return LabelledImages(images.images[right][:48], images.labels[right][:48])


def run(model: nn.Module, images: LabelledImages, **options: Any) -> AttackResult:
    (result,) = attack_images(model, images, "autoattack", (EPS,), **({"settings": SHORT} | options))
    return result


@contextmanager
def draws_of_ours(pixels: Tensor, seeds: Tensor, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have the library's attacks start each image from the draws that ours gives it."""
    from pyautoattack.autopgd_base import APGDAttack
    from pyautoattack.square import SquareAttack

    published, generator = APGDAttack.attack_single_run, torch.Generator().manual_seed(0)
    asked: list[Tensor] = []

    def mine(x: Tensor, shape: tuple[int, ...], number: int) -> Tensor:
        rows = [int((pixels == image).flatten(1).all(dim=1).nonzero()[0]) for image in x]
        return drawn(seeds[rows], shape, number)

    def from_ours(self: Any, x: Tensor, y: Tensor, x_init: Tensor | None = None) -> Any:
        number = self.number = getattr(self, "number", 0) + (self.loss != "ce")
        noise = mine(x, tuple(x.shape[1:]), number)
        start = x + self.eps * noise / noise.flatten(1).abs().amax(1).view(-1, 1, 1, 1)
        return published(self, x, y, x_init=start.clamp(0, 1))

    def attacked(self: Any, x: Tensor, y: Tensor) -> Any:
        asked[:] = [x]
        return published_square(self, x, y)

    def signs(self: Any, shape: list[int]) -> Tensor:
        if len(shape) == 4:
            return mine(asked[0], tuple(shape[1:]), 10).sign()
        return (2 * torch.rand(shape, generator=generator) - 1).sign()

    def places(self: Any, low: int = 0, high: int = 1, shape: Any = (1,)) -> Tensor:
        return (low + (high - low) * torch.rand(tuple(shape), generator=generator)).long()

    published_square = SquareAttack.attack_single_run
    with monkeypatch.context() as patch:
        patch.setattr(APGDAttack, "attack_single_run", from_ours)
        patch.setattr(SquareAttack, "attack_single_run", attacked)
        patch.setattr(SquareAttack, "random_choice", signs)
        patch.setattr(SquareAttack, "random_int", places)
        yield


def standard_evaluation(model: nn.Module, pixels: Tensor, labels: Tensor, seed: int = 0) -> Tensor:
    """Return the examples of the library's standard evaluation, in as many steps as ours."""
    from pyautoattack.autoattack import AutoAttack as Published

    attack = Published(model, eps=EPS / 255, seed=seed, device="cpu")
    for each in (attack.apgd, attack.apgd_targeted):
        each.__init__(model, n_iter=SHORT.apgd_steps, eps=EPS / 255, seed=seed, device="cpu", logger=attack.logger)
    attack.fab.n_iter, attack.square.n_queries = SHORT.apgd_steps, SHORT.square_queries
    attack.logger.setLevel("CRITICAL")
    with torch.random.fork_rng(devices=[]):
        examples, _ = attack.run_standard_evaluation(pixels, labels)
    return examples  # type: ignore[no-any-return]


def test_it_is_the_librarys_standard_evaluation(
    model: Normalised, few: LabelledImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels, labels = torch.from_numpy(few.pixels()), torch.from_numpy(few.labels.copy())
    attacker = AutoAttack(SHORT)
    seeds = attacker.noise(len(pixels), (1, 8, 8), torch.Generator().manual_seed(3))
    batch = Batch(pixels, labels, seeds, EPS / 255)
    with torch.no_grad():
        ours = attacker.perturb(model, batch, Passes())
        with draws_of_ours(pixels, seeds, monkeypatch):
            same_draws = standard_evaluation(model, pixels, labels)
        fooled, same, other = (
            model(x).argmax(dim=1) != labels for x in (ours, same_draws, standard_evaluation(model, pixels, labels))
        )
    assert torch.equal(fooled, same)
    assert 0.1 < float(fooled.float().mean()) < 0.9
    assert float((ours == same_draws).flatten(1).all(dim=1).float().mean()) > 0.95  # the rest is rounding
    assert abs(int(fooled.sum()) - int(other.sum())) <= 1


def test_no_attack_of_it_is_stronger(model: Normalised, few: LabelledImages) -> None:
    together = run(model, few)
    assert np.abs(together.adversarial - few.pixels()).max() <= EPS / 255 + 1e-6
    for attack in ("apgd", "square"):
        (alone,) = attack_images(model, few, attack, (EPS,), settings=SHORT)
        assert together.scores.accuracy <= alone.scores.accuracy + 1 / len(few)
    assert together.n_zero_gradient == 0


def test_what_happens_to_an_image_depends_on_no_other(model: Normalised, few: LabelledImages) -> None:
    whole, head = run(model, few), run(model, few.head(20), protocol="nested", batch_size=8)
    wrong, there = (result.predictions[:20] != few.labels[:20] for result in (head, whole))
    assert (wrong == there).all()
    assert 0 < wrong.sum() < 20


def test_what_it_takes(model: Normalised, few: LabelledImages) -> None:
    """Hardly an image is fooled at a small eps: all attacks are run."""
    (result,) = attack_images(model, few.head(8), "autoattack", (0.01,), settings=SHORT)
    steps, n_targets = SHORT.apgd_steps, 9
    apgd, fab = 2 * (steps + 1) + 1, 2 + 3 * steps + 1
    most = 1 + (1 + n_targets) * apgd + n_targets * fab + SHORT.square_queries + 2 + 1
    assert 0.7 * most < result.n_passes / 8 <= most
    assert (ATTACKS["autoattack"].passes, AttackSettings().passes("autoattack")) == (8801, 9761)


def test_it_needs_four_classes() -> None:
    class Three(nn.Module):
        def forward(self, pixels: Tensor) -> Tensor:
            return pixels.flatten(1)[:, :3]

    images = LabelledImages(np.eye(3, 64, dtype=np.float32).reshape(3, 1, 8, 8), np.arange(3))
    with pytest.raises(EvaluationError, match="needs 4 classes or more; there are 3"):
        run(Three(), images)
