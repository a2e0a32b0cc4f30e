from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustnas.errors import DataError, DataNotFoundError
from robustnas.metric import CORRUPTIONS, Metric
from robustnas.objectives import Objective, facts
from robustnas.spaces.nasbench201 import NASBENCH201, SKELETONS
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.identity import networks, uids
from robustnas.spaces.nasbench201.numbering import index_of_id
from robustnas.tables import open_table
from robustnas.tables.database import archive, importing
from robustnas.tables.database.database import Database
from robustnas.tables.database.importing import Import, install
from robustnas.tables.database.published import published_meta
from robustnas.tables.table import STANDARD_TRAINING, skeleton_of
from tests.synthetic import edit_values, write_published

pytestmark = pytest.mark.usefixtures("own_cache")

ROBBENCH = ["val_acc", "val_fgsm_3_acc", "val_pgd_3_acc", "val_fgsm_8_acc", "val_pgd_8_acc", "autoattack"]
EPS_1 = ["clean", "aa_apgd-ce", "aa_square", "fgsm", "pgd", "corr"]
SOME = ("13433", "81", "2631", "14", "41")  # evaluated networks

Changes = Callable[[dict[str, Any]], Any]


def page(path: Path, columns: list[str], change: Changes = lambda entries: None, *, seed: int = 0) -> Path:
    """Write the file of a web page with made-up numbers, rounded to three decimals."""
    values = np.random.default_rng(seed).random((len(networks()), len(columns))).round(3)
    entries: dict[str, Any] = dict(zip(map(str, networks().tolist()), values.tolist(), strict=True))
    uid_of_id = uids()[index_of_id()].tolist()
    entries |= {str(i): uid for i, uid in enumerate(uid_of_id) if uid != i}
    entries[""] = columns
    change(entries)
    path.write_text("acc=" + json.dumps(entries, separators=(",", ":")))
    return path


def eps_1(path: Path, *datasets: str, seed: int = 0) -> Path:
    return page(path, [f"{dataset}#{name}" for dataset in datasets or ("cifar10",) for name in EPS_1], seed=seed)


