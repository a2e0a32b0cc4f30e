"""The explorer's page, by real clicks in Chromium: what it shows is what Python computes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from robustnas import Objective
from robustnas.objectives.objective import feasible, signed_columns
from robustnas.pareto import non_dominated
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables.noise import noise_floor, noise_near_best
from robustnas.tables.table import Table
from tests.browser import Browser
from tests.experiments.explorer.conftest import Page, downloaded

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]

NETWORKS = NASBENCH201.network_indices()


def kept(clause: str, table: Table) -> Any:
    """Which networks satisfy a clause, by row."""
    return feasible([Objective(f"clean where {clause}")], table)[NETWORKS]


def first_number(text: str) -> int:
    return int(re.search(r"[\d,]+", text)[0].replace(",", ""))  # type: ignore[index]


def test_it_opens_without_a_request_and_says_on_every_view_that_these_are_predictions(page: Page) -> None:
    page.open()
    assert page.browser.requests() == [f"file://{page.path}"]
    assert page.browser.errors() == []
    cards = page.texts(".card h2")
    assert len(cards) == len(page.texts(".card .source")) >= 9
    assert set(page.texts(".card .source")) == {"predictions, not measurements"}
    assert page.text(".whose").startswith("Predictions of the embedded benchmark cifar10-surrogate@1")
    assert "ICLR 2023" in page.text(".whose")


@pytest.mark.parametrize(
    "clause",
    [
        "params < 4e5 and pgd@1 >= 0.4",
        "0.5*clean + 0.5*worst@1 > 0.6 and corruption <= 0.55",
        "pgd@8/255 < 0.01 and adversarial@2 >= 0.2 and corruption:fog >= 0.6 and corruption@5 > 0.3",
    ],
)
def test_a_where_clause_means_what_it_means_to_a_search(page: Page, table: Table, clause: str) -> None:
    page.show()
    page.browser.click("#where")
    page.browser.type(clause)
    page.rest()
    assert page.text("#where-said") == f"{int(kept(clause, table).sum()):,} of 6,466 networks left"
    assert page.text("#clause") == " and ".join(str(c) for c in Objective(f"clean where {clause}").constraints)


def test_a_clause_that_cannot_be_read_is_answered_and_leaves_all(page: Page) -> None:
    page.show()
    page.browser.click("#where")
    page.browser.type("pgd1 > 0.3")
    page.rest()
    assert page.text("#where-said").startswith("unknown metric “pgd1”; did you mean pgd@")
    assert page.text("#view-take-it-away .said").startswith("6,466 networks")


def test_the_front_is_that_of_the_table(page: Page, table: Table) -> None:
    page.show("where=params+<+600000&x=clean&y=pgd@1")
    within = feasible([Objective("clean where params < 600000")], table)[NETWORKS]
    for z, names in (("", "clean,pgd@1"), ("params", "clean,pgd@1,params")):
        if z:
            page.enter("#view-front .across .picker input", z)
        objectives = [Objective(name) for name in names.split(",")]
        utilities = np.where(within, signed_columns(objectives, table)[:, NETWORKS], np.nan)
        n = int(non_dominated(utilities.T).sum())
        assert first_number(page.text("#view-front .said")) == n
        assert len(page.texts("#view-front circle.front")) == n


def test_a_brush_is_a_clause_and_shows_what_its_networks_share(page: Page, table: Table) -> None:
    page.show("x=clean&y=pgd@1")
    page.drag((0.55, 0.05), (0.97, 0.45))
    clause = page.text("#clause")
    rows = np.flatnonzero(kept(clause, table))
    assert 20 < len(rows) < 6000
    assert page.text("#where-said") == f"6,466 networks, {len(rows):,} brushed"
    codes = NASBENCH201.codes()[NETWORKS[rows]]
    for edge, option in ((0, 3), (3, 4), (5, 1)):
        share = round(100 * float((codes[:, edge] == option).mean()))
        assert page.text(f"[data-pick='{edge}.{option}'] span") == str(share)
    page.browser.evaluate("document.querySelector('#view-front .area').focus()")
    page.browser.key("Escape", 27)
    page.rest()
    assert page.text("#where-said") == "6,466 networks"


def test_options_filter_edge_by_edge_and_everywhere(page: Page) -> None:
    page.show()
    codes = NASBENCH201.codes()[NETWORKS]
    page.click("[data-pick='0.3']")
    only = codes[:, 0] == 3
    assert first_number(page.text("#where-said")) == only.sum()
    page.click("[data-option='4']")
    without = only & ~(codes == 4).any(axis=1)
    assert first_number(page.text("#where-said")) == without.sum()
    page.click("[data-pick='0.3']")
    assert first_number(page.text("#where-said")) == (~(codes == 4).any(axis=1) & (codes[:, 0] != 3)).sum()
    page.click(".toolbar button")
    assert page.text("#where-said") == "6,466 networks"


def test_a_network_is_found_by_any_of_its_names(page: Page, table: Table) -> None:
    page.show()
    cell = NASBENCH201.parse("#13433")
    label = f"A  #{NASBENCH201.uid(cell)}"
    for name in ("13433", "#13433", cell.arch, str(cell.naslib), f"index:{cell.index}"):
        page.show("a=0")
        assert page.text("figcaption b.a") != label
        page.enter("#find", name)
        assert page.text("figcaption b.a") == label, name
    row = page.texts(".scores tbody tr:nth-child(3) > *")
    value = 100 * float(table.column(Objective("pgd@1").metrics[0])[cell.index])
    assert row[0] == "PGD @1 %"
    assert row[1].startswith(f"{value:.1f} ± ")
    page.enter("#find", "#99999")
    assert page.text("#view-network .wrong") == "no such network here"


def test_clicks_and_keys_choose_networks_and_put_two_side_by_side(page: Page) -> None:
    page.show("x=clean&y=pgd@1&a=13433")
    x, y = page.browser.middle("#view-front circle.marker.a")
    page.enter("#find", "#655")
    page.browser.middle("#view-front .area")
    x, y = page.browser.evaluate(
        "(() => { const b = document.querySelector('#view-front .area').getBoundingClientRect();"
        "const c = document.querySelector('#view-front circle.marker.a');"
        "return [b.left + c.cx.baseVal.value, b.top + c.cy.baseVal.value]; })()"
    )
    page.enter("#find", "#13433")
    page.browser.middle("#view-front .area")
    page.browser.click_at(x, y, shift=True)
    page.rest()
    beside = page.text("figcaption b.b")
    assert beside.startswith("B  #")
    assert re.match(r"(\d edges? differs?|The same network)", page.text("#view-network .scroll + .said"))
    assert len(page.texts(".scores thead th")) == 5
    page.browser.evaluate("document.querySelector('#view-front .area').focus()")
    before = page.text("figcaption b.a")
    page.browser.key("ArrowUp", 38)
    page.rest()
    assert page.text("figcaption b.a") != before
    page.click("#swap")
    assert page.text("figcaption b.a") == beside.replace("B ", "A ", 1)
    page.click("#unpin")
    assert page.texts("figcaption b.b") == []


def test_noise_is_that_of_the_twins(page: Page, table: Table) -> None:
    page.show("metric=pgd@1")
    scores = Objective("pgd@1").evaluate(table)[NETWORKS]
    overall, near = noise_floor(scores), noise_near_best(scores)
    said = page.text("#view-functional-twins .strong")
    found = re.search(r"(\d+) groups.* is ([\d.]+) points, ([\d.]+) near the best", said)
    assert found is not None
    assert found[1] == "641"
    assert float(found[2]) == pytest.approx(100 * overall.std, abs=0.006)
    assert float(found[3]) == pytest.approx(100 * near.std, rel=0.1)  # groups at the edge of 100 networks may differ


def test_neighbours_are_those_of_the_space(page: Page, table: Table) -> None:
    page.show("metric=clean&a=81")
    cell = NASBENCH201.parse("#81")
    cell = NASBENCH201.canonical(cell)
    scores = Objective("clean").evaluate(table)
    near = {NASBENCH201.network_of_index()[NASBENCH201.index(other)] for other in NASBENCH201.neighbours(cell)}
    near -= {NASBENCH201.network_of_index()[cell.index]}
    assert f"of {len(near)} neighbouring network" in page.text("#view-neighbours .strong")
    for edge, option in ((0, 0), (2, 4)):
        ops = list(cell.ops)
        if ops[edge] == option:
            continue
        ops[edge] = option
        gain = 100 * (scores[NASBENCH201.index(type(cell)(tuple(ops)))] - scores[cell.index])
        shown = page.text(f".near tbody tr:nth-child({edge + 1}) td:nth-child({option + 2})")
        assert shown in ("=", f"{gain:+.1f}".replace("-", "−"), "0.0")


def test_choices_cost_and_attacks_rank_as_computed(page: Page, table: Table) -> None:
    page.show()
    names = ["clean", "fgsm@1", "pgd@1", "apgd@1"]
    columns = {name: Objective(name).evaluate(table)[NETWORKS] for name in [*names, "worst@1"]}
    best = int(np.argmax(columns["clean"]))
    assert page.text(".trade tbody tr:nth-child(1) button.link") == f"{100 * columns['clean'].max():.1f}"
    for place, name in enumerate(names[1:], 3):
        loss = 100 * (columns[name].max() - columns[name][best])
        assert page.text(f".trade tbody tr:nth-child(1) > :nth-child({place})") in (f"−{loss:.1f}", "0")
    top = [f"{100 * value:.1f}" for value in np.sort(columns["worst@1"])[::-1][:8]]
    assert page.texts("#view-attacks table:first-of-type tbody td b") == top
    page.click(".trade tbody tr:nth-child(1) > :nth-child(3) button")
    assert "x=clean&y=fgsm%401" in page.fragment()


def test_a_link_restores_what_is_shown(page: Page) -> None:
    page.open()
    page.browser.click("#where")
    page.browser.type("params < 500000")
    page.drag((0.5, 0.1), (0.9, 0.5))
    page.click("[data-pick='1.2']")
    page.enter("#find", "#655")
    page.click("#pin")
    fragment, said = page.fragment(), page.text("#where-said")
    shown = [page.texts(selector) for selector in ("figcaption b", "#clause", "#view-front .said", ".choices span")]
    page.open(fragment)
    assert page.fragment() == fragment
    assert page.text("#where-said") == said
    assert [
        page.texts(selector) for selector in ("figcaption b", "#clause", "#view-front .said", ".choices span")
    ] == shown
    page.show("x=nonsense&y=clean&brush=a&pick=9.9y&a=zzz&zoom1=1+2&eps=7&where=%3Cscript%3E")
    assert page.browser.errors() == []
    assert page.text("#where-said").startswith("cannot read “<script>”") or "expected" in page.text("#where-said")


def test_csv_holds_every_number_as_it_is(page: Page, table: Table, tmp_path: Path) -> None:
    page.show("where=pgd@1+>=+0.5")
    page.browser.call("Page.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.click("#all-columns")
    page.click("#csv")
    frame = pd.read_csv(downloaded(tmp_path, "*.csv"))
    rows = np.flatnonzero(kept("pgd@1 >= 0.5", table))
    assert len(frame) == len(rows) > 50
    indices = NASBENCH201.indices(frame["arch"])
    assert indices.tolist() == NETWORKS[rows].tolist()
    for metric in table.metrics:
        assert frame[str(metric)].tolist() == table.column(metric)[indices].tolist()
    assert frame["flops"].tolist() == NASBENCH201.cost_column("flops")[indices].tolist()
    page.browser.evaluate("document.querySelector('#notation').value = 'NASLib'")
    page.click("#archs-file")
    listed = downloaded(tmp_path, "*.txt").read_text().splitlines()
    assert NASBENCH201.indices(listed).tolist() == indices.tolist()


@pytest.mark.parametrize("dark", [False, True])
def test_it_is_usable_on_a_phone(page: Page, browser: Browser, dark: bool) -> None:
    page.open("z=params&b=655", width=400, height=800, dark=dark)
    assert browser.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    wide = browser.evaluate(
        "[...document.querySelectorAll('.card')].filter(e => e.getBoundingClientRect().right > innerWidth).length"
    )
    assert wide == 0
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(17, 20, 24)" if dark else "rgb(255, 255, 255)"
    )
    assert browser.errors() == []
