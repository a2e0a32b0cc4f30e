from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from experiments.comparison import analysis
from experiments.comparison.headline import headline
from experiments.comparison.records import load
from experiments.comparison.report import write_report
from experiments.comparison.significance import significance
from robustnas.errors import DataError
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.spaces.nasbench201.cell import Cell

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


class Page(HTMLParser):
    """Collects what a page refers to, its ids and whether its tags are balanced."""

    VOID = frozenset({"meta", "br", "link", "img", "hr"})

    def __init__(self, text):
        super().__init__()
        self.references, self.ids, self.open, self.tags = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for name, value in attrs:
            if name in {"src", "href", "xlink:href", "action", "srcset"}:
                self.references.append(value)
            if name == "id":
                self.ids.append(value)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def report(write_records):
    """The directory of a report with everything in it."""
    labels = ("random", "local", "regularized evolution with a long label")
    return write_report(write_records(("clean", "pgd@1", "params", "clean, pgd@1"), labels)).parent


def test_everything_is_written(report):
    names = {path.relative_to(report).as_posix() for path in report.rglob("*") if path.is_file()}
    figures = {"regret", "hypervolume", "fronts", "critical_difference", "cross_evaluation"}
    tables = {"summary", "cross_evaluation", "noise_floor", "significance", "seconds"}
    assert names == (
        {"manifest.json", "runs.jsonl", "summary.csv", "report.html"}
        | {f"figures/{name}.{kind}" for name in figures for kind in ("png", "pdf")}
        | {f"tables/{name}.{kind}" for name in tables for kind in ("md", "tex", "csv")}
    )


def test_the_page_is_self_contained_and_well_formed(report):
    page = Page((report / "report.html").read_text())
    assert page.open == []
    assert all(reference.startswith(("#", "data:image/png;base64,")) for reference in page.references)
    assert {reference[1:] for reference in page.references if reference.startswith("#")} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert not {"script", "link", "img", "iframe"} & set(page.tags)


def test_the_page_has_its_parts(report):
    text = (report / "report.html").read_text()
    for part in ("result", "summary", "regret", "hypervolume", "cross-evaluation", "noise-floor", "significance"):
        assert f'<section id="{part}">' in text
    assert "noise of one training" in text
    assert "prefers-color-scheme: dark" in text
    assert "dataset = &#34;cifar10&#34;" in text
    assert "not measurements" not in text
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_the_same_records_give_the_same_bytes(write_records):
    contents = []
    for _ in range(2):
        folder = write_records(n_seeds=6)
        write_report(folder)
        contents.append({p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()})
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    "options",
    [
        {"n_seeds": 1, "searchers": ("random",), "budget": 5},
        {"n_seeds": 1, "searchers": ("random",), "budget": 1},
        {"objectives": ("clean, pgd@1",), "n_seeds": 2},
        {"objectives": ("params",), "n_seeds": 6},
        {"constant": True},
        {"cross_metrics": {}, "versions": None, "database_digest": None, "plan": ""},
    ],
)
def test_small_and_odd_experiments(write_records, options):
    page = Page(write_report(write_records(**options)).read_text())
    assert page.open == []


def test_a_figure_that_no_longer_applies_is_taken_away(write_records):
    folder = write_records()
    write_report(folder)
    runs = (folder / "runs.jsonl").read_text().splitlines(keepends=True)
    (folder / "runs.jsonl").write_text(runs[0])
    write_report(folder)
    assert not (folder / "figures" / "critical_difference.png").exists()
    assert "Unfinished: 1 of 48 runs" in (folder / "report.html").read_text()


def test_numbers_that_are_not_measurements_are_called_so(write_records):
    text = write_report(write_records(n_seeds=1, source="synthetic")).read_text()
    assert "These numbers are not measurements: they come from “synthetic”" in text


def test_labels_cannot_inject_markup(write_records):
    text = write_report(write_records(("clean",), ("<script>alert(1)</script>", "b"), n_seeds=2)).read_text()
    assert "<script>" not in text


