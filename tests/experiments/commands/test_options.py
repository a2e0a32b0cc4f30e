from __future__ import annotations

from experiments.commands.options import note_lines


def test_of_many_notes_the_first_are_shown() -> None:
    assert note_lines(["a", "b", "c"], 2) == ["note: a", "note: b", "and 1 more: --json has all"]
    assert note_lines(["a", "b"], 2) == note_lines(["a", "b"]) == ["note: a", "note: b"]
