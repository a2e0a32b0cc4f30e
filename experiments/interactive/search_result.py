"""What one search found, for a look at it and for more computing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.commands.search_text import search_summary
from experiments.comparison.analysis import ROUNDING, default_points
from experiments.comparison.spec import RunSpec
from experiments.comparison.trajectory import Trajectory
from experiments.pages.notebook import Drawing
from experiments.pages.table import number, unit
from robustnas.display import card, drawing, facts_table, side_by_side
from robustnas.objectives import constraints_of, declared, facts, scale_of
from robustnas.oracle import Outcome
from robustnas.tables.network import Network, Networks
from robustnas.tables.table import Table

if TYPE_CHECKING:
    import pandas as pd

_MOST_OF_FRONT = 8


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What one search found.

    Attributes:
        spec: What was run.
        table: What was searched on.
        trajectory: The queries.
        seconds: Wall-clock time.
    """

    spec: RunSpec
    table: Table
    trajectory: Trajectory = field(repr=False)
    seconds: float = field(repr=False)

    @property
    def outcomes(self) -> list[Outcome]:
        """The distinct queries, in order."""
        return list(self.trajectory.outcomes)

    @property
    def best(self) -> Outcome:
        """The outcome of the best network; for several objectives, of the most balanced one of the front."""
        cell = self.trajectory.best_cell
        return next(outcome for outcome in self.trajectory.known if outcome.cell == cell)

    @property
    def cell(self) -> Any:
        """The best network."""
        return self.best.cell

    @property
    def score(self) -> float:
        """The score of the best network, NaN if none is feasible; of several objectives, the front's hypervolume."""
        return self.trajectory.best[-1]

    @property
    def queries(self) -> pd.DataFrame:
        """One row per distinct query: n_queries, index, arch, uid, a column per objective, best (so far), source."""
        import pandas as pd

        outcomes, space = self.trajectory.outcomes, self.table.space
        indices = [space.index(outcome.cell) for outcome in outcomes]
        scores = {
            objective.expression: [outcome.scores[i] for outcome in outcomes]
            for i, objective in enumerate(self.trajectory.objectives)
        }
        return pd.DataFrame(
            {
                "n_queries": np.arange(1, len(outcomes) + 1),
                "index": indices,
                "arch": [str(outcome.cell) for outcome in outcomes],
                "uid": [space.uid(outcome.cell) for outcome in outcomes],
                **scores,
                "best": self.trajectory.best,
                "source": [outcome.source for outcome in outcomes],
            }
        )

    def front(self) -> Networks:
        """Return the networks that none of those queried is better than on all objectives, by the first objective."""
        objectives = self.trajectory.objectives
        members = sorted(self.trajectory.front_outcomes(), key=lambda outcome: -outcome.utilities[0])
        names = tuple(objective.expression for objective in objectives)
        scales = {objective.expression: scale_of(objective, self.table) for objective in objectives}
        networks = tuple(self._network(outcome, names, scales) for outcome in members)
        return Networks(networks, f"front found by {self.spec.searcher} on {self.table.dataset}", names)

    def _network(self, outcome: Outcome, names: tuple[str, ...], scales: dict[str, str]) -> Network:
        scores = dict(zip(names, outcome.scores, strict=True))
        evaluate = getattr(self.table, "value", None)
        return Network(
            outcome.cell,
            self.table.space.uid(outcome.cell),
            scores,
            scales,
            self.table.dataset,
            None if evaluate is None else lambda name: float(evaluate(outcome.cell, name)),
        )

    @property
    def reference(self) -> float:
        """What regret is measured against: the best of the table; where that is not known, the best that was found."""
        if self.table.complete:
            return float(facts(self.spec.objective, self.table)["best"])
        return 1.0 if self._is_multi else self.score

    def regret(self) -> pd.DataFrame:
        """Return how far the best so far is from `reference`: n_queries, best, regret (natural units, 0 is best)."""
        import pandas as pd

        best = np.array(self.trajectory.best, dtype=np.float64)
        sign = 1.0 if self._is_multi else self.trajectory.objectives[0].sign
        regret = (self.reference - best) * sign
        regret[np.abs(regret) < ROUNDING] = 0.0
        return pd.DataFrame({"n_queries": np.arange(1, len(best) + 1), "best": best, "regret": regret})

    def summary(self) -> pd.DataFrame:
        """Return best and regret after some numbers of queries; ``print(result)`` says more, in words."""
        frame = self.regret()
        return frame[frame["n_queries"].isin(default_points(len(frame)))].reset_index(drop=True)

    def plot(self) -> Drawing:
        """Return a figure of the best so far against distinct networks queried."""
        from matplotlib import rc_context

        from experiments.pages.figure_style import COLUMN_WIDTH, PALETTE, STYLE, new_figure

        with rc_context(STYLE):
            figure = new_figure(1.3 * COLUMN_WIDTH, 0.8 * COLUMN_WIDTH)
            axes = figure.add_subplot()
            factor = 100.0 if self._scale == "accuracy" else 1.0
            n = np.arange(1, len(self.trajectory.best) + 1)
            axes.step(n, factor * np.array(self.trajectory.best), where="post", color=PALETTE[0])
            if self.table.complete:
                axes.axhline(factor * self.reference, color="0.6", linewidth=0.8, linestyle="--")
            axes.set_xlabel("distinct networks queried")
            axes.set_ylabel(f"best so far{unit(self._scale).replace(' %', ' (%)')}, {self.spec.objective}")
            figure.subplots_adjust(left=0.16, right=0.97, top=0.96, bottom=0.17)
        return Drawing(figure)

    def __str__(self) -> str:
        return search_summary(self.spec, self.table, self.trajectory, self.seconds, {})

    def __repr__(self) -> str:
        n = len(self.trajectory.outcomes)
        of = f"{self.spec.searcher} on {self.spec.objective}, {self.table.dataset}, seed {self.spec.seed}"
        return f"<{of}: best {self._text(self.score)} after {n} network{'' if n == 1 else 's'}>"

    def _repr_html_(self) -> str:
        title = f"{self.spec.searcher} on {self.spec.objective}, {self.table.dataset}"
        best = self.best
        each = {
            objective.expression: number(score, scale) + unit(scale)
            for objective, score in zip(self.trajectory.objectives, best.scores, strict=True)
            for scale in [scale_of(objective, self.table)]
        }
        known = {
            "best so far": self._text(self.score),
            "best of the table": self._text(self.reference) if self.table.complete and not self._is_multi else "",
            "distinct networks queried": f"{len(self.trajectory.outcomes):,}",
            "seed": self.spec.seed,
            "source of the numbers": ", ".join(dict.fromkeys(one.source for one in self.trajectory.outcomes)),
            **({"most balanced network": ", ".join(f"{k} {v}" for k, v in each.items())} if self._is_multi else {}),
            "constraints": "" if not constraints_of(self.trajectory.objectives) else self._feasible_text(),
            "network": self.table.space.uid(best.cell),
        }
        below = self.front()[:_MOST_OF_FRONT]._repr_html_() if self._is_multi else ""
        return card(title, side_by_side(drawing(best.cell), facts_table(known)), below, note=str(best.cell))

    def _feasible_text(self) -> str:
        n = sum(outcome.feasible for outcome in self.trajectory.known)
        return f"{n:,} of {len(self.trajectory.known):,} networks satisfy them"

    @property
    def _is_multi(self) -> bool:
        return len(self.trajectory.objectives) > 1

    @property
    def _scale(self) -> str:
        return "hypervolume" if self._is_multi else scale_of(declared(self.spec.objective, self.table)[0], self.table)

    def _text(self, score: float) -> str:
        written = number(score, self._scale) + unit(self._scale)
        return f"hypervolume {written}" if self._is_multi else written
