"""Memory that is short, on a CPU as on a GPU: smaller batches, then a sentence; and sizes that no memory holds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.images.images import ImageData
from robustnas.evaluator.memory import fits, in_batches
from robustnas.evaluator.memory_size import DeviceMemoryError, check_network
from robustnas.evaluator.proxies.image_batch import random_batch
from robustnas.evaluator.proxies.scores import proxy_scores
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.cost import Skeleton
from robustnas.spaces.nasbench201.network import build

CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allo")

GRAPH = RuntimeError("CUDA error: out of memory")


@pytest.mark.parametrize("error", [CPU, GRAPH, torch.OutOfMemoryError("CUDA out of memory"), MemoryError("Unable to")])
def test_batches_are_halved(error: Exception) -> None:
    done, notes = list[tuple[int, int]](), list[str]()

    def run(start: int, stop: int) -> None:
        if stop - start > 3:
            raise error
        done.append((start, stop))

    assert in_batches(8, 8, run, notes.append) == 2
    assert done == [(0, 2), (2, 4), (4, 6), (6, 8)]
    assert notes[-1] == "out of memory: continued with batches of 2"
    with pytest.raises(DeviceMemoryError, match="with a single image"):
        in_batches(1, 1, lambda start, stop: run(0, 8))


def test_a_real_allocation() -> None:
    assert not fits(lambda: torch.empty(2**58))
    assert not fits(lambda: np.empty(2**58))


def test_other_errors_are_errors() -> None:
    with pytest.raises(RuntimeError, match="The size of tensor"):
        fits(lambda: torch.zeros(2) + torch.zeros(3))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"channels": 10**9}, "the weights of 1 cells per stage of 1,000,000,000 channels and 10 classes need .* GB"),
        ({"channels": 2**63 - 1}, "GB of memory; there are"),
        ({"n_cells": 10**9}, "of 1,000,000,000 cells per stage"),
    ],
)
def test_networks_that_no_memory_holds(settings: dict[str, int], message: str, digits: ImageData) -> None:
    with pytest.raises(DeviceMemoryError, match=message):
        Evaluator(digits, replace(EvaluationSettings.for_images(digits), **settings), device="cpu")


def test_proxies_of_sizes_that_no_memory_holds() -> None:
    batch = random_batch(2, 8, 10)
    inputs = {"images": batch.images, "labels": batch.labels}
    for sizes in ({"channels": 10**9}, {"n_cells": 10**9}, {"n_classes": 10**15}):
        with pytest.raises(DeviceMemoryError, match="GB of memory"):
            proxy_scores("#13433", "params", **{"n_classes": 10, **inputs, **sizes})  # type: ignore[arg-type]
    with pytest.raises(DeviceMemoryError, match="1,000,000,000 images of 8 x 8 pixels need 768 GB"):
        random_batch(10**9, 8)


@pytest.mark.parametrize("arch", ["#0", "#13433", "#15624"])
def test_the_weights_of_the_check_are_those_of_the_network(arch: str) -> None:
    network = build(arch, 10, channels=16, n_cells=2)
    size = 4 * sum(tensor.numel() for tensor in network.parameters() if tensor.dim() > 1)
    skeleton, modules = Skeleton(32, 10, 16, 2, 3), 3 * 2 * 30_000
    check_network(Cell.parse(arch), skeleton, size + modules)
    with pytest.raises(DeviceMemoryError):
        check_network(Cell.parse(arch), skeleton, int(0.9 * size) + modules)
