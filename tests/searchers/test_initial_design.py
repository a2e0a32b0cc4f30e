"""Space filling: the network farthest from those proposed, over several groups of features."""

import numpy as np

from searchers.initial_design import SpaceFilling
from surrogates.incremental_gp import Distances


def test_the_farthest_row_by_the_sum_over_groups_as_rows_are_added() -> None:
    rng = np.random.default_rng(0)
    groups = [rng.standard_normal((40, d)) for d in (3, 5)]
    filling = SpaceFilling([Distances(group) for group in groups])
    features = np.hstack(groups)
    chosen = [7]
    while len(chosen) < 12:
        allowed = np.setdiff1d(np.arange(40), [*chosen, 39])
        away = ((features[:, None] - features[chosen]) ** 2).sum(axis=2).min(axis=1)
        found = filling.farthest(chosen, allowed, rng)
        assert found == allowed[away[allowed].argmax()]
        chosen += [found] if len(chosen) % 2 else [found, int(allowed[0] if found != allowed[0] else allowed[1])]
