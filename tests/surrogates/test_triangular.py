"""Forward substitution in blocks, against scipy's."""

import numpy as np
import pytest
from scipy.linalg import solve_triangular

from surrogates.triangular import solve_lower


@pytest.mark.parametrize("n", [1, 63, 64, 65, 130])
def test_it_solves_as_scipy_does_within_a_larger_array(n: int) -> None:
    rng = np.random.default_rng(n)
    square = rng.standard_normal((n, n))
    factor = np.asarray(np.linalg.cholesky(square @ square.T + n * np.eye(n)), dtype=np.float64)
    kept = rng.standard_normal((n + 2, 37))
    before = kept.copy()
    solve_lower(factor, kept[:n])
    assert kept[:n] == pytest.approx(solve_triangular(factor, before[:n], lower=True), rel=1e-9, abs=1e-12)
    assert (kept[n:] == before[n:]).all()


def test_what_stands_above_the_diagonal_is_not_read() -> None:
    rows = np.array([[2.0], [7.0]])
    solve_lower(np.array([[2.0, np.nan], [1.0, 3.0]]), rows)
    assert rows.tolist() == [[1.0], [2.0]]
