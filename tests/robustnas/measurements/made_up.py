"""Networks and measurements that nobody measured: every number follows from its key."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import numpy as np

from robustnas import Cell
from robustnas.measurements import Measurement, MeasurementKey, NetworkKey
from robustnas.spaces.nasbench201.space import canonical_list

METRICS = ("clean", "fgsm@1", "pgd@0.5", "pgd@1.5", "corruption:fog@3")
IMAGES, TRAINING, SETTINGS = (hashlib.sha256(name).hexdigest() for name in (b"images", b"training", b"settings"))


def made_up_networks(n: int, seed: int = 0) -> list[NetworkKey]:
    archs = [Cell.from_index(index).arch for index in sorted(set(canonical_list()))[:n]]
    return [NetworkKey(arch, "digits", IMAGES, TRAINING, seed) for arch in archs]


def made_up_keys(network: NetworkKey) -> list[MeasurementKey]:
    return [MeasurementKey(network, metric, "paper", SETTINGS) for metric in METRICS]


def made_up_measurement(key: MeasurementKey) -> Measurement:
    rng = np.random.default_rng(list(hashlib.sha256(repr(key).encode()).digest()))
    return Measurement(
        key,
        accuracy=rng.random(),
        confidence={"prediction": rng.random(), "label": rng.random()},
        confusion=rng.integers(0, 1000, (10, 10)),
        seconds=100 * rng.random(),
        device="cuda:NVIDIA H100",
        versions={"robustnas": "0.1.0", "torch": f"2.{rng.integers(10)}"},
        measured_at=datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=1e6 * rng.random()),
    )
