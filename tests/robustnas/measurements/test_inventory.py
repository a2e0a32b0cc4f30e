"""Counting, forgetting and replacing measurements, on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from robustnas.errors import InvalidInputError
from robustnas.measurements import Measurement, MeasurementStore, Selection
from tests.robustnas.measurements.made_up import SETTINGS, TRAINING, made_up_keys, made_up_measurement, made_up_networks

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

NETWORKS = made_up_networks(3)
VALUES = [made_up_measurement(key) for network in NETWORKS for key in made_up_keys(network)]
OTHER = "0" * 64
ON_FILES = {"torch": "2.6.0", "corruptions": "CIFAR-10-C files"}


def fill(store: MeasurementStore, values: list[Measurement], *, again: bool = False) -> int:
    n = 0
    for network in dict.fromkeys(value.key.network for value in values):
        with store.claim(network) as claim:  # type: ignore[union-attr]
            n += claim.record([value for value in values if value.key.network == network], replace=again)
    return n


def test_replacing(store: MeasurementStore) -> None:
    fill(store, VALUES)
    later = [replace(value, accuracy=0.125, measured_at=datetime.now(UTC), device="cpu") for value in VALUES[:2]]
    assert fill(store, later) == 0
    assert store.measurements() == VALUES
    assert fill(store, [*later, replace(VALUES[2], key=replace(VALUES[2].key, settings=OTHER))], again=True) == 3
    assert store.measurements()[: len(VALUES)] == [*later, *VALUES[2:]]
    assert len(store) == len(VALUES) + 1


def test_since(store: MeasurementStore) -> None:
    fill(store, VALUES)
    moment = sorted(value.measured_at for value in VALUES)[4]
    expected = [value for value in VALUES if value.measured_at >= moment]
    assert len(expected) == len(VALUES) - 4
    assert store.measurements(since=moment) == expected
    assert store.known(since=moment) == {value.key for value in expected}
    assert store.missing([value.key for value in VALUES], since=moment) == [
        value.key for value in VALUES if value not in expected
    ]
    assert store.known(since=moment + timedelta(days=40)) == set()


def test_groups(store: MeasurementStore) -> None:
    fill(store, VALUES)
    fill(store, [made_up_measurement(replace(VALUES[0].key, network=replace(NETWORKS[0], seed=5)))])
    groups = store.groups()
    assert [group.metric for group in groups] == ["clean", "fgsm@1", "corruption:fog@3", "pgd@0.5", "pgd@1.5"]
    clean = groups[0]
    assert (clean.images, clean.training, clean.settings, clean.protocol) == ("digits", TRAINING, SETTINGS, "paper")
    assert (clean.n_networks, clean.n, clean.unknown_files) == (3, 4, False)
    times = [value.measured_at for value in store.measurements(metric="clean")]
    assert (clean.first, clean.last) == (min(times), max(times))


@pytest.mark.parametrize(
    ("selection", "n"),
    [
        ({}, 15),
        ({"archs": (NETWORKS[1].arch,)}, 5),
        ({"archs": (NETWORKS[0].arch, NETWORKS[1].arch), "metrics": ("clean", "pgd@1.50")}, 4),
        ({"images": "digits"}, 15),
        ({"images": "cifar10"}, 0),
        ({"sources": ("attack",)}, 9),
        ({"sources": ("corruption",)}, 3),
        ({"sources": ("fog", "clean")}, 6),
        ({"training": TRAINING[:6]}, 15),
        ({"training": "%"}, 0),
        ({"seed": 0, "protocol": "paper"}, 15),
        ({"seed": 1}, 0),
        ({"protocol": "nested"}, 0),
        ({"settings": SETTINGS, "metrics": ("clean",)}, 3),
        ({"before": datetime(2026, 1, 1, tzinfo=UTC)}, 0),
        ({"before": datetime(2027, 1, 1, tzinfo=UTC)}, 15),
        ({"unknown_files": True}, 0),
    ],
)
def test_what_is_forgotten(selection: dict[str, Any], n: int, store: MeasurementStore) -> None:
    fill(store, VALUES)
    chosen = Selection(**selection)
    assert sum(group.n for group in store.groups(chosen)) == n
    assert store.forget(chosen) == n
    assert store.groups(chosen) == []
    assert len(store) == len(VALUES) - n


def test_a_claim_outlives_what_is_forgotten(store: MeasurementStore) -> None:
    claim = store.claim(NETWORKS[0])
    assert claim is not None
    claim.record(VALUES[:1])
    assert store.forget(Selection(images="digits")) == 1
    assert claim.record(VALUES[:1]) == 1
    assert store.measurements() == VALUES[:1]


def test_numbers_of_unknown_files(store: MeasurementStore) -> None:
    fog = [value for value in VALUES if value.key.metric == "corruption:fog@3"]
    old, new = (replace(fog[n], versions=ON_FILES | more) for n, more in ((0, {}), (1, {"corruption_images": OTHER})))
    generated = replace(fog[2], versions={"corruptions": "ImageNet-C constants"})
    fill(store, [old, new, generated, *VALUES[:1]])
    assert [(group.metric, group.n) for group in store.groups(Selection(unknown_files=True))] == [
        (fog[0].key.metric, 1)
    ]
    assert sorted((group.n, group.unknown_files) for group in store.groups()) == [(1, False), (1, True), (2, False)]
    chosen = Selection(unknown_files=True)
    assert store.n_images(chosen) == old.confusion.sum()
    assert store.rekey(chosen, OTHER, {"corruption_images": "f" * 64}) == 1
    assert store.groups(chosen) == []
    assert store.n_images(chosen) == 0
    adopted = replace(old, key=replace(old.key, settings=OTHER), versions={**ON_FILES, "corruption_images": "f" * 64})
    assert store.measurements(NETWORKS[0], metric="corruption:fog@3") == [adopted]


def test_a_new_key_that_is_taken(store: MeasurementStore) -> None:
    taken = replace(VALUES[0], key=replace(VALUES[0].key, settings=OTHER))
    fill(store, [*VALUES, taken])
    assert store.rekey(Selection(metrics=("clean",), settings=SETTINGS), OTHER, {}) == 2
    assert sorted(value.key for value in store.measurements(metric="clean")) == sorted(
        [VALUES[0].key, *(replace(key, settings=OTHER) for key in (made_up_keys(n)[0] for n in NETWORKS))]
    )


def test_bad_selections_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="did you mean 'pgd@1'"):
        Selection(metrics=("pdg@1",))
