from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from robustnas import Cell
from robustnas.errors import DataError
from tests.robustnas.tables.sheets.sheet_files import CELLS, EXPECTED, FRAME, notes_of, numbers_of

Write = Callable[..., Path]
KEYED = FRAME.set_index("arch")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: Any, name: str = "a.json") -> Path:
        path = tmp_path / name
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    return write


@pytest.mark.parametrize("orient", ["columns", "index", "split", "table"])
@pytest.mark.parametrize("keyed", [True, False])
def test_every_orient_of_pandas(write: Write, orient: Any, keyed: bool) -> None:
    frame = KEYED if keyed else FRAME
    assert numbers_of(write(frame.to_json(orient=orient))) == EXPECTED
    assert numbers_of(write({"CIFAR-10": json.loads(FRAME.to_json(orient="columns")), "cifar100": {}})) == EXPECTED


def test_records_and_lines(write: Write) -> None:
    assert numbers_of(write(FRAME.to_json(orient="records"))) == EXPECTED
    for name in ("a.jsonl", "a.ndjson", "a.json"):
        assert numbers_of(write(FRAME.to_json(orient="records", lines=True), name)) == EXPECTED
    assert numbers_of(write(KEYED.reset_index(names=[""]).rename(columns={"": "Unnamed: 0"}).to_json(orient="records")))


def test_values_have_no_names(write: Write) -> None:
    path = write(FRAME.to_json(orient="values"))
    assert numbers_of(path) == {"column_2": EXPECTED["lat"], "column_3": EXPECTED["acc"]}
    assert notes_of(path) == ("the file names no columns: they are called column_1 to column_3",)
    assert numbers_of(write([list(FRAME), *FRAME.to_numpy().tolist()])) == EXPECTED
    lines = "\n".join(map(json.dumps, [list(FRAME), *FRAME.to_numpy().tolist()]))
    assert numbers_of(write(lines, "a.jsonl")) == EXPECTED


def test_lists_by_name_and_text_in_json(write: Write) -> None:
    assert numbers_of(write(FRAME.to_dict(orient="list"))) == EXPECTED
    assert numbers_of(write(json.dumps(FRAME.to_json(orient="records")))) == EXPECTED


def test_encodings(write: Write) -> None:
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le"):
        assert numbers_of(write(FRAME.to_json().encode(encoding))) == EXPECTED


def test_ids_as_row_labels_are_keys_and_row_numbers_are_not(write: Write) -> None:
    ids = {str(cell.database_id): lat for cell, lat in zip(CELLS, EXPECTED["lat"], strict=True)}
    assert numbers_of(write({"lat": ids})) == {"lat": EXPECTED["lat"]}
    assert numbers_of(write({id_: {"lat": lat} for id_, lat in ids.items()})) == {"lat": EXPECTED["lat"]}
    with pytest.raises(DataError, match="no column of architectures among lat"):
        numbers_of(write({"lat": {str(row): row for row in range(4)}}))


def test_operations_by_edge(write: Write) -> None:
    edges = ["0->1", "0->2", "1->2", "0->3", "1->3", "2->3"]
    rows = [
        {"arch": dict(zip(edges, (op.label for op in cell.operations), strict=True)), "lat": lat}
        for cell, lat in zip(CELLS, EXPECTED["lat"], strict=True)
    ]
    backwards = [{"arch": dict(reversed(row["arch"].items())), "lat": row["lat"]} for row in rows]
    assert numbers_of(write(rows)) == numbers_of(write(backwards)) == {"lat": EXPECTED["lat"]}
    lists = [{"arch": list(row["arch"].values()), "lat": row["lat"]} for row in rows]
    assert numbers_of(write(lists)) == {"lat": EXPECTED["lat"]}


def test_many_leaves_of_a_file_that_is_no_table_are_refused_at_once(write: Write) -> None:
    with pytest.raises(DataError, match="entry 'x': cannot read 'x'") as error:
        numbers_of(write({"x": {f"leaf {place}": {"a": 1, "b": 2} for place in range(30_000)}}))
    assert len(str(error.value)) < 500


