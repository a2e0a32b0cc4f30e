from __future__ import annotations

import csv
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.cells import cell_len

from experiments.comparison import analysis, tables
from experiments.comparison.records import load
from experiments.comparison.significance import significance
from experiments.pages.table import latex, markdown, to_csv

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared


@pytest.fixture
def records(write_records):
    return load(write_records(("clean", "pgd@1", "params", "clean, pgd@1")))


def test_summary_csv_has_the_columns_that_scripts_rely_on(records):
    frame = pd.read_csv(io.StringIO(tables.summary_csv(records)))
    assert list(frame)[:6] == ["objective", "searcher", "n_queries", "mean", "std", "n_seeds"]
    expected = analysis.summary(records)
    assert np.array_equal(frame["mean"], expected["mean"])
    assert set(frame["objective"]) == {"clean", "pgd@1", "params", "clean, pgd@1"}


def test_every_number_of_one_seed_reads_as_a_float(write_records):
    text = tables.summary_csv(load(write_records(n_seeds=1, budget=5)))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["std"] for row in rows} == {"nan"}
    assert {row["n_queries"] for row in rows} == {"5"}
    assert all(float(row["mean"]) <= 1 for row in rows)


def test_accuracies_are_in_percent_and_counts_are_not(records):
    rows = {row.group.partition(" (")[0]: row for row in tables.summary_table(records).rows}
    final = analysis.summary(records, [60]).set_index(["objective", "searcher"])
    assert rows["clean"].entries[2].text == f"{100 * final.loc[('clean', 'evolution'), 'mean']:.2f}"
    assert rows["parameters"].entries[2].text == f"{final.loc[('params', 'evolution'), 'mean']:,.0f}"
    assert rows["clean | PGD"].entries[2].text == f"{final.loc[('clean, pgd@1', 'evolution'), 'mean']:.4f}"


def test_the_best_and_what_is_beyond_the_noise_are_marked_per_objective(records):
    table = tables.summary_table(records)
    final = analysis.summary(records, [60])
    for (objective, group), (_, rows) in zip(final.groupby("objective", observed=True), table.groups, strict=True):
        target = records.targets[objective]
        means = group["mean"].to_numpy() * target.sign
        entries = [row.entries[-1] for row in rows]
        assert [entry.best for entry in entries] == (means == means.max()).tolist()
        far = (means.max() - means >= target.noise_floor) & (target.noise_floor > 0)
        assert [entry.marked for entry in entries] == far.tolist()
    assert table.columns[-1] != "seeds"  # the same everywhere, so that the note says it
    assert "Seeds: " in table.note


def test_one_searcher_is_not_the_best_of_anything(write_records):
    table = tables.summary_table(load(write_records(searchers=("random",))))
    assert not any(entry.best or entry.marked for row in table.rows for entry in row.entries)


def test_markdown_is_a_table_with_aligned_columns(records):
    lines = [line for line in tables.printed_summary(records).splitlines() if line.startswith("|")]
    assert len({len(line) for line in lines}) == 1
    assert len({line.replace(r"\|", "").count("|") for line in lines}) == 1
    assert len(lines) == 2 + 4 * 3
    assert "**" in lines[4]


def test_markdown_is_aligned_where_characters_take_two_places(write_records):
    lines = tables.printed_summary(load(write_records(("clean",), ("搜索", "进化 🚀", "random")))).splitlines()[:5]
    ends = {cell_len("|".join(line.split("|")[:3])) for line in lines}
    assert len(ends) == 1
    assert lines[2].split("|")[2] == " 搜索     "


def test_latex_is_escaped_and_balanced(records):
    text = latex(tables.summary_table(records), "summary")
    assert text.count(r"\begin{") == text.count(r"\end{") == 2
    assert text.count("{") == text.count("}")
    for command in (r"\toprule", r"\bottomrule", r"\textbf{", r"(\%, best", r"\label{tab:summary}"):
        assert command in text
    assert "†" not in text
    assert "±" not in text
    row = next(line for line in text.splitlines() if line.strip().startswith("random"))
    assert row.count("&") == len(tables.summary_table(records).columns) - 1


def test_hostile_labels_are_escaped(write_records):
    table = tables.summary_table(load(write_records(("clean",), ("a_b & 50%", "x|y"), n_seeds=2)))
    assert r"a\_b \& 50\%" in latex(table, "t")
    assert r"x\|y" in markdown(table)


def test_csv_reads_back(records):
    table = tables.cross_evaluation_table(records)
    rows = list(csv.reader(io.StringIO(to_csv(table))))
    assert rows[0] == ["group", "searcher", "clean", "PGD, eps 1/255"]
    assert len(rows) == 1 + 3 * 3


def test_queries_that_never_got_there_say_so(write_records):
    table = tables.noise_floor_table(load(write_records(("pgd@1",), budget=1)))
    assert any("> 1" in entry.text for row in table.rows for entry in row.entries)


def test_significance_table_has_every_pair(records):
    table = tables.significance_table(significance(records), records)
    assert len(table.rows) == 4 * 3
    assert {row.group for row in table.rows} >= {"clean", "parameters"}


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [(0.5, "accuracy", "50.00"), (float("nan"), "accuracy", "–"), (1.5e6, "count", "1,500,000")],
)
def test_numbers(value, scale, text):
    assert tables.number(value, scale) == text


def test_tables_of_a_surrogate_say_that_they_are_no_measurements(records):
    table = tables.summary_table(records)
    assert tables.marked(table, records) == table
    assert "measurements" not in tables.printed_summary(records)
    predicted = replace(records, manifest=records.manifest | {"source": "surrogate", "dataset": "cifar10-surrogate"})
    assert "cifar10-surrogate: numbers of a surrogate, not measurements." in tables.printed_summary(predicted)
    assert set(pd.read_csv(io.StringIO(tables.summary_csv(predicted)))["source"]) == {"surrogate"}


def test_brackets_and_angles_are_words(write_records):
    table = tables.summary_table(load(write_records(searchers=("[a] <b>", "x|y", "*z*"), n_seeds=2)))
    text = latex(table, "t")
    assert r"{[}a{]} \textless{}b\textgreater{}" in text
    assert r"x\textbar{}y" in text
    assert r"{*}z{*}" in text
    assert r"\[a\] \<b\>" in markdown(table)
