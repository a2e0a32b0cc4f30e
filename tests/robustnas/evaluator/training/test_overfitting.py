"""Catastrophic overfitting: when it is noted, and what is watched."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustnas.evaluator.training.overfitting import OverfittingWatch, overfitting_note
from robustnas.evaluator.training.training_config import RECIPES, recipe
from tests.robustnas.evaluator.training.test_training import TINY, fit, network

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

FAST = replace(TINY, adversary="pgd", train_eps=8, pgd_steps=1, pgd_relative_step=1.25)


@pytest.mark.parametrize(
    ("watched", "noted"),
    [
        ([], False),
        ([(0.25, 0.0)], False),
        ([(0.25, 0.0), (0.35, 0.0)], True),  # PGD-5 was never withstood
        ([(0.5, 0.4), (0.6, 0.45)], False),
        ([(0.45, 0.4), (0.46, 0.44), (0.5, 0.22)], True),
        ([(0.5, 0.4), (0.5, 0.45), (0.55, 0.3)], False),  # a fall by 0.15, and a gap of 0.25
        ([(0.5, 0.4), (0.3, 0.1)], False),  # both fall: the network is worse, not overfitted
        ([(0.5, 0.4), (0.9, 0.0), (0.95, 0.0)], False),  # noted an epoch ago
        ([(0.3, 0.3), (0.3, 0.2), (0.35, 0.08)], True),  # within two epochs
    ],
)
def test_a_fall_under_pgd_alone_is_noted_once(watched: list[tuple[float, float]], noted: bool) -> None:
    assert (overfitting_note(watched) is not None) == noted


def test_the_note_says_what_fell_and_what_rose() -> None:
    note = overfitting_note([(0.5, 0.4), (0.9, 0.05)])
    assert note is not None
    assert re.search(r"in epoch 2: .* 90 % under the single step .* 5 % under PGD-5 \(40 % at its best\); --rec", note)


def test_only_a_single_step_is_watched() -> None:
    images, labels = torch.zeros(3, 1, 8, 8, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64)
    watched = [name for name, config in RECIPES.items() if OverfittingWatch.of(config, images, labels)]
    assert watched == ["fast-adversarial"]


class Bumpy(nn.Module):
    """Takes for class 1 what is brighter than one half by 0.1 to 0.78 eps: a full step leaps over that."""

    def forward(self, x: Tensor) -> Tensor:
        brightness = (x.flatten(1).mean(1) - 0.5) / (64 / 255)
        bump = 1 - ((brightness - 0.44) / 0.34) ** 2
        return torch.stack([torch.zeros_like(bump), bump], 1)


def test_small_steps_find_what_one_large_step_leaps_over() -> None:
    config = replace(recipe("fast-adversarial"), train_eps=64)
    labels = torch.zeros(20, dtype=torch.int64)
    assert OverfittingWatch(config, torch.full((20, 1, 16, 16), 0.5), labels).accuracies(Bumpy()) == (1.0, 0.0)


def test_a_training_keeps_what_was_watched_when_it_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = iter([(0.5, 0.4), (0.6, 0.45), (0.9, 0.05), (0.95, 0.05)])
    monkeypatch.setattr(OverfittingWatch, "accuracies", lambda self, network: next(left))
    path, config = tmp_path / "training.pt", replace(FAST, batch_size=256)

    def stop(progress: object) -> None:
        if progress.epoch == 2:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(network(), config, checkpoint=path, checkpoint_seconds=0, progress=stop)
    result = fit(network(), config, checkpoint=path)
    assert result.n_epochs_resumed == 2
    assert [note.partition(":")[0] for note in result.notes] == ["catastrophic overfitting in epoch 3"]
    assert np.isfinite(result.losses).all()
