from __future__ import annotations

import contextlib
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from robustnas import Cell, Objective, Oracle
from robustnas.errors import DataError, DataNotFoundError, InvalidInputError, ObjectiveError
from robustnas.objectives.cost_names import minimised_column
from robustnas.spaces import SPACES
from robustnas.spaces.nasbench201 import NASBENCH201, space
from robustnas.tables.array_table import ArrayTable
from robustnas.tables.attached.attached import (
    ATTACHED_VARIABLE,
    AttachedTable,
    attached_datasets,
    attached_folder,
    attached_tables,
)
from robustnas.tables.attached.attaching import attach, detach
from robustnas.tables.attached.columns import read_columns
from robustnas.tables.database.database import Database, user_folder
from robustnas.tables.sheets.reading import read_sheet
from tests.robustnas.spaces.test_search_space import GRID

pytestmark = pytest.mark.usefixtures("own_cache")

CELLS = [Cell.from_index(index) for index in (0, 5, 13931, 15624)]
NOTATIONS: dict[str, Callable[[Cell], object]] = {
    "net": lambda cell: str(cell.naslib),
    "arch_str": lambda cell: cell.arch,
    "id": lambda cell: str(cell.database_id),
    "uid": lambda cell: f"#{cell.database_id}",
    "architecture": lambda cell: f"index:{cell.index}",
    "whatever": lambda cell: cell.arch,
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    def write(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content)
        return path

    return write


def csv_text(rows: list[tuple[object, ...]], header: str = "net,latency") -> str:
    return "\n".join([header, *(",".join(f'"{value}"' for value in row) for row in rows)]) + "\n"


ONE = csv_text([(CELLS[0].arch, 1.5)])


class TestForms:
    @pytest.mark.parametrize("column", NOTATIONS)
    @pytest.mark.parametrize("form", ["csv", "tsv", "parquet", "rows.json", "keyed.json"])
    def test_every_notation_in_every_form(self, tmp_path: Path, column: str, form: str) -> None:
        keys = [NOTATIONS[column](cell) for cell in CELLS]
        frame = pd.DataFrame({"note": ["a", "b", "c", "d"], column: keys, "latency": [1.0, 2.0, 3.0, 4.0]})
        path = tmp_path / f"table.{form}"
        if form == "parquet":
            frame.to_parquet(path)
        elif form == "rows.json":
            path.write_text(frame.to_json(orient="records"))
        elif form == "keyed.json":
            path.write_text(frame.set_index(column).to_json(orient="index"))
        else:
            frame.to_csv(path, sep="\t" if form == "tsv" else ",", index=False)
        table = attach(path, "cifar10", "hw", notation="naslib" if column == "net" else None)
        values = table.cell_columns()["hw.latency"]
        assert values[[cell.index for cell in CELLS]].tolist() == [1.0, 2.0, 3.0, 4.0]
        assert np.isnan(values).sum() == 15_625 - 4
        assert (table.n_cells, table.source, table.ignored) == (4, path.name, ("note",))
        assert table.key == ("" if form == "keyed.json" else column)

    def test_zero_cost_suite(self, write: Callable[[str, str], Path]) -> None:
        entry = {"synflow": {"score": 2.0, "time": 0.1}, "val_accuracy": 90.1, "id": 7}
        other = {"synflow": {"score": 3.0, "time": 0.2}, "val_accuracy": None}
        content = {"cifar10": {str(CELLS[0].naslib): entry, str(CELLS[1].naslib): other}, "cifar100": {}}
        table = attach(write("zc_nasbench201.json", json.dumps(content)), "cifar10", "zc", notation="naslib")
        assert table.known == {"synflow": 2, "synflow_time": 2, "val_accuracy": 1, "id": 1}
        assert table.cell_columns()["zc.synflow"][CELLS[1].index] == 3.0

    def test_robbench(self, write: Callable[[str, str], Path]) -> None:
        content = {
            "CIFAR-10": {"13433": {"clean": {"1": 0.8}, "pgd": {"1": 0.4, "2": 0.2}}, "0": {"clean": {"1": 0.7}}}
        }
        table = attach(write("robbench.json", json.dumps(content)), "cifar10", "rob")
        assert table.known == {"clean": 2, "pgd_1": 1, "pgd_2": 1}
        assert table.cell_columns()["rob.clean"][Cell.parse("#13433").index] == 0.8

    def test_numbers_alone_and_no_level_of_datasets(self, write: Callable[[str, str], Path]) -> None:
        table = attach(write("a.json", json.dumps({CELLS[2].arch: 3, CELLS[3].arch: 4.5})), "cifar10", "a")
        assert table.known == {"value": 2}

    def test_numbers_of_parquet_ids_and_lists(self, tmp_path: Path) -> None:
        pd.DataFrame({"id": [1.0, 2.0], "x": [3, 4]}).to_parquet(tmp_path / "a.parquet")
        assert attach(tmp_path / "a.parquet", "cifar10", "a").n_cells == 2
        pd.DataFrame({"ops": [list(cell.naslib) for cell in CELLS], "x": range(4)}).to_parquet(tmp_path / "b.parquet")
        assert attach(tmp_path / "b.parquet", "cifar10", "b", notation="naslib").key == "ops"

    def test_the_key_can_be_named_and_row_numbers_are_left_out(self, write: Callable[[str, str], Path]) -> None:
        path = write("a.csv", ",id,index,x\n0,0,7,1\n1,1,9,2\n")
        assert attach(path, "cifar10", "a").cell_columns()["a.x"][Cell.parse("#1").index] == 2
        table = attach(path, "cifar10", "a", key="index")
        assert table.cell_columns()["a.x"][Cell.parse("#9").index] == 2
        assert table.known == {"x": 2}

    def test_names_of_columns_are_made_fit(self, write: Callable[[str, str], Path]) -> None:
        table = attach(write("a.csv", ONE.replace("latency", "gpu latency (ms)")), "cifar10", "a")
        assert list(table.known) == ["gpu_latency_ms"]


class TestFaults:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("", "is empty"),
            ("net,latency\n", "has no rows"),
            (csv_text([(CELLS[0].arch, 1), ("(4, 0, 3)", 2)]), r"line 3: column 'net': .*has 3 operation"),
            (csv_text([("(4, 0, 3, 1, 4, 5)", 1)]), r"line 2: .*'5'"),
            (csv_text([("resnet18", 1)]), r"line 2: .*cannot read 'resnet18'"),
            (
                csv_text([(CELLS[0].arch, 1), (CELLS[1].arch, 1), (CELLS[0].arch, 1)]),
                r"line 4: .*first in line 2",
            ),
            (
                csv_text([(c.arch, v) for c, v in zip(CELLS, [1, 2, "fast", 3], strict=True)]),
                r"line 4: 'fast' .*'lat",
            ),
            (csv_text([(CELLS[0].arch, "fast")]), "no column of numbers; it has .*'fast' in line 2"),
            (csv_text([(CELLS[0].arch, "")]), "no column of numbers"),
            ("net,a\n" + '"(4, 0, 3, 1, 4, 3)",1,2\n', "line 2: has 3 fields; expected 2"),
            ("net,a,a\n1,2,3\n", "column 'a' occurs twice"),
            ("net,a b,a-b\n1,2,3\n", "'a b' and 'a-b' would both be called 'a_b'"),
            ("x,y\n1,2\n", "no column of architectures among x, y; name it with --key"),
            (f"net,arch,y\n1,{CELLS[0].arch},2\n", "line 2: columns 'net' and 'arch' name different cells"),
            ('net,y\n"1"2,3\n', "line 2: is not CSV"),
        ],
    )
    def test_csv(self, write: Callable[[str, str], Path], content: str, message: str) -> None:
        with pytest.raises(DataError, match=message):
            attach(write("table.csv", content), "cifar10", "hw")
        assert attached_tables("cifar10") == {}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("{", "is not JSON"),
            ("3", "holds a int"),
            ("[1, 2]", "holds a list"),
            ("{}", "has no rows"),
            ('{"cifar100": {}}', "has no 'cifar10'; it has 'cifar100'"),
            ('{"cifar10": [1]}', "no column of architectures among cifar10"),
            ('{"ids": {"0": 1}}', "no column of architectures among ids"),
            ('{"cifar10": {"0": 1, "#0": 2}}', "entry '#0': .*first in entry '0'"),
            ('{"cifar10": {"0": 1, "0": 2}}', "the key '0' occurs twice"),
            ('{"cifar10": {"0": {"x": 1}, "1": {"x": 2}, "2": {"x": "fast"}}}', "entry '2': 'fast' in column 'x'"),
            ('{"cifar10": {"0": {"x": [1, 2]}}}', "no column of numbers"),
            ("[" * 100_000, "is nested too deep|is not JSON"),
        ],
    )
    def test_json(self, write: Callable[[str, str], Path], content: str, message: str) -> None:
        with pytest.raises(DataError, match=message):
            attach(write("table.json", content), "cifar10", "hw")

    def test_other_files(self, write: Callable[[str, str], Path], tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"is not Parquet"):
            attach(write("a.parquet", "no"), "cifar10", "hw")
        with pytest.raises(DataError, match=r"'.pdf'; expected one of .csv"):
            attach(write("a.pdf", ONE), "cifar10", "hw")
        with pytest.raises(DataNotFoundError, match="no such file"):
            attach(tmp_path / "none.csv", "cifar10", "hw")
        with pytest.raises(DataError, match="cannot be read"):
            attach(tmp_path, "cifar10", "hw")
        (tmp_path / "b.csv").write_bytes(b"net,\xff\n")
        with pytest.raises(DataError, match="is not UTF-8"):
            attach(tmp_path / "b.csv", "cifar10", "hw")

    def test_names(self, write: Callable[[str, str], Path]) -> None:
        path = write("a.csv", ONE)
        with pytest.raises(InvalidInputError, match="did you mean 'cifar10'"):
            attach(path, "cifar11", "hw")
        for name in ("", "../x", "a.b", "a b", "1a"):
            with pytest.raises(InvalidInputError, match="expected letters"):
                attach(path, "cifar10", name)
        with pytest.raises(DataError, match="did you mean 'net'"):
            attach(path, "cifar10", "hw", key="nett")
        with pytest.raises(DataError, match="is keyed by cell"):
            attach(write("a.json", '{"0": 1}'), "cifar10", "hw", key="net")

    def test_a_damaged_table_is_reported_and_can_be_removed(self, write: Callable[[str, str], Path]) -> None:
        table = attach(write("a.csv", ONE), "cifar10", "hw")
        content = table.path.read_bytes()
        for damage in (b"", content[:200], content[:-300], b"PK" + content[5:]):
            table.path.write_bytes(damage)
            with pytest.raises(DataError, match="robustnas data detach hw"):
                attached_tables("cifar10")
        with zipfile.ZipFile(table.path, "w") as archive:
            archive.writestr("manifest.json", '{"format": 2}')
        with pytest.raises(DataError, match="format 2"):
            attached_tables("cifar10")
        detach("hw", "cifar10")

    def test_changed_numbers_are_reported(self, write: Callable[[str, str], Path]) -> None:
        table = attach(write("a.csv", ONE), "cifar10", "hw")
        attach(write("b.csv", ONE.replace("1.5", "1.6")), "cifar10", "hw")
        with pytest.raises(DataError, match="another digest"):
            table.cell_columns()

    @settings(max_examples=50)
    @given(st.text(max_size=60), st.sampled_from(["a.csv", "a.tsv", "a.json"]))
    def test_any_content_is_read_or_refused(self, content: str, name: str) -> None:
        with contextlib.suppress(DataError):
            read_columns(read_sheet(Path(name), content.encode(errors="surrogatepass"), "cifar10"))


