from __future__ import annotations

import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustnas import Cell
from robustnas.errors import DataError, InvalidInputError
from robustnas.measurements import STORE_VARIABLE, Measurement, MeasurementKey, MeasurementStore, NetworkKey
from robustnas.measurements.location import Location
from tests import ROOT
from tests.robustnas.measurements.made_up import METRICS, SETTINGS, made_up_keys, made_up_measurement, made_up_networks

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

NETWORKS = made_up_networks(4)
NETWORK = NETWORKS[0]
KEY = made_up_keys(NETWORK)[2]
VALUE = made_up_measurement(KEY)


def fill(store: MeasurementStore, networks: list[NetworkKey]) -> list[Measurement]:
    values = [made_up_measurement(key) for network in networks for key in made_up_keys(network)]
    for network in networks:
        with store.claim(network) as claim:
            claim.record(value for value in values if value.key.network == network)
    return values


def execute(store: MeasurementStore, statement: str) -> list[Any]:
    def work(connection: Any) -> list[Any]:
        result = connection.exec_driver_sql(statement)
        return result.all() if result.returns_rows else []

    return store._transactions.write(work)


class TestValues:
    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("arch", "resnet", "resnet"),
            ("arch", 3, "arch is 3"),
            ("arch", Cell.from_index(15_555).arch, "arch string of its canonical cell"),
            ("images", "", "images is ''"),
            ("images", "two\nlines", "one printable line"),
            ("images", "\ud800", "one printable line"),
            ("images_digest", "abc", "images_digest is 'abc'; expected a SHA-256"),
            ("training", "ABCDEF01", "training is 'ABCDEF01'; expected a digest"),
            ("seed", -1, "seed is -1"),
            ("seed", 0.5, "seed is 0.5"),
            ("seed", 2**63, "seed is 9223372036854775808"),
            ("space", "", "space is ''"),
            ("space", 201, "space is 201"),
        ],
    )
    def test_a_bad_network(self, field: str, value: object, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            replace(NETWORK, **{field: value})  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("network", "a cell", "network is 'a cell'; expected a NetworkKey"),
            ("metric", "pgdd@1", "unknown metric 'pgdd@1'"),
            ("metric", "pgd@0", "expected a number above 0"),
            ("metric", "pgd@0.12345678", "six significant digits"),
            ("metric", None, "metric is None"),
            ("protocol", "papers", "did you mean 'paper'"),
            ("settings", "", "settings is ''"),
        ],
    )
    def test_a_bad_key(self, field: str, value: object, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            replace(KEY, **{field: value})  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("key", "pgd@1", "key is 'pgd@1'; expected a MeasurementKey"),
            ("accuracy", float("nan"), "accuracy is nan; expected a number from 0 to 1"),
            ("accuracy", 1.5, "accuracy is 1.5"),
            ("accuracy", True, "accuracy is True"),
            ("accuracy", "0.5", "accuracy is '0.5'"),
            ("confidence", {"label": float("nan")}, r"confidence\['label'\] is nan"),
            ("confidence", {1: 0.5}, "a key of confidence is 1"),
            ("confidence", [0.5], r"confidence is \[0.5\]"),
            ("confusion", np.eye(10), "type float64; expected whole numbers"),
            ("confusion", np.ones((2, 3), dtype=int), r"shape \(2, 3\)"),
            ("confusion", np.full((2, 2), np.nan), "type float64"),
            ("confusion", -np.eye(2, dtype=int), "negative"),
            ("confusion", np.zeros((2, 2), dtype=int), "no images"),
            ("confusion", np.zeros((0, 0), dtype=int), "no images"),
            ("confusion", [[1], [1, 2]], "ragged"),
            ("seconds", -1.0, "seconds is -1.0"),
            ("seconds", float("inf"), "seconds is inf"),
            ("device", "", "device is ''"),
            ("versions", {"torch": 2.6}, r"versions\['torch'\] is 2.6"),
            ("measured_at", datetime(2026, 1, 1), "expected an aware datetime"),
            ("measured_at", 0, "measured_at is 0"),
        ],
    )
    def test_a_bad_measurement(self, field: str, value: object, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message):
            replace(VALUE, **{field: value})  # type: ignore[arg-type]

    def test_they_are_normalised(self) -> None:
        assert replace(KEY, metric=" pgd@0.50 ") == replace(KEY, metric="pgd@0.5")
        local = datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2)))
        value = replace(VALUE, accuracy=np.float32(0.5), seconds=np.int64(3), measured_at=local)
        assert (type(value.accuracy), value.seconds, value.measured_at.hour) == (float, 3.0, 12)
        assert value.measured_at.tzinfo is UTC

    def test_they_are_values(self) -> None:
        counts = np.eye(3, dtype=np.uint8)
        value = replace(VALUE, confusion=counts)
        counts[0, 0] = 9
        assert value.confusion.tolist() == np.eye(3).tolist()
        with pytest.raises(ValueError, match="read-only"):
            value.confusion[0, 0] = 9
        assert value == replace(value)
        assert value != replace(value, confusion=value.confusion * 2)
        assert value != KEY
        assert len({value, replace(value), VALUE}) == 2
        assert pickle.loads(pickle.dumps(value)) == value


