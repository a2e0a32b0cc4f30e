"""Studies that are kept: what they are about, and the storages that they are in."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from robustnas import Oracle
from robustnas.errors import InvalidInputError, SearchError
from robustnas.spaces import Subspace, open_space
from searchers import create, search
from searchers.optuna_search import OptunaSearcher
from searchers.optuna_study import PREFIX, forget_study, named, open_storage, safe
from searchers.provenance import Provenance
from searchers.testing import landscape

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

ABOUT = Provenance("cifar10/clean/tpe/0", ("clean",), (False,), {"dataset": "cifar10", "source": "table"})
OTHERS = {
    "dataset": Provenance("x", ("clean",), (False,), {"dataset": "cifar100", "source": "table"}),
    "source": Provenance("x", ("clean",), (False,), {"dataset": "cifar10", "source": "surrogate"}),
    "objectives": Provenance("x", ("pgd@1",), (False,), {"dataset": "cifar10", "source": "table"}),
    "digest": Provenance("x", ("clean",), (False,), {"dataset": "cifar10", "source": "table", "digest": "0"}),
}


def kept(tmp_path: Path, about: Provenance | None = ABOUT, name: str = "optuna-tpe", **parameters: Any) -> Any:
    """Return a searcher that keeps its study in a file."""
    searcher = create(name, 0, provenance=about, **({"storage": storage(tmp_path), "study_name": "s"} | parameters))
    assert isinstance(searcher, OptunaSearcher)
    return searcher


def storage(tmp_path: Path) -> str:
    return f"journal://{tmp_path / 'study.log'}"


def searched(searcher: Any, budget: int = 5) -> list[Any]:
    return list(search(searcher, Oracle("clean", landscape(), budget=budget)))


@pytest.mark.parametrize("what", OTHERS)
def test_a_study_is_not_continued_on_other_numbers(tmp_path: Path, what: str) -> None:
    searched(kept(tmp_path))
    with pytest.raises(SearchError, match=f"study 's' in .* is about something else .*{what} is .* there, .* here"):
        kept(tmp_path, OTHERS[what])
    with pytest.raises(SearchError, match='dataset is "cifar10" there, not known here'):
        kept(tmp_path, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_startup_trials": 5}, r'parameters is .*"n_startup_trials": 10.* here'),
        ({"name": "optuna-nsga2"}, 'searcher is "OptunaTPE" there, "OptunaNSGA2" here'),
        ({"space": Subspace(open_space(), landscape().column("clean") > 0.5)}, "space is .* there, .* here"),
    ],
)
def test_a_study_is_not_continued_by_another_search(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    searched(kept(tmp_path))
    with pytest.raises(SearchError, match=message):
        kept(tmp_path, **change)


def test_a_study_says_what_it_is_about(tmp_path: Path) -> None:
    attributes = kept(tmp_path).study.user_attrs
    assert attributes[f"{PREFIX}dataset"] == "cifar10"
    assert attributes[f"{PREFIX}objectives"] == ["clean"]
    assert attributes[f"{PREFIX}parameters"] == {"max_duplicates": 5, "n_startup_trials": 10}


def test_default_names_differ_with_all_that_a_study_is_about(tmp_path: Path) -> None:
    names = [kept(tmp_path, about, study_name=None).study.study_name for about in (ABOUT, *OTHERS.values())]
    assert len(set(names)) == len(names)
    assert names[0].startswith("cifar10/clean/tpe/0/")
    assert kept(tmp_path, study_name=None).study.study_name == names[0]


def test_long_names_fit_into_databases_and_stay_apart() -> None:
    names = [named("x" * 600, end, "experiment") for end in ("a", "b")]
    assert names[0] != names[1]
    assert all(len(name) < 512 and name.endswith("/experiment") for name in names)


def test_a_continued_study_is_history(tmp_path: Path) -> None:
    assert kept(tmp_path).history == ("s", 0, ())
    first = searched(kept(tmp_path))
    history = kept(tmp_path).history
    assert history.n_trials >= 5
    assert [(o.cell, o.scores, o.utilities) for o in history.outcomes] == [
        (o.cell, o.scores, o.utilities) for o in first
    ]
    assert {outcome.repeat for outcome in history.outcomes} == {True}
    assert kept(tmp_path, storage=None).history is None


def test_infeasible_networks_of_a_history_are_known_as_such(tmp_path: Path) -> None:
    objective = "clean where pgd@1 >= 0.5"
    about = Provenance("x", ("clean",), (False,), {"constraints": ["pgd@1 >= 0.5"]}, ("pgd@1 >= 0.5",))
    first = list(search(kept(tmp_path, about), Oracle(objective, landscape(), budget=12)))
    history = kept(tmp_path, about).history.outcomes
    assert [(o.cell, o.scores, o.slacks, o.signed) for o in history] == [
        (o.cell, o.scores, o.slacks, o.signed) for o in first
    ]
    assert [o.feasible for o in history] == [not math.isnan(o.utility) for o in history]
    assert {o.feasible for o in history} == {True, False}


def test_a_study_from_before_trials_had_constraints_is_refused(tmp_path: Path) -> None:
    searched(kept(tmp_path))
    about = Provenance("x", ("clean",), (False,), {**ABOUT.facts, "constraints": ["pgd@1 >= 0.5"]}, ("pgd@1 >= 0.5",))
    with pytest.raises(SearchError, match=r'constraints is not known there, \["pgd@1 >= 0.5"\] here'):
        kept(tmp_path, about)


def test_a_minimised_history_has_utilities(tmp_path: Path) -> None:
    about = Provenance("x", ("params",), (True,))
    first = list(search(kept(tmp_path, about), Oracle("params", landscape(), budget=3)))
    assert [o.utility for o in kept(tmp_path, about).history.outcomes] == [-o.score for o in first]


def test_a_continued_search_does_not_begin_again(tmp_path: Path) -> None:
    first = searched(kept(tmp_path), 8)
    searcher = kept(tmp_path)
    before = len(searcher.study.trials)
    second = searched(searcher, 8)
    assert not {o.cell for o in first} & {o.cell for o in second}
    assert len(searcher.study.trials) - before < 12  # with the first search's seed, it would repeat all of that


def test_a_study_of_another_program_is_left_alone(tmp_path: Path) -> None:
    foreign = optuna.create_study(storage=open_storage(storage(tmp_path)), study_name="s", direction="maximize")
    kept(tmp_path)  # it is empty
    empty = optuna.create_study(storage=open_storage(storage(tmp_path)), study_name="t", direction="minimize")
    with pytest.raises(SearchError, match="has the directions minimize, unlike the objectives"):
        kept(tmp_path, study_name="t")
    empty.add_trial(optuna.trial.create_trial(value=1.0))
    with pytest.raises(SearchError, match="holds 1 trials and does not say what they are about"):
        kept(tmp_path, study_name="t")
    assert len(foreign.trials) == 0


def test_only_the_study_of_an_experiment_is_forgotten(tmp_path: Path) -> None:
    about = Provenance("x", ("clean",), (False,), {"experiment": "abc"})
    kept(tmp_path, about)
    forget_study(storage(tmp_path), "s", "other")
    forget_study(storage(tmp_path), "nothing", "abc")
    assert optuna.get_all_study_names(open_storage(storage(tmp_path))) == ["s"]
    forget_study(storage(tmp_path), "s", "abc")
    assert optuna.get_all_study_names(open_storage(storage(tmp_path))) == []


def _text(path: Path) -> None:
    path.write_text("no journal, no database, but long enough to be read as a header of something else\n" * 20)


def _version(path: Path) -> None:
    open_storage(f"sqlite:///{path}")
    import sqlite3

    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'v99'")


def _folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("url", "make", "message"),
    [
        ("sqlite:///{}", _text, "file is not a database"),
        ("sqlite:///{}", _folder, "it is a folder; expected a file"),
        ("sqlite:///{}/nosuch/x.db", None, "there is no folder '.*nosuch'; make it first"),
        ("sqlite:///{}", _version, "no longer compatible with the table schema"),
        ("journal://{}", _text, ""),
        ("journal://{}", _folder, "it is a folder; expected a file"),
        ("journal://{}/nosuch/x.log", None, "there is no folder '.*nosuch'; make it first"),
        ("nosuchdialect://x", None, "nosuchdialect"),
        ("postgresql+nosuchdriver://x", None, "nosuchdriver"),
        ("redis://localhost", None, ""),
    ],
)
def test_a_storage_that_cannot_be_opened_is_named(
    tmp_path: Path, url: str, make: Callable[[Path], None] | None, message: str
) -> None:
    url = url.format(tmp_path / "file")
    if make:
        make(tmp_path / "file")
    with pytest.raises(SearchError, match=f"Optuna cannot use the storage '{re.escape(url)}': .*{message}") as found:
        create("optuna-tpe", 0, storage=url)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("url", ["study.db", "", 5, "journal://"])
def test_what_is_no_url_is_refused(url: Any) -> None:
    with pytest.raises(InvalidInputError, match=f"storage is {re.escape(repr(url))}; expected a URL such as sqlite"):
        open_storage(url)


def test_passwords_are_not_shown() -> None:
    assert safe("postgresql://ada:secret@db.lab/x") == "postgresql://ada:***@db.lab/x"


def test_a_study_that_is_deleted_in_the_middle_is_named(tmp_path: Path) -> None:
    searcher = kept(tmp_path)
    optuna.delete_study(study_name="s", storage=open_storage(storage(tmp_path)))
    with pytest.raises(SearchError, match="Optuna cannot use the storage"):
        searcher.ask()


_PROCESS = """
import sys
from searchers import create
from searchers.optuna_study import open_storage
for _ in range(3):
    open_storage(sys.argv[1])
"""


@pytest.mark.slow
def test_several_processes_lay_out_a_new_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'new.db'}"
    processes = [subprocess.Popen([sys.executable, "-c", _PROCESS, url]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
