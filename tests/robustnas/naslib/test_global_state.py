from __future__ import annotations

import random
import sys
import time
import types
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from robustnas.naslib.global_state import GlobalState
from robustnas.naslib.silence import silence

Draw = tuple[float, float, float]


def draw() -> Draw:
    return random.random(), float(np.random.random()), float(torch.rand(()))  # noqa: NPY002


def seeded(seed: int) -> Draw:
    """The same draws by the libraries' own seeding; leaves the process's state as it is."""
    with GlobalState(0):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        torch.manual_seed(seed)
        return draw()


@pytest.mark.parametrize("seed", [0, 7, 2**32 - 1])
def test_draws_are_those_of_the_libraries_seeded(seed: int) -> None:
    with GlobalState(seed):
        drawn = draw()
    assert drawn == seeded(seed)


def test_the_process_draws_on_as_if_nothing_had_been() -> None:
    outer = GlobalState(1)
    with outer:
        expected = [draw() for _ in range(3)]
    found = []
    inner = GlobalState(2)
    with GlobalState(1):
        for _ in range(3):
            found.append(draw())
            with inner:
                draw()
    assert found == expected


def test_a_state_goes_on_where_it_was_left() -> None:
    with GlobalState(3):
        expected = [draw(), draw()]
    state = GlobalState(3)
    found = []
    for _ in range(2):
        with state:
            found.append(draw())
    assert found == expected


def test_a_copy_leaves_the_original_alone() -> None:
    state = GlobalState(4)
    with state.copy():
        first = draw()
    with state.copy():
        assert draw() == first


def test_the_process_state_returns_after_an_error() -> None:
    with GlobalState(5):
        expected = draw()
    with GlobalState(5):
        with pytest.raises(ZeroDivisionError), GlobalState(6):
            _ = draw()[0] / 0
        assert draw() == expected


class Store(dict[str, object]):
    """Stands for Pyro's store of parameters."""

    def get_state(self) -> dict[str, object]:
        return {"params": dict(self), "constraints": {}}

    def set_state(self, state: dict[str, dict[str, object]]) -> None:
        self.update(state["params"])


def test_parameters_of_pyro_belong_to_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(mine=1)
    pyro = types.ModuleType("pyro")
    pyro.get_param_store = lambda: store  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "pyro", pyro)
    first, second = GlobalState(0), GlobalState(0)
    with first:
        assert not store
        store["lengthscale"] = 2
    assert store == {"mine": 1}
    with second:
        assert not store
    with first:
        assert store == {"lengthscale": 2}


def test_threads_take_turns() -> None:
    def draws(seed: int) -> list[float]:
        state, found = GlobalState(seed), []
        for _ in range(50):
            with state:
                found.append(random.random())
                time.sleep(1e-5)  # gives way to the other thread
                found.append(random.random())
        return found

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(draws, range(4)))
    for seed, drawn in enumerate(found):
        own = random.Random(seed)
        assert drawn == [own.random() for _ in range(100)]


def test_silence_drops_prints_and_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    with silence():
        print("epoch 1")  # noqa: T201
        warnings.warn("old code", DeprecationWarning, stacklevel=1)
    assert capsys.readouterr().out == ""