class TestLookUp:
    def test_measurements_come_back_as_they_were(self, store: MeasurementStore) -> None:
        values = fill(store, NETWORKS)
        assert store.measurements() == values
        assert store.measurements(NETWORKS[1]) == values[5:10]
        assert store.measurements(NETWORKS[1:3], metric="pgd@1.50") == [values[8], values[13]]
        assert len(store) == len(values)

    def test_extreme_numbers_come_back_as_they_were(self, store: MeasurementStore) -> None:
        value = replace(
            VALUE,
            accuracy=np.nextafter(1, 0),
            confidence={"größte": 5e-324, 'quote" \\': 0.1 + 0.2},
            confusion=np.array([[0, 2**63 - 1], [1, 0]]),
            seconds=1e300,
            device="gpu 'ü' 100%",
            versions={},
            measured_at=datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        )
        with store.claim(NETWORK) as claim:
            claim.record(value)
        assert store.measurements() == [value]

    def test_known_and_missing(self, store: MeasurementStore) -> None:
        fill(store, NETWORKS[:2])
        keys = [key for network in NETWORKS for key in made_up_keys(network)]
        assert store.known() == store.known(NETWORKS) == set(keys[:10])
        assert store.known(NETWORKS[1]) == set(keys[5:10])
        assert store.known([]) == set()
        assert store.known(protocol="nested") == set()
        assert store.known(settings=SETTINGS) == set(keys[:10])
        assert store.missing([*reversed(keys), keys[-1]]) == keys[:9:-1]
        other_seed = replace(keys[0], network=replace(NETWORK, seed=1))
        assert store.missing([keys[0], other_seed]) == [other_seed]

    def test_whatever_differs_is_another_measurement(self, store: MeasurementStore) -> None:
        keys = [KEY, replace(KEY, protocol="nested"), replace(KEY, settings="0" * 64), replace(KEY, metric="clean")]
        with store.claim(NETWORK) as claim:
            assert claim.record(made_up_measurement(key) for key in keys) == 4
        networks = [replace(NETWORK, **{field: "1" * 64}) for field in ("images", "images_digest", "training")]
        for network in networks:
            with store.claim(network) as claim:
                assert claim.record(made_up_measurement(replace(KEY, network=network))) == 1
        assert len(store) == 7

    def test_many_networks(self, store: MeasurementStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("robustnas.measurements.rows._CHUNK", 2)
        values = fill(store, made_up_networks(5))
        assert store.known(made_up_networks(5)) == {value.key for value in values}
        assert store.measurements(made_up_networks(5)) == values

    def test_the_frame(self, store: MeasurementStore) -> None:
        empty = store.frame()
        values = fill(store, NETWORKS)
        frame = store.frame()
        assert list(frame.columns) == list(empty.columns)
        assert frame.dtypes["measured_at"] == empty.dtypes["measured_at"] == "datetime64[us, UTC]"
        assert frame["metric"].tolist() == list(METRICS) * 4
        assert frame["source"].tolist()[:5] == ["clean", "fgsm", "pgd", "pgd", "fog"]
        np.testing.assert_array_equal(frame["level"][:5], [np.nan, 1, 0.5, 1.5, 3])
        assert frame["accuracy"].tolist() == [value.accuracy for value in values]
        assert frame["measured_at"].tolist() == [value.measured_at for value in values]
        assert frame["confidence"][3] == values[3].confidence
        np.testing.assert_array_equal(frame["confusion"][3], values[3].confusion)
        assert frame["arch"].nunique() == 4
        assert "confusion" not in store.frame(confusion=False).columns

    def test_sql(self, store: MeasurementStore) -> None:
        values = fill(store, [NETWORK])
        rows = execute(store, "SELECT source, level, accuracy FROM measurements WHERE level >= 0.5 ORDER BY level")
        assert [tuple(row) for row in rows][:2] == [
            ("pgd", 0.5, values[2].accuracy),
            ("fgsm", 1.0, values[1].accuracy),
        ]

    @pytest.mark.parametrize(
        ("change", "message"),
        [("metric = 'pgdd@1'", "unknown metric"), ("confusion = '[[1, 2]]'", r"shape \(1, 2\)")],
    )
    def test_a_row_that_was_changed_is_told(self, store: MeasurementStore, change: str, message: str) -> None:
        fill(store, [NETWORK])
        execute(store, f"UPDATE measurements SET {change} WHERE metric = 'clean'")
        with pytest.raises(DataError, match=f"holds a row that is not a measurement: .*{message}"):
            store.measurements()

    def test_a_json_field_that_was_cut_is_told(self, tmp_path: Path) -> None:
        with MeasurementStore.open(tmp_path / "a.sqlite") as store:
            fill(store, [NETWORK])
            execute(store, "UPDATE measurements SET versions = '{' WHERE metric = 'clean'")
            with pytest.raises(DataError, match="holds a row that is not a measurement"):
                store.frame()
            assert len(store.known()) == 5


class TestLocation:
    def test_the_users_data_directory(self, own_cache: Path, tmp_path: Path) -> None:
        with MeasurementStore.open() as store:
            assert store.location.path == tmp_path / "home/robustnas/measurements.sqlite"

    def test_the_environment(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for named in (str(tmp_path / "a.sqlite"), f"sqlite:///{tmp_path}/a.sqlite"):
            monkeypatch.setenv(STORE_VARIABLE, named)
            assert Location.parse().path == tmp_path / "a.sqlite"
        monkeypatch.setenv(STORE_VARIABLE, "postgresql://ada:secret@db.lab/robustness")
        assert Location.parse().path is None

    def test_a_relative_path_is_kept_absolute(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        store = MeasurementStore.open("a folder/50% #1?.sqlite")
        monkeypatch.chdir("/")
        fill(store, [NETWORK])
        assert (tmp_path / "a folder/50% #1?.sqlite").is_file()
        assert len(pickle.loads(pickle.dumps(store))) == 5

    @pytest.mark.parametrize("where", ["", ":memory:", "sqlite://", "sqlite:///:memory:", "sqlite:///a?mode=ro"])
    def test_no_file(self, where: str) -> None:
        with pytest.raises(InvalidInputError, match="expected a path, sqlite:///PATH"):
            MeasurementStore.open(where)

    @pytest.mark.parametrize(
        "where",
        [
            "mysql://ada:secret@host/db",
            "postgresql://ada:secret@host:port/db",
            "://ada:secret@host",
            "x://h?password=secret",
        ],
    )
    def test_no_url_of_ours_and_no_password_in_what_is_said(self, where: str) -> None:
        with pytest.raises(InvalidInputError, match="expected a path") as caught:
            MeasurementStore.open(where)
        assert "secret" not in str(caught.value)

    def test_passwords_are_hidden(self) -> None:
        for url in ("postgresql://ada:s%40cret@h/d", "postgresql://h/d?user=ada&password=s%40cret"):
            location = Location.parse(url)
            assert "cret" not in str(location) + repr(location) + repr(MeasurementStore(location))
            assert location.mask("password s@cret is wrong") == "password *** is wrong"
            assert Location.parse(location.reopens) == location


class TestOpening:
    def test_it_can_be_opened_again_pickled_and_closed(self, store: MeasurementStore, where: str) -> None:
        fill(store, [NETWORK])
        for again in (MeasurementStore.open(where), pickle.loads(pickle.dumps(store))):
            assert len(again) == 5
            again.close()
            assert len(again) == 5
            again.close()

    def test_processes_that_open_a_new_store_at_once(self, where: str, tmp_path: Path) -> None:
        code = """
import sys, time
from pathlib import Path
from robustnas.measurements import MeasurementStore
print("ready", flush=True)
while not Path(sys.argv[2]).exists():
    time.sleep(0.001)
print(len(MeasurementStore.open(sys.argv[1])))
"""
        command = [sys.executable, "-W", "error", "-c", code, where, str(tmp_path / "go")]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
        assert {process.stdout.readline() for process in processes if process.stdout} == {"ready\n"}
        (tmp_path / "go").touch()
        assert [process.communicate()[0] for process in processes] == ["0\n"] * 8
        assert [process.returncode for process in processes] == [0] * 8

    def test_another_version(self, store: MeasurementStore, where: str) -> None:
        execute(store, "UPDATE robustnas_version SET version = 7")
        with pytest.raises(DataError, match=r"is of version 7, this RobustNAS reads version 3; use .* or name another"):
            MeasurementStore.open(where)

    def test_the_store_of_another_program(self, tmp_path: Path) -> None:
        path = tmp_path / "other.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE studies (id INTEGER)")
        content = path.read_bytes()
        with pytest.raises(DataError, match=rf"has tables of another program \(studies\); .*{STORE_VARIABLE}"):
            MeasurementStore.open(path)
        assert path.read_bytes() == content

    def test_a_file_that_is_no_store(self, tmp_path: Path) -> None:
        path = tmp_path / "table.csv"
        path.write_text("net,latency\n" * 1000)
        with pytest.raises(DataError, match=rf"{path}: file is not a database; move that file away, or name another"):
            MeasurementStore.open(path)
        with pytest.raises(DataError, match="unable to open database file; make it writable"):
            MeasurementStore.open(tmp_path)

    def test_a_truncated_file(self, tmp_path: Path) -> None:
        path = tmp_path / "store.sqlite"
        with MeasurementStore.open(path) as store:
            fill(store, made_up_networks(40))
        os.truncate(path, path.stat().st_size // 2)
        with pytest.raises(DataError, match=r"store.sqlite: .*malformed; move that file away"):
            MeasurementStore.open(path).measurements()

    def test_a_directory_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DataError, match=f"cannot make its directory: .*{STORE_VARIABLE}"):
            MeasurementStore.open(tmp_path / "file" / "folder" / "store.sqlite")

    def test_a_locked_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("robustnas.measurements.transactions.BUSY_TIMEOUT", 0.01)
        monkeypatch.setattr("robustnas.measurements.transactions._N_ATTEMPTS", 2)
        with (
            MeasurementStore.open(tmp_path / "a.sqlite") as store,
            closing(sqlite3.connect(tmp_path / "a.sqlite")) as c,
        ):
            c.execute("BEGIN IMMEDIATE")
            with pytest.raises(DataError, match="database is locked; end the process that holds it"):
                store.claim(NETWORK)
            assert len(store) == 0
            c.rollback()
            assert store.claim(NETWORK)

    def test_a_lock_that_passes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("robustnas.measurements.transactions.BUSY_TIMEOUT", 0.01)
        with (
            MeasurementStore.open(tmp_path / "a.sqlite") as store,
            closing(sqlite3.connect(tmp_path / "a.sqlite")) as c,
        ):
            c.execute("BEGIN IMMEDIATE")
            monkeypatch.setattr("robustnas.measurements.transactions._pause", lambda attempt: c.rollback())
            assert store.claim(NETWORK)


@pytest.fixture
def anyones() -> Iterator[Path]:
    """A folder that every user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="robustnas-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


class TestSystem:
    """What the operating system refuses; the user root may write everywhere, and becomes another one."""

    def run(self, path: Path, code: str) -> str:
        setup = f"""
import os, resource, signal, sys, tempfile
sys.path.insert(0, {str(ROOT)!r})
from tests.robustnas.measurements.made_up import *
from robustnas.measurements import MeasurementStore
network, path = made_up_networks(1)[0], {str(path)!r}
values = [made_up_measurement(key) for key in made_up_keys(network)]
with tempfile.TemporaryDirectory() as folder:
    MeasurementStore.open(folder + "/warm.sqlite").claim(network)
def drop_rights():
    if os.geteuid() == 0:
        os.seteuid(65534)
"""
        return subprocess.run([sys.executable, "-c", setup + code], capture_output=True, text=True).stderr

    def test_a_directory_that_cannot_be_written(self, anyones: Path) -> None:
        anyones.chmod(0o555)
        said = self.run(anyones / "store.sqlite", "drop_rights(); MeasurementStore.open(path)")
        assert f"DataError: the store of measurements {anyones}/store.sqlite: unable to open" in said
        assert f"make it writable, or name another store with {STORE_VARIABLE}" in said

    def test_a_file_that_cannot_be_written(self, anyones: Path) -> None:
        MeasurementStore.open(anyones / "store.sqlite")
        said = self.run(anyones / "store.sqlite", "drop_rights(); MeasurementStore.open(path).claim(network)")
        assert f"DataError: the store of measurements {anyones}/store.sqlite: " in said
        assert f"make it writable, or name another store with {STORE_VARIABLE}" in said

    def test_a_full_disk_loses_nothing_that_was_recorded(self, tmp_path: Path) -> None:
        """A limit on the size of files stands for the disk."""
        path = tmp_path / "store.sqlite"
        with MeasurementStore.open(path) as store:
            fill(store, NETWORKS[1:3])
        code = """
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
claim = MeasurementStore.open(path).claim(network)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
claim.record(values)
"""
        said = self.run(path, code)
        assert f"DataError: the store of measurements {path}: " in said
        assert "free some space; everything recorded before is kept" in said
        with MeasurementStore.open(path) as store:
            assert len(store) == 10


def test_a_search_loads_neither_torch_nor_sqlalchemy() -> None:
    code = "import sys, robustnas; assert not {'torch', 'sqlalchemy', 'robustnas.measurements'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    code = "import sys, robustnas.measurements; assert not {'torch', 'pandas', 'psycopg'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_key_of_a_measurement_is_its_own(store: MeasurementStore) -> None:
    assert isinstance(KEY, MeasurementKey)
    assert str(KEY).startswith("pgd@0.5 (paper) of |")
