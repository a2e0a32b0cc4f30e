"""Devices by name, their precision, and settings that come back."""

from __future__ import annotations

import pytest
import torch

from robustnas.errors import InvalidInputError
from robustnas.evaluator.device import (
    autocast_dtype,
    available_devices,
    choose_device,
    deterministic_convolutions,
    device_name,
)

CPU = torch.device("cpu")


def test_devices_are_chosen_by_name() -> None:
    assert choose_device("cpu") == CPU
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert device_name(CPU) == "cpu"
    for name in ("cuda:99", "tpu", "", "CPU"):
        with pytest.raises(InvalidInputError, match=f"device '{name}' is not there; expected one of auto, cpu"):
            choose_device(name)
    assert available_devices()[:2] == ("auto", "cpu")
    assert autocast_dtype(CPU, None) is autocast_dtype(CPU, False) is None


@pytest.mark.parametrize(
    ("capability", "asked", "expected"),
    [
        ((9, 0), None, torch.bfloat16),
        ((7, 5), None, torch.float16),
        ((6, 1), None, None),
        ((6, 1), True, torch.float16),
        ((9, 0), False, None),
    ],
)
def test_precision_follows_the_gpu(
    capability: tuple[int, int], asked: bool | None, expected: torch.dtype | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert autocast_dtype(torch.device("cuda"), asked) is expected


def test_cudnn_settings_come_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "benchmark", True)
    former = cudnn.benchmark, cudnn.deterministic
    within = []

    def fail() -> None:
        with deterministic_convolutions():
            within.append((cudnn.benchmark, cudnn.deterministic))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert within == [(False, True)]
    assert (cudnn.benchmark, cudnn.deterministic) == former