def test_dollars_in_labels_are_plain_text(write_records):
    write_report(write_records(("clean",), ("_a$b$c", "$^$"), n_seeds=6))


def test_characters_that_no_font_has_are_named_once(write_records):
    notes = []
    page = write_report(write_records(("clean",), ("a\uf8d3", "b\uf8d3"), n_seeds=6), notes.append).read_text()
    [said] = notes
    assert said.startswith("No installed font has \uf8d3 (U+F8D3): figures show boxes there.")
    assert page.count(said) == 1


def test_nothing_to_report(write_records):
    folder = write_records()
    (folder / "runs.jsonl").write_text("")
    with pytest.raises(DataError, match=r"no run in .* has finished yet"):
        write_report(folder)


def test_headline_says_who_leads_and_whether_it_matters(write_records):
    records = load(write_records(("pgd@1",), n_seeds=20))
    said = headline(records, significance(records))
    medians = {row.searcher: row.median for row in analysis.queries_to_noise_floor(records).itertuples()}
    first, *others = sorted(medians.items(), key=lambda item: item[1])
    assert re.match(
        r"[\w, ]+ needs? \d+ networks? to come within the noise floor of the best \(1\.80 points\)(, \w+ \d+)* "
        r"\(medians over 20 seeds\)\. ",
        said.sentence,
    )
    assert first[0] in said.sentence.partition(" need")[0]
    assert f"{first[1]:.0f} network" in said.sentence
    assert re.fullmatch(
        r"PGD, eps 1/255: networks to come within the noise floor of the best \(1\.80 points\), in the median: "
        + ", ".join(f"{name} {median:.0f}" for name, median in [first, *others])
        + r"\. In the end, evolution reaches 58\.\d\d % \(the mean of 20 seeds, best of the table 58\.80 %\), "
        r"0\.\d\d points ahead of local \((not )?significant, p [=<] 0\.\d+; the lead is below the noise floor\)\.",
        said.findings[0],
    )


def test_headline_of_a_tie(write_records):
    records = load(write_records(constant=True))
    said = headline(records, significance(records))
    assert said.sentence.startswith("evolution, local and random each need the fewest networks to come within the ")
    assert ", as do local and evolution." in said.findings[0]


def test_headline_says_on_how_many_objectives_the_searchers_differ(write_records):
    records = load(write_records(n_seeds=20, budget=5))
    result = significance(records)
    n = sum(p < 0.05 for p in result.tests["p_value"])
    assert n > 0
    said = headline(records, result).sentence
    assert said.endswith(
        f" The searchers differ significantly on {n} of 2 objectives, each tested on its own (p < 0.05)."
    )
    few = load(write_records(n_seeds=5))
    assert headline(few, significance(few)).sentence.endswith(" Not enough to test on any objective.")
    two = load(write_records(searchers=("random", "evolution"), n_seeds=20, budget=5))
    tested = significance(two)
    n = len(set(tested.pairs.loc[tested.pairs["significant"], "objective"]))
    assert f"differ significantly on {n} of 2 objectives" in headline(two, tested).sentence


@pytest.fixture
def chromium():
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on this machine to render the page in")


