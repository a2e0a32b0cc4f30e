from __future__ import annotations

import pytest

from robustnas import Oracle
from robustnas.errors import ObjectiveError
from robustnas.spaces import open_space
from robustnas.spaces.wide_resnets import ImageSize, multiply_accumulates, parameters
from searchers import SEARCHERS, create, search
from searchers.testing import landscape

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

SPACE = open_space("wide-resnets")


@pytest.mark.parametrize(
    ("depth", "width", "n_classes", "expected"),
    [
        (4, 10, 10, 36_479_194),  # WRN-28-10
        (4, 10, 100, 36_536_884),
        (5, 10, 10, 46_160_474),  # WRN-34-10
        (11, 16, 10, 266_796_506),  # WRN-70-16
        (2, 4, 10, 2_748_890),  # WRN-16-4
        (6, 1, 10, 563_930),  # WRN-40-1
        (6, 2, 10, 2_243_546),  # WRN-40-2
    ],
)
def test_parameters_are_those_of_the_literature(depth: int, width: int, n_classes: int, expected: int) -> None:
    assert parameters([depth] * 3, [width] * 3, ImageSize(n_classes=n_classes)) == expected


def test_columns_are_the_formula_for_every_network() -> None:
    wrn = SPACE.parse("depth1=4,width1=16,depth2=11,width2=8,depth3=7,width3=14")
    depths, widths = (4, 11, 7), (16, 8, 14)
    grey = ImageSize(28, 26, 1)
    for size in (ImageSize(), grey):
        assert SPACE.cost_column("params", size)[SPACE.index(wrn)] == parameters(depths, widths, size)
        assert SPACE.cost_column("flops", size)[SPACE.index(wrn)] == multiply_accumulates(depths, widths, size)
    assert SPACE.skeleton("cifar100") == ImageSize(n_classes=100)
    with pytest.raises(ObjectiveError, match="has no 'latency'; it has params, flops"):
        SPACE.cost_column("latency")


@pytest.mark.parametrize("name", [name for name in SEARCHERS if name != "optuna-gp"])  # it loads torch
def test_every_searcher_runs_on_it_and_a_seed_fixes_it(name: str) -> None:
    parameters = {"cheap": "pgd@1"} if name == "multi-fidelity" else {}
    objectives = "clean, pgd@1 where params <= 1e8" if "nsga2" in name else "clean where params <= 1e8"
    runs = []
    for _ in range(2):
        oracle = Oracle(objectives, landscape("wide-resnets"), budget=12)
        searcher = create(name, 3, space=oracle.space, n_objectives=1 + objectives.count(","), **parameters)
        runs.append([outcome.cell for outcome in search(searcher, oracle)])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) == 12
    assert all(SPACE.cost_column("params")[SPACE.index(cell)] <= 1e8 for cell in runs[0])


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_networks_have_what_the_formulas_say() -> None:
    torch = pytest.importorskip("torch", reason="networks need torch: install the extra 'evaluate'")
    from torch import nn

    text = "depth1=4,width1=16,depth2=5,width2=8,depth3=4,width3=10"  # no change of channels between stages 1 and 2
    wrn, size = SPACE.parse(text), ImageSize(15, 7, 2)
    counted = []

    def count(module: nn.Module, _: object, output: object) -> None:
        assert isinstance(output, torch.Tensor)
        per_weight = output[0, 0].numel() if output.ndim == 4 else 1
        counted.append(module.weight.numel() * per_weight)

    with torch.device("meta"):
        network = SPACE.build(wrn, n_classes=7, in_channels=2)
        for module in network.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                module.register_forward_hook(count)
        assert network(torch.zeros(1, 2, 15, 15)).shape == (1, 7)
    index = SPACE.index(wrn)
    assert sum(weight.numel() for weight in network.parameters()) == SPACE.cost_column("params", size)[index]
    assert sum(counted) == SPACE.cost_column("flops", size)[index]
