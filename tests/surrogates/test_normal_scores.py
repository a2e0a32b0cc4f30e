from __future__ import annotations

import numpy as np

from surrogates.normal_scores import normal_scores


def test_normal_scores_of_ties_are_equal() -> None:
    values = normal_scores(np.array([0.0, 1.0, 1.0, 2.0]))
    assert values[1] == values[2] == 0.0
    assert values[0] == -values[3]
