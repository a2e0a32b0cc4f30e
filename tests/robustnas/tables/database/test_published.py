from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustnas.errors import DataError, DataNotFoundError
from robustnas.spaces.nasbench201.identity import networks
from robustnas.tables.database.published import KEYS, Meta, PublishedFile, dataset_order, read_array, read_meta
from tests.synthetic import EPSILONS, edit_values, write_published

META = Meta({key: tuple(values) for key, values in EPSILONS.items()})
N = len(networks())


def read(path: Path, dataset: str | None = None) -> np.ndarray:
    file = PublishedFile.parse(dataset or path.parent.name, path.name)
    assert file
    return read_array(path.read_bytes(), file, META.levels(file.key), path)


def refuses(path: Path, *words: str) -> None:
    with pytest.raises(DataError) as error:
        read(path)
    for word in (path.name, *words):
        assert word in str(error.value)


def test_arrays_have_one_row_per_level(published_once: Path) -> None:
    folder = published_once / "cifar10"
    assert read(folder / "clean_accuracy.json").shape == (1, N)
    assert read(folder / "pgd@Linf_accuracy.json").shape == (3, N)
    assert read(folder / "fog_accuracy.json").shape == (5, N)
    assert read(folder / "clean_cm.json").shape == (1, N, 10, 10)
    assert read(folder / "clean_cm.json").dtype == np.int32


def test_rows_are_in_order_of_uid_whatever_the_order_of_the_file(published: Path) -> None:
    path = published / "cifar10" / "fog_accuracy.json"
    before = read(path)
    edit_values(path, lambda values: dict(reversed(list(values.items()))))
    assert np.array_equal(read(path), before)
    values = json.loads(path.read_text())["cifar10"]["fog"]["accuracy"]
    assert before[2, 17] == values[str(networks()[17])][2]


@pytest.mark.parametrize("key", KEYS)
def test_names_of_files_are_read_back(key: str) -> None:
    for measure in ("accuracy", "confidence", "cm"):
        file = PublishedFile("cifar100", key, measure)
        assert PublishedFile.parse(*file.path.split("/")) == file


@pytest.mark.parametrize(
    "name", ["notes.json", "clean.json", "fog_accuracy.txt", "haze_accuracy.json", "fog_loss.json"]
)
def test_other_names_are_no_published_files(name: str) -> None:
    assert PublishedFile.parse("cifar10", name) is None
    assert PublishedFile.parse("mnist", name) is None


def test_any_folder_may_be_a_dataset() -> None:
    file = PublishedFile.parse("mnist", "clean_accuracy.json")
    assert file == PublishedFile("mnist", "clean", "accuracy")
    assert sorted(["b", "a", "ImageNet16-120", "cifar100", "cifar10"], key=dataset_order) == [
        "cifar10",
        "cifar100",
        "ImageNet16-120",
        "a",
        "b",
    ]


@pytest.mark.parametrize("cut", [0, 1, 100, 5000, -1])
def test_truncated_files_are_refused(published: Path, cut: int) -> None:
    path = published / "cifar10" / "fog_accuracy.json"
    path.write_bytes(path.read_bytes()[:cut])
    refuses(path, "empty" if cut == 0 else "truncated")


@pytest.mark.parametrize("content", [b"\x89PNG\r\n", b"<html>404</html>", b"version https://git-lfs", b"\xff\xfe\x00"])
def test_files_that_are_not_json_are_refused(published: Path, content: bytes) -> None:
    path = published / "cifar10" / "fog_accuracy.json"
    path.write_bytes(content)
    refuses(path, "not JSON")


def test_deeply_nested_json_is_refused(published: Path) -> None:
    path = published / "cifar10" / "fog_accuracy.json"
    path.write_text("[" * 200_000)
    refuses(path)


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}", '{"cifar100": {}}', '{"cifar10": {"snow": {}}}'])
def test_foreign_json_is_refused(published: Path, content: str) -> None:
    path = published / "cifar10" / "fog_accuracy.json"
    path.write_text(content)
    refuses(path, "foreign", "expected an object with the member")


@pytest.mark.parametrize(
    ("source", "target", "word"),
    [
        ("cifar10/clean_accuracy.json", "cifar100/clean_accuracy.json", "'cifar100'"),
        ("cifar10/pgd@Linf_accuracy.json", "cifar10/fog_accuracy.json", "'fog'"),
        ("cifar10/pgd@Linf_accuracy.json", "cifar10/pgd@Linf_confidence.json", "'confidence'"),
    ],
)
def test_misnamed_files_are_refused(published: Path, source: str, target: str, word: str) -> None:
    shutil.copy(published / source, published / target)
    refuses(published / target, "foreign", word)


def test_missing_and_foreign_uids_are_named(published: Path) -> None:
    path = published / "cifar10" / "clean_accuracy.json"
    uid = str(networks()[100])
    edit_values(path, lambda values: {k: v for k, v in values.items() if k != uid})
    refuses(path, f"1 of {N} networks", f"uid {uid}")
    edit_values(path, lambda values: values | {uid: 0.5, "15625": 0.5})
    refuses(path, "'15625'", "not uids")


@pytest.mark.parametrize("value", [-0.001, 1.001, 89.3, float("nan"), float("inf"), float("-inf")])
def test_accuracies_out_of_range_are_named(published: Path, value: float) -> None:
    for name, put in (("clean", value), ("pgd@Linf", [0.1, value, 0.2])):
        path = published / "cifar10" / f"{name}_accuracy.json"
        edit_values(path, lambda values, put=put: values.update({"77": put}))
        refuses(path, "uid 77", repr(value), "[0, 1]")


