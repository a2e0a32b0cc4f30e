"""``robustnas measurements``, and measuring again, as a script uses them."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.commands import measurements
from experiments.commands.moments import moment
from robustnas.errors import InvalidInputError

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

Run = Callable[..., Result]
SMALL = ("--channels", "4", "--epochs", "1", "--n-images", "40", "--device", "cpu")
EVALUATE = ("evaluate", "#13433", "--attacks", "fgsm", "--eps", "8,16", *SMALL)


@pytest.fixture
def run(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ROBUSTNAS_STORE", str(tmp_path / "store.sqlite"))
    monkeypatch.delenv("ROBUSTNAS_IMAGES", raising=False)

    def invoke(*arguments: str, answer: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=answer, prog_name="robustnas")

    return invoke


def test_listing(run: Run) -> None:
    assert "no such numbers" in run("measurements", "list").stdout
    assert run(*EVALUATE).exit_code == 0
    result = run("measurements", "list")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].endswith("store.sqlite")
    assert lines[1] == "3 numbers"
    assert lines[3].startswith("digits (digest ")
    assert [line.split()[0] for line in lines[4:]] == ["clean", "fgsm@8", "fgsm@16"]
    found = json.loads(run("measurements", "list", "--source", "attack", "--json").stdout)
    assert (found["n"], found["n_set_aside"]) == (2, 0)
    assert [group["metric"] for group in found["groups"]] == ["fgsm@8", "fgsm@16"]


def test_forgetting_needs_an_answer(run: Run) -> None:
    run(*EVALUATE)
    result = run("measurements", "forget", "--source", "attack", answer="y\n")
    assert result.exit_code == 2
    assert "2 numbers" in result.stdout
    assert "nothing was deleted; add --yes to delete 2 numbers" in result.stderr
    result = run("measurements", "forget", "--source", "attack", "--yes")
    assert result.exit_code == 0, result.output
    assert [line.split()[0] for line in result.stdout.splitlines()[4:6]] == ["fgsm@8", "fgsm@16"]
    assert result.stdout.endswith("forgot 2 numbers\n")
    found = json.loads(run("measurements", "forget", "--network", "#13433", "--yes", "--json").stdout)
    assert found["n_forgotten"] == 1
    result = run("measurements", "forget", "--images", "digits")
    assert (result.exit_code, result.stdout.splitlines()[1]) == (0, "no such numbers")


@pytest.mark.parametrize(("answer", "code", "n_left"), [("n\n", 1, 3), ("y\n", 0, 2)])
def test_forgetting_at_a_terminal(
    answer: str, code: int, n_left: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(*EVALUATE)
    monkeypatch.setattr(measurements, "_is_terminal", lambda: True)
    result = run("measurements", "forget", "--metric", "clean", answer=answer)
    assert result.exit_code == code
    assert json.loads(run("measurements", "list", "--json").stdout)["n"] == n_left


def test_evaluating_again(run: Run) -> None:
    first, second, third = (json.loads(run(*EVALUATE, *more, "--json").stdout) for more in ((), ("--remeasure",), ()))
    assert [found["from_store"] for found in (first, second, third)] == [0, 0, 3]
    assert second["training_seconds"] == 0
    assert first["scores"] == second["scores"]
    assert third["measuring_seconds"] == second["measuring_seconds"] != first["measuring_seconds"]
    assert json.loads(run("measurements", "list", "--json").stdout)["n"] == 3


def test_searching_again(run: Run) -> None:
    arguments = ("search", "--images", "digits", "--searcher", "random", "--budget", "1", *SMALL, "--json")
    sources = [json.loads(run(*arguments, *more).stdout)["sources"] for more in ((), (), ("--remeasure",))]
    assert sources == [["measured"], ["store"], ["measured"]]


@pytest.mark.timeout(240)  # starts worker processes
def test_filling_again(run: Run, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(
        'images = "digits"\nmetrics = ["clean"]\ncells = ["#13433"]\nchannels = 2\nn_images = 20\n'
        "[training]\nepochs = 1\n"
    )
    arguments = ("fill", str(plan), "--device", "cpu", "--workers", "1", "--json")
    began = datetime.now(UTC)
    assert json.loads(run(*arguments).stdout)["n_measured"] == 1
    assert json.loads(run(*arguments).stdout)["n_missing"] == 0
    assert json.loads(run(*arguments, "--remeasure", "--dry-run").stdout)["n_missing"] == 1
    earlier = ("--remeasure", "--measured-before", began.isoformat())
    assert json.loads(run(*arguments, *earlier, "--dry-run").stdout)["n_missing"] == 0
    assert json.loads(run(*arguments, "--remeasure").stdout)["n_measured"] == 1
    assert json.loads(run("measurements", "list", "--json").stdout)["n"] == 1
    result = run(*arguments, "--measured-before", "2026-01-01")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--measured-before needs --remeasure" in result.stderr


def test_other_versions_are_noted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from robustnas.evaluator import software

    run(*EVALUATE)
    assert json.loads(run(*EVALUATE, "--json").stdout)["notes"] == []
    monkeypatch.setattr(software, "installed", lambda name: "99.0" if name == "torch" else "")
    (note,) = json.loads(run(*EVALUATE, "--json").stdout)["notes"]
    assert note.startswith("3 numbers from the store were measured with torch 2")
    assert note.endswith("; --remeasure measures them again")
    (one,) = json.loads(run(*EVALUATE[: EVALUATE.index("--attacks")], "--attacks", "none", *SMALL, "--json").stdout)[
        "notes"
    ]
    assert one.startswith("1 number from the store was measured with torch 2")


def test_repaired_corruption_files(run: Run, tmp_path: Path) -> None:
    """New numbers with new files, none without the files; and the old ones can be told apart."""
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (20, 3, 32, 32)).astype(np.uint8), np.arange(20) % 10
    np.savez(tmp_path / "cifar10.npz", train_images=images, train_labels=labels, test_images=images, test_labels=labels)
    folder = tmp_path / "CIFAR-10-C"
    folder.mkdir()
    np.save(folder / "labels.npy", np.tile(labels, 5))
    arguments = ("evaluate", "#13433", "--images", str(tmp_path / "cifar10.npz"), "--attacks", "none", "--n-cells", "1")
    arguments += ("--corruptions", "fog", "--severities", "1", "--channels", "2", "--epochs", "1", "--json")
    arguments += ("--corruption-files", str(folder))
    n_stored = []
    for seed in (1, 1, 2):
        pixels = np.random.default_rng(seed).integers(0, 256, (100, 32, 32, 3)).astype(np.uint8)
        np.save(folder / "fog.npy", pixels)
        n_stored.append(json.loads(run(*arguments).stdout)["from_store"])
    assert n_stored == [0, 2, 1]
    (folder / "fog.npy").unlink()
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "fog.npy: no such file" in result.stderr
    result = run("measurements", "adopt", "--images", "cifar10", "--corruption-files", str(folder))
    assert (result.exit_code, result.stdout) == (0, f"0 numbers are now of the files in {folder}\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["forget"], 2, "forget needs a filter"),
        (["forget", "--yes"], 2, "forget needs a filter"),
        (["list", "--source", "pdg"], 2, "did you mean 'pgd'"),
        (["list", "--metric", "pdg@1"], 2, "did you mean 'pgd@1'"),
        (["list", "--network", "resnet18"], 2, "cannot read 'resnet18'"),
        (["list", "--training", "xyz"], 2, "expected how a digest begins"),
        (["list", "--older-than", "yesterday"], 2, "--older-than is 'yesterday'"),
        (["list", "--seed", "9" * 20], 2, "seed is 9999"),
        (["list", "--store", "mysql://host/db"], 2, "mysql"),
        (["adopt", "--images", "digits", "--corruption-files", "/tmp"], 2, "published files of cifar10 and cifar100"),
        (["adopt", "--images", "cifar10"], 1, "no files of CIFAR-10-C here"),
        (["adopt", "--images", "digits"], 1, "no files of corrupted images here"),
    ],
)
def test_exit_codes_and_messages(run: Run, arguments: list[str], code: int, message: str) -> None:
    result = run("measurements", *arguments)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert message in result.stderr


def test_moments() -> None:
    assert moment("2026-11-27", "-") == datetime(2026, 11, 27, tzinfo=UTC)
    assert moment("2026-11-27T10:00:00.5", "-") == datetime(2026, 11, 27, 10, 0, 0, 500_000, UTC)
    for text, length in (("30d", timedelta(30)), ("12 h", timedelta(hours=12)), ("1.5w", timedelta(10.5))):
        assert abs(datetime.now(UTC) - length - moment(text, "-")) < timedelta(seconds=5)
    assert moment("999999w", "-").year == 1
    for text in ("", "d", "-1d", "1e9d", "2026-13-01", "9" * 5000, "²d"):
        with pytest.raises(InvalidInputError, match="--before is") as caught:
            moment(text, "--before")
        assert len(str(caught.value)) < 300
