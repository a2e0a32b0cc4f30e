from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from tests import ROOT

torch = pytest.importorskip("torch")


@pytest.mark.timeout(30)
def test_fitting_uses_no_global_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    specification = importlib.util.spec_from_file_location("fit_embedded", ROOT / "scripts" / "fit_embedded.py")
    assert specification is not None
    assert specification.loader is not None
    script = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(script)
    monkeypatch.setattr(script, "EPOCHS", 1)
    rng = np.random.default_rng(0)
    ops, targets = rng.integers(0, 5, (300, 6)), rng.normal(size=(300, 3))
    before = torch.get_rng_state()
    first = script.fit_ensemble(ops, targets, seed=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(1)
    again, other = (script.fit_ensemble(ops, targets, seed) for seed in (3, 4))
    np.testing.assert_array_equal(first[0].predict(ops), again[0].predict(ops))
    assert not np.array_equal(first[0].predict(ops), other[0].predict(ops))
