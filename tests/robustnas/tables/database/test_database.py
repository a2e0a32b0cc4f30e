from __future__ import annotations

import errno
import json
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from robustnas import atomic
from robustnas.errors import CacheWarning, DataError, DataNotFoundError, InvalidInputError, ObjectiveError
from robustnas.metric import Metric
from robustnas.objectives.objective import Objective
from robustnas.spaces.nasbench201.cell import Cell
from robustnas.spaces.nasbench201.identity import network_of_index, networks, uids
from robustnas.spaces.nasbench201.numbering import N_CELLS
from robustnas.tables.attached.attaching import attach
from robustnas.tables.database import cache
from robustnas.tables.database.database import (
    Database,
    DatabaseTable,
    find_folder,
    has_data,
    published_names,
    user_folder,
)
from robustnas.tables.datasets import choose_dataset, open_table
from robustnas.tables.table import Table
from tests.synthetic import edit_values, write_published

pytestmark = pytest.mark.usefixtures("own_cache")


def value_in_file(folder: Path, path: str, uid: int) -> object:
    dataset, name = path.split("/")
    key, _, measure = name.removesuffix(".json").rpartition("_")
    return json.loads((folder / path).read_text())[dataset][key][measure][str(uid)]


def rubbish(cache: Path) -> list[str]:
    return [str(path) for path in cache.rglob("*.tmp")]


def open_in_cache(folder: Path, cache: Path) -> Database:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROBUSTNAS_CACHE", str(cache))
        return Database.open(folder)


