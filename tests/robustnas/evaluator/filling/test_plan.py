from __future__ import annotations

from pathlib import Path

import pytest

from robustnas import Cell, Metric
from robustnas.errors import InvalidInputError, PlanError
from robustnas.evaluator.filling.plan import FillPlan, example_text
from robustnas.evaluator.images.images import ImageData
from robustnas.spaces import ChoiceArchitecture, ChoiceSpace, open_space
from robustnas.spaces.nasbench201 import space

LEAST = 'images = "digits"\nmetrics = ["clean"]\n'


def test_the_example_is_a_plan(digits: ImageData) -> None:
    plan = FillPlan.parse(example_text())
    assert len(plan.networks) == 20
    settings = plan.settings(digits, seed=3)
    assert (settings.seed, settings.protocol, settings.training.epochs, settings.attacks.pgd_steps) == (
        3,
        "nested",
        10,
        20,
    )


def test_what_is_left_out_suits_the_images(digits: ImageData) -> None:
    plan = FillPlan.parse(LEAST)
    assert len(plan.networks) == space.N_NETWORKS
    assert (plan.settings(digits, 0).channels, plan.settings(digits, 0).training.epochs) == (8, 20)


def test_another_recipe_and_its_eps(digits: ImageData) -> None:
    plan = FillPlan.parse(LEAST + "[training]\nepochs = 3")
    changed = plan.with_training("fast-adversarial", 16.0)
    training = changed.settings(digits, 0).training
    assert (training.epochs, training.pgd_steps, training.train_eps) == (3, 1, 16)
    assert changed.with_training(None, None) == changed
    assert plan.with_training("trades", None).settings(digits, 0).training.train_eps == 32
    written = FillPlan.parse(LEAST + '[training]\nrecipe = "fast-adversarial"\ntrain_eps = 16\nepochs = 3')
    assert written.settings(digits, 0) == changed.settings(digits, 0)
    with pytest.raises(InvalidInputError, match=r"train_eps is 16.0 with a recipe that trains on images as they are"):
        plan.with_training(None, 16.0)
    with pytest.raises(InvalidInputError, match="unknown recipe 'trade'; did you mean 'trades'"):
        plan.with_training("trade", None)


def test_another_precision_of_attacks(digits: ImageData) -> None:
    plan = FillPlan.parse(LEAST + 'attack_precision = "tf32"')
    assert plan.with_attack_precision(None).settings(digits, 0).attack_precision == "tf32"
    assert plan.with_attack_precision("bfloat16").settings(digits, 0).attack_precision == "bfloat16"
    assert FillPlan.parse(LEAST).settings(digits, 0).attack_precision == "float32"
    with pytest.raises(InvalidInputError, match="did you mean 'bfloat16'"):
        plan.with_attack_precision("bfloat")


def test_objectives_stand_for_their_metrics() -> None:
    plan = FillPlan.parse('images = "digits"\nmetrics = ["worst@2", "pgd@2", "corruption:fog@3"]')
    assert [str(metric) for metric in plan.metrics] == ["fgsm@2", "pgd@2", "apgd@2", "square@2", "corruption:fog@3"]
    assert len(FillPlan.parse('images = "digits"\nmetrics = ["corruption"]').metrics) == 75