@pytest.mark.parametrize("value", ["0.5", [], [0.5], {}, {"a": 1}])
def test_values_that_are_no_numbers_are_named(published: Path, value: Any) -> None:
    path = published / "cifar10" / "clean_accuracy.json"
    edit_values(path, lambda values: values.update({"77": value}))
    refuses(path, "uid 77", "expected a number")


@pytest.mark.parametrize("value", [None, True, False])
def test_literals_are_no_numbers(published: Path, value: Any) -> None:
    for name, put in (("clean", value), ("pgd@Linf", [0.1, value, 0.2])):
        path = published / "cifar10" / f"{name}_accuracy.json"
        edit_values(path, lambda values, put=put: values.update({"77": put}))
        refuses(path, json.dumps(value))


def test_a_number_beyond_all_ranges_is_refused(published: Path) -> None:
    path = published / "cifar10" / "clean_accuracy.json"
    edit_values(path, lambda values: values.update({"77": 10**40}))
    refuses(path)


@pytest.mark.parametrize("value", [0.5, [0.5] * 2, [0.5] * 4, [], [[0.5]] * 3, ["a", "b", "c"]])
def test_lists_of_the_wrong_length_are_named(published: Path, value: Any) -> None:
    path = published / "cifar10" / "pgd@Linf_accuracy.json"
    edit_values(path, lambda values: values.update({"77": value}))
    refuses(path, "uid 77", "(3,)")


def test_lists_that_are_all_of_the_wrong_length_are_refused(published: Path) -> None:
    path = published / "cifar10" / "pgd@Linf_accuracy.json"
    edit_values(path, lambda values: {uid: value[:2] for uid, value in values.items()})
    refuses(path, "uid 0", "(2,)", "(3,)")


@pytest.mark.parametrize("value", [-1, 1.5, 2**31, float("nan")])
def test_confusion_matrices_hold_counts(published: Path, value: float) -> None:
    path = published / "cifar10" / "clean_cm.json"
    edit_values(path, lambda values: values["77"][3].__setitem__(4, value))
    refuses(path, "uid 77", "count")


def test_confusion_matrices_are_square_in_the_classes(published: Path) -> None:
    path = published / "cifar10" / "clean_cm.json"
    edit_values(path, lambda values: values.update({"77": values["77"][:9]}))
    refuses(path, "uid 77", "(10, 10)")


def test_confidence_may_have_any_form_that_is_the_same_for_all(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = write_published(tmp_path, "cifar10", "pgd@Linf", "confidence", rng.random((N, 3, 2)).round(3))
    assert read(path).shape == (3, N, 2)
    edit_values(path, lambda values: values.update({"77": [[0.1, float("nan")]] * 3}))
    assert np.isnan(read(path)).sum() == 3
    edit_values(path, lambda values: values.update({"77": [[0.1]] * 3}))
    refuses(path, "uid 77", "(3, 1)")
    edit_values(path, lambda values: values.update({"77": [[0.1, 1.5]] * 3}))
    refuses(path, "uid 77", "1.5", "confidence")


class TestMeta:
    def test_levels_and_metrics_of_keys(self, published_once: Path) -> None:
        meta = read_meta(published_once / "meta.json")
        assert meta.levels("clean") == (None,)
        assert meta.levels("fog") == (1, 2, 3, 4, 5)
        assert [str(metric) for metric in meta.metrics("pgd@Linf")] == ["pgd@0.1", "pgd@1", "pgd@8"]
        with pytest.raises(DataError, match="aa_square@Linf"):
            meta.levels("aa_square@Linf")

    def test_a_missing_file_says_where_to_get_it(self, tmp_path: Path) -> None:
        with pytest.raises(DataNotFoundError, match=r"meta\.json: no such file.*data fetch"):
            read_meta(tmp_path / "meta.json")

    @pytest.mark.parametrize("epsilons", [[1, 0.5], [1, 1], [0, 1], [256], [], ["1"], [True], 3, None, {}])
    def test_epsilons_are_checked(self, published: Path, epsilons: Any) -> None:
        self._change(published, lambda content: content["epsilons"].update({"pgd@Linf": epsilons}))
        with pytest.raises(DataError, match=r"meta\.json: epsilons of 'pgd@Linf'"):
            read_meta(published / "meta.json")

    @pytest.mark.parametrize(
        ("member", "value"), [("isomorph", "1"), ("isomorph", 0), ("nb201-string", "|none~0|+|none~0|none~1|")]
    )
    def test_cells_are_checked(self, published: Path, member: str, value: Any) -> None:
        self._change(published, lambda content: content["ids"]["13433"].update({member: value}))
        with pytest.raises(DataError, match=r"meta\.json: id 13433 is .*; expected"):
            read_meta(published / "meta.json")

    def test_missing_and_foreign_ids_are_refused(self, published: Path) -> None:
        self._change(published, lambda content: content["ids"].pop("7"))
        with pytest.raises(DataError, match="15624 ids"):
            read_meta(published / "meta.json")
        self._change(published, lambda content: content["ids"].update({"15625": {}}))
        with pytest.raises(DataError, match="id 7 is None"):
            read_meta(published / "meta.json")

    @pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"ids": {}}', '{"ids": {}, "epsilons": {}}'])
    def test_broken_files_are_refused(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "meta.json").write_text(content)
        with pytest.raises(DataError, match=r"meta\.json: "):
            read_meta(tmp_path / "meta.json")

    @staticmethod
    def _change(folder: Path, change: Any) -> None:
        content = json.loads((folder / "meta.json").read_text())
        change(content)
        (folder / "meta.json").write_text(json.dumps(content))
