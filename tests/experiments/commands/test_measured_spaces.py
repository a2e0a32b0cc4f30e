"""A space of the user's own whose networks are measured: evaluated, searched, filled, edited and resumed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from robustnas.measurements import MeasurementStore

pytestmark = pytest.mark.timeout(120)  # slow where processors are shared

SPACE = """
from torch import nn
from robustnas.spaces import ChoiceSpace


class Small(ChoiceSpace):
    choices = {"width": (2, 4, 6), "norm": ("batch", "none")}

    def build(self, architecture, n_classes, in_channels):
        width = architecture.width
        norm = nn.BatchNorm2d(width) if architecture.norm == "batch" else nn.Identity()
        return nn.Sequential(nn.Conv2d(in_channels, width, 3), norm, nn.ReLU(), nn.Flatten(), nn.Linear(36 * width, 10))
"""
FAULTY = SPACE.replace("        norm =", '        if width == 4:\n            raise ValueError("no 4")\n        norm =')
PLAN = """
images = "digits"
space = "my_spaces.py:Small"
architectures = 'networks'
metrics = ["clean", "fgsm@16"]
n_images = 40
[training]
epochs = 1
"""
QUICK = ("--images", "digits", "--epochs", "1", "--n-images", "40")
OWN = ("--space", "my_spaces.py:Small")

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("my_spaces.py").write_text(SPACE)

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--store", "store.sqlite"], prog_name="robustnas")

    return invoke


def n_numbers() -> int:
    with MeasurementStore.open("store.sqlite") as store:
        return len(store)


def test_an_architecture_is_evaluated(run: Run) -> None:
    found = run("evaluate", "norm=batch,width=2", *OWN, *QUICK, "--attacks", "fgsm", "--eps", "16", "--json")
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout)
    assert (result["arch"], result["n_images"]) == ("width=2,norm=batch", 40)
    assert result["space"].endswith("my_spaces.py:Small")
    assert "channels" not in result["settings"]
    text = run("evaluate", "width=2,norm=batch", *OWN, *QUICK, "--attacks", "none").stdout
    assert text.startswith("width=2,norm=batch\non digits: 1 epochs, seed 0; 40 test images\n")
    assert "1 number from the store" in text
    refused = run("evaluate", "width=2,norm=batch", *OWN, *QUICK, "--channels", "8")
    assert "channels is 8, but the size of networks of the space Small is said by their architecture" in refused.stderr
    assert "unknown option of width: '3'. Known: 2, 4, 6" in run("evaluate", "width=3,norm=batch", *OWN, *QUICK).stderr


def test_a_search_counts_parameters_and_survives_networks_that_cannot_be_built(run: Run) -> None:
    Path("my_spaces.py").write_text(FAULTY)
    search = ("search", *OWN, *QUICK, "--objective", "fgsm@16, params", "--searcher", "gp", "--budget", "6")
    found = run(*search, "--json")
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout)
    assert sorted(result["sources"]) == ["failed"] * 2 + ["measured"] * 4
    for note in result["notes"]:
        assert note.startswith("not measured: build(width=4,norm=")
        assert note.endswith(":Small raised ValueError: no 4 (my_spaces.py, line 12)")
    scores = {member["arch"]: member["scores"][1] for member in result["front"]}
    assert scores["width=2,norm=none"] == 10 * 2 + 72 * 10 + 10
    again = json.loads(run(*search, "--json").stdout)
    assert sorted(again["sources"]) == ["failed"] * 2 + ["store"] * 4
    assert again["trajectory"] == result["trajectory"]


def test_a_constraint_on_parameters_is_known_before_the_search(run: Run) -> None:
    search = ("search", *OWN, *QUICK, "--objective", "clean where params <= 770", "--searcher", "random")
    found = run(*search, "--budget", "2")
    assert "known before the search: 2 of 6 networks satisfy params <= 770; all of them were queried" in found.stdout


def test_a_fill_gives_up_what_cannot_be_built_and_keeps_the_rest(run: Run) -> None:
    Path("my_spaces.py").write_text(FAULTY)
    Path("fill.toml").write_text(PLAN)
    found = run("fill", "fill.toml", "--executor", "serial", "--json")
    assert found.exit_code == 1, found.output
    result = json.loads(found.stdout)
    assert (result["n_measured"], result["n_missing"]) == (8, 4)
    assert [failed["network"] for failed in result["failed"]] == ["width=4,norm=batch", "width=4,norm=none"]
    assert all("raised ValueError: no 4" in failed["reason"] for failed in result["failed"])
    shown = run("fill", "fill.toml", "--dry-run").stdout
    assert re.match(r"6 networks of \S+my_spaces.py:Small, 1 seed, on digits: 1 epoch; the first 40 test images", shown)


def test_an_edited_space_is_refused_and_goes_on_as_a_new_one(run: Run) -> None:
    evaluate = ("evaluate", "width=2,norm=none", *OWN, *QUICK, "--attacks", "none")
    assert run(*evaluate).exit_code == 0
    Path("my_spaces.py").write_text(SPACE.replace("nn.ReLU()", "nn.Tanh()"))
    Path("fill.toml").write_text(PLAN)
    search = ("search", *OWN, *QUICK, "--objective", "clean", "--budget", "2")
    for refused in (run(*evaluate), run(*search), run("fill", "fill.toml")):
        assert refused.exit_code == 2
        text = " ".join(refused.stderr.split())
        assert ":Small was edited (my_spaces.py differs) since networks of it were measured (1 number in" in text
        assert "undo the edit to go on with these, or add --as-new" in text
    as_new = run(*evaluate, "--as-new")
    assert "the store has 1 number of former versions of the space" in " ".join(as_new.stdout.split())
    assert n_numbers() == 2
    assert run(*evaluate).exit_code == 0  # now it is known
    Path("my_spaces.py").write_text(SPACE)
    assert "1 number from the store" in run(*evaluate).stdout
    Path("my_spaces.py").write_text(SPACE.replace("(2, 4, 6)", "(2, 4, 6, 8)"))
    grown = " ".join(run(*evaluate).stderr.split())
    assert ":Small has grown since networks of it were measured (2 numbers in" in grown
    assert "all of them are in it still" in grown
    Path("my_spaces.py").write_text(SPACE.replace("(2, 4, 6)", "(4, 6)"))
    shrunk = run("evaluate", "width=4,norm=none", *OWN, *QUICK).stderr
    assert "was edited (its choices differ, my_spaces.py differs) since" in shrunk


def test_what_users_write_besides_builds_is_told_too(run: Run) -> None:
    raising = SPACE + "\n    def canonical(self, architecture):\n        raise ValueError('none is canonical')\n"
    Path("my_spaces.py").write_text(raising)
    found = run("evaluate", "width=2,norm=none", *OWN, *QUICK)
    assert found.exit_code != 0
    assert "canonical() of the space Small: ValueError: none is canonical" in found.stderr
    Path("my_spaces.py").write_text(
        SPACE.replace("        width =", "        raise ValueError('no network at all')\n        width =")
    )
    found = run("search", *OWN, *QUICK, "--objective", "clean", "--budget", "2", "--searcher", "random")
    assert found.exit_code != 0
    told = " ".join(found.stderr.split())
    assert "none of the 2 networks that were asked for could be measured the last: build(width=" in told
    assert "no network at all (my_spaces.py, line 10)" in told


def test_a_space_needs_images_and_fits_the_dataset(run: Run) -> None:
    found = run("search", *OWN, "--objective", "clean")
    assert "add --images NAME to measure its networks, or name a table over it with --dataset" in found.stderr
    found = run("search", *OWN, *QUICK, "--dataset", "cifar10-surrogate", "--objective", "clean")
    assert "cifar10-surrogate is of nasbench201, not of the space Small" in found.stderr