def test_networks_are_canonical_and_each_there_once() -> None:
    cell = next(c for c in map(Cell.from_index, range(space.N_CELLS)) if space.canonical(c) != c)
    plan = FillPlan.parse(LEAST + f'cells = ["index:{cell.index}", "{space.canonical(cell).arch}"]')
    assert plan.networks == (space.canonical(cell),)
    few, more = (FillPlan.parse(LEAST + f"cells = {n}").networks for n in (5, 8))
    assert more[:5] == few
    other = FillPlan.parse(LEAST + "cells = 5\nsample_seed = 1").networks
    assert other != few
    assert all(space.canonical(cell) == cell for cell in more)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("images = ", "is not TOML"),
        ('metrics = ["clean"]', "images is None"),
        ('images = "digits"', "metrics is None"),
        ('images = "digits"\nmetrics = ["pdg@1"]', "did you mean 'pgd@1'"),
        ('images = "digits"\nmetrics = ["params"]', "'params' cannot be measured"),
        ('images = "digits"\nmetrics = []', r"metrics is \[\]"),
        (LEAST + 'protocl = "nested"', "did you mean 'protocol'"),
        (LEAST + 'attack_precision = "half"', "unknown attack precision 'half'"),
        (LEAST + 'protocol = "nestled"', "did you mean 'nested'"),
        (LEAST + "cells = []", r"cells is \[\]"),
        (LEAST + "cells = 0", "cells is 0"),
        (LEAST + 'cells = "network"', "did you mean 'networks'"),
        (LEAST + 'cells = ["resnet18"]', "cannot read 'resnet18'"),
        (LEAST + "seeds = 0", "seeds is 0"),
        (LEAST + "n_images = 0", "n_images is 0"),
        (LEAST + "channels = 1.5", r"channels is 1\.5"),
        (LEAST + 'dataset = "cifar10-surrogate"', "predictions"),
        (LEAST + "[training]\nepoch = 3", "did you mean 'epochs'"),
        (LEAST + "[training]\nepochs = 0", "epochs is 0"),
        (LEAST + '[training]\nrecipe = "shrt"', "did you mean 'short'"),
        (LEAST + "[attacks]\npgd_step = 3", "did you mean 'pgd_steps'"),
        (LEAST + "[attacks]\npgd_steps = 0", "pgd_steps is 0"),
        (LEAST + "[attacks]\nseeds = 3", "belongs above"),
    ],
)
def test_bad_plans_are_refused_whole(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=message):
        FillPlan.parse(text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"nowhere\.toml.*--example"):
        FillPlan.load(tmp_path / "nowhere.toml")
    assert Metric("clean") in FillPlan.parse(LEAST).metrics


class Large(ChoiceSpace):
    """Five million architectures, of which those that differ in the last choice alone are one network."""

    choices = {f"width{place}": tuple(range(1, 10)) for place in range(7)}  # noqa: RUF012

    def canonical(self, architecture: ChoiceArchitecture) -> ChoiceArchitecture:
        return architecture.replaced(width6=1)


def test_networks_of_other_spaces() -> None:
    text = 'images = "digits"\nmetrics = ["clean"]\n'
    plan = FillPlan.parse(text + 'space = "wide-resnets"\narchitectures = 3')
    more = FillPlan.parse(text + "architectures = 5", space="wide-resnets")
    assert plan.space == more.space == "wide-resnets"
    assert set(plan.networks) < set(more.networks)
    listed = FillPlan.parse(text + f'space = "wide-resnets"\narchitectures = ["{plan.networks[0]}", "index:3"]')
    assert listed.networks == (plan.networks[0], open_space("wide-resnets").architecture(3))
    for wrong, message in (
        ("architectures = 3\ncells = 3", "cells and architectures are given; expected one of them"),
        ('space = "wide-resnets"\nchannels = 8', "channels is 8, but the size of networks of the space wide-resnets"),
        ('space = "wide"', "unknown search space 'wide'"),
        ('space = "wide-resnets"\narchitectures = 15626', "architectures is 15626; expected"),
        ("space = 3", "space is 3; expected"),
    ):
        with pytest.raises(PlanError, match=message):
            FillPlan.parse(text + wrong)


def test_networks_of_a_space_that_is_not_enumerated() -> None:
    text = f'images = "digits"\nmetrics = ["clean"]\nspace = "{__name__}:Large"\n'
    some, more = (FillPlan.parse(text + f"architectures = {n}").networks for n in (20, 30))
    assert more[:20] == some
    assert len(set(more)) == 30
    assert {architecture["width6"] for architecture in more} == {1}
    with pytest.raises(PlanError, match="cells is 'networks', and Large is too large to be enumerated; expected"):
        FillPlan.parse(text)