def by_seed(path: Path, values: dict[str, Any]) -> Path:
    path.write_text(json.dumps(values))
    return path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file below a folder, the lock aside."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".fetch.lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def zipped(folder: Path, path: Path, top: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive_:
        for name, content in tree(folder).items():
            archive_.writestr(f"{top}{name}", content)
    return path


class TestPublishedLayout:
    def test_a_folder_one_level_too_high(self, published: Path, data: Path, tmp_path: Path) -> None:
        (tmp_path / "Downloads").mkdir()
        shutil.copytree(published, tmp_path / "Downloads" / "robustness-data")
        result = install(tmp_path / "Downloads", data)
        assert list(result.database) == ["cifar10", "cifar100"]
        assert tree(data) == tree(published)
        assert result.notes == ()

    def test_a_folder_one_level_too_low(self, published: Path, data: Path) -> None:
        write_published(published, "cifar100", "pgd@Linf", "accuracy", np.zeros((len(networks()), 7)))
        result = install(published / "cifar100", data)
        assert list(result.database) == ["cifar100"]
        assert "there was no meta.json" in result.notes[0]

    @pytest.mark.parametrize("top", ["", "robustness-data/", "a/b/"])
    def test_a_zip_with_any_top_folder(self, published: Path, data: Path, tmp_path: Path, top: str) -> None:
        install(zipped(published, tmp_path / "all.zip", top), data)
        assert tree(data) == tree(published)

    def test_a_folder_of_zips_and_a_zip_of_zips(self, published: Path, data: Path, tmp_path: Path) -> None:
        zips = tmp_path / "zips"
        zips.mkdir()
        zipped(published / "cifar10", zips / "cifar10.zip", "cifar10/")
        zipped(published / "cifar100", zips / "cifar100.zip")  # without a folder in it
        with zipfile.ZipFile(zips / "meta.zip", "w") as meta:
            meta.write(published / "meta.json", "meta.json")
            meta.writestr("__MACOSX/._meta.json", "what a Mac adds")
        install(zips, data)
        assert tree(data) == tree(published)
        install(zipped(zips, tmp_path / "share.zip", "share/"), tmp_path / "again")
        assert tree(tmp_path / "again") == tree(published)

    def test_without_meta_json_the_ids_are_computed(self, published: Path, data: Path) -> None:
        for path in (*published.glob("cifar10/pgd*"), published / "meta.json"):
            path.unlink()
        result = install(published, data)
        assert "written from the ids that RobustNAS computes" in result.notes[0]
        assert (data / "meta.json").read_bytes() == published_meta()
        assert result.database["cifar10"].metrics[0] == Metric("clean")

    def test_single_files(self, published: Path, data: Path) -> None:
        install(published / "cifar10" / "clean_accuracy.json", data)
        result = install(published / "cifar10" / "fog_accuracy.json", data)
        assert len(result.database["cifar10"].metrics) == 6

    def test_other_files_are_counted_and_named(self, published: Path, data: Path) -> None:
        (published / "README.md").write_text("read me")
        (published / "package.json").write_text('{"name": "x"}')
        result = install(published, data)
        (note,) = result.notes
        assert note.startswith("2 files are none of the database, and left out: ")
        assert "README.md" in note

    def test_a_faulty_file_is_named_as_the_user_knows_it(self, published: Path, data: Path, tmp_path: Path) -> None:
        edit_values(published / "cifar10" / "fog_accuracy.json", lambda values: values.update({"5": [2] * 5}))
        with pytest.raises(DataError, match=r"^.*all\.zip: x/cifar10/fog_accuracy\.json: uid 5 has the value 2"):
            install(zipped(published, tmp_path / "all.zip", "x/"), data)
        assert not data.exists()

    @pytest.mark.parametrize("content", ["", '{"cifar10": {"clean": {"accu', "<html>not found</html>"])
    def test_a_file_cut_short_is_not_left_out(self, published: Path, data: Path, content: str) -> None:
        (published / "cifar10" / "clean_accuracy.json").write_text(content)
        with pytest.raises(DataError, match=r"published.cifar10.clean_accuracy\.json: (the file is empty|truncated)"):
            install(published, data)

    def test_two_files_that_contradict_each_other(self, published: Path, data: Path) -> None:
        shutil.copytree(published / "cifar10", published / "copy")
        install(published, data)  # equal ones do not matter
        path = published / "copy" / "clean_accuracy.json"
        path.write_text(path.read_text() + " ")
        with pytest.raises(DataError, match=r"cifar10.clean_accuracy\.json and .*copy.clean_accuracy\.json both hold"):
            install(published, data)


class TestWhatIsThere:
    def test_files_are_added_and_equal_ones_said(self, published: Path, data: Path, tmp_path: Path) -> None:
        install(published / "cifar100", data)
        install(published / "cifar10" / "clean_accuracy.json", data)
        (tmp_path / "part").mkdir()
        for name in ("clean_accuracy.json", "fog_accuracy.json"):
            shutil.copy(published / "cifar10" / name, tmp_path / "part")
        result = install(tmp_path / "part", data)
        assert result.added == ("cifar10/fog_accuracy.json",)
        assert result.same == ("cifar10/clean_accuracy.json",)

    def test_other_content_needs_replace(self, published: Path, data: Path) -> None:
        install(published, data)
        before = tree(data)
        edit_values(published / "cifar10" / "clean_accuracy.json", lambda values: values.update({"5": 0.5}))
        write_published(published, "cifar100", "fog", "accuracy", np.zeros((len(networks()), 5)))
        with pytest.raises(DataError, match=r"other content in cifar10/clean_accuracy\.json; nothing was .* --replace"):
            install(published, data)
        assert tree(data) == before
        result = install(published, data, replace=True)
        assert result.replaced == ("cifar10/clean_accuracy.json",)
        assert result.added == ("cifar100/fog_accuracy.json",)
        assert tree(data) == tree(published)

    def test_a_killed_import_leaves_the_old_state(self, published: Path, data: Path) -> None:
        install(published / "cifar10" / "clean_accuracy.json", data)
        before = tree(data)
        process = multiprocessing.get_context("fork").Process(target=_stuck_import, args=(published, data))
        process.start()
        while not list(data.glob(".import-*/cifar100/*.json")):
            time.sleep(0.01)
        os.kill(process.pid or 0, signal.SIGKILL)
        process.join()
        assert {name: content for name, content in tree(data).items() if not name.startswith(".import")} == before
        assert list(Database.open(data)) == ["cifar10"]
        install(published, data, replace=True)
        assert tree(data) == tree(published)

    def test_two_at_a_time(self, published: Path, data: Path) -> None:
        from filelock import FileLock

        data.mkdir()
        with (
            FileLock(data / ".fetch.lock"),
            pytest.raises(DataError, match="another fetch or import is writing"),
        ):
            install(published, data)


def _stuck_import(source: Path, target: Path) -> None:
    importing._checked = lambda stage: time.sleep(60)  # type: ignore[assignment,return-value]
    install(source, target)


class TestArchives:
    def test_cut_short(self, published: Path, data: Path, tmp_path: Path) -> None:
        whole = zipped(published, tmp_path / "all.zip").read_bytes()
        (tmp_path / "cut.zip").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=r"cut\.zip: cut short, or not a zip archive: .*; download it again"):
            install(tmp_path / "cut.zip", data)
        damaged = bytearray(whole)
        damaged[2000:2100] = bytes(100)
        (tmp_path / "damaged.zip").write_bytes(damaged)
        with pytest.raises(DataError, match=r"damaged\.zip: .*cannot be read from its archive"):
            install(tmp_path / "damaged.zip", data)
        assert not data.exists()

    @pytest.mark.parametrize("name", ["../evil.json", "/etc/evil.json", "a/../../evil.json", "..\\evil.json", "C:\\e"])
    def test_names_that_leave_the_folder(self, data: Path, tmp_path: Path, name: str) -> None:
        with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive_:
            archive_.writestr(name, "{}")
        with pytest.raises(DataError, match="would leave its folder"):
            install(tmp_path / "evil.zip", data)

    def test_bombs(self, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(archive, "_SMALL", 1 << 20)
        with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive_:
            archive_.writestr("cifar10/clean_accuracy.json", " " * (4 << 20))
        with pytest.raises(DataError, match="refused as a decompression bomb"):
            install(tmp_path / "bomb.zip", data)

    def test_a_dataset_whose_name_is_a_path(self, data: Path, tmp_path: Path) -> None:
        path = tmp_path / "clean_accuracy.json"
        path.write_text('{"../../evil": {"clean": {"accuracy": {"0": 1}}}}')
        with pytest.raises(DataError, match="expected the name of a folder"):
            install(path, data)


class TestRobBench:
    @pytest.fixture
    def imported(self, data: Path, tmp_path: Path) -> Import:
        names = [f"{images}#{name}" for images in ("cifar10", "cifar100", "imagenet") for name in ROBBENCH]
        return install(page(tmp_path / "page.json", names), data)

    def test_the_pages_form(self, imported: Import, tmp_path: Path) -> None:
        database = imported.database
        assert list(database) == ["robbench-cifar10", "robbench-cifar100", "robbench-ImageNet16-120"]
        entries = json.loads((tmp_path / "page.json").read_text().removeprefix("acc="))
        for number, images in enumerate(SKELETONS):
            table = database[f"robbench-{images}"]
            names = ["clean", "fgsm@3", "fgsm@8", "pgd@3", "pgd@8", "autoattack@8"]
            assert [str(metric) for metric in table.metrics] == names
            assert table.training == "adversarial training, mean of 3 seeds"
            assert skeleton_of(table) == SKELETONS[images]
            for arch, uid in (("#13433", "13433"), ("#25", "3")):
                scores = [table.value(arch, str(name)) for name in ("clean", "fgsm@3", "pgd@3", "fgsm@8", "pgd@8")]
                assert scores == entries[uid][6 * number : 6 * number + 5]
                assert table.value(arch, "autoattack@8") == entries[uid][6 * number + 5]
        database.verify()

    def test_means_are_over_the_attacks_that_the_table_holds(self, imported: Import) -> None:
        table = imported.database["robbench-cifar10"]
        at_8 = np.array([table.column(f"{attack}@8") for attack in ("fgsm", "pgd", "autoattack")])
        assert np.allclose(Objective("adversarial@8").evaluate(table), at_8.mean(axis=0))
        assert np.array_equal(Objective("worst@8").evaluate(table), at_8.min(axis=0))
        at_3 = np.array([table.column(f"{attack}@3") for attack in ("fgsm", "pgd")])
        assert np.array_equal(Objective("worst@3").evaluate(table), at_3.min(axis=0))
        assert facts("worst@8", table)["means"] == {"worst@8": ["fgsm@8", "pgd@8", "autoattack@8"]}

    def test_they_open_by_name_and_say_how_to_get_them(self, imported: Import, published: Path) -> None:
        table = open_table("robbench-cifar100", imported.database.folder)
        assert (table.dataset, table.source) == ("robbench-cifar100", "table")
        with pytest.raises(DataNotFoundError, match=r"robustnas data fetch robbench, or robustnas data import FILE"):
            open_table("robbench-cifar100", published)

    def test_json_alone_and_a_semicolon(self, tmp_path: Path, data: Path) -> None:
        path = page(tmp_path / "page.json", ["cifar10#val_acc"])
        text = path.read_text().removeprefix("acc=")
        path.write_text(text)
        digest = install(path, data).database["robbench-cifar10"].digest
        path.write_text(f"\ufeffvar  acc = {text};\n")
        result = install(path, data)
        assert result.same == ("robbench-cifar10/imported.npz",)
        assert result.database["robbench-cifar10"].digest == digest

    def test_unknown_names_are_counted_and_named(self, tmp_path: Path, data: Path) -> None:
        path = page(tmp_path / "page.json", ["cifar10#val_acc", "cifar10#val_loss", "svhn#val_acc"])
        result = install(path, data)
        assert any("2 names are not known, and left out: cifar10#val_loss, svhn#val_acc" in n for n in result.notes)
        assert [str(metric) for metric in result.database["robbench-cifar10"].metrics] == ["clean"]

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda e: e.pop(""), r'the entry "" is None'),
            (lambda e: e["13433"].append(1), r"id 13433 has 7 values; expected 6"),
            (lambda e: e["13433"].__setitem__(0, 1.5), r"cifar10#val_acc of network 13433 is 1\.5; expected"),
            (lambda e: e["13433"].__setitem__(0, float("inf")), "is inf; expected"),
            (lambda e: e["13433"].__setitem__(0, "0.5"), r"cifar10#val_acc of id 13433 is '0\.5'; expected a number"),
            (lambda e: e["13433"].__setitem__(0, True), "is True; expected a number"),
            (lambda e: e.update({"25": 7}), r"id 25 is 7; expected a list of values, or its network's id, 3"),
            (lambda e: e.update({"25": {}}), r"id 25 is \{\}"),
            (lambda e: e.update({"15625": 7}), r"'15625' is not a database id"),
            (lambda e: e.update({"007": 7}), r"'007' is not a database id"),
            (lambda e: e.update({"25": [0.5] * 6}), r"ids 3 and 25 are one network but differ"),
            (lambda e: e.update({"": ["cifar10#val_acc"] * 6}), "two columns hold clean of robbench-cifar10"),
            (
                lambda e: e.update({k: [100 * x for x in v] for k, v in e.items() if k and isinstance(v, list)}),
                "these look like percent; divide them by 100",
            ),
        ],
    )
    def test_faults(self, tmp_path: Path, data: Path, change: Changes, message: str) -> None:
        path = page(tmp_path / "page.json", [f"cifar10#{name}" for name in ROBBENCH], change)
        with pytest.raises(DataError, match=message):
            install(path, data)
        assert not data.exists()

    def test_truncated_and_repeated_keys(self, tmp_path: Path, data: Path) -> None:
        path = page(tmp_path / "page.json", ["cifar10#val_acc"])
        text = path.read_text()
        path.write_text(text[:-500])
        with pytest.raises(DataError, match=r"page\.json: truncated, or not JSON"):
            install(path, data)
        path.write_text(text.replace("acc={", 'acc={"13433":[0.5],', 1))
        with pytest.raises(DataError, match="the key '13433' occurs twice"):
            install(path, data)

    def test_seeds_become_means_with_a_noise(self, tmp_path: Path, data: Path) -> None:
        values = {
            uid: {"val_pgd_3.0_acc": {"0": 0.40 + 0.01 * i, "1": 0.41 + 0.01 * i, "2": 0.42 + 0.01 * i}}
            for i, uid in enumerate(SOME)
        }
        result = install(by_seed(tmp_path / "api.json", {"cifar10": values, "cifar100": {}}), data)
        table = result.database["robbench-cifar10"]
        assert list(result.database) == ["robbench-cifar10"]
        assert table.training == "adversarial training, mean of 3 seeds"
        assert table.value("#13433", "pgd@3") == pytest.approx(0.41)
        assert (table.space.n_networks, table.space.size) == (5, NASBENCH201.size)
        assert np.isfinite(table.network_column("pgd@3")).all()
        assert table.imported is not None
        assert table.imported.seeds == {3: 5}
        assert table.seed_noise[Metric("pgd", 3.0)] == pytest.approx(0.01 / np.sqrt(3))  # of a mean of three
        assert facts("pgd@3", table)["noise_floor"] == pytest.approx(0.01 / np.sqrt(3))

    def test_seeds_of_different_number(self, tmp_path: Path, data: Path) -> None:
        values = {
            "13433": {"val_acc": {"1": 0.5, "2": 0.7}, "autoattack": {"1": 0.3, "2": None}},
            "81": {"val_acc": 0.6},
        }
        result = install(by_seed(tmp_path / "api.json", {"imagenet": values}), data)
        table = result.database["robbench-ImageNet16-120"]
        assert table.training == "adversarial training, mean of 1 to 2 seeds"
        assert (table.value("#13433", "clean"), table.value("#81", "clean")) == (pytest.approx(0.6), 0.6)
        assert np.isnan(table.value("#81", "autoattack@8"))
        assert any("1 of 2 seeds" in note or "2 of 1 seeds, 1 of 2 seeds" in note for note in result.notes)

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"13433": {"val_acc": {"1": 79.5}}}, "looks like percent; divide all by 100"),
            ({"13433": {"val_acc": {"1": -0.5}}}, r"val_acc of id 13433 is -0\.5; expected"),
            ({"13433": {"val_acc": {"1": "x"}}}, "is 'x'; expected a number"),
            ({"13433": [0.5]}, r"found \[0\.5\]; expected an object of values of id 13433 by metric"),
            ({"99999": {"val_acc": {"1": 0.5}}}, "'99999' is not a database id"),
            ({"25": {"val_acc": 0.5}, "3": {"val_acc": 0.6}}, "is given twice"),
        ],
    )
    def test_faults_of_seeds(self, tmp_path: Path, data: Path, values: Any, message: str) -> None:
        with pytest.raises(DataError, match=message):
            install(by_seed(tmp_path / "api.json", {"cifar10": values}), data)

    def test_the_same_dataset_from_another_file_needs_replace(self, imported: Import, tmp_path: Path) -> None:
        folder = imported.database.folder
        path = by_seed(tmp_path / "api.json", {"cifar10": {"13433": {"val_acc": {"1": 0.5}}}})
        with pytest.raises(DataError, match=r"other content in robbench-cifar10/imported\.npz; .* --replace"):
            install(path, folder)
        assert len(Database.open(folder)["robbench-cifar10"].metrics) == 6
        install(path, folder, replace=True)
        assert Database.open(folder)["robbench-cifar10"].space.n_networks == 1

    def test_a_damaged_file_is_named(self, imported: Import) -> None:
        path = imported.database.folder / "robbench-cifar10" / "imported.npz"
        content = path.read_bytes()
        path.write_bytes(content[:-300])
        with pytest.raises(
            DataError, match=r"imported\.npz: not an imported file, or damaged: .*import its source again"
        ):
            Database.open(imported.database.folder)


