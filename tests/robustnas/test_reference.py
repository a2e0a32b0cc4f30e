from __future__ import annotations

import sys
from pathlib import Path

import pytest

from robustnas.errors import InvalidInputError
from robustnas.reference import is_reference, load_reference, source_digests


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", sys.modules.copy())


@pytest.mark.parametrize("name", ["my.py:A", "/some where/my.py:A", "../my.py:A", "my:A", "my.module:A", "a.b.c:d"])
def test_references(name: str) -> None:
    assert is_reference(name)


@pytest.mark.parametrize(
    "name",
    [
        "evolution",
        "naslib:re",
        "optuna:TPESampler",
        "optuna:my.py:A",
        "my.py",
        ":A",
        "my.py:",
        "a b:c",
        "my.py:A-b",
        3,
        None,
    ],
)
def test_other_names(name: object) -> None:
    assert not is_reference(name)


def test_a_file_is_read_again_when_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("class A:\n    value = 1\n")
    first, digests = load_reference("searcher", "mine.py:A"), source_digests(["mine.py:A", "evolution", None])
    assert (first.value, list(digests)) == (1, ["mine.py:A"])
    assert load_reference("searcher", "mine.py:A") is first
    path.write_text("class A:\n    value = 2\n")
    assert load_reference("searcher", "mine.py:A").value == 2
    assert source_digests(["mine.py:A"]) != digests


def test_a_module_and_what_it_imports_are_found_from_the_working_directory(tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("VALUE = 5\n")
    (tmp_path / "my_module.py").write_text("from beside_it import VALUE\nclass B:\n    value = VALUE\n")
    assert load_reference("searcher", "my_module:B").value == 5
    assert load_reference("searcher", "my_module.py:B").value == 5
    assert len(source_digests(["my_module:B", "my_module.py:B"])) == 2
    assert str(tmp_path) not in sys.path


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nowhere.py:A", r"cannot read .*nowhere\.py: No such file"),
        ("nowhere.at_all:A", "cannot be imported: ModuleNotFoundError: No module named"),
        ("mine.py:Aa", r"unknown name in mine\.py: 'Aa'; did you mean 'A'\?"),
        ("wrong.py:A", "wrong.py cannot be imported: ZeroDivisionError"),
        ("exits.py:A", "exits.py cannot be imported: SystemExit: 0"),
        ("syntax.py:A", "syntax.py cannot be imported: SyntaxError"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_words(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "mine.py").write_text("class A:\n    pass\n")
    (tmp_path / "wrong.py").write_text("1 / 0\n")
    (tmp_path / "exits.py").write_text("raise SystemExit(0)\n")
    (tmp_path / "syntax.py").write_text("class\n")
    with pytest.raises(InvalidInputError, match=f"searcher '{name}': .*{message}"):
        load_reference("searcher", name)
