"""From a cell and metrics to measurements, weights kept, settings in the keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from robustnas import Cell, Metric
from robustnas.errors import DataError, EvaluationError, InvalidInputError, ObjectiveError
from robustnas.evaluator.attacks import robustness
from robustnas.evaluator.attacks.settings import AttackSettings
from robustnas.evaluator.device import threads
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.filling.gaps import Gaps
from robustnas.evaluator.filling.plan import FillPlan
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.images.normalisation import normalisation
from robustnas.evaluator.measurer import StoreMeasurer, measure_missing, training_noise
from robustnas.evaluator.measures import MEASURES, MeasureTask, Scored
from robustnas.evaluator.training.overfitting import OverfittingWatch
from robustnas.evaluator.training.training_config import BENCHMARK_RECIPE, RECIPES, recipe
from robustnas.measurements import Measurement, MeasurementStore, NetworkKey
from robustnas.metric import PLAIN_METRICS
from robustnas.spaces.nasbench201 import space
from robustnas.spaces.nasbench201.network import build
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.growing_table import GrowingTable
from robustnas.tables.noise import NoiseFloor

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

TINY = EvaluationSettings(
    channels=4,
    n_cells=1,
    training=replace(RECIPES["digits"], epochs=3),
    attacks=AttackSettings(pgd_steps=5, pgd_relative_step=0.3, apgd_steps=5, square_queries=20),
    n_images=100,
)
METRICS = ("clean", "fgsm@16", "pgd@8", "pgd@16", "apgd@16", "square@16")


@pytest.fixture
def evaluator(digits: ImageData, tmp_path: Path) -> Evaluator:
    return Evaluator(digits, TINY, device="cpu", folder=tmp_path / "networks")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MeasurementStore]:
    with MeasurementStore.open(tmp_path / "store.sqlite") as opened:
        yield opened


@pytest.mark.timeout(60)
def test_everything_that_is_asked_for_is_measured(evaluator: Evaluator) -> None:
    shares: dict[str, list[float]] = {}
    cell = Cell.parse("#13433")
    found = list(
        evaluator.measure(cell, METRICS, progress=lambda stage, share: shares.setdefault(stage, []).append(share))
    )
    assert [value.key.metric for value in found] == list(METRICS)
    for value in found:
        assert value.key.network.arch == space.canonical(cell).arch
        assert value.confusion.sum() == 100
        assert value.accuracy == np.trace(value.confusion) / 100
        assert value.device == "cpu"
        assert {"torch", "robustnas", "pyautoattack"} <= set(value.versions)
    by_metric = {value.key.metric: value.accuracy for value in found}
    assert by_metric["clean"] > 0.6
    assert by_metric["pgd@16"] <= by_metric["pgd@8"] <= by_metric["clean"]
    assert shares["training"][-1] == 1
    assert set(shares) >= {"training", "pgd at eps 8, 16", "square at eps 16"}
    assert all(values == sorted(values) and values[-1] <= 1 for values in shares.values())


def test_cells_of_one_network_share_keys(evaluator: Evaluator) -> None:
    cell = next(c for c in map(Cell.from_index, range(space.N_CELLS)) if space.canonical(c) != c)
    assert evaluator.keys(cell, ["clean"]) == evaluator.keys(space.canonical(cell), ["clean"])


@pytest.mark.timeout(30)
def test_weights_are_kept(evaluator: Evaluator, digits: ImageData) -> None:
    first = next(evaluator.measure("#13433", ["clean"]))
    again = Evaluator(digits, TINY, device="cpu", folder=evaluator.folder)
    assert next(again.measure("#13433", ["clean"])).accuracy == first.accuracy
    assert evaluator.training is not None
    assert again.training is None
    other_seed = Evaluator(digits, replace(TINY, seed=1), device="cpu", folder=evaluator.folder)
    list(other_seed.measure("#13433", ["clean"]))
    assert other_seed.training is not None


@pytest.mark.timeout(30)
def test_networks_that_are_trained_at_once_are_not_trained_again(digits: ImageData, tmp_path: Path) -> None:
    settings = replace(TINY, training=replace(TINY.training, epochs=1), n_images=50)
    evaluator = Evaluator(digits, settings, device="cpu", folder=tmp_path / "networks")
    told: list[float] = []
    twice = next(c for c in map(Cell.from_index, range(space.N_CELLS)) if space.canonical(c) != c)
    archs = ["#13433", twice, space.canonical(twice)]
    assert evaluator.train(archs, [lambda _, share: told.append(share)] * 3) == [None, None, None]
    assert told.count(1.0) == 2  # two networks, not three
    first = next(evaluator.measure("#13433", ["clean"]))
    assert evaluator.training is None
    alone = Evaluator(digits, settings, device="cpu", folder=tmp_path / "other")
    assert next(alone.measure("#13433", ["clean"])).confusion.tolist() == first.confusion.tolist()
    assert evaluator.train([]) == []
    assert evaluator.networks_at_once(16, archs) == 1


@pytest.mark.timeout(30)
def test_damaged_weights_are_retrained(evaluator: Evaluator, digits: ImageData) -> None:
    first = next(evaluator.measure("#13433", ["clean"]))
    (path,) = (evaluator.folder or Path()).rglob("*.weights")
    path.write_bytes(path.read_bytes()[:-500])
    again = Evaluator(digits, TINY, device="cpu", folder=evaluator.folder)
    assert next(again.measure("#13433", ["clean"])).accuracy == first.accuracy
    assert "retrained" in again.notes[0]


def test_corrupted_images(evaluator: Evaluator) -> None:
    pytest.importorskip("imagecorruptions")
    (value,) = evaluator.measure("#13433", ["corruption:contrast@5"])
    assert value.versions["corruptions"] == "ImageNet-C constants"
    assert value.confusion.sum() == 100


@pytest.mark.timeout(30)
def test_missing_says_what_is_yielded(evaluator: Evaluator) -> None:
    nested = Evaluator(evaluator.images, replace(TINY, protocol="nested"), device="cpu", folder=evaluator.folder)
    whole = {value.key: value.accuracy for value in nested.measure("#13433", ["pgd@8", "pgd@16", "pgd@32"])}
    part = list(nested.measure("#13433", ["pgd@8", "pgd@16", "pgd@32"], missing=[Metric("pgd", 16.0)]))
    assert [value.key.metric for value in part] == ["pgd@16"]
    assert part[0].accuracy == whole[part[0].key]


def test_keys_hold_what_changes_a_number(digits: ImageData) -> None:
    def key(metric: str = "pgd@16", others: tuple[str, ...] = (), **changes: Any) -> object:
        settings = replace(TINY, **changes)
        return Evaluator(digits, settings, device="cpu").keys("#13433", [metric, *others])[Metric.parse(metric)]

    same = key()
    assert key() == same
    assert key(others=("pgd@8", "apgd@16")) == same  # under the protocol paper, others do not matter
    assert key(attacks=replace(TINY.attacks, square_queries=30)) == same
    for changes in (
        {"channels": 8},
        {"n_cells": 2},
        {"n_images": 50},
        {"seed": 1},
        {"protocol": "nested"},
        {"training": replace(TINY.training, epochs=4)},
        {"attacks": replace(TINY.attacks, pgd_steps=6)},
    ):
        assert key(**changes) != same, changes
    nested = key(protocol="nested")
    assert key(protocol="nested", others=("pgd@32",)) == nested  # larger eps come later
    assert key(protocol="nested", others=("pgd@8",)) != nested
    assert key("clean", protocol="nested") == key("clean")


def test_keys_differ_where_image_data_does(digits: ImageData) -> None:
    """Pixels, labels, name and normalisation fix a number: each in train and test."""

    def key(**changes: Any) -> NetworkKey:
        return Evaluator(replace(digits, **changes), TINY, device="cpu").network_key("#13433")

    def changed(part: LabelledImages) -> tuple[LabelledImages, LabelledImages]:
        images, labels = part.images.copy(), part.labels.copy()
        images[0, 0, 0, 0], labels[0] = 1 - images[0, 0, 0, 0], (labels[0] + 1) % 10
        return replace(part, images=images), replace(part, labels=labels)

    same = key()
    for name in ("train", "test"):
        for part in changed(getattr(digits, name)):
            assert key(**{name: part}).images_digest != same.images_digest
    assert key(name="other") != same
    assert key(mean=(0.5,)).training != key(std=(0.5,)).training != same.training
    mean, std = normalisation("digits", digits.train)
    assert key(mean=mean, std=std) == same


def test_numbers_of_another_normalisation_are_not_served(
    evaluator: Evaluator, store: MeasurementStore, digits: ImageData
) -> None:
    StoreMeasurer(evaluator, store).measurements("#13433", ["clean"])
    metric = Metric("clean")
    assert StoreMeasurer(evaluator, store).stored(metric, [metric])
    for images in (replace(digits, mean=(0.25,)), replace(digits, name="copy")):
        other = Evaluator(images, TINY, device="cpu", folder=evaluator.folder)
        assert not StoreMeasurer(other, store).stored(metric, [metric])


@pytest.mark.parametrize("batch_size", [7, 64])
def test_numbers_do_not_depend_on_the_batch_size(batch_size: int, evaluator: Evaluator, digits: ImageData) -> None:
    expected = {value.key: value.confusion.tolist() for value in evaluator.measure("#13433", METRICS)}
    other = Evaluator(digits, TINY, device="cpu", folder=evaluator.folder, batch_size=batch_size)
    assert {value.key: value.confusion.tolist() for value in other.measure("#13433", METRICS)} == expected


@pytest.mark.parametrize(("precision", "expected"), [("float32", {False}), ("tf32", {False, True})])
def test_measuring_is_in_exact_arithmetic(
    precision: str, expected: set[bool], evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TF32 is off while a network is measured, in passes and in attacks unless asked for, and back on afterwards."""
    monkeypatch.setattr(evaluator, "settings", replace(evaluator.settings, attack_precision=precision))
    network, seen = evaluator.network("#13433"), set[bool]()
    network.register_forward_hook(lambda *_: seen.add(torch.backends.cudnn.allow_tf32))
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)
    monkeypatch.setattr(robustness, "_search_form", lambda model, *_: model)
    list(evaluator.measure("#13433", ["clean", "pgd@8"]))
    assert seen == expected
    assert torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize("protocol", ["paper", "nested"])