class TestEps1:
    def test_alone_it_is_a_dataset_with_a_mean_corruption(self, tmp_path: Path, data: Path) -> None:
        path = eps_1(tmp_path / "page.json", "cifar10", "cifar100")
        database = install(path, data).database
        table = database["cifar10"]
        assert list(database) == ["cifar10", "cifar100"]
        names = ["clean", "fgsm@1", "pgd@1", "apgd@1", "square@1", "corruption"]
        assert [str(metric) for metric in table.metrics] == names
        assert table.training == STANDARD_TRAINING
        entries = json.loads(path.read_text().removeprefix("acc="))
        index = Cell.parse("#13433").index
        assert Objective("corruption").evaluate(table)[index] == entries["13433"][5]
        assert facts("corruption", table)["means"] == {"corruption": ["corruption"]}
        assert "means" not in facts("adversarial@1", table)  # the paper's four

    def test_it_does_not_degrade_the_published_files(self, published: Path, tmp_path: Path, data: Path) -> None:
        for corruption in CORRUPTIONS:
            write_published(published, "cifar10", corruption, "accuracy", np.full((len(networks()), 5), 0.5))
        install(published, data)
        before = Database.open(data)["cifar10"]
        clean, pgd = before.network_column("clean"), before.network_column("pgd@1")
        values = {str(uid): [clean[i], pgd[i], 0.5] for i, uid in enumerate(networks().tolist())}
        path = page(
            tmp_path / "page.json", [f"cifar10#{name}" for name in ("clean", "pgd", "corr")], lambda e: e.update(values)
        )
        result = install(path, data)
        assert result.added == result.replaced == ()
        assert "the published files have all of" in result.notes[0]
        assert "they are kept" in result.notes[0]
        assert result.database["cifar10"].digest == before.digest

    def test_it_adds_what_published_files_lack(self, published: Path, tmp_path: Path, data: Path) -> None:
        before = install(published, data).database["cifar10"]
        clean = before.network_column("clean")
        values = {str(uid): [clean[i], 0.25, 0.75] for i, uid in enumerate(networks().tolist())}
        names = [f"cifar10#{name}" for name in ("clean", "fgsm", "corr")]
        result = install(page(tmp_path / "page.json", names, lambda e: e.update(values)), data)
        table = result.database["cifar10"]
        assert "the published files are kept, and fgsm@1, corruption added, which they lack" in result.notes[0]
        assert table.metrics == (*before.metrics, Metric("fgsm", 1.0), Metric("corruption"))
        assert (table.value("#5", "fgsm@1"), table.value("#5", "corruption")) == (0.25, 0.75)
        assert table.digest != before.digest
        result.database.verify()

    def test_numbers_of_other_networks_are_refused(self, published: Path, tmp_path: Path, data: Path) -> None:
        install(published, data)
        with pytest.raises(DataError, match=r"clean of network 0 of cifar10 is .* in the published files .* not mixed"):
            install(eps_1(tmp_path / "page.json", seed=5), data, replace=True)

    def test_a_folder_that_robustnas_wrote(self, tmp_path: Path, data: Path) -> None:
        install(eps_1(tmp_path / "page.json"), tmp_path / "first")
        install(tmp_path / "first", data)
        assert tree(data) == tree(tmp_path / "first")


