from __future__ import annotations

import signal

import pytest

from experiments.commands.options import interruptible, note_lines


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


def test_of_many_notes_the_first_are_shown() -> None:
    assert note_lines(["a", "b", "c"], 2) == ["note: a", "note: b", "and 1 more: --json has all"]
    assert note_lines(["a", "b"], 2) == note_lines(["a", "b"]) == ["note: a", "note: b"]
