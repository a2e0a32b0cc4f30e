"""The report of a benchmark of surrogates: tables, figures and one self-contained page, from the records alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from experiments.pages.page import noted_glyphs, page, write_figures, write_file, write_tables
from experiments.surrogate_benchmark import figures, tables
from experiments.surrogate_benchmark.records import SurrogateRecords, load_records, ranking

PAGE = "report.html"
ROWS = "rows.csv"


def write_surrogate_report(
    directory: str | Path,
    note: Callable[[str], None] | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Path:
    """Write rows.csv, tables/, figures/ and report.html beside the records in a directory.

    Args:
        directory: Of the records.
        note: Called with a sentence where no font has a character of a figure; the page says so too.
        progress: Called with what is being done, and the share of it that is done.

    Returns:
        The path of the page.

    Raises:
        DataError: The records are missing, corrupt or of another kind, or no fit has finished.
    """
    folder = Path(directory)
    records = load_records(folder)
    shown = {
        "ranking": tables.ranking_table(records),
        "measures": tables.measures_table(records),
        "calibration": tables.calibration_table(records),
        "importances": tables.importances_table(records),
    }
    shown = {name: table for name, table in shown.items() if table.rows}
    write_file(folder / ROWS, tables.rows_csv(records))
    write_tables(folder / "tables", shown)
    figured = {
        "learning_curves": figures.learning_figure(records),
        "calibration": figures.calibration_figure(records),
        "importances": figures.importances_figure(records),
    }
    missing = noted_glyphs(figured.values(), note)
    drawn = write_figures(folder / "figures", figured, progress)
    text = page(
        "surrogates.html.j2",
        drawn,
        missing,
        manifest=records.manifest,
        provenance=_provenance(records),
        n_runs=len(records.rows),
        n_planned=records.n_planned,
        findings=[finding(records, objective) for objective in records.objectives],
        tables=shown,
    )
    write_file(folder / PAGE, text)
    return folder / PAGE


def finding(records: SurrogateRecords, objective: str) -> str:
    """Say in one sentence which pair ranks best on an objective, and how near the ceiling it comes."""
    best, *others = ranking(records, objective)
    rows, size = records.rows, records.largest(objective)
    chosen = rows[(rows["objective"] == objective) & (rows["train_size"] == size)]
    mean = chosen.groupby(["surrogate", "encoding"])["kendall_tau"].mean()
    tau, ceiling = float(mean[best]), records.ceiling(objective)
    ahead = f", ahead of {', '.join(others[0])} with {mean[others[0]]:.3f}" if others else ""
    allowed = f"; that is {tau / ceiling:.0%} of what training noise allows, {ceiling:.2f}" if ceiling > 0 else ""
    missing = f"; no noise ceiling: {records.no_ceiling(objective)}" if records.no_ceiling(objective) else ""
    return (
        f"{records.title(objective)}: with {size} training networks, {best[0]} on {best[1]} ranks the others with a "
        f"Kendall tau of {tau:.3f}{ahead}{allowed}{missing}."
    )


def _provenance(records: SurrogateRecords) -> dict[str, str]:
    manifest = records.manifest
    facts = {
        "dataset": manifest["dataset"],
        "source of the numbers": manifest["source"],
        "training of the networks": manifest.get("training"),
        "database digest": manifest["database_digest"],
        "objectives": "; ".join(records.title(name) for name in records.objectives),
        "surrogates": ", ".join(manifest["surrogates"]),
        "encodings": ", ".join(manifest["encodings"]),
        "training networks": ", ".join(str(size) for size in manifest["train_sizes"]),
        "trials": manifest["n_trials"],
        "seed": manifest["seed"],
        "fits": f"{len(records.rows)} of {records.n_planned} finished",
        "versions": ", ".join(f"{name} {version}" for name, version in manifest["versions"].items()),
    }
    return {name: str(value) for name, value in facts.items() if value is not None}