class TestNothing:
    def test_what_is_none_of_it(self, tmp_path: Path, data: Path) -> None:
        with pytest.raises(DataNotFoundError, match="there is no such file or folder"):
            install(tmp_path / "nowhere", data)
        (tmp_path / "empty").mkdir()
        with pytest.raises(DataError, match="has nothing to import; expected the published layout"):
            install(tmp_path / "empty", data)
        (tmp_path / "x.json").write_text("[1, 2]")
        with pytest.raises(DataError, match=r"x\.json: begins with '\[1, 2\]'; expected"):
            install(tmp_path / "x.json", data)
        by_seed(tmp_path / "none.json", {"cifar10": {}})
        with pytest.raises(DataError, match="has nothing to import"):
            install(tmp_path / "none.json", data)
        assert not data.exists()

    def test_what_is_no_text(self, tmp_path: Path, data: Path) -> None:
        (tmp_path / "x.json").write_bytes(b'acc={"": ["\xff"]}')
        with pytest.raises(DataError, match=r"is not UTF-8: .* at byte 11"):
            install(tmp_path / "x.json", data)
        (tmp_path / "x.json").write_text("acc={" + '"1":[' * 100_000)
        with pytest.raises(DataError, match="truncated, or not JSON"):
            install(tmp_path / "x.json", data)


@pytest.mark.real_data
def test_the_webs_page_has_the_published_numbers(real_data_dir: Path, tmp_path: Path, data: Path) -> None:
    """What the page rounds to three decimals is taken for the published numbers; here it is made from them."""
    table = open_table("cifar10", real_data_dir)
    columns = [
        Objective(name).evaluate(table)[NASBENCH201.network_indices()].round(3) for name in ("pgd@1", "corruption")
    ]
    values = dict(zip(map(str, networks().tolist()), np.transpose(columns).tolist(), strict=True))
    path = page(tmp_path / "page.json", ["cifar10#pgd", "cifar10#corr"], lambda entries: entries.update(values))
    shutil.copytree(real_data_dir / "cifar10", data / "cifar10")
    shutil.copy(real_data_dir / "meta.json", data)
    (data / "cifar10").chmod(0o755)
    assert install(path, data).added == ()