@pytest.fixture(scope="module")
def opened(published_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Database:
    return open_in_cache(published_once, tmp_path_factory.mktemp("cache"))


class TestTable:
    @pytest.fixture
    def table(self, opened: Database) -> DatabaseTable:
        return opened["cifar10"]

    def test_it_is_a_table_for_objectives(self, table: Table) -> None:
        objective = Objective("0.5*clean + 0.5*pgd@1")
        expected = 0.5 * table.column(Metric("clean")) + 0.5 * table.column(Metric("pgd", 1.0))
        assert np.allclose(objective.evaluate(table), expected)
        assert (table.dataset, table.source, len(table.digest)) == ("cifar10", "table", 64)

    def test_metrics_are_those_of_the_accuracy_files_in_order(self, table: DatabaseTable) -> None:
        names = ["clean", "pgd@0.1", "pgd@1", "pgd@8"] + [f"corruption:fog@{severity}" for severity in range(1, 6)]
        assert [str(metric) for metric in table.metrics] == names
        assert table.measures == {
            "accuracy": ("clean", "pgd@Linf", "fog"),
            "cm": ("clean",),
            "confidence": ("pgd@Linf",),
        }

    def test_every_notation_finds_the_value_in_the_file(self, table: DatabaseTable, published_once: Path) -> None:
        for number in (0, 13433, 15624):
            cell = Cell.from_database_id(number)
            expected = value_in_file(published_once, "cifar10/pgd@Linf_accuracy.json", int(uids()[cell.index]))[1]
            for arch in (cell, cell.arch, cell.naslib, str(cell.naslib), f"#{number}", f"index:{cell.index}"):
                for metric in ("pgd@1", Metric("pgd", 1.0)):
                    assert table.value(arch, metric) == expected

    def test_columns_are_read_only_and_made_once(self, table: DatabaseTable) -> None:
        column = table.column("corruption:fog@3")
        assert column.shape == (N_CELLS,)
        assert column is table.column("corruption:fog@3")
        assert np.shares_memory(column, table.column(Metric("fog", 3.0)))
        assert np.array_equal(column, table.network_column("corruption:fog@3")[network_of_index()])
        for array in (column, table.confidence("pgd@1")):
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 0

    def test_values_take_indices_and_architectures(self, table: DatabaseTable) -> None:
        column = table.column("clean")
        grid = np.array([[0, 5], [7, N_CELLS - 1]])
        assert np.array_equal(table.values(grid, "clean"), column[grid])
        assert np.array_equal(table.values([3, 4, 5, 6, 7, 8], "clean"), column[3:9])
        cells = [Cell.from_index(3), "index:4", Cell.from_index(5).naslib]
        assert np.array_equal(table.values(cells, "clean"), column[3:6])
        assert table.values([], "clean").shape == (0,)

    @pytest.mark.parametrize("index", [-1, N_CELLS])
    def test_values_refuse_indices_out_of_range(self, table: DatabaseTable, index: int) -> None:
        with pytest.raises(InvalidInputError, match=f"{index} is not a space index"):
            table.values(np.array([0, index]), "clean")

    def test_scores_hold_every_metric(self, table: DatabaseTable) -> None:
        scores = table.scores("#42")
        assert scores == {str(metric): table.value("#42", metric) for metric in table.metrics}

    def test_missing_metrics_are_named_with_what_there_is(self, table: DatabaseTable) -> None:
        with pytest.raises(ObjectiveError, match=r"cifar10 holds no pgd@2; it has pgd@0.1, pgd@1, pgd@8"):
            table.column("pgd@2")
        with pytest.raises(ObjectiveError, match="square@1"):
            table.value("#0", Metric("square", 1.0))
        with pytest.raises(ObjectiveError, match="clena"):
            table.column("clena")

    def test_confusion_and_confidence(self, table: DatabaseTable, published_once: Path) -> None:
        matrix = table.confusion("#13433")
        uid = int(uids()[Cell.parse("#13433").index])
        assert matrix.tolist() == value_in_file(published_once, "cifar10/clean_cm.json", uid)
        values = value_in_file(published_once, "cifar10/pgd@Linf_confidence.json", uid)
        assert table.confidence("pgd@8")[Cell.parse("#13433").index] == values[2]

    def test_missing_measures_name_the_file(self, table: DatabaseTable) -> None:
        with pytest.raises(ObjectiveError, match=r"cifar10/fog_cm\.json"):
            table.confusion("#0", "corruption:fog@3")
        with pytest.raises(ObjectiveError, match=r"levels are 0\.1, 1, 8"):
            table.confidence("pgd@2")

    def test_frame_has_the_networks_and_metrics(self, table: DatabaseTable) -> None:
        frame = table.frame()
        assert frame.index.name == "uid"
        assert frame.index.tolist() == networks().tolist()
        assert list(frame.columns) == ["arch", *map(str, table.metrics)]
        uid = int(networks()[99])
        assert frame.loc[uid, "pgd@1"] == table.value(f"#{uid}", "pgd@1")
        assert Cell.parse(frame.loc[uid, "arch"]).database_id == uid

    def test_listing_has_paper_names(self, table: DatabaseTable) -> None:
        listing = table.listing()
        assert listing.loc["pgd@1", "title"] == "PGD, eps 1/255"
        assert listing.loc["clean", "best"] == table.column("clean").max()

    def test_pickles_are_small_and_map_the_arrays_again(self, table: DatabaseTable) -> None:
        table.column("clean")
        data = pickle.dumps(table)
        assert len(data) < 10_000
        assert np.array_equal(pickle.loads(data).column("clean"), table.column("clean"))


class TestDatabase:
    def test_it_is_a_mapping(self, opened: Database) -> None:
        assert list(opened) == ["cifar10", "cifar100"]
        assert "cifar100" in opened
        assert "ImageNet16-120" not in opened
        assert opened.get("mnist") is None
        assert len(dict(opened)) == 2

    def test_unknown_datasets_are_refused(self, opened: Database) -> None:
        with pytest.raises(InvalidInputError, match="unknown dataset 'cifra10'; did you mean 'cifar10'"):
            opened["cifra10"]

    def test_frames_of_all_datasets(self, opened: Database) -> None:
        frame = opened.frame()
        assert frame.index.names == ["dataset", "uid"]
        assert len(frame) == 2 * len(networks())
        assert frame.loc["cifar100", "pgd@1"].isna().all()
        assert opened.listing().loc[("cifar100", "clean"), "title"] == "clean"

    def test_one_file_is_enough(self, published: Path) -> None:
        for path in [*published.glob("cifar100/*"), *published.glob("cifar10/*")]:
            if path.name != "fog_accuracy.json":
                path.unlink()
        (published / "cifar10" / "notes.txt").write_text("other files are left alone")
        database = Database.open(published)
        assert list(database) == ["cifar10"]
        assert len(database["cifar10"].metrics) == 5

    def test_all_three_datasets_have_their_own_classes(self, published: Path) -> None:
        write_published(published, "ImageNet16-120", "clean", "accuracy", np.zeros(len(networks())))
        assert list(Database.open(published)) == ["cifar10", "cifar100", "ImageNet16-120"]
        write_published(published, "cifar100", "clean", "cm", np.zeros((len(networks()), 10, 10), dtype=int))
        with pytest.raises(DataError, match=r"clean_cm\.json.*\(100, 100\)"):
            Database.open(published)

    def test_a_faulty_file_stops_the_import_and_is_named(self, published: Path, own_cache: Path) -> None:
        edit_values(published / "cifar10" / "fog_accuracy.json", lambda values: values.update({"5": [2] * 5}))
        with pytest.raises(DataError, match=r"fog_accuracy\.json: uid 5"):
            Database.open(published)
        assert not list((own_cache / "database").glob("*.json"))

    def test_an_attack_without_eps_is_refused(self, published: Path) -> None:
        write_published(published, "cifar10", "aa_square@Linf", "accuracy", np.zeros((len(networks()), 7)))
        with pytest.raises(DataError, match="no 'epsilons' for 'aa_square@Linf'"):
            Database.open(published)


class TestPlaces:
    def test_the_order_is_given_then_variable_then_user(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert find_folder()[0] == user_folder() == tmp_path / "home" / "robustnas" / "robustness-data"
        monkeypatch.setenv("ROBUSTNAS_DATA", "/named")
        assert find_folder()[0] == Path("/named")
        assert find_folder("/given")[0] == Path("/given")

    def test_a_folder_has_data_once_meta_and_one_file_are_there(self, published: Path, tmp_path: Path) -> None:
        folder = tmp_path / "new"
        assert not has_data(folder)
        (folder / "cifar10").mkdir(parents=True)
        (folder / ".fetch.lock").touch()
        (folder / "meta.json").write_bytes((published / "meta.json").read_bytes())
        assert not has_data(folder)
        (folder / "cifar10" / "fog_accuracy.json").touch()
        assert has_data(folder)

    def test_what_a_failed_fetch_leaves_is_not_chosen(self, published: Path) -> None:
        user_folder().mkdir(parents=True)
        (user_folder() / ".fetch.lock").touch()
        assert choose_dataset(None) == "cifar10-surrogate"
        user_folder().joinpath(".fetch.lock").unlink()
        user_folder().rmdir()
        published.rename(user_folder())
        assert choose_dataset(None) == "cifar10"

    def test_nothing_found_says_where_and_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(DataNotFoundError) as error:
            Database.open()
        for word in ("--data", "ROBUSTNAS_DATA", str(tmp_path / "home"), "robustnas data fetch"):
            assert word in str(error.value)

    def test_a_folder_without_meta_or_data_is_refused(self, published: Path, tmp_path: Path) -> None:
        with pytest.raises(DataNotFoundError, match=r"has no meta\.json"):
            Database.open(tmp_path)
        with pytest.raises(DataNotFoundError, match="is not a folder"):
            Database.open(published / "meta.json")
        (tmp_path / "meta.json").write_bytes((published / "meta.json").read_bytes())
        with pytest.raises(DataNotFoundError, match="no data file"):
            Database.open(tmp_path)


class TestCache:
    def test_the_second_opening_reads_no_json(self, published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        first = Database.open(published)["cifar10"]
        monkeypatch.setattr(cache, "read_array", None)
        monkeypatch.setattr(cache, "read_meta", None)
        second = Database.open(published)["cifar10"]
        assert second.digest == first.digest
        assert second.metrics == first.metrics
        assert np.array_equal(second.column("clean"), first.column("clean"))

    def test_a_changed_file_is_read_again_and_no_other_dataset(
        self, published: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = Database.open(published)
        edit_values(published / "cifar10" / "fog_accuracy.json", lambda values: values.update({"0": [0.5] * 5}))
        read = []
        monkeypatch.setattr(
            cache, "read_array", lambda *args, f=cache.read_array: read.append(args[1].path) or f(*args)
        )
        after = Database.open(published)
        assert read == [f"cifar10/{key}_accuracy.json" for key in ("clean", "pgd@Linf", "fog")]
        assert after["cifar10"].value("#0", "corruption:fog@1") == 0.5
        assert after["cifar10"].digest != before["cifar10"].digest
        assert after["cifar100"].digest == before["cifar100"].digest

    def test_a_touched_or_copied_folder_reads_no_json_again(
        self, published: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        digest = Database.open(published)["cifar10"].digest
        os.utime(published / "cifar10" / "fog_accuracy.json")
        monkeypatch.setattr(cache, "read_array", None)
        assert Database.open(published)["cifar10"].digest == digest
        published.rename(tmp_path / "elsewhere")
        assert Database.open(tmp_path / "elsewhere")["cifar10"].digest == digest

    def test_new_and_removed_files_are_noticed(self, published: Path) -> None:
        Database.open(published)
        write_published(published, "cifar100", "fog", "accuracy", np.full((len(networks()), 5), 0.25))
        (published / "cifar10" / "fog_accuracy.json").unlink()
        database = Database.open(published)
        assert database["cifar100"].value("#0", "corruption:fog@5") == 0.25
        assert len(database["cifar10"].metrics) == 4

    def test_other_measures_do_not_change_the_digest(self, published: Path) -> None:
        digest = Database.open(published)["cifar10"].digest
        (published / "cifar10" / "clean_cm.json").unlink()
        assert Database.open(published)["cifar10"].digest == digest

    def test_other_eps_in_meta_are_noticed(self, published: Path) -> None:
        Database.open(published)
        meta = json.loads((published / "meta.json").read_text())
        meta["epsilons"]["pgd@Linf"] = [1.0, 2.0]
        (published / "meta.json").write_text(json.dumps(meta))
        with pytest.raises(DataError, match=r"pgd@Linf_(accuracy|confidence)\.json.*\(2,\)"):
            Database.open(published)

    @pytest.mark.parametrize("damage", ["cut", "empty", "foreign", "gone", "index", "foreign index"])
    def test_a_damaged_cache_is_mended(self, published: Path, own_cache: Path, damage: str) -> None:
        table = Database.open(published)["cifar10"]
        expected, counts = table.column("clean").copy(), table.confusion("#7")
        if damage.endswith("index"):
            (index,) = (own_cache / "database").glob("*.json")
            index.write_text("{" if damage == "index" else '{"epsilons": {}, "files": [1]}')
        for array in (own_cache / "database").glob("*.npy"):
            if damage == "gone":
                array.unlink()
            elif damage in ("cut", "empty"):
                array.write_bytes(array.read_bytes()[: 1000 if damage == "cut" else 0])
            elif damage == "foreign":
                array.write_text("no array")
        mended = Database.open(published)["cifar10"]
        assert np.array_equal(mended.column("clean"), expected)
        assert np.array_equal(mended.confusion("#7"), counts)

    def test_a_cache_of_an_earlier_release_is_left_alone(self, published: Path, own_cache: Path) -> None:
        for folder in ("arrays", "catalogues"):
            (own_cache / folder).mkdir(parents=True)
            (own_cache / folder / "old").write_text("old")
        assert len(Database.open(published)) == 2
        assert (own_cache / "arrays" / "old").read_text() == "old"

    def test_rows_follow_the_order_of_the_keys_and_not_the_digest(
        self, published: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = Database.open(published)["cifar10"]
        monkeypatch.setattr(cache, "KEYS", tuple(reversed(cache.KEYS)))
        after = Database.open(published)["cifar10"]
        assert after.digest == before.digest
        assert after.metrics[-1] == before.metrics[0]
        assert all(np.array_equal(after.column(metric), before.column(metric)) for metric in before.metrics)

    def test_a_file_that_changes_after_opening_is_refused_where_it_is_read_again(
        self, published: Path, own_cache: Path
    ) -> None:
        table = Database.open(published)["cifar10"]
        for array in (own_cache / "database").glob("*.npy"):
            array.unlink()
        edit_values(published / "cifar10" / "fog_accuracy.json", lambda values: values.update({"0": [0.5] * 5}))
        with pytest.raises(DataError, match=r"fog_accuracy\.json: SHA-256 is"):
            table.column("clean")

    def test_verify_finds_what_size_and_time_do_not_tell(self, published: Path, own_cache: Path) -> None:
        database = Database.open(published)
        seen: list[str] = []
        database.files.verify(seen.append)
        assert len(seen) == 7
        path = published / "cifar10" / "clean_accuracy.json"
        content, times = path.read_bytes(), path.stat()
        path.write_bytes(content.replace(b"0.5", b"0.6", 1))
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        with pytest.raises(DataError, match=r"clean_accuracy\.json: SHA-256"):
            database.files.verify()

    def test_verify_finds_a_changed_array(self, published: Path, own_cache: Path) -> None:
        database = Database.open(published)
        array = next((own_cache / "database").glob("cifar100-*"))
        content = bytearray(array.read_bytes())
        content[-1] ^= 1
        array.write_bytes(content)
        with pytest.raises(DataError, match="differs from"):
            database.files.verify()


class TestFailures:
    @pytest.mark.parametrize("nth", [1, 3, 5])
    def test_kill_9_leaves_nothing_half(self, published: Path, own_cache: Path, nth: int) -> None:
        code = f"""
import os, signal
from pathlib import Path
from robustnas.tables.database.database import Database
replace, count = Path.replace, 0
def kill_at_nth(self, target):
    global count
    count += 1
    if count == {nth}:
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = kill_at_nth
Database.open({str(published)!r})
"""
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
        assert rubbish(own_cache)
        database = Database.open(published)
        assert not rubbish(own_cache)
        database.files.verify()

    def test_a_full_disk_leaves_no_rubbish_and_costs_only_time(
        self, published: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as patch:
            patch.setattr(atomic.os, "fsync", full)
            with pytest.warns(CacheWarning, match=r"No space left.*ROBUSTNAS_CACHE") as said:
                database = Database.open(published)
            assert len(said) == 1
            table = database["cifar10"]
        assert not rubbish(own_cache)
        assert [path.name for path in (own_cache / "database").iterdir()] == [".lock"]
        kept = Database.open(published)["cifar10"]
        assert len(list((own_cache / "database").glob("*.npy"))) == 4
        assert np.array_equal(table.column("pgd@1"), kept.column("pgd@1"))
        assert table.digest == kept.digest
        assert np.array_equal(table.confusion("#13433"), kept.confusion("#13433"))
        assert not table.column("pgd@1").flags.writeable
        database.files.verify()

    @pytest.mark.skipif(sys.platform == "win32", reason="no resource limits")
    def test_a_write_that_the_system_cuts_off(self, published: Path, own_cache: Path) -> None:
        code = f"""
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
from robustnas.tables.database.database import Database
print(Database.open({str(published)!r})["cifar10"].value("#13433", "pgd@1"))
"""
        result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        assert result.stderr.count("cannot be written") == 1
        assert not rubbish(own_cache)
        assert float(result.stdout) == Database.open(published)["cifar10"].value("#13433", "pgd@1")

    def test_a_cache_that_cannot_be_made(
        self, published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("ROBUSTNAS_CACHE", str(tmp_path / "file"))
        with pytest.warns(CacheWarning, match=r"file/database cannot be written.*ROBUSTNAS_CACHE"):
            database = Database.open(published)
        assert len(database) == 2
        assert len(Database.open(published)) == 2  # and says so no more

    def test_processes_that_import_at_once_agree(self, published: Path, own_cache: Path) -> None:
        context = multiprocessing.get_context("spawn")
        start = time.time() + 1.5
        with context.Pool(3) as pool:
            digests = pool.starmap(open_at, [(published, start)] * 3)
        assert len(set(digests)) == 1
        assert not rubbish(own_cache)
        assert len(list((own_cache / "database").glob("*.npy"))) == 4
        database = Database.open(published)
        database.files.verify()


def open_at(folder: Path, start: float) -> str:
    import robustnas.tables.database.database

    time.sleep(max(0.0, start - time.time()))
    table = robustnas.tables.database.database.Database.open(folder)["cifar10"]
    assert table.column("pgd@1").shape == (N_CELLS,)
    return table.digest


@pytest.mark.real_data
class TestPublished:
    @pytest.fixture
    def table(self, real_data_dir: Path, tmp_path: Path) -> DatabaseTable:
        return open_in_cache(real_data_dir, tmp_path)["cifar10"]

    def test_facts_of_the_papers(self, table: DatabaseTable) -> None:
        assert table.value("#13433", "clean") == 0.893
        assert table.value("#13433", "pgd@1") == 0.336
        best = {"clean": 0.946, "fgsm@1": 0.692, "pgd@1": 0.588, "apgd@1": 0.540, "square@1": 0.736}
        assert {name: float(table.column(name).max()) for name in best} == best
        assert Objective("corruption").evaluate(table).max() == pytest.approx(0.5855, abs=5e-5)

    def test_clean_confusion_matrices_agree_with_clean_accuracy(self, table: DatabaseTable) -> None:
        for arch in ("#0", "#1", "#13433"):
            matrix = table.confusion(arch)
            assert matrix.sum() == 10_000
            assert np.trace(matrix) / 10_000 == pytest.approx(table.value(arch, "clean"), abs=1e-3)


class TestDatasetsOfOnesOwn:
    @pytest.fixture
    def with_own(self, published: Path) -> Path:
        rng = np.random.default_rng(1)
        n = len(networks())
        write_published(published, "mydata", "clean", "accuracy", rng.random(n).round(3))
        write_published(published, "mydata", "clean", "cm", rng.integers(0, 9, (n, 3, 3)))
        write_published(published, "Another", "clean", "accuracy", rng.random(n).round(3))
        (published / "notes").mkdir()
        (published / "notes" / "clean.json").write_text("{")
        return published

    def test_folders_of_the_layout_are_datasets(self, with_own: Path, published_once: Path, own_cache: Path) -> None:
        database = Database.open(with_own)
        assert list(database) == ["cifar10", "cifar100", "Another", "mydata"]
        table = open_table("mydata", with_own)
        assert (table.dataset, table.source) == ("mydata", "table")
        assert table.value("#9", "clean") == value_in_file(with_own, "mydata/clean_accuracy.json", 9)
        assert table.confusion("#9").shape == (3, 3)
        assert table.digest != database["cifar10"].digest
        assert database["cifar10"].digest == Database.open(published_once)["cifar10"].digest
        database.files.verify()
        assert published_names(with_own) == list(database)
        assert published_names(with_own / "mydata") == []

    def test_one_that_is_new_is_found(self, published: Path) -> None:
        assert "mydata" not in Database.open(published)
        path = write_published(published, "mydata", "clean", "accuracy", np.zeros(len(networks())))
        assert Database.open(published)["mydata"].value("#9", "clean") == 0
        edit_values(path, lambda values: values.update({"9": 1}))
        assert Database.open(published)["mydata"].value("#9", "clean") == 1
        path.unlink()
        assert "mydata" not in Database.open(published)

    def test_faults(self, with_own: Path) -> None:
        with pytest.raises(InvalidInputError, match="did you mean 'mydata'"):
            open_table("mydate", with_own)
        path = with_own / "mydata" / "clean_cm.json"
        edit_values(path, lambda values: values.update({"10": [[1, 2], [3, 4]]}))
        with pytest.raises(DataError, match=r"uid 10 .*shape \(2, 2\)\); expected .*\(3, 3\)"):
            Database.open(with_own)
        path.unlink()
        (with_own / "backup").mkdir()
        content = (with_own / "cifar10" / "clean_accuracy.json").read_bytes()
        (with_own / "backup" / "clean_accuracy.json").write_bytes(content)
        with pytest.raises(DataError, match=r"a file of 'backup', but it holds 'cifar10'; rename the folder, or move"):
            Database.open(with_own)

    def test_tables_are_attached_to_them(self, with_own: Path, tmp_path: Path) -> None:
        (tmp_path / "hw.csv").write_text("id,latency\n9,2.5\n")
        attach(tmp_path / "hw.csv", "mydata", "hw", data=with_own)
        assert open_table("mydata", with_own).attached_columns()["hw.latency"][Cell.parse("#9").index] == 2.5
        assert list(Database.open(with_own)) == ["cifar10", "cifar100", "Another", "mydata"]
