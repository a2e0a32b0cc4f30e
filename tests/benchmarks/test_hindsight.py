from __future__ import annotations

import numpy as np

from benchmarks.hindsight import leave_one_out
from surrogates.matern import standardise


def test_what_is_left_out_is_predicted_from_the_others_alone() -> None:
    rng = np.random.default_rng(0)
    x, guess = standardise(rng.uniform(-1, 1, (60, 1))), rng.standard_normal((60, 1))
    smooth, noise = np.sin(2 * x[:, 0]), rng.standard_normal(60)
    assert np.corrcoef(leave_one_out([x], smooth, None), smooth)[0, 1] > 0.99
    assert np.corrcoef(leave_one_out([x], noise, None), noise)[0, 1] < 0.3  # a value left in would be remembered
    assert np.corrcoef(leave_one_out([x], 2 * guess[:, 0] + noise, guess), guess[:, 0])[0, 1] > 0.9
