"""Records of a benchmark of surrogates, read back, and what is computed from them."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.journal import MANIFEST, SOURCES, edited_sources, read_manifest, read_runs
from experiments.pages.notebook import Drawing, Report, tables_html
from experiments.surrogate_benchmark.runner import KEY, row
from experiments.surrogate_benchmark.schema import KIND, check_benchmark, check_fit, check_objective
from robustnas.display import card
from robustnas.errors import DataError, InvalidInputError, listing, unknown_name

PAIR = ["surrogate", "encoding"]
_CONFIDENCE = 0.95


@dataclass(frozen=True, eq=False)
class SurrogateRecords:
    """The records of one benchmark.

    Attributes:
        manifest: What was fitted, on what data, with what versions.
        rows: One row per finished fit, as `robustnas surrogates --json` prints them; NaN where a measure is undefined.
        importances: Shares by feature: objective, surrogate, encoding, train_size, trial, feature, share.
        directory: Where they were read from; None if they were not.
    """

    manifest: dict[str, Any]
    rows: pd.DataFrame
    importances: pd.DataFrame
    directory: Path | None = None

    def summary(self, measure: str = "kendall_tau") -> pd.DataFrame:
        """Return a measure by size of the training set, over trials; see `learning_curves`."""
        if measure not in self.rows.columns:
            raise InvalidInputError(unknown_name("measure", measure, map(str, self.rows.columns)))
        return learning_curves(self, measure)

    def plot(self) -> Drawing:
        """Return a figure of the learning curves."""
        from experiments.surrogate_benchmark.figures import learning_figure  # reads records itself, as what follows

        figure = learning_figure(self)
        if figure is None:
            raise InvalidInputError("no fit has a Kendall tau; expected at least one to draw")
        return Drawing(figure)

    def report(self) -> Report:
        """Write the report beside the records, and return it: a notebook shows it in a frame.

        Raises:
            InvalidInputError: The records are not kept in a folder.
        """
        from experiments.surrogate_benchmark.report import write_surrogate_report

        if self.directory is None:
            raise InvalidInputError("these records are not those of a folder; name one with out='my-benchmark'")
        return Report.read(write_surrogate_report(self.directory))

    def __repr__(self) -> str:
        n = len(self.rows)
        fits = f"{n} fit{'' if n == 1 else 's'}" if n == self.n_planned else f"{n} of {self.n_planned} fits"
        what = f"{listing(self.manifest['surrogates'], 6)} on {listing(self.objectives, 6)}"
        return f"<{fits} on {self.manifest['dataset']}: {what}>"

    def _repr_html_(self) -> str:
        from experiments.surrogate_benchmark.tables import ranking_table

        return card(repr(self).strip("<>"), tables_html([ranking_table(self)]))

    @property
    def objectives(self) -> list[str]:
        """The objectives that some fit is finished for, in the order asked for."""
        there = set(self.rows["objective"])
        return [name for name in self.manifest["objectives"] if name in there]

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """Surrogates and encodings that some fit is finished for, in the order asked for."""
        there = set(self.rows[PAIR].itertuples(index=False, name=None))
        asked = [(name, code) for name in self.manifest["surrogates"] for code in self.manifest["encodings"]]
        return [pair for pair in asked if pair in there]

    @property
    def n_planned(self) -> int:
        """Fits that the benchmark asks for."""
        named = ("objectives", "surrogates", "encodings", "train_sizes")
        return math.prod(len(self.manifest[name]) for name in named) * int(self.manifest["n_trials"])

    def title(self, objective: str) -> str:
        """Return an objective's name for tables and figures, such as ``PGD, eps 1/255``."""
        return str(self.manifest["objectives"][objective]["title"])

    def scale(self, objective: str) -> str:
        """Return how scores of an objective are written, as in `robustnas.objectives.scale_of`."""
        return str(self.manifest["objectives"][objective].get("scale", "accuracy"))

    def ceiling(self, objective: str) -> float:
        """Return the Kendall tau that training noise allows, NaN if unknown."""
        return self._known(objective, "ceiling")

    def ceiling_error(self, objective: str) -> float:
        """Return the standard error of the ceiling, NaN if unknown, as in records of earlier versions."""
        return self._known(objective, "ceiling_error")

    def ceiling_r2(self, objective: str) -> float:
        """Return the R2 that training noise allows, NaN if unknown."""
        return self._known(objective, "ceiling_r2")

    def no_ceiling(self, objective: str) -> str:
        """Return why there is no ceiling; empty if there is one, or if the records do not say."""
        return str(self.manifest["objectives"][objective].get("no_ceiling") or "")

    def _known(self, objective: str, name: str) -> float:
        value = self.manifest["objectives"][objective].get(name)
        return math.nan if value is None else float(value)

    def largest(self, objective: str) -> int:
        """Return the largest training set that some fit is finished for."""
        return int(self.rows.loc[self.rows["objective"] == objective, "train_size"].max())


