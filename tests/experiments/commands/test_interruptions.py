"""What Ctrl-C and SIGTERM leave: the best so far of a search, the numbers of an evaluation, and how to go on."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.commands.interruptions import interruptible
from experiments.comparison.run import steps

SEARCH = ("search", "--dataset", "cifar10-surrogate", "--searcher", "random", "--budget", "300")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_one_sentence(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as caught, interruptible("run the same command again to resume"):
        signal.raise_signal(number)
    assert caught.value.code == 1
    assert capsys.readouterr().err == "Error: interrupted; run the same command again to resume\n"
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_advice_may_depend_on_what_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[int] = []
    with pytest.raises(SystemExit), interruptible(lambda: f"{len(done)} done"):
        _work(done)
    assert "interrupted; 1 done" in capsys.readouterr().err


def _work(done: list[int]) -> None:
    done.append(1)
    raise KeyboardInterrupt


def interrupt_after(n: int, number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a signal come after so many queries of a search."""

    def interrupted(*arguments: Any, **options: Any) -> Iterator[Any]:
        for i, trajectory in enumerate(steps(*arguments, **options)):
            if i == n:
                signal.raise_signal(number)
            yield trajectory

    monkeypatch.setattr("experiments.commands.measuring.steps", interrupted)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_search_says_the_best_so_far(
    number: signal.Signals, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = json.loads(run(*SEARCH, "--json").stdout)
    interrupt_after(7, number, monkeypatch)
    result = run(*SEARCH)
    assert result.exit_code == 1
    assert "8 networks in" in result.stdout
    assert f"best {100 * whole['trajectory'][7]:.2f} %" in result.stdout
    said = "Error: interrupted; nothing is kept of a search on a table: the same command, with its seed, makes"
    assert result.stderr.startswith(said)
    answer = json.loads(run(*SEARCH, "--json").stdout)
    assert (answer["interrupted"], answer["trajectory"]) == (True, whole["trajectory"][:8])
    assert "interrupted" not in whole


@pytest.mark.timeout(60)
def test_a_search_that_is_kept_goes_on(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = ("--searcher", "optuna-tpe", "--budget", "9", "--set", f"storage=journal://{tmp_path}/s.log")
    interrupt_after(5, signal.SIGINT, monkeypatch)
    result = run(*SEARCH, *kept)
    assert result.exit_code == 1
    assert "keeps what was found: the same command goes on with it" in result.stderr
    interrupt_after(100, signal.SIGINT, monkeypatch)
    assert json.loads(run(*SEARCH, *kept, "--json").stdout)["study"]["n_networks"] >= 5


def test_a_search_interrupted_before_its_first_network(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    interrupt_after(0, signal.SIGINT, monkeypatch)
    result = run(*SEARCH)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: interrupted before the first network was known\n  nothing is kept")
