"""Pages of other tables than the database: own spaces, missing numbers, names that are markup, one column, runs."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from experiments.explorer import explorer_page, write_explorer
from experiments.explorer.networks import choose_networks
from experiments.explorer.whose import whose
from robustnas import Cell
from robustnas.errors import DataError, InvalidInputError
from robustnas.spaces import ChoiceSpace, open_space
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables import ArrayTable
from tests.browser import Browser
from tests.experiments.explorer.conftest import Page, downloaded

HOSTILE = "</script><img src=x onerror=document.title='broken'>"
MARKUP = "</script><b>$&"


class Stages(ChoiceSpace):
    """Networks of two stages."""

    choices = {"depth": (1, 2, 3), "width": (8, 16), MARKUP: ("batch", MARKUP, "$1")}  # noqa: RUF012  as users write it

    def valid(self, architecture: object) -> bool:
        return str(architecture) != str(self.from_choices({"depth": 3, "width": 16, MARKUP: "batch"}))


def own_table(**columns: np.ndarray) -> ArrayTable:
    return ArrayTable(columns, f"mine {HOSTILE}", source="file", space=Stages())


def facts_of(content: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(re.findall(r'id="facts">(.*?)</script>', content, re.DOTALL)[0])
    return found


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_table_over_an_own_space_with_missing_numbers_and_names_that_are_markup(
    browser: Browser, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    numbers = {
        "clean": rng.random(18).round(4),
        "own_loss": rng.normal(size=18) * 1e-5,
        "huge": 10.0 ** rng.uniform(-60, 60, 18),
        "counts": np.arange(18) * 123_456_789.0,
    }
    numbers["clean"][4] = np.nan
    numbers["own_loss"][:9] = np.nan
    table = own_table(**numbers)
    write_explorer(tmp_path / "own.html", table)
    page = Page(browser, tmp_path / "own.html")
    page.open()
    assert browser.errors() == []
    assert browser.evaluate("document.title").startswith("mine </script><img")
    assert browser.evaluate("document.images.length") == 0
    assert page.text("#where-said") == "17 networks"
    assert page.texts(".choices tbody th")[2].startswith("</script>")
    page.enter("#find", str(table.space.architecture(3)))
    assert page.text("figcaption b.a") == "A  #3"
    browser.evaluate("document.querySelector('#all-columns').checked = true")
    browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("#csv")
    rows = list(csv.DictReader(downloaded(tmp_path, "*.csv").read_text().splitlines()))
    assert len(rows) == 17
    for row in rows:
        index = table.space.index(table.space.parse(row["arch"]))
        for name in ("clean", "counts", "huge"):
            value = float(row[name]) if row[name] else float("nan")
            np.testing.assert_equal(value, numbers[name][index])
        value = float(row["own_loss"]) if row["own_loss"] else float("nan")
        assert value == pytest.approx(numbers["own_loss"][index], rel=1e-7, nan_ok=True)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_table_of_one_column_is_ordered_by_rank(browser: Browser, tmp_path: Path) -> None:
    values = np.linspace(0.1, 0.9, 18)
    write_explorer(tmp_path / "one.html", own_table(val_acc=values))
    page = Page(browser, tmp_path / "one.html")
    page.open()
    assert browser.errors() == []
    assert "x=rank&y=val_acc" in page.fragment()
    best = page.text("figcaption b.a")
    assert best == "A  #17"
    page.drag((0.15, 0.02), (0.5, 0.45))
    assert re.fullmatch(r"17 networks, [1-9]\d? brushed", page.text("#where-said"))
    first, last = (float(bound) for bound in re.findall(r"[\d.]+", page.text("#clause")))
    n_brushed = int(page.text("#where-said").split(", ")[1].split()[0])
    valid = np.delete(values, 15)
    assert ((valid >= first) & (valid <= last)).sum() == n_brushed > 1


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_runs_are_drawn_up_to_a_query(browser: Browser, tmp_path: Path, write_records: Callable[..., Path]) -> None:
    clean, pgd = np.random.default_rng(0).random((2, NASBENCH201.size)).round(3)
    table = ArrayTable({"clean": clean, "pgd@1": pgd}, "mine")
    folder = write_records(("clean", "clean, pgd@1"), ("random", "evolution"), n_seeds=2, budget=40)
    write_explorer(tmp_path / "runs.html", table, folder)
    page = Page(browser, tmp_path / "runs.html")
    page.open()
    assert browser.errors() == []
    shown = "#view-searches tbody tr"
    assert [text[: len(name)] for text, name in zip(page.texts(shown), ("random", "evolution"), strict=True)] == [
        "random",
        "evolution",
    ]
    run = json.loads((folder / "runs.jsonl").read_text().splitlines()[0])
    best = int(np.argmax(run["queries"]["score"]))
    uid = NASBENCH201.uids()[run["queries"]["index"][best]]
    assert page.text(f"{shown}:first-child button.link") == f"#{uid}"
    page.browser.evaluate(
        "(() => { const s = document.querySelector('#view-searches input[type=range]'); s.value = 1;"
        "s.dispatchEvent(new Event('input')); })()"
    )
    page.rest()
    first = NASBENCH201.uids()[run["queries"]["index"][0]]
    assert page.text(f"{shown}:first-child button.link") == f"#{first}"
    assert "The runs were on cifar10" in page.text("#view-searches > p:last-child")
    page.browser.evaluate(
        "(() => { const s = document.querySelector('#view-searches select'); s.selectedIndex = 1;"
        "s.dispatchEvent(new Event('change')); })()"
    )
    page.rest()
    assert "networks" in page.text(f"{shown}:first-child")


def test_runs_of_another_space_are_refused(write_records: Callable[..., Path], table: ArrayTable) -> None:
    folder = write_records(("clean",), ("random",), n_seeds=1, budget=5, space="wide-resnets")
    with pytest.raises(InvalidInputError, match="search space wide-resnets, cifar10-surrogate@1 is over nasbench201"):
        explorer_page(table, folder)


def test_a_table_without_a_number_is_refused() -> None:
    with pytest.raises(DataError, match="holds no number"):
        explorer_page(own_table(clean=np.full(18, np.nan)))


def test_of_too_many_networks_the_best_and_a_sample_are_shown() -> None:
    space = open_space("nasbench201")
    first, second = np.random.default_rng(0).random((2, space.size))
    second[:1000] = np.nan
    chosen = choose_networks(space, [first, second], most=500)
    assert len(chosen.rows) == len(np.unique(chosen.rows)) == 500
    assert chosen.n_known == space.n_networks
    for column in (first, second):
        best = np.argsort(-np.nan_to_num(column[space.network_indices()], nan=-1))[:20]
        assert set(best.tolist()) <= set(chosen.rows.tolist())
    assert choose_networks(space, [first], most=10_000).rows.tolist() == list(range(space.n_networks))


def test_every_architecture_has_a_place_by_its_options(table: ArrayTable) -> None:
    chosen = choose_networks(table.space, [table.column("clean")])
    places = chosen.combinations()
    assert places is not None
    for name in ("#13433", "#1234", "#5"):
        cell = Cell.parse(name)
        key = int(np.ravel_multi_index(cell.ops, (5,) * 6))
        assert chosen.labels()[places[key]] == f"#{NASBENCH201.uid(cell)}"


def test_the_facts_escape_what_would_end_a_script() -> None:
    content = explorer_page(own_table(clean=np.linspace(0, 1, 18)))
    assert content.count("</script>") == content.count("<script")
    assert "<img" not in content
    assert facts_of(content)["dataset"] == f"mine {HOSTILE}"


def test_of_a_choice_of_very_many_options_those_that_occur_are_named() -> None:
    class Wide(ChoiceSpace):
        """One choice of many."""

        choices = {"size": tuple(range(1000)), "norm": ("a", "b")}  # noqa: RUF012  as users write it

    values = np.full(2000, np.nan)
    values[[14, 15, 1998]] = [0.1, 0.2, 0.3]
    table = ArrayTable({"clean": values}, "wide", source="file", space=Wide())
    chosen = choose_networks(table.space, [values])
    assert chosen.choices()[0] == {"name": "size", "options": ["7", "999"]}
    assert chosen.codes.tolist() == [[0, 0], [0, 1], [1, 0]]
    assert chosen.combinations() is None
    assert chosen.names()["text"][2] == "size=999,norm=a"


@pytest.mark.parametrize(
    ("dataset", "source", "word", "said"),
    [
        ("cifar10", "table", "measurements", "Jung, J. Lukasik, M. Keuper"),
        ("robbench-cifar10", "table", "measurements", "Y. Wu, F. Liu"),
        ("cifar10-surrogate@3", "surrogate", "predictions, not measurements", "Predictions of the embedded benchmark"),
        ("mine", "file", "your own numbers", "Numbers of your own file: mine"),
        ("mine", "array", "from “array”", "not known to be measurements"),
    ],
)
def test_whose_numbers_they_are(dataset: str, source: str, word: str, said: str) -> None:
    found = whose(ArrayTable({"clean": np.zeros(15_625)}, dataset, source, attached={"hw.x": np.zeros(15_625)}))
    assert found.word == word
    assert said in found.sentence
    assert found.sentence.endswith("Attached files of your own: hw.")
    assert found.measured == (source in ("table", "file"))