def is_benchmark(directory: str | Path) -> bool:
    """Return whether a directory's manifest is that of a benchmark of surrogates; False for any other or none."""
    with suppress(DataError):
        return read_manifest(Path(directory)).get("kind") == KIND
    return False


def read_benchmark(folder: Path) -> dict[str, Any]:
    """Read the manifest of a benchmark of surrogates.

    Raises:
        DataError: There is none, it is of another kind of experiment, or it is damaged; the message names the field.
    """
    return check_benchmark(read_manifest(folder, KIND), str(folder / MANIFEST))


def load_records(directory: str | Path) -> SurrogateRecords:
    """Read what `surrogate_benchmark.benchmark` wrote.

    Raises:
        DataError: The records are missing, of another kind, or none is finished.
    """
    folder = Path(directory)
    manifest = read_benchmark(folder)
    sources = manifest.get(SOURCES) or {}
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for where, content in read_runs(folder):
        record = check_fit(content, where)
        check_objective(record, manifest, where)
        if not edited_sources(record, sources):
            found.setdefault(tuple(record[name] for name in KEY), record)
    records = list(found.values())
    if not records:
        raise DataError(f"no fit in {str(folder)!r} has finished yet; expected at least one to report on")
    return from_records(manifest, records, folder)


def from_records(
    manifest: dict[str, Any], records: list[dict[str, Any]], directory: Path | None = None
) -> SurrogateRecords:
    """Return records that are at hand, at least one."""
    order = {name: place for place, name in enumerate(manifest["objectives"])}
    rows = pd.DataFrame([row(record) for record in records])
    for name in rows.columns.difference(["dataset", "objective", *PAIR]):
        rows[name] = pd.to_numeric(rows[name])
    rows = rows.sort_values(
        ["objective", "train_size", *PAIR, "trial"],
        key=lambda column: column.map(order) if column.name == "objective" else column,
    )
    shares = [
        {
            **{name: record[name] for name in ("objective", *PAIR, "train_size", "trial")},
            "feature": name,
            "share": share,
        }
        for record in records
        for name, share in (record.get("importances") or {}).items()
    ]
    columns = ["objective", *PAIR, "train_size", "trial", "feature", "share"]
    return SurrogateRecords(manifest, rows.reset_index(drop=True), pd.DataFrame(shares, columns=columns), directory)


def learning_curves(records: SurrogateRecords, measure: str = "kendall_tau") -> pd.DataFrame:
    """Return one measure against the size of the training set.

    Columns: objective, surrogate, encoding, train_size, mean, std, n_trials, ci_low, ci_high (95 % t interval of the
    mean; NaN for a single trial).
    """
    from scipy.special import stdtrit

    grouped = records.rows.groupby(["objective", *PAIR, "train_size"], sort=False)[measure]
    frame = grouped.agg(["mean", "std", "count"]).reset_index().rename(columns={"count": "n_trials"})
    n = frame["n_trials"].to_numpy(dtype=float)
    quantile = [stdtrit(count - 1, 0.5 + _CONFIDENCE / 2) if count > 1 else math.nan for count in n]
    half = pd.Series(quantile) * frame["std"] / n**0.5
    return frame.assign(ci_low=frame["mean"] - half, ci_high=frame["mean"] + half)


def ranking(records: SurrogateRecords, objective: str) -> list[tuple[str, str]]:
    """Return surrogates and encodings, the best first: by mean Kendall tau at the largest training set."""
    rows = records.rows[records.rows["objective"] == objective]
    largest = rows[rows["train_size"] == records.largest(objective)]
    means = largest.groupby(PAIR)["kendall_tau"].mean()
    values = {(str(pair[0]), str(pair[1])): float(value) for pair, value in means.items() if isinstance(pair, tuple)}
    known = [pair for pair in records.pairs if pair in values]
    return sorted(known, key=lambda pair: -math.inf if math.isnan(values[pair]) else values[pair], reverse=True)


def mean_importances(records: SurrogateRecords, objective: str, pair: tuple[str, str], n: int = 15) -> pd.DataFrame:
    """Return the features that count most for one pair: feature, mean and std of the share over trials.

    A feature that a trial does not name has no share in it; std is NaN for a single trial.
    """
    frame = records.importances
    frame = frame[(frame["objective"] == objective) & (frame["surrogate"] == pair[0]) & (frame["encoding"] == pair[1])]
    if frame.empty:
        return pd.DataFrame(columns=["feature", "mean", "std"])
    frame = frame[frame["train_size"] == frame["train_size"].max()]
    wide = frame.pivot_table(index="feature", columns="trial", values="share", fill_value=0.0)
    moments = pd.DataFrame({"mean": wide.mean(axis=1), "std": wide.std(axis=1)})
    return moments.sort_values("mean", ascending=False, kind="stable").head(n).reset_index()
