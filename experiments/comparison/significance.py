"""Significance: do the searchers differ, beyond chance between seeds?

Friedman's test asks whether any searcher differs; Wilcoxon's signed-rank test with Holm's correction asks which pairs
do (Demsar 2006; Benavoli, Corani and Mangili 2016). A block is one seed, ranked across searchers. Each objective is
tested on its own: the seeds of two objectives are not independent samples of one population, so that pooling them would
claim more than was seen. Significant is not relevant: a pair whose mean difference is below the noise floor is marked
as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from experiments.comparison.analysis import within_noise
from experiments.comparison.records import Records
from robustnas.arrays import FloatArray
from robustnas.errors import InvalidInputError, excerpt

ALPHA = 0.05
MIN_BLOCKS = 6
"""Below six blocks, Wilcoxon's smallest two-sided p-value is above 0.05."""

_SMALLEST_LEAD = 1e-6  # of a run with a feasible network over one without, where all scores are zero

_TEST_COLUMNS = ["objective", "n_blocks", "n_searchers", "statistic", "p_value", "tested", "rejected", "verdict"]
_RANK_COLUMNS = ["objective", "searcher", "rank"]
_PAIR_COLUMNS = ["objective", "first", "second", "difference", "p_value", "significant", "below_noise"]


@dataclass(frozen=True, eq=False)
class Significance:
    """The tests of one comparison.

    Attributes:
        tests: One row per objective: objective, n_blocks (seeds), n_searchers, statistic and p_value (Friedman; NaN
            where it was not computed), tested (whether there was enough), rejected, verdict (a sentence).
        ranks: objective, searcher, rank (average over blocks; 1 is best, ties share).
        pairs: objective, first, second, difference (mean score of first less second, in natural units, positive if
            first is better), p_value (Wilcoxon, Holm-corrected within the objective; NaN where there is
            not enough), significant (at `ALPHA`, and Friedman's test rejects), below_noise.
    """

    tests: pd.DataFrame
    ranks: pd.DataFrame
    pairs: pd.DataFrame


@dataclass(frozen=True)
class _Blocks:
    """Scores of one objective, larger is better, shape (n_blocks, n_searchers); NaN where nothing was feasible."""

    objective: str
    searchers: tuple[str, ...]
    scores: FloatArray


def significance(records: Records, n_queries: int | None = None) -> Significance:
    """Test whether searchers differ in their best after `n_queries` queries.

    A run that found no feasible network is worse than any that did.

    Args:
        records: What was run.
        n_queries: Distinct queries, 1 to the budget; None for the budget.

    Raises:
        InvalidInputError: A number of queries outside 1 to the budget.
    """
    point = records.budget if n_queries is None else n_queries
    if not 1 <= point <= records.budget:
        raise InvalidInputError(
            f"{excerpt(point)} queries: expected 1 to {records.budget}, the budget of these records"
        )
    blocks = [_blocks(records, objective, point) for objective in records.targets]
    parts = [_compare(block, records) for block in blocks if block.searchers]
    tests, ranks, pairs = ([row for part in parts for row in part[i]] for i in range(3))
    return Significance(
        pd.DataFrame(tests, columns=_TEST_COLUMNS),
        pd.DataFrame(ranks, columns=_RANK_COLUMNS),
        pd.DataFrame(pairs, columns=_PAIR_COLUMNS),
    )


def _blocks(records: Records, objective: str, point: int) -> _Blocks:
    """Return the scores of the seeds that every searcher finished; searchers without any run are left out."""
    curves = {searcher: curve for (name, searcher), curve in records.curves.items() if name == objective}
    shared = _shared([set(seeds.tolist()) for seeds, _ in curves.values()])
    columns = [best[np.isin(seeds, shared), point - 1] for seeds, best in curves.values()]
    scores = np.array(columns).T if columns else np.empty((0, 0))
    return _Blocks(objective, tuple(curves), scores * records.targets[objective].sign)


def _infeasible_last(scores: FloatArray) -> FloatArray:
    """Return scores with unknown ones below all others, by as much as these differ."""
    known = scores[np.isfinite(scores)]
    if len(known) == scores.size:
        return scores
    lowest, highest = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    return np.where(np.isfinite(scores), scores, lowest - max(highest - lowest, abs(lowest), _SMALLEST_LEAD))


def _shared(seeds: Sequence[set[int]]) -> list[int]:
    return sorted(set.intersection(*seeds)) if seeds else []