class TestStorage:
    def test_where_it_lies(
        self, write: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert attach(write("a.csv", ONE), "cifar10", "hw").path == user_folder().parent / "attached/cifar10/hw.npz"
        monkeypatch.setenv(ATTACHED_VARIABLE, str(tmp_path / "other"))
        assert attached_folder() == tmp_path / "other"
        assert attached_tables("cifar10") == {}
        assert attach(write("a.csv", ONE), "cifar10", "hw").path == tmp_path / "other/cifar10/hw.npz"

    def test_it_replaces_and_is_the_same_bytes_again(self, write: Callable[[str, str], Path]) -> None:
        path = write("a.csv", ONE)
        first = attach(path, "cifar10", "hw")
        content = first.path.read_bytes()
        changed = attach(write("a.csv", ONE.replace("1.5", "2.5")), "cifar10", "hw")
        assert changed.digest != first.digest
        assert attached_tables("cifar10") == {"hw": changed}
        attach(write("a.csv", ONE), "cifar10", "hw")
        assert first.path.read_bytes() == content
        assert [path.name for path in first.path.parent.iterdir()] == ["hw.npz"]

    def test_a_faulty_file_replaces_nothing(self, write: Callable[[str, str], Path]) -> None:
        table = attach(write("a.csv", ONE), "cifar10", "hw")
        with pytest.raises(DataError):
            attach(write("a.csv", "net,x\nresnet,1\n"), "cifar10", "hw")
        assert attached_tables("cifar10") == {"hw": table}

    def test_detach(self, write: Callable[[str, str], Path]) -> None:
        with pytest.raises(InvalidInputError, match="cifar10 has no attached table"):
            detach("hw", "cifar10")
        attach(write("a.csv", ONE), "cifar10", "hw")
        with pytest.raises(InvalidInputError, match="did you mean 'hw'"):
            detach("hww", "cifar10")
        detach("hw", "cifar10")
        assert attached_tables("cifar10") == {}

    def test_a_folder_that_cannot_be_written(
        self, write: Callable[[str, str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = write("a.csv", ONE)
        monkeypatch.setenv(ATTACHED_VARIABLE, str(path))
        with pytest.raises(DataError, match=f"cannot write .*{ATTACHED_VARIABLE}"):
            attach(path, "cifar10", "hw")
        with pytest.raises(DataError, match="is not a folder"):
            attach(path, "cifar10", "hw", data=tmp_path / "nowhere")

    def test_the_databases_own_come_first(self, write: Callable[[str, str], Path], published: Path) -> None:
        attach(write("a.csv", ONE), "cifar10", "hw")
        attach(write("a.csv", ONE), "cifar10", "x")
        own = attach(write("a.csv", ONE.replace("1.5", "2.5")), "cifar10", "hw", data=published)
        table = Database.open(published)["cifar10"]
        assert table.attached["hw"] == own
        assert table.attached_columns()["hw.latency"][CELLS[0].index] == 2.5
        assert set(table.attached_digests()) == {"hw", "x"}
        assert detach("hw", "cifar10", data=published) == own.path


class TestColumns:
    def test_a_missing_cell_takes_the_mean_of_its_class(self, write: Callable[[str, str], Path]) -> None:
        networks = space.network_of_index()
        members = np.flatnonzero(networks == np.bincount(networks).argmax())
        rows = [(f"index:{members[0]}", 1.0), (f"index:{members[1]}", 4.0)]
        table = attach(write("a.csv", csv_text(rows)), "cifar10", "hw")
        assert (table.n_cells, table.n_networks) == (2, 1)
        column = table.columns()["hw.latency"]
        assert column[members[:2]].tolist() == [1.0, 4.0]
        assert set(column[members[2:]]) == {2.5}
        assert np.isfinite(column).sum() == len(members)

    def test_a_database_table_has_them(self, write: Callable[[str, str], Path], published: Path) -> None:
        attached = attach(write("a.csv", ONE), "cifar10", "hw")
        database = Database.open(published)
        table = database["cifar10"]
        column = table.attached_columns()["hw.latency"]
        assert column[CELLS[0].index] == 1.5
        assert table.attached_digests() == {"hw": attached.digest}
        assert database["cifar100"].attached_columns() == {}
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 0
        copy = pickle.loads(pickle.dumps(table))
        assert np.array_equal(copy.attached_columns()["hw.latency"], column, equal_nan=True)
        assert table.digest == Database.open(published)["cifar10"].digest

    def test_an_array_table_has_them(self) -> None:
        values = np.arange(15_625.0)
        table = ArrayTable({"clean": values}, attached={"hw.latency": values, "hw.energy": -values})
        assert table.attached_columns()["hw.energy"][3] == -3
        assert set(table.attached_digests()) == {"hw"}
        assert table.digest == ArrayTable({"clean": values}).digest
        with pytest.raises(InvalidInputError, match=r"expected <table>.<column>"):
            ArrayTable({}, attached={"latency": values})
        with pytest.raises(InvalidInputError, match=r"\(3,\)"):
            ArrayTable({}, attached={"hw.latency": np.zeros(3)})


class TestSpaces:
    def test_a_table_of_another_space(self, write: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
        path = write("a.csv", 'place,latency\n"10,10,10",1\n"12,13,14",2\n')
        table = attach(path, "cifar10", "hw", key="place", space=GRID)
        assert (table.n_cells, table.n_networks, table.summary()["space"]) == (2, 2, "grid")
        assert attached_tables("cifar10", space=GRID)["hw"].columns()["hw.latency"].shape == (60,)
        with pytest.raises(DataError, match="it is over the space grid, cifar10 is over nasbench201"):
            attached_tables("cifar10", space=NASBENCH201)
        with pytest.raises(DataError, match="unknown search space 'grid'"):
            attached_tables("cifar10")
        monkeypatch.setitem(SPACES, "grid", lambda: GRID)
        assert attached_tables("cifar10")["hw"] == table

    def test_the_space_of_a_table_written_before_spaces_is_nasbench201(self, write: Callable[[str, str], Path]) -> None:
        table = attach(write("a.csv", ONE), "cifar10", "hw")
        with zipfile.ZipFile(table.path) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(entries["manifest.json"])
        del manifest["space"]
        with zipfile.ZipFile(table.path, "w") as archive:
            for name, content in (entries | {"manifest.json": json.dumps(manifest).encode()}).items():
                archive.writestr(name, content)
        assert attached_tables("cifar10") == {"hw": table}

    def test_datasets_with_attached_tables_are_listed(self, write: Callable[[str, str], Path], published: Path) -> None:
        assert attached_datasets() == []
        attach(write("a.csv", ONE), "ImageNet16-120", "hw")
        attach(write("a.csv", ONE), "cifar10-surrogate", "hw")
        attach(write("a.csv", ONE), "cifar100", "hw", data=published)
        assert attached_datasets() == ["cifar10-surrogate", "ImageNet16-120"]
        assert attached_datasets(published) == ["cifar10-surrogate", "cifar100", "ImageNet16-120"]


class TestObjectives:
    @pytest.fixture
    def table(self) -> ArrayTable:
        rng = np.random.default_rng(0)
        latency = rng.random(15_625)
        latency[7] = np.nan
        return ArrayTable(
            {"clean": rng.random(15_625), "pgd@1": rng.random(15_625)},
            attached={"hw.latency": latency, "hw.energy": rng.random(15_625), "zc.synflow": rng.random(15_625)},
        )

    @pytest.mark.parametrize(
        ("name", "minimised"),
        [
            *[(f"edgegpu_{word}", True) for word in ("latency", "energy", "time", "memory", "params", "flops", "macs")],
            *[
                (word, True)
                for word in ("loss", "test_error", "cost", "model_size", "runtime", "Latencies", "trainTime")
            ],
            *[(word, False) for word in ("val_accs", "synflow", "sentiment", "lossless", "arithmetic_intensity")],
        ],
    )
    def test_the_direction_follows_from_the_name(self, name: str, minimised: bool) -> None:
        assert minimised_column(name) is minimised
        assert Objective(f"t.{name}").minimised is minimised

    def test_min_and_max_override_the_name(self) -> None:
        assert Objective("min(zc.synflow)").minimised
        assert not Objective("max( hw.latency )").minimised
        assert Objective("0.5*min(zc.a) + hw.latency").minimised

    def test_they_are_evaluated_in_their_own_units(self, table: ArrayTable) -> None:
        columns = table.attached_columns()
        np.testing.assert_array_equal(Objective("hw.latency").evaluate(table), columns["hw.latency"])
        expected = 2 * columns["hw.latency"] + columns["hw.energy"]
        np.testing.assert_allclose(Objective("2*hw.latency + hw.energy").evaluate(table), expected)
        assert Objective("2*hw.latency + hw.energy").attached == ("hw.latency", "hw.energy")
        assert Objective("hw.latency").passes == 0

    def test_the_oracle_answers_them(self, table: ArrayTable) -> None:
        oracle = Oracle("clean, hw.latency", table)
        outcome = oracle.query(Cell.from_index(20))
        assert outcome.utilities == (outcome.scores[0], -outcome.scores[1])
        missing = oracle.query(Cell.from_index(7))
        assert np.isfinite(missing.utilities[0])
        assert np.isnan(missing.utilities[1])

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("hw.latenci", "did you mean 'hw.latency'"),
            ("clean + hw.latency", "hw.latency is minimised, clean is maximised"),
            ("zc.synflow - hw.latency", "no common unit"),
            ("min(clean)", "take one attached column"),
            ("min(hw.latency", "take one attached column"),
            ("max(hw.latency + hw.energy)", "take one attached column"),
            ("mean(hw.latency)", "unknown objective"),
            ("hw.", "unknown objective"),
        ],
    )
    def test_faults(self, table: ArrayTable, text: str, message: str) -> None:
        with pytest.raises(ObjectiveError, match=message):
            Oracle(text, table)

    def test_a_table_without_says_how_to_attach(self) -> None:
        with pytest.raises(ObjectiveError, match="robustnas data attach FILE --dataset custom --name hw"):
            Oracle("hw.latency", ArrayTable({}))


@pytest.mark.real_data
@pytest.mark.timeout(60)  # files of 15,625 rows, where processors are shared
class TestRealTables:
    @pytest.fixture
    def tables(self, real_data_dir: Path) -> Path:
        folder = real_data_dir.parent / "tables"
        if not folder.is_dir():
            pytest.skip("no folder tables beside the published database")
        return folder

    def check(self, table: AttachedTable, source: Path, column: str) -> None:
        frame = pd.read_csv(source)
        values = table.cell_columns()[f"{table.name}.{column}"]
        expected = frame[column].to_numpy(float)
        np.testing.assert_array_equal(values[space.indices(frame["net"])], expected)
        assert table.n_cells == len(frame)

    def test_hardware(self, tables: Path, real_data_dir: Path) -> None:
        source = tables / "hw_nas_bench_cifar10.csv"
        with pytest.raises(
            DataError, match=r"line 2: '\(4, 3, 3, 0, 0, 0\)' may be .* --notation naslib or nasbench201"
        ):
            attach(source, "cifar10", "hw")
        table = attach(source, "cifar10", "hw", notation="naslib")
        self.check(table, source, "edgegpu_latency")
        assert (table.n_networks, len(table.known)) == (6466, 10)
        outcome = Oracle("clean, pgd@1, hw.edgegpu_latency", Database.open(real_data_dir)["cifar10"]).query(CELLS[2])
        assert 0 < outcome.scores[2] == -outcome.utilities[2] < 20

    def test_validation_accuracy(self, tables: Path) -> None:
        source = tables / "nb201_cifar10_val_accuracy.csv"
        table = attach(source, "cifar10", "val")
        self.check(table, source, "val_accs")
        assert (table.key, list(table.known), table.n_cells) == ("net", ["val_accs"], 9445)

    def test_proxies(self, tables: Path) -> None:
        source = tables / "nb201_imagenet16_120_zero_cost_proxies.csv"
        table = attach(source, "ImageNet16-120", "zc")
        self.check(table, source, "synflow")
        assert len(table.known) == 13
        assert attached_tables("cifar10") == {}
