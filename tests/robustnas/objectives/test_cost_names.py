from __future__ import annotations

import pytest

from robustnas.objectives.cost_names import minimised_column, minimised_of_old


@pytest.mark.parametrize(
    "name",
    [
        "1080ti_1",
        "fpga",
        "lat",
        "ms",
        "delay",
        "power",
        "watt",
        "edp",
        "co2",
        "macs",
        "size",
        "gpu_ms",
        "edgegpu_latency",
        "raspi4",
        "pixel3",
        "eyeriss_edp",
        "latencyMs",
        "train_seconds",
        "seconds_train",
        "secs_total",
        "sec_per_epoch",
        "ms_per_image",
        "energy_per_image",
        "price_per_hour",
        "elapsed",
        "wall_clock",
        "gpu_days",
        "inference_msec",
        "accuracy_drop",
        "robust_error",
        "energy_mj",
        "titan_rtx_64",
        "silver_4114",
    ],
)
def test_costs_are_minimised(name: str) -> None:
    assert minimised_column(name)


@pytest.mark.parametrize(
    "name",
    [
        "items",
        "images_per_second",
        "imgs_per_sec",
        "flops_per_s",
        "samples_per_joule",
        "platform",
        "powerful",
        "msssim",
        "ms_ssim",
        "synflow",
        "jacov",
        "acc",
        "val_accuracy",
        "gpu_throughput",
        "fps",
        "clean",
        "latent",
        "latex",
        "score",
        "plate",
        "gpu_efficiency",
    ],
)
def test_others_are_maximised(name: str) -> None:
    assert not minimised_column(name)


def test_what_was_recorded_keeps_its_meaning() -> None:
    assert minimised_of_old("edgegpu_latency")
    assert not minimised_of_old("1080ti_1")
