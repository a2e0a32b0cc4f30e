"""Numbers on corrupted images of files are keyed by what is in the files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robustnas.errors import DataError, DataNotFoundError, InvalidInputError
from robustnas.evaluator import software
from robustnas.evaluator.corruptions import file_digests
from robustnas.evaluator.corruptions.adoption import adopt
from robustnas.evaluator.corruptions.corruption_files import CorruptionFiles
from robustnas.evaluator.evaluation_settings import EvaluationSettings
from robustnas.evaluator.evaluator import Evaluator
from robustnas.evaluator.images.images import ImageData, LabelledImages
from robustnas.evaluator.measurer import StoreMeasurer, set_aside
from robustnas.evaluator.training.training_config import RECIPES
from robustnas.measurements import Measurement, MeasurementKey, MeasurementStore, Selection
from robustnas.metric import Metric

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

FOG = Metric("fog", 3.0)
SMALL = EvaluationSettings(channels=2, n_cells=1, training=replace(RECIPES["short"], epochs=1))


@pytest.fixture(autouse=True)
def fresh(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROBUSTNAS_IMAGES", raising=False)
    monkeypatch.setattr(file_digests, "_remembered", {})


@pytest.fixture
def data() -> ImageData:
    rng = np.random.default_rng(0)
    part = LabelledImages(rng.integers(0, 256, (12, 3, 32, 32)).astype(np.uint8), np.arange(12) % 10)
    return ImageData("cifar10", part, part, 10, (0.5,) * 3, (0.25,) * 3)


@pytest.fixture
def folder(tmp_path: Path, data: ImageData) -> Path:
    folder = tmp_path / "data" / "CIFAR-10-C"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    np.save(folder / "fog.npy", rng.integers(0, 256, (60, 32, 32, 3)).astype(np.uint8))
    np.save(folder / "labels.npy", np.tile(data.test.labels, 5).astype(np.uint8))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MeasurementStore]:
    with MeasurementStore.open(tmp_path / "store.sqlite") as opened:
        yield opened


def repair(folder: Path, row: int) -> None:
    """Change one pixel of one image, in place."""
    images = np.load(folder / "fog.npy")
    images[row, 5, 5, 0] ^= 128
    np.save(folder / "fog.npy", images)


def evaluator_of(data: ImageData, folder: Path | None, settings: EvaluationSettings = SMALL) -> Evaluator:
    return Evaluator(data, settings, device="cpu", corruptions=folder)


def key(data: ImageData, folder: Path, settings: EvaluationSettings = SMALL) -> MeasurementKey:
    return evaluator_of(data, folder, settings).keys("#13433", [FOG])[FOG]


def measured(data: ImageData, folder: Path, store: MeasurementStore) -> Measurement:
    return StoreMeasurer(evaluator_of(data, folder), store).measurements("#13433", [FOG])[FOG]


def test_a_repaired_file_is_measured_again(data: ImageData, folder: Path, store: MeasurementStore) -> None:
    first = measured(data, folder, store)
    assert measured(data, folder, store) == first
    assert len(store) == 1
    repair(folder, row=24)  # the first image of severity 3
    second = measured(data, folder, store)
    assert second.key.settings != first.key.settings
    assert second.versions["corruption_images"] != first.versions["corruption_images"]
    assert len(store) == 2
    repair(folder, row=24)  # as it was
    assert measured(data, folder, store) == first


def test_only_the_images_that_are_used_count(data: ImageData, folder: Path) -> None:
    few = replace(SMALL, n_images=5)
    whole, head = key(data, folder), key(data, folder, few)
    repair(folder, row=23)  # severity 2
    assert key(data, folder) == whole
    repair(folder, row=24 + 6)
    assert key(data, folder) != whole
    assert key(data, folder, few) == head
    repair(folder, row=24 + 4)
    assert key(data, folder, few) != head


def test_a_copy_of_the_files_is_the_same(data: ImageData, folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    assert key(data, tmp_path / "copy") == key(data, folder)
    assert key(data, folder.parent) == key(data, folder)  # one level too high


@pytest.mark.parametrize("missing", ["fog.npy", "labels.npy"])
def test_a_folder_without_the_files_is_refused_whatever_the_store_knows(
    missing: str, data: ImageData, folder: Path, store: MeasurementStore
) -> None:
    measured(data, folder, store)
    (folder / missing).unlink()
    with pytest.raises(DataNotFoundError, match=missing):
        measured(data, folder, store)
    with pytest.raises(DataNotFoundError, match="no such folder"):
        evaluator_of(data, folder / "nowhere")
    with pytest.raises(InvalidInputError, match="published files of cifar10 and cifar100 only"):
        evaluator_of(replace(data, name="mine"), folder)


def test_files_that_change_while_they_are_used_are_refused(
    data: ImageData, folder: Path, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Evaluator.network

    def slow(self: Evaluator, *arguments: object) -> object:
        repair(folder, row=24)
        return network(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Evaluator, "network", slow)
    with pytest.raises(DataError, match="CIFAR-10-C changed while they were used; run the same command again"):
        measured(data, folder, store)
    assert len(store) == 0


class TestRemembering:
    def read_again(self, files: CorruptionFiles, monkeypatch: pytest.MonkeyPatch) -> int:
        """Return how many blocks another process would read."""
        n = 0

        def counted(images: np.ndarray) -> str:
            nonlocal n
            n += 1
            return digest(images)

        digest = file_digests.images_digest
        with monkeypatch.context() as patch:
            patch.setattr(file_digests, "_remembered", {})
            patch.setattr(file_digests, "images_digest", counted)
            for severity in (1, 2, 3):
                files.digest("fog", severity, 12)
        return n

    def test_another_process_does_not_read_them_again(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(file_digests, "_SETTLED", 0)
        files = CorruptionFiles(folder)
        assert self.read_again(files, monkeypatch) == 3
        assert self.read_again(files, monkeypatch) == 0
        former = (folder / "fog.npy").stat()
        repair(folder, row=24)
        os.utime(folder / "fog.npy", ns=(former.st_atime_ns, former.st_mtime_ns))  # as `cp -p` or rsync leave it
        assert self.read_again(files, monkeypatch) == 3

    def test_a_file_just_written_is_not_trusted(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        files = CorruptionFiles(folder)
        assert [self.read_again(files, monkeypatch) for _ in range(2)] == [3, 3]

    @pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"a": {"blocks": []}}', "{"])
    def test_a_damaged_memory_is_forgotten(
        self, content: str, folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file_digests, "_SETTLED", 0)
        own_cache.mkdir(exist_ok=True)
        (own_cache / "corruption-digests.json").write_text(content)
        files = CorruptionFiles(folder)
        assert [self.read_again(files, monkeypatch) for _ in range(2)] == [3, 0]

    def test_a_cache_that_cannot_be_written(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(file_digests, "_SETTLED", 0)
        (tmp_path / "file").touch()
        monkeypatch.setenv("ROBUSTNAS_CACHE", str(tmp_path / "file"))
        assert len(CorruptionFiles(folder).digest("fog", 1, 12)) == 64


def test_generated_images_are_keyed_by_their_library(data: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    for release in ("", "1.1.5", "1.2.0"):
        monkeypatch.setattr(software, "installed", lambda _, release=release: release)
        keys.append(evaluator_of(data, None).keys("#13433", [FOG])[FOG].settings)
    assert keys[0] == keys[1] != keys[2]


class TestOldNumbers:
    """Those that an older release kept, without a digest of the files."""

    def old(self, data: ImageData, folder: Path, store: MeasurementStore, n_images: int | None = None) -> Measurement:
        settings = replace(SMALL, n_images=n_images)
        (value,) = evaluator_of(data, folder, settings).measure("#13433", [FOG])
        digest = settings.digest(FOG, corruption={"scale": "CIFAR-10-C files"})
        versions = {name: text for name, text in value.versions.items() if name != "corruption_images"}
        found = replace(value, key=replace(value.key, settings=digest), versions=versions)
        with store.claim(found.key.network) as claim:  # type: ignore[union-attr]
            claim.record(found)
        return found

    def test_they_are_set_aside(self, data: ImageData, folder: Path, store: MeasurementStore) -> None:
        self.old(data, folder, store)
        evaluator = evaluator_of(data, folder)
        measurer = StoreMeasurer(evaluator, store)
        assert not measurer.stored(FOG, [FOG])
        (note,) = measurer.notes
        assert note.startswith("1 corruption numbers in the store do not say which files they were measured on")
        assert "robustnas measurements adopt" in note
        assert "forget --unknown-files" in note
        assert set_aside(evaluator, store, [Metric("clean"), FOG, Metric("fog", 4.0)]) == 1
        measurer.measurements("#13433", [FOG])
        assert len(store) == 2
        (group,) = store.groups(Selection(unknown_files=True))
        assert (group.metric, group.n, group.unknown_files) == ("corruption:fog@3", 1, True)

    @pytest.mark.parametrize("n_images", [None, 5])
    def test_they_can_be_adopted(
        self, n_images: int | None, data: ImageData, folder: Path, store: MeasurementStore
    ) -> None:
        old = self.old(data, folder, store, n_images)
        found = adopt(store, "cifar10", folder)
        assert (found.folder, found.n_adopted, found.n_left) == (folder, 1, 0)
        (value,) = store.measurements()
        assert value.key == key(data, folder, replace(SMALL, n_images=n_images))
        assert (value.accuracy, value.measured_at) == (old.accuracy, old.measured_at)
        assert value.versions["corruption_images"] == CorruptionFiles(folder).digest("fog", 3, n_images or 12)
        assert value.versions["corruptions"] == "CIFAR-10-C files"
        assert not store.groups(Selection(unknown_files=True))

    def test_newer_numbers_stay(self, data: ImageData, folder: Path, store: MeasurementStore) -> None:
        self.old(data, folder, store)
        new = measured(data, folder, store)
        found = adopt(store, "cifar10", folder)
        assert (found.n_adopted, found.n_left) == (0, 1)
        assert new in store.measurements()
        assert store.forget(Selection(unknown_files=True)) == 1
        assert store.measurements() == [new]

    def test_files_are_needed(self, data: ImageData, folder: Path, store: MeasurementStore) -> None:
        self.old(data, folder, store)
        with pytest.raises(DataNotFoundError, match="no files of CIFAR-10-C here; name their folder"):
            adopt(store, "cifar10")
        (folder / "fog.npy").unlink()
        with pytest.raises(DataNotFoundError, match=r"fog\.npy"):
            adopt(store, "cifar10", folder)
        assert store.groups(Selection(unknown_files=True))