def test_digests_of_settings_without_a_network(protocol: str, digits: ImageData) -> None:
    evaluator = Evaluator(digits, replace(TINY, protocol=protocol), device="cpu")
    metrics = [*METRICS, "corruption:fog@3"]
    keys = evaluator.keys("#13433", metrics)
    assert evaluator.settings_digests(metrics) == {metric: key.settings for metric, key in keys.items()}
    assert list(keys) == list(map(Metric.parse, metrics))


@pytest.mark.timeout(30)
def test_a_measure_of_ones_own(evaluator: Evaluator, monkeypatch: pytest.MonkeyPatch) -> None:
    def inverted(task: MeasureTask) -> Iterator[Scored]:
        images = LabelledImages(1 - task.images.test.pixels(), task.images.test.labels)
        if Metric("inverted") in task.missing:
            yield Scored(Metric("inverted"), task.predicted(images), {"inverted": "1"})

    monkeypatch.setitem(PLAIN_METRICS, "inverted", "inverted images")
    with pytest.raises(EvaluationError, match="nothing measures inverted; the measures are clean, attacks, corr"):
        list(evaluator.measure("#13433", ["clean", "inverted"]))
    monkeypatch.setitem(MEASURES, "inverted", inverted)
    clean, other = evaluator.measure("#13433", ["clean", "inverted"])
    assert (other.key.metric, other.versions["inverted"]) == ("inverted", "1")
    assert Metric.parse(other.key.metric).title == "inverted images"
    assert other.accuracy < clean.accuracy


