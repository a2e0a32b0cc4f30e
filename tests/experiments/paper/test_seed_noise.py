from __future__ import annotations

import numpy as np
import pytest

from experiments.paper.noise_floor.seed_noise import seed_frame, seed_groups, seed_spread, seed_table
from robustnas.spaces.nasbench201.twins import network_twin_labels

pytestmark = pytest.mark.timeout(60)


def test_columns_are_grouped_by_what_they_are_seeds_of() -> None:
    one = np.zeros(5)
    names = ("t.val_acc_seed0", "t.val_acc_seed1", "u.val_acc_seed0", "t.seed1_loss", "t.seed2_loss", "t.seconds")
    assert {name: len(group) for name, group in seed_groups(dict.fromkeys(names, one)).items()} == {
        "t.val_acc": 2,
        "t._loss": 2,
    }


def test_the_spread_is_pooled_over_networks_with_several_seeds() -> None:
    values = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, np.nan], [np.nan, 8.0, np.nan]])
    spread = seed_spread(values)
    assert spread.freedom.tolist() == [1, 2]
    assert spread.std == pytest.approx(np.sqrt((2 + 6) / 3))


@pytest.mark.parametrize("unit", [1.0, 100.0])
def test_parts_have_their_own_noise(unit: float) -> None:
    rng = np.random.default_rng(0)
    truth = np.linspace(0.1, 0.9, 15625)
    values = truth + rng.normal(size=(3, 15625)) * np.where(truth > 0.5, 0.002, 0.01)
    values[2, ::2] = np.nan
    labels = network_twin_labels()
    twins = np.linspace(0.1, 0.9, labels.max() + 1)[labels] + rng.normal(scale=0.004, size=len(labels))
    frame = seed_frame({"t.acc": unit * values}, {"clean": twins})
    stds = frame.set_index(["source", "part"])["std"]
    assert stds["seeds", "all"] == pytest.approx(np.sqrt((0.01**2 + 0.002**2) / 2), rel=0.03)
    assert stds["seeds", "upper half"] == pytest.approx(0.002, rel=0.06)
    assert stds["seeds", "top 1,000"] == pytest.approx(0.002, rel=0.06)
    assert stds["twins", "all"] == pytest.approx(0.004, rel=0.08)
    counts = frame.set_index(["source", "part"])["n"]
    assert (counts["seeds", "all"], counts["seeds", "top 1,000"], counts["twins", "all"]) == (15625, 1000, 641)
    shown = [entry.text for entry in seed_table(frame, {"clean": "clean"}).rows[0].entries]
    assert shown[:2] == ["t.acc, seeds", "15,625 networks"]


def test_nothing_known_gives_no_rows() -> None:
    assert seed_frame({"t.acc": np.full((2, 9), np.nan)}, {}).empty