def test_names_that_would_be_those_of_two_leaves_are_written_in_full(write: Write) -> None:
    path = write({CELLS[0].arch: {"a": {"score": 1.0, "b": 2.0}, "a_b": 3.0}})
    with pytest.raises(DataError, match="would both be called"):
        numbers_of(path)
    content = {cell.arch: {"zen": {"score": 1.0, "time": 2.0}, "zen_score": 3.0} for cell in CELLS}
    assert numbers_of(write(content)) == {"zen": [1.0] * 4, "zen_time": [2.0] * 4, "zen_score": [3.0] * 4}


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (FRAME.to_json()[:-20], "a.json", "is not JSON, or cut short: .*char"),
        (FRAME.to_json(orient="records", lines=True)[:-30], "a.jsonl", "line 4: is not JSON, or cut short"),
        ("", "a.json", "is not JSON, or cut short"),
        ("", "a.jsonl", "holds a list of nothing"),
        ("5\n6\n", "a.jsonl", "holds a list of int"),
        ('{"a": 1}\n[2]\n', "a.jsonl", "holds a list of dict, list"),
        ("[[1, 2], [3]]", "a.json", "row 2: has 1 values; expected 2"),
        ('{"columns": ["a"], "data": [[1], [1, 2]]}', "a.json", "row 2: has 2 values; expected 1"),
        ('{"columns": 3, "data": [1]}', "a.json", "are no table"),
        ('{"columns": ["a", "a"], "data": [[1, 2]]}', "a.json", "column 'a' occurs twice"),
        ('{"schema": 1, "data": [[1, 2]]}', "a.json", "no column of architectures"),
        ('{"arch": ["#1", "#2"], "lat": [1]}', "a.json", "different lengths: arch 2, lat 1"),
        ('{"#1": {"a": ' + "9" * 5000 + "}}", "a.json", "cannot be read: Exceeds the limit"),
        ("[" * 100_000, "a.jsonl", "line 1: is nested too deep|line 1: is not JSON"),
        ('acc={"": ["cifar10#pgd"]}', "a.json", "is a JavaScript assignment.*robustnas data import"),
        (' const x = [{"a": 1}];', "a.js", "is a JavaScript assignment"),
        ("\0", "a.json", "it has a zero byte"),
    ],
)
def test_faults_in_words(write: Write, content: str, name: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        numbers_of(write(content, name))
    assert len(str(error.value)) < 500


def test_an_entry_without_a_number_is_missing(write: Write) -> None:
    content = json.dumps({cell.arch: {"zen": -float("inf") if cell == CELLS[0] else 2.5} for cell in CELLS})
    values = numbers_of(write(content))["zen"]
    assert str(values) == "[nan, 2.5, 2.5, 2.5]"
    assert Cell.parse(CELLS[0].arch) == CELLS[0]


def test_row_numbers_are_no_ids_beside_architectures_in_any_form(write: Write) -> None:
    names = [[token.partition("~")[0] for token in re.split(r"[|+]+", cell.arch) if token] for cell in CELLS]
    spread = [dict(zip("abcdef", operations, strict=True)) for operations in names]
    digits = [{"naslib": "".join(map(str, cell.naslib))} for cell in CELLS]
    for keys in (spread, digits):
        rows = [{**key, **numbers} for key, numbers in zip(keys, KEYED.to_dict(orient="records"), strict=True)]
        assert numbers_of(write({str(row): found for row, found in enumerate(rows)})) == EXPECTED
    ids = {str(cell.database_id): row for cell, row in zip(CELLS, KEYED.to_dict(orient="records"), strict=True)}
    assert numbers_of(write(ids)) == EXPECTED


def test_columns_may_be_called_like_datasets(write: Write) -> None:
    columns = {"arch": list(FRAME["arch"]), "cifar10": EXPECTED["lat"], "cifar100": EXPECTED["acc"]}
    assert numbers_of(write(columns)) == {"cifar10": EXPECTED["lat"], "cifar100": EXPECTED["acc"]}
    assert numbers_of(write({"cifar10": FRAME.to_dict(orient="records")})) == EXPECTED