def _compare(blocks: _Blocks, records: Records) -> tuple[list[dict[str, Any]], ...]:
    """Return the rows of tests, ranks and pairs for one objective."""
    known, blocks = blocks, replace(blocks, scores=_infeasible_last(blocks.scores))
    obstacle = _obstacle(blocks)
    statistic, p_value = _friedman(blocks.scores) if obstacle is None else (np.nan, np.nan)
    rejected = obstacle is None and (np.isnan(p_value) or p_value < ALPHA)
    p_values = _wilcoxon_holm(blocks.scores) if obstacle is None else None
    pairs = _pairs(known, records, p_values, rejected=rejected)
    n_blocks, n_searchers = len(blocks.scores), len(blocks.searchers)
    verdict = obstacle or _verdict(p_value, pairs, n_blocks)
    test = (blocks.objective, n_blocks, n_searchers, statistic, p_value, obstacle is None, rejected, verdict)
    ranks = _average_ranks(blocks.scores) if n_blocks else np.full(n_searchers, np.nan)
    rank_rows = [(blocks.objective, name, rank) for name, rank in zip(blocks.searchers, ranks.tolist(), strict=True)]
    return (
        [dict(zip(_TEST_COLUMNS, test, strict=True))],
        [dict(zip(_RANK_COLUMNS, row, strict=True)) for row in rank_rows],
        pairs,
    )


def _obstacle(blocks: _Blocks) -> str | None:
    """Return why no test can be made, in a sentence, or None."""
    n_blocks, n_searchers = len(blocks.scores), len(blocks.searchers)
    if n_searchers < 2:
        return "not enough to test: one searcher only"
    if n_blocks < MIN_BLOCKS:
        have = "1 seed" if n_blocks == 1 else f"{n_blocks} seeds"
        return f"not enough to test: {have} finished by every searcher, at least {MIN_BLOCKS} are needed"
    if (blocks.scores == blocks.scores[:, :1]).all():
        return f"nothing to test: all searchers tie in each of {n_blocks} seeds"
    return None


def _friedman(scores: FloatArray) -> tuple[float, float]:
    """Return Friedman's statistic and p-value; NaN for two searchers, where Wilcoxon's test is enough."""
    if scores.shape[1] < 3:
        return float("nan"), float("nan")
    from scipy.stats import friedmanchisquare

    result = friedmanchisquare(*scores.T)
    return float(result.statistic), float(result.pvalue)


def _average_ranks(scores: FloatArray) -> FloatArray:
    from scipy.stats import rankdata

    return np.asarray(rankdata(-np.round(scores, 12), axis=1).mean(axis=0))


def _pairs(blocks: _Blocks, records: Records, p_values: FloatArray | None, *, rejected: bool) -> list[dict[str, Any]]:
    target = records.targets[blocks.objective]
    rows = []
    for i, j in combinations(range(len(blocks.searchers)), 2):
        p_value = float("nan") if p_values is None else float(p_values[i, j])
        difference = _difference(blocks.scores[:, i], blocks.scores[:, j]) if len(blocks.scores) else float("nan")
        below = within_noise(difference, target)
        names = (blocks.objective, blocks.searchers[i], blocks.searchers[j])
        row = (*names, difference, p_value, rejected and p_value < ALPHA, below)
        rows.append(dict(zip(_PAIR_COLUMNS, row, strict=True)))
    return rows


def _difference(first: FloatArray, second: FloatArray) -> float:
    """Return the difference of means, each over the seeds that found a feasible network."""
    if np.isfinite(first - second).all():
        return float((first - second).mean())
    known = [scores[np.isfinite(scores)] for scores in (first, second)]
    return float(known[0].mean() - known[1].mean()) if all(map(len, known)) else float("nan")


def _wilcoxon_holm(scores: FloatArray) -> FloatArray:
    """Return the corrected p-values, shape (n_searchers, n_searchers); ties split evenly, as Demsar recommends."""
    import scikit_posthocs

    rounded = np.round(scores, 12)  # equal accuracies may differ by rounding after division
    return np.asarray(scikit_posthocs.posthoc_wilcoxon(rounded.T, zero_method="zsplit", p_adjust="holm"), dtype=float)


def _verdict(p_value: float, pairs: Sequence[dict[str, Any]], n_blocks: int) -> str:
    n_significant = sum(bool(pair["significant"]) for pair in pairs)
    if np.isnan(p_value):
        differ = "differ" if n_significant else "do not differ significantly"
        return f"the two searchers {differ} (Wilcoxon, {p_text(pairs[0]['p_value'])}, {n_blocks} seeds)"
    test = f"Friedman, {p_text(p_value)}, {n_blocks} seeds"
    if p_value >= ALPHA:
        return f"no significant difference between the searchers ({test})"
    return f"the searchers differ ({test}); {n_significant} of {len(pairs)} pairs significantly (Wilcoxon-Holm)"


def p_text(p_value: float) -> str:
    """Write a p-value as papers do.

    >>> p_text(0.0312), p_text(1e-9), p_text(0.7324), p_text(1.0), p_text(float("nan"))
    ('p = 0.031', 'p < 0.001', 'p = 0.73', 'p = 1', 'not tested')
    """
    if np.isnan(p_value):
        return "not tested"
    if p_value < 0.001:
        return "p < 0.001"
    return f"p = {p_value:.3f}" if p_value < 0.1 else f"p = {float(f'{p_value:.2f}'):g}"
