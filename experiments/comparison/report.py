"""The report: tables, figures and one self-contained HTML page, rebuilt from the records alone.

The same records give the same files, byte for byte; each file appears whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from experiments.comparison import analysis, tables
from experiments.comparison.expected import ExpectedValues, expected_part, load_expected, on_expected_scale
from experiments.comparison.front_tables import fronts_csv, fronts_table
from experiments.comparison.fronts import Fronts, lacking, load_fronts
from experiments.comparison.headline import Headline, headline
from experiments.comparison.leading import leading, left_out
from experiments.comparison.recorded_space import recorded_space
from experiments.comparison.records import Records, load
from experiments.comparison.reported import ReportedValues, load_reported
from experiments.comparison.significance import Significance, significance
from experiments.pages.page import noted_glyphs, page, write_figures, write_file, write_tables
from experiments.pages.table import ReportTable, number, unit
from robustnas.errors import DataError
from robustnas.spaces import EnumerableSpace
from robustnas.tables.table import MEASURED

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = "report.html"
SUMMARY = "summary.csv"
HOURS = "summary_hours.csv"
COST = "summary_cost.csv"
FRONTS_SUMMARY = "summary_fronts.csv"

_TEMPLATE = "report.html.j2"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A network that some searchers found, drawn: searchers with the number of their seeds that ended with it.

    Of several objectives, it is the most balanced network of a front, and the scores are its own.
    """

    objective: str
    arch: str
    uid: str
    score: str
    searchers: str
    svg: str


