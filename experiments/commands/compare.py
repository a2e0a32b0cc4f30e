"""``robustnas compare``: a comparison of search strategies."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import pandas as pd

from experiments.commands.executor_option import executor_option
from experiments.commands.interruptions import interruptible
from experiments.commands.options import (
    PATH,
    chosen_dataset,
    data_option,
    jobs_option,
    json_option,
    out_option,
    print_json,
    warn,
)
from experiments.comparison.plan import Plan
from experiments.comparison.records import Records, load
from experiments.comparison.report import write_report
from experiments.comparison.runner import compare as run_plan
from experiments.comparison.slow_searchers import method_of, slow_note
from experiments.comparison.tables import printed_summary
from experiments.journal import MANIFEST
from experiments.output_folder import RESULTS, default_results
from experiments.pages.table import number, unit
from experiments.progress import Bar, Bars, progress_bars
from robustnas.executors import ExecutorSpec

_MOST_BARS = 20


@click.command()
@click.argument("plan", required=False, type=PATH)
@out_option(show_default="robustnas-results/DATASET")
@jobs_option
@executor_option
@data_option()
@json_option
def compare(
    plan: Path | None,
    out: Path | None,
    jobs: int | None,
    executor: str | ExecutorSpec | None,
    data: Path | None,
    as_json: bool,
) -> None:
    """Run the comparison of search strategies that PLAN describes, and report on it.

    Without a PLAN, the built-in one is run (see `robustnas plan`): four strategies on clean and FGSM accuracy. Finished
    runs are kept: after an interruption, the same command resumes.

    \b
    Example:
      robustnas plan > my.toml
      robustnas compare my.toml --out results --jobs 2
      robustnas compare my.toml --out results --executor dask:tcp://10.0.0.1:8786
      robustnas compare my.toml --out results --json > summary.json
    """
    chosen = Plan.builtin(chosen_dataset(None, data)) if plan is None else Plan.load(plan)
    out = _default_folder(chosen.dataset) if out is None else out
    with (
        interruptible(f"finished runs are kept in {out}: run the same command again to resume"),
        progress_bars(counted=True) as bars,
    ):
        if slow := slow_note(_queries(chosen)):
            bars.line(f"Note: {slow}")
        progress = ComparisonProgress(bars, chosen.n_runs)
        for done, run in run_plan(
            chosen,
            out,
            data=data,
            jobs=jobs,
            executor=executor,
            note=warn,
            planned=progress.plan,
            found=progress.count,
        ):
            progress.show(done, run)
    report_comparison(out, as_json=as_json)


def _queries(plan: Plan) -> dict[str, int]:
    """Return how many queries each method makes at most; none where the budget is one of time."""
    if isinstance(plan.budget, str):
        return {}
    each = plan.budget * len(plan.objectives) * len(plan.seeds)
    return dict(
        sum((Counter({method_of(searcher.name, searcher.parameters): each}) for searcher in plan.searchers), Counter())
    )


def _default_folder(dataset: str) -> Path:
    """Return the folder of a comparison where none is named; say so where an older one lies in the former default."""
    if (RESULTS / MANIFEST).exists():
        here = f"{RESULTS} itself holds a comparison of before results were kept by dataset"
        warn(f"{here}; to go on with it, run the same command with --out {RESULTS}")
    return default_results(dataset)


def _size(plan: Plan) -> str:
    """Return how many runs a plan makes, before any is started."""
    counts = {"objective": len(plan.objectives), "searcher": len(plan.searchers), "seed": len(plan.seeds)}
    parts = " x ".join(f"{n:,} {name}{'' if n == 1 else 's'}" for name, n in counts.items())
    runs = "1 run" if plan.n_runs == 1 else f"{plan.n_runs:,} runs"
    most = f"{plan.budget} of simulated time" if isinstance(plan.budget, str) else f"up to {plan.budget:,} networks"
    return f"{parts}: {runs} of {most}"


def report_comparison(directory: Path, *, as_json: bool = False) -> None:
    """Write the report of a comparison; print its table and where the report is, or both as JSON."""
    with progress_bars() as bars:
        page = write_report(directory, warn, bars.add("report").show)
    records = load(directory)
    if as_json:
        print_json(_summary(records, directory) | {"directory": str(directory), "report": str(page)})
    else:
        click.echo(printed_summary(records))
        click.echo(f"\nreport: {page}")


def _summary(records: Records, directory: Path) -> dict[str, Any]:
    """Return what summary.csv says, and what it is of."""
    manifest = records.manifest
    rows = pd.read_csv(directory / "summary.csv").to_dict("records")
    names = ("best", "minimised", "noise_floor", "scale")
    return {
        **{name: manifest[name] for name in ("dataset", "source", "budget")},
        "seeds": list(manifest["seeds"]),
        "searchers": list(records.searchers),
        "objectives": {
            text: {name: facts.get(name) for name in names} for text, facts in manifest["objectives"].items()
        },
        "n_runs": len(records.runs),
        "summary": rows,
    }


class ComparisonProgress:
    """Shows runs finished, per objective and searcher, with the mean of the best so far; those found count too."""

    def __init__(self, bars: Bars, n_runs: int) -> None:
        self._bars, self._n_runs = bars, n_runs
        self._total: Bar
        self._bar_of: dict[tuple[str, str], Bar] = {}
        self._scale_of: dict[str, str] = {}
        self._scores: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    def plan(self, plan: Plan, objectives: Mapping[str, Any]) -> None:
        """Say how many runs there are, and add the bars of a plan, if they are not too many.

        Args:
            plan: Its objectives are called as in records.
            objectives: What is known of each.
        """
        self._bars.line(_size(plan))
        self._total = self._bars.add("all runs", self._n_runs)
        self._scale_of = {name: facts["scale"] for name, facts in objectives.items()}
        pairs = [(objective, searcher.label) for objective in plan.objectives for searcher in plan.searchers]
        for pair in pairs if len(pairs) <= _MOST_BARS else []:
            self._bar_of[pair] = self._bars.add(" / ".join(pair), len(plan.seeds))

    def show(self, done: int, run: Mapping[str, Any] | None) -> None:
        """Count a run; None for those found."""
        self._total.show(completed=done)
        if run is None:
            self._bars.found(done, self._n_runs, "runs")
        else:
            self.count(run)

    def count(self, run: Mapping[str, Any]) -> None:
        """Count a run, or one that was found, for its objective and searcher."""
        pair = run["objective"], run["searcher"]
        self._scores[pair].append(run["queries"]["best"][-1])
        if pair in self._bar_of:
            self._bar_of[pair].show(advance=1, note=_mean_best(self._scores[pair], self._scale_of[run["objective"]]))


def _mean_best(scores: Sequence[float], scale: str) -> str:
    """Return the mean best of the runs so far that found a feasible network, and how many did.

    >>> _mean_best([0.9, 0.946, math.nan], "accuracy")
    'mean best 92.30 %, feasible in 2 of 3'
    """
    known = [score for score in scores if not math.isnan(score)]
    mean = number(sum(known) / len(known), scale) + unit(scale) if known else "-"
    return f"mean best {mean}" + ("" if len(known) == len(scores) else f", feasible in {len(known)} of {len(scores)}")
