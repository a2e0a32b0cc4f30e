"""Square is the published attack, whatever is attacked together and whichever queries are left out."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from robustnas.evaluator.attacks.attacker import Batch, Passes
from robustnas.evaluator.attacks.robustness import attack_images
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.evaluator.attacks.square import Square, draw_squares
from robustnas.evaluator.images.images import LabelledImages
from robustnas.evaluator.normalised import Normalised

pytestmark = pytest.mark.timeout(60)

GRID = (16.0, 32.0)
SETTINGS = AttackSettings(square_queries=800)  # enough for squares of one pixel, which repeat


class Counting(nn.Module):
    """Counts the images that a network is asked about."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model, self.n = model, 0

    def forward(self, pixels: Tensor) -> Tensor:
        self.n += len(pixels)
        logits: Tensor = self.model(pixels)
        return logits


def published(model: nn.Module, batch: Batch, n_queries: int) -> Tensor:
    """Return the examples of the authors' code, with draws of ours: stripes of each image's own, and one generator."""
    from pyautoattack.square import SquareAttack

    generator = torch.Generator().manual_seed(0)

    class Seeded(SquareAttack):  # type: ignore[misc]
        def random_choice(self, shape: list[int]) -> Tensor:
            if len(shape) == batch.noise.ndim:
                return batch.noise
            return (2 * torch.rand(shape, generator=generator) - 1).sign()

        def random_int(self, low: int = 0, high: int = 1, shape: tuple[int, ...] = (1,)) -> Tensor:
            return (low + (high - low) * torch.rand(tuple(shape), generator=generator)).long()

    attack = Seeded(model, norm="Linf", n_queries=n_queries, eps=batch.eps, loss="margin", resc_schedule=False)
    attack.init_hyperparam(batch.pixels)
    with torch.no_grad():
        return attack.attack_single_run(batch.pixels, batch.labels)[1]  # type: ignore[no-any-return]


def test_square_is_the_reference_implementation(model: Normalised, images: LabelledImages) -> None:
    pixels, labels = torch.from_numpy(images.pixels()), torch.from_numpy(images.labels.copy())
    with torch.no_grad():
        right = model(pixels).argmax(dim=1) == labels
    attacker = Square(SETTINGS)
    noise = attacker.noise(int(right.sum()), (1, 8, 8), torch.Generator().manual_seed(3))
    batch = Batch(pixels[right], labels[right], noise, 32 / 255)
    asked, asked_there = Counting(model), Counting(model)
    passes = Passes()
    ours, reference = attacker.perturb(asked, batch, passes), published(asked_there, batch, SETTINGS.square_queries)
    with torch.no_grad():
        fooled, fooled_there = (model(x).argmax(dim=1) != batch.labels for x in (ours, reference))
    assert torch.equal(fooled, fooled_there)
    assert 0.1 < float(fooled.float().mean()) < 0.95
    assert float((ours == reference).flatten(1).all(dim=1).float().mean()) > 0.95  # the rest is rounding
    assert asked.n == passes.total < asked_there.n / 2


@pytest.mark.parametrize("protocol", ["paper", "nested"])
def test_a_grid_is_attacked_at_once_with_the_results_of_every_eps_alone(
    protocol: str, model: Normalised, images: LabelledImages
) -> None:
    options: dict[str, Any] = {"protocol": protocol, "settings": AttackSettings(square_queries=60), "batch_size": 32}
    images = images.head(40)
    together = list(attack_images(model, images, "square", GRID, **options))
    small = list(attack_images(model, images, "square", GRID, **(options | {"batch_size": 8})))
    assert [r.predictions.tolist() for r in small] == [r.predictions.tolist() for r in together]
    for result in together if protocol == "paper" else together[:1]:
        (alone,) = attack_images(model, images, "square", (result.eps,), **options)
        assert alone.predictions.tolist() == result.predictions.tolist()
        assert (alone.n_attacked, alone.n_passes) == (result.n_attacked, result.n_passes)


def test_squares_know_their_repetitions() -> None:
    squares = draw_squares(3000, (1, 4, 4), 0, torch.device("cpu"))
    keys = [(s.rows.start, s.rows.stop, s.columns.start, s.signs.flatten().tolist()) for s in squares]
    for number in (0, 1, 500, 2999):
        before = [earlier for earlier in range(number) if keys[earlier] == keys[number]]
        assert squares[number].repeats == max(before, default=-1)
    sides = [s.rows.stop - s.rows.start for s in draw_squares(10_000, (3, 32, 32), 0, torch.device("cpu"))]
    assert sides[::1000] == [29, 7, 5, 4, 4, 3, 3, 2, 2, 1]