def write_report(
    directory: str | Path,
    note: Callable[[str], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Write summary.csv, tables/, figures/ and report.html beside the records in a directory.

    With simulated seconds in the records, summary_hours.csv too; where searchers pay differently, summary_cost.csv.

    Args:
        directory: Of the records.
        note: Called with a sentence where no font has a character of a figure; the page says so too.
        progress: Called with what is being done, and the share of it that is done.

    Returns:
        The path of the page.

    Raises:
        DataError: The records are missing or corrupt, or no run has finished.
    """
    folder = Path(directory)
    if progress is not None:
        progress("report: records, tables and tests", 0.0)
    records = load(folder)
    if records.runs.empty:
        raise DataError(f"no run in {folder} has finished yet; expected at least one to report on")
    reported = load_reported(folder, records)
    part = leading(records)
    expected, expected_of_part = load_expected(folder, records), load_expected(folder, part)
    worth = expected_part(records, expected)
    scaled = on_expected_scale(part, expected_of_part)
    result = significance(scaled)
    fronts = load_fronts(folder, records)
    shown = _tables(records, reported, fronts) | _tested(part, scaled, result) | _expected_tables(worth)
    shown = {name: tables.marked(table, records) for name, table in shown.items() if table.rows}
    write_file(folder / SUMMARY, tables.summary_csv(records, reported, worth))
    if records.is_timed:
        write_file(folder / HOURS, tables.hours_csv(records, reported))
    if "cost" in shown:
        write_file(folder / COST, tables.cost_csv(records))
    if fronts.runs:
        write_file(folder / FRONTS_SUMMARY, fronts_csv(records, fronts))
    write_tables(folder / "tables", shown)
    figures = _figures(part, load_reported(folder, part), result, fronts)
    figures |= _expected_figures(expected_part(part, expected_of_part))
    missing = noted_glyphs(figures.values(), note)
    drawn = write_figures(folder / "figures", figures, progress)
    said = headline(scaled, result, part)
    lines = _page(records, part, result, said, shown, drawn, missing, expected, n_lacking=lacking(records, fronts))
    write_file(folder / PAGE, lines)
    return folder / PAGE


def _tables(records: Records, reported: ReportedValues, fronts: Fronts) -> dict[str, ReportTable]:
    return {
        "summary": tables.summary_table(records),
        "hours": tables.hours_table(records),
        "cost": tables.cost_table(records),
        "reported": tables.reported_table(records, reported),
        "reported_hours": tables.reported_table(records, reported, "hours"),
        "fronts": fronts_table(records, fronts),
        "cross_evaluation": tables.cross_evaluation_table(records),
        "noise_floor": tables.noise_floor_table(records),
        "seconds": tables.seconds_table(records),
    }


def _tested(part: Records, scaled: Records, result: Significance) -> dict[str, ReportTable]:
    """Return the tests of every pair, on expected scores where there are any and, beside them, on measured ones."""
    tested = {"significance": tables.significance_table(result, scaled)}
    if any(target.expected for target in scaled.targets.values()):
        tested["significance_measured"] = tables.significance_table(significance(part), part)
    return tested


def _expected_tables(worth: Records) -> dict[str, ReportTable]:
    if not worth.targets:
        return {}
    return {"expected": tables.expected_table(worth), "expected_queries": tables.expected_queries_table(worth)}


def _expected_figures(worth: Records) -> dict[str, Figure | None]:
    from experiments.comparison.figures import regret_figure

    return {"regret_expected": regret_figure(worth) if worth.targets else None}


def _figures(
    records: Records, reported: ReportedValues, result: Significance, fronts: Fronts
) -> dict[str, Figure | None]:
    """Return the figures by name; None for one that can't be drawn."""
    from experiments.comparison import figures
    from experiments.comparison.critical_difference import critical_difference_figure
    from experiments.comparison.cross_figure import cross_evaluation_figure
    from experiments.comparison.front_figure import front_figure

    return {
        "regret": figures.regret_figure(records),
        "regret_hours": figures.regret_figure(records, "hours"),
        "regret_cost": figures.regret_figure(records, "cost"),
        "hypervolume": figures.hypervolume_figure(records),
        "hypervolume_hours": figures.hypervolume_figure(records, "hours"),
        "hypervolume_cost": figures.hypervolume_figure(records, "cost"),
        "reported": figures.reported_figure(records, reported),
        "reported_hours": figures.reported_figure(records, reported, "hours"),
        "fronts": front_figure(records, fronts),
        "critical_difference": critical_difference_figure(result, records),
        "cross_evaluation": cross_evaluation_figure(records),
    }


def _page(
    records: Records,
    part: Records,
    result: Significance,
    said: Headline,
    shown: Mapping[str, ReportTable],
    drawn: Mapping[str, str],
    missing: str,
    expected: ExpectedValues,
    n_lacking: int,
) -> str:
    from experiments.comparison.figures import interval_text

    return page(
        _TEMPLATE,
        drawn,
        missing,
        manifest=records.manifest,
        provenance=_provenance(records),
        n_runs=len(records.runs),
        n_planned=records.n_planned,
        budget=records.budget_text,
        headline=said,
        not_expected=_not_expected(records, expected),
        left_out=left_out(records, part),
        tables=shown,
        verdicts=_verdicts(records, result),
        drawings=_drawings(part),
        n_lacking=n_lacking,
        has_noise=any(target.noise_floor > 0 for target in records.targets.values()),
        is_measured=records.manifest["source"] in MEASURED,
        interval=interval_text(part),
        multi=[target.title for target in records.targets.values() if target.is_multi],
    )


def _not_expected(records: Records, expected: ExpectedValues) -> list[tuple[str, str]]:
    """Return the titles of single objectives without expected scores, and why; not of a surrogate's without noise."""
    is_measured = records.manifest["source"] in MEASURED
    single = {name: target for name, target in records.targets.items() if not target.is_multi}
    found = {name: expected.objectives[name] for name in single}
    reasons = {name: known.reason for name, known in found.items() if is_measured or not known.is_exact}
    return [(single[name].title, reason) for name, reason in reasons.items() if reason]


def _provenance(records: Records) -> dict[str, str]:
    manifest = records.manifest
    seeds = manifest["seeds"]
    versions = manifest.get("versions") or {}
    facts = {
        "dataset": manifest["dataset"],
        "source of the numbers": manifest["source"],
        "training of the networks": manifest.get("training"),
        "database digest": manifest.get("database_digest"),
        "objectives": "; ".join(target.title for target in records.targets.values()),
        "searchers": ", ".join(records.searchers),
        "budget": f"{records.budget_text} per run",
        "simulated seconds of a query": manifest.get("time"),
        "seeds": f"{len(seeds)} ({seeds[0]} to {seeds[-1]})" if len(seeds) > 1 else ", ".join(map(str, seeds)),
        "runs": f"{len(records.runs)} of {records.n_planned} finished, {len(records.queries):,} queries",
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
    }
    return {name: str(value) for name, value in facts.items() if value}


def _verdicts(records: Records, result: Significance) -> list[tuple[str, str]]:
    return [
        (records.targets[name].title, verdict)
        for name, verdict in zip(result.tests["objective"], result.tests["verdict"], strict=True)
    ]


def _drawings(records: Records) -> list[Drawing]:
    """Return the best networks found, once per objective and network, in plan order.

    Cells that are one network are drawn as the first of them; where there are no uids, architectures are networks.
    """
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in analysis.found_networks(records).to_dict("records"):
        row = {str(key): value for key, value in line.items()}
        network = row["arch"] if pd.isna(row["uid"]) else str(row["uid"])
        grouped.setdefault((row["objective"], network), []).append(row)
    return [_drawing(records, objective, rows) for (objective, _), rows in grouped.items()]


def _drawing(records: Records, objective: str, rows: list[dict[str, Any]]) -> Drawing:
    target, arch = records.targets[objective], rows[0]["arch"]
    scales = target.scales if target.is_multi else (target.scale,)
    pairs = zip(rows[0]["scores"], scales, strict=True) if rows[0]["scores"] else ()
    score = ", ".join(f"{number(value, scale)}{unit(scale)}" for value, scale in pairs) or "scores unknown"
    searchers = ", ".join(f"{row['searcher']} ({row['n_seeds']} of {row['n_runs']} seeds)" for row in rows)
    return Drawing(
        target.title, arch, str(rows[0]["uid"]), score, searchers, _picture(arch, recorded_space(records.manifest))
    )


def _picture(arch: str, space: EnumerableSpace[Any] | None) -> str:
    """Return an architecture as its space draws it; nothing where it does not."""
    from markupsafe import Markup

    if space is None:
        return ""
    architecture = space.parse(arch)
    drawing = architecture.svg(title="") if hasattr(architecture, "svg") else ""  # the caption has its arch string
    return Markup(drawing)  # noqa: S704  our own drawing