def test_the_page_renders_offline_in_chromium(report, chromium, tmp_path):
    page = report / "report.html"
    probe = (
        "<script>addEventListener('load', () => { const d = document.documentElement;"
        "d.dataset.overflow = d.scrollWidth - d.clientWidth;"
        "d.dataset.requests = performance.getEntriesByType('resource').length;"
        "d.dataset.cells = document.querySelectorAll('td').length;"
        "const wide = s => s.getBoundingClientRect().width > 99;"
        "d.dataset.drawn = [...document.querySelectorAll('svg')].filter(wide).length;"
        "});</script></head>"
    )
    probed = tmp_path / "probed.html"
    probed.write_text(page.read_text().replace("</head>", probe))
    quiet = "--disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", *quiet.split()]
    command += [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=500,900", "--dump-dom", f"file://{probed}"]
    dom = subprocess.run(command, capture_output=True, text=True, timeout=50, check=True).stdout
    root = re.search(r"<html[^>]*>", dom)[0]
    found = {name: int(value) for name, value in re.findall(r'data-(\w+)="(-?\d+)"', root)}
    assert found["overflow"] <= 0
    assert found["requests"] == 0
    assert found["cells"] == page.read_text().count("<td")
    assert found["drawn"] >= 4
    mean = f"{100 * load(report).curves['clean', 'random'][1][:, -1].mean():.2f}"
    assert f">{mean}<small>" in dom


def several(write_records, archs, tmp_path):
    """Return records of one search for two objectives by two searchers, each of which ended with one of two cells."""
    folder = shutil.copytree(write_records(("clean, pgd@1",), ("random", "local"), n_seeds=1), tmp_path / "several")
    runs = [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]
    for run, arch in zip(runs, archs, strict=True):
        scores = [[0.95, 0.3], [0.9123, 0.4567]]
        run["front"] = [{"arch": a, "scores": s} for a, s in zip((Cell.from_index(0).arch, arch), scores, strict=True)]
        run["best"] = {"arch": arch, "uid": NASBENCH201.uid(Cell.parse(arch)), "score": 0.8765}
    (folder / "runs.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    return folder


def same_network():
    """Return two cells that are one network."""
    canonical = np.asarray(NASBENCH201.canonical_list())
    index = int(np.flatnonzero(canonical != np.arange(len(canonical)))[7])
    return Cell.from_index(index).arch, Cell.from_index(int(canonical[index])).arch


def test_of_several_objectives_a_network_is_drawn_with_its_own_scores(write_records, tmp_path):
    folder = several(write_records, same_network(), tmp_path)
    page = write_report(folder).read_text()
    networks = page[page.index('id="networks"') : page.index('id="seconds"')]
    assert "<strong>clean | PGD: 91.23 %, 45.67 %</strong>" in networks
    assert "0.8765" not in networks
    assert "the most balanced one of the front" in networks


def test_a_network_found_as_two_cells_is_drawn_once(write_records, tmp_path):
    first, second = same_network()
    page = write_report(several(write_records, (first, second), tmp_path)).read_text()
    assert first in page
    assert "random (1 of 1 seeds), local (1 of 1 seeds)" in page
    networks = page[page.index('id="networks"') : page.index('id="seconds"')]
    assert networks.count("<figcaption>") == 1


def test_a_noise_floor_is_explained_where_there_is_one(write_records, report, tmp_path):
    assert "The noise floor." in (report / "report.html").read_text()
    assert "The noise floor." not in write_report(several(write_records, same_network(), tmp_path)).read_text()


def test_a_surrogate_without_noise_has_no_words_on_training(write_records):
    facts = {"best": 0.9, "minimised": False, "scale": "accuracy", "title": "clean", "n_within_noise": 1}
    noise = {"noise_floor": 5.5e-17, "noise_near_best": 3.4e-17, "n_within_noise_near_best": 1}  # rounding of a mean
    known = {"clean": facts | noise}
    folder = write_records(("clean",), n_seeds=3, source="surrogate", dataset="cifar10-surrogate", cross_metrics=known)
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"objectives": known}))
    text = plain(write_report(folder))
    for words in ("noise floor", "trained", "lucky", "retrain", "†"):
        assert words not in text.lower(), words
    assert "Queries to the best" in text


def test_a_surrogate_with_noise_says_that_nothing_was_trained(write_records):
    folder = write_records(("clean",), n_seeds=3, source="surrogate", dataset="cifar10-surrogate@0")
    text = plain(write_report(folder))
    assert "The noise floor. No network was trained for these numbers." in text
    assert "were trained separately" not in text
    assert "Queries to the noise floor" in text
    measured = plain(write_report(write_records(("clean",), n_seeds=3)))
    assert "were trained separately" in measured
    assert "No network was trained" not in measured


def plain(page: Path) -> str:
    """Return the words of a page, without its figures and provenance."""
    content = re.sub(r"<(svg|style|script|pre).*?</\1>", "", page.read_text(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", content).split())