def test_settings_suit_the_images(digits: ImageData) -> None:
    suited = EvaluationSettings.for_images(digits)
    assert (suited.channels, suited.n_cells, suited.training) == (8, 1, RECIPES["digits"])
    assert EvaluationSettings.for_images(digits, channels=16, seed=None).channels == 16
    big = np.zeros((10, 3, 32, 32), np.uint8)
    images = replace(digits.test, images=big, labels=np.arange(10))
    cifar = ImageData("cifar10", images, images, 10, (0.5,) * 3, (0.2,) * 3)
    assert EvaluationSettings.for_images(cifar) == EvaluationSettings()
    assert EvaluationSettings().training == BENCHMARK_RECIPE
    assert EvaluationSettings.training_for(digits, epochs=3) == replace(RECIPES["digits"], epochs=3)
    assert EvaluationSettings.training_for(digits, "adversarial") == recipe("adversarial", digits=True)
    assert EvaluationSettings.training_for(cifar, "adversarial", train_eps=4).train_eps == 4
    assert EvaluationSettings.training_for(cifar, "adversarial") == RECIPES["adversarial"]


def test_overfitting_is_told_wherever_the_network_is_measured(
    digits: ImageData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = iter([(0.5, 0.4), (0.9, 0.05)])
    monkeypatch.setattr(OverfittingWatch, "accuracies", lambda self, network: next(left))
    training = replace(recipe("fast-adversarial", digits=True), epochs=2)
    settings = replace(TINY, training=training, n_images=20)
    for _ in range(2):  # trained, then with the weights that are kept
        evaluator = Evaluator(digits, settings, device="cpu", folder=tmp_path)
        (measured,) = evaluator.measure("#0", ["clean"])
        assert measured.versions["training"] == "adversarial training (FGSM, eps 32/255)"
        assert measured.versions["overfitting"].startswith("catastrophic overfitting in epoch 2: ")
        assert evaluator.notes == [measured.versions["overfitting"]]


def test_gaps_of_networks_trained_adversarially_are_not_filled_from_a_table(digits: ImageData) -> None:
    plan = FillPlan.parse('images = "digits"\nmetrics = ["clean"]\ncells = 2')
    table = ArrayTable({"clean": np.full(15_625, 0.5)})
    settings = replace(TINY, training=recipe("trades", digits=True))
    assert not Gaps(plan, Evaluator(digits, TINY, device="cpu"), table).metrics
    with pytest.raises(InvalidInputError, match=r"those measured here of adversarial training \(TRADES, eps 32/255\)"):
        Gaps(plan, Evaluator(digits, settings, device="cpu"), table)


def test_published_weights_are_measured_without_training(digits: ImageData, tmp_path: Path) -> None:
    network = build("#13433", 10, 4, 1, 1, seed=5)
    path = tmp_path / "published.pth"
    torch.save({"state_dict": {f"module.{name}": value for name, value in network.state_dict().items()}}, path)
    evaluator = Evaluator(digits, TINY, device="cpu", weights=path)
    (value,) = evaluator.measure("#13433", ["clean"])
    assert evaluator.training is None
    loaded = evaluator.network("#13433").network.state_dict()
    assert all(torch.equal(tensor, network.state_dict()[name]) for name, tensor in loaded.items())
    assert value.key.network.training != Evaluator(digits, TINY, device="cpu").training_digest
    with pytest.raises(DataError, match="another network"):
        list(evaluator.measure("#1", ["clean"]))


@pytest.mark.parametrize(
    ("content", "message"), [(b"nonsense", "no plain state dict"), (b"", "is empty"), (None, "cannot read the weights")]
)
def test_bad_weights_are_refused(content: bytes | None, message: str, digits: ImageData, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        list(Evaluator(digits, TINY, device="cpu", weights=path).measure("#13433", ["clean"]))


def test_bad_input_is_refused(evaluator: Evaluator, digits: ImageData) -> None:
    with pytest.raises(ObjectiveError, match="did you mean 'pgd@1'"):
        list(evaluator.measure("#13433", ["pdg@1"]))
    with pytest.raises(InvalidInputError, match="no metrics"):
        list(evaluator.measure("#13433", []))
    with pytest.raises(InvalidInputError, match="device 'tpu' is not there; expected one of auto, cpu"):
        Evaluator(digits, TINY, device="tpu")
    with pytest.raises(InvalidInputError, match="did you mean 'nested'"):
        replace(TINY, protocol="nestet")


@pytest.mark.timeout(30)
def test_a_measurer_measures_once(
    evaluator: Evaluator, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurer = StoreMeasurer(evaluator, store)
    first = measurer.measurements("#13433", ["clean", "pgd@8"])
    more = measurer.measurements("#13433", ["clean", "pgd@8", "fgsm@8"])
    assert {metric: value.accuracy for metric, value in more.items() if metric in first} == {
        metric: value.accuracy for metric, value in first.items()
    }
    assert len(store) == 3
    assert not store.active_claims()

    def measured_again(*_: object, **__: object) -> Iterator[Measurement]:
        raise AssertionError("measured again")

    monkeypatch.setattr(Evaluator, "measure", measured_again)
    assert measurer.measurements("#13433", ["pgd@8"])[Metric("pgd", 8.0)] == first[Metric("pgd", 8.0)]
    index = space.canonical(Cell.parse("#13433")).index
    assert measurer.stored(Metric("pgd", 8.0), [Metric("pgd", 8.0)]) == {index: first[Metric("pgd", 8.0)].accuracy}
    other = StoreMeasurer(Evaluator(evaluator.images, replace(TINY, seed=1), device="cpu"), store)
    assert not other.stored(Metric("pgd", 8.0), [Metric("pgd", 8.0)])


@pytest.mark.timeout(60)
def test_the_noise_of_a_training_is_that_between_seeds(evaluator: Evaluator, store: MeasurementStore) -> None:
    first, clean = StoreMeasurer(evaluator, store), Metric("clean")
    other = first.with_seed(1)
    values = [
        [one.measure(Cell.parse(arch), [clean], [clean])[clean] for one in (first, other)] for arch in ("#0", "#7")
    ]
    assert first.stored(clean, [clean]) == {
        Cell.parse(a).index: v[0] for a, v in zip(("#0", "#7"), values, strict=True)
    }
    assert not first.with_seed(2).stored(clean, [clean])
    expected = NoiseFloor(float(np.sqrt(np.var(values, axis=1, ddof=1).mean())), 2)
    assert first.noise([clean])[clean] == pytest.approx(expected)
    assert other.noise([clean]) == first.noise([clean])
    assert training_noise(evaluator, store, [clean], among=set())[clean].degrees_of_freedom == 0
    assert not first.noise([Metric("pgd", 8.0)])
    assert GrowingTable(first, [clean]).seed_noise == {clean: first.noise([clean])[clean].std}


def test_another_seed_is_another_evaluator_of_the_same_images(evaluator: Evaluator) -> None:
    other = evaluator.with_seed(5)
    assert (other.settings, other.images) == (replace(evaluator.settings, seed=5), evaluator.images)
    assert other.network_key("#0") == replace(evaluator.network_key("#0"), seed=5)
    assert other.notes is not evaluator.notes


@pytest.mark.timeout(30)
def test_a_measurer_waits_for_another_worker(
    evaluator: Evaluator, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other worker records its numbers and releases its claim while ours sleeps."""
    network = evaluator.network_key("#13433")
    other = store.claim(network)
    assert other is not None
    values = list(evaluator.measure("#13433", ["clean"]))

    def finish(_: float) -> None:
        other.record(values)
        other.release()

    monkeypatch.setattr("time.sleep", finish)
    stages: list[str] = []
    found = StoreMeasurer(evaluator, store, lambda stage, _: stages.append(stage)).measurements("#13433", ["clean"])
    assert found[Metric("clean")] == values[0]
    assert stages == ["waiting for another worker"]


@pytest.mark.parametrize(("channels", "expected"), [(8, 1), (32, 3)])
def test_small_networks_are_trained_and_measured_with_one_thread(
    channels: int, expected: int, digits: ImageData, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    evaluator = Evaluator(digits, replace(TINY, channels=channels), device="cpu")

    def measure(*_: Any, **__: Any) -> Iterator[Measurement]:
        found.append(torch.get_num_threads())
        yield from ()

    def trained_at_once(*_: Any) -> list[Any]:
        found.append(torch.get_num_threads())
        return []

    monkeypatch.setattr(evaluator, "measure", measure)
    monkeypatch.setattr(evaluator, "_trained_at_once", trained_at_once)
    former = torch.get_num_threads()
    with threads(3):
        with store.claim(evaluator.network_key("#1")) as claim:
            measure_missing(evaluator, store, claim, "#1", [Metric("clean")])
        evaluator.train([])
        assert torch.get_num_threads() == 3
    assert (found, torch.get_num_threads()) == ([expected, expected], former)


@pytest.mark.timeout(30)
def test_a_measurer_trains_at_once_what_nobody_else_is_at(
    evaluator: Evaluator, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    measurer, trained = StoreMeasurer(evaluator, store), list[list[str]]()
    train = evaluator.train

    def noted(archs: Any, progress: Any) -> Any:
        trained.append(list(archs))
        return train(archs, progress)

    monkeypatch.setattr(evaluator, "train", noted)
    first, second, third = (space.canonical(Cell.parse(name)) for name in ("#13433", "#81", "#1"))
    measurer.measurements(third, ["clean"])
    with store.claim(evaluator.network_key("#0")):
        measurer.prepare([first, second, third, first, Cell.parse("#0")], [Metric("clean")])
        assert len(store.active_claims()) == 1  # those of what was trained are released
    assert trained == [[first.arch, second.arch]]
    evaluator.training = None
    measurer.measurements(first, ["clean"])
    measurer.measurements(second, ["clean"])
    assert evaluator.training is None


def test_measuring_again_replaces(evaluator: Evaluator, store: MeasurementStore) -> None:
    first = StoreMeasurer(evaluator, store).measurements("#13433", ["clean", "pgd@8"])
    since = datetime.now(UTC)
    again = StoreMeasurer(evaluator, store, since=since)
    assert not again.stored(Metric("clean"), [Metric("clean")])
    second = again.measurements("#13433", ["clean"])[Metric("clean")]
    assert second.measured_at >= since > first[Metric("clean")].measured_at
    assert again.measurements("#13433", ["clean"])[Metric("clean")] == second  # once
    assert store.measurements(metric="clean") == [second]
    assert store.measurements(metric="pgd@8") == [first[Metric("pgd", 8.0)]]
