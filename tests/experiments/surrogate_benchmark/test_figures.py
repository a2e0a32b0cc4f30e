from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from experiments.surrogate_benchmark.figures import grouped_importances


def test_importances_are_grouped_by_kind_with_all_of_a_kind_together() -> None:
    names = ["graph:count_skip", "graph:count_conv_3x3", "graph:longest_skip", "cost:flops"]
    frame = pd.DataFrame({"feature": names, "mean": [0.1, 0.3, 0.35, 0.25], "std": [0.0, 0.0, 0.0, np.nan]})
    groups = grouped_importances(frame, 2)
    assert [group.title for group in groups] == ["edges in all", "longest path of"]
    assert [group.share for group in groups] == pytest.approx([0.4, 0.35])
    assert [[title for title, *_ in group.features] for group in groups] == [["3×3"], ["skip"]]
