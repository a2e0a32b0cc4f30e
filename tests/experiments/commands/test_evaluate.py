"""``robustnas evaluate`` and ``robustnas search --images``, as a script uses them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from robustnas.evaluator.evaluator import Evaluator
from robustnas.measurements import Measurement
from robustnas.tables.database.database import Database
from tests.robustnas.test_recorder import read_tensorboard

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

Run = Callable[..., Result]
SMALL = ("--channels", "4", "--epochs", "2", "--n-images", "60", "--device", "cpu")


@pytest.fixture
def run(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ROBUSTNAS_STORE", str(tmp_path / "store.sqlite"))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="robustnas")

    return invoke


def test_evaluate_prints_what_scripts_rely_on(run: Run) -> None:
    arguments = ("evaluate", "#13433", "--attacks", "fgsm,pgd", "--eps", "16,8", *SMALL, "--json")
    first, second = (json.loads(run(*arguments).stdout) for _ in range(2))
    assert set(first["scores"]) == {"fgsm@8", "fgsm@16", "pgd@8", "pgd@16"}
    assert all(0 <= score <= first["clean"] <= 1 for score in first["scores"].values())
    assert first["arch"].startswith("|avg_pool_3x3~0|")
    assert (first["images"], first["n_images"]) == ("digits", 60)
    assert first["seconds"] > first["training_seconds"] > 0
    assert (first["from_store"], second["from_store"]) == (0, 5)
    assert {key: first[key] for key in ("clean", "scores", "confidence")} == {
        key: second[key] for key in ("clean", "scores", "confidence")
    }
    assert second["training_seconds"] == 0


def test_what_is_trained_adversarially_says_so_and_is_kept_apart(run: Run) -> None:
    plain = ("evaluate", "#0", "--attacks", "none", *SMALL[:2], "--epochs", "1", *SMALL[4:])
    fast = (*plain, "--recipe", "fast-adversarial", "--train-eps", "16/255")
    assert "1 epochs, seed 0" in run(*plain).stdout
    assert "1 epochs, adversarial training (FGSM, eps 16/255), seed 0" in run(*fast).stdout
    again = json.loads(run(*fast, "--json").stdout)
    assert (again["from_store"], again["training"]) == (1, "adversarial training (FGSM, eps 16/255)")
    assert again["settings"]["training"]["train_eps"] == 16
    assert json.loads(run(*plain, "--json").stdout)["training"] is None
    groups = json.loads(run("measurements", "list", "--json").stdout)["groups"]
    assert sorted((group["regime"], group["n"]) for group in groups) == [
        ("", 1),
        ("adversarial training (FGSM, eps 16/255)", 1),
    ]


def test_an_eps_of_training_needs_a_recipe_that_has_one(run: Run) -> None:
    result = run("evaluate", "#0", "--train-eps", "8")
    assert result.exit_code == 2, result.output
    assert "with a recipe that trains on images as they are" in result.stderr
    assert "eps '256' in '--train-eps 256'" in run("evaluate", "#0", "--train-eps", "256").stderr


def test_evaluate_as_text(run: Run) -> None:
    options = ("--protocol", "nested", "--attack-precision", "bfloat16")
    result = run("evaluate", "#13433", "--attacks", "fgsm", "--eps", "8", *options, *SMALL)
    assert result.exit_code == 0, result.output
    assert "on digits: 4 channels, 1 cells per stage, 2 epochs, seed 0; 60 test images" in result.stdout
    assert "fgsm  @8 " in result.stdout
    assert "nested protocol" in result.stdout
    assert "attacks by gradients searched in bfloat16; what they found was judged in float32" in result.stdout


def test_evaluate_with_corruptions_says_their_scale(run: Run) -> None:
    pytest.importorskip("imagecorruptions")
    arguments = ("--attacks", "none", "--corruptions", "contrast", "--severities", "1,5", *SMALL, "--json")
    answer = json.loads(run("evaluate", "#13433", *arguments).stdout)
    assert set(answer["scores"]) == {"corruption:contrast@1", "corruption:contrast@5"}
    assert answer["corruption_scale"] == "ImageNet-C constants"


def test_search_measures_what_no_table_holds(run: Run) -> None:
    arguments = ("search", "--images", "digits", "--objective", "fgsm@16", "--searcher", "random", "--budget", "2")
    first, second = (json.loads(run(*arguments, *SMALL, "--json").stdout) for _ in range(2))
    assert first["sources"] == ["measured", "measured"]
    assert second["sources"] == ["store", "store"]
    assert first["trajectory"] == second["trajectory"]
    assert first["dataset"] == "digits"
    text = run(*arguments, *SMALL).stdout
    assert "numbers: 2 store" in text
    assert "best of the table" not in text


def test_search_proposes_several_at_once(run: Run) -> None:
    arguments = (
        "search",
        "--images",
        "digits",
        "--objective",
        "pgd@16",
        "--searcher",
        "random",
        "--budget",
        "3",
        *SMALL,
    )
    found = json.loads(run(*arguments, "--at-once", "2", "--json").stdout)
    assert (found["n_queries"], found["sources"]) == (3, ["measured"] * 3)
    again = json.loads(run(*arguments, "--json").stdout)  # random proposals do not depend on answers
    assert (again["trajectory"], again["sources"]) == (found["trajectory"], ["store"] * 3)


def test_search_tells_what_a_reader_should_know(run: Run, own_cache: Path, tmp_path: Path) -> None:
    arguments = ("search", "--images", "digits", "--objective", "clean", "--searcher", "random", "--budget", "2")
    run(*arguments, *SMALL)
    weights = [path for path in (own_cache / "networks").rglob("*") if path.is_file()]
    for kept in weights:
        kept.write_bytes(kept.read_bytes()[:100])
    (tmp_path / "store.sqlite").unlink()
    answer = json.loads(run(*arguments, *SMALL, "--json").stdout)
    assert len(answer["notes"]) == 2
    assert all(note.startswith("network ") and note.endswith("retrained") for note in answer["notes"])


def test_an_interrupted_evaluation_says_what_is_measured_and_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("evaluate", "#1", "--attacks", "fgsm", "--eps", "8,16", *SMALL)
    measure = Evaluator.measure

    def interrupted(*given: Any, **named: Any) -> Iterator[Measurement]:
        found = measure(*given, **named)
        yield next(found)
        found.close()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Evaluator, "measure", interrupted)
        result = run(*arguments)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1].startswith("clean  ")
    assert result.stderr.startswith("Error: interrupted; 1 of 3 numbers are in the store, and the training is kept: ")
    answer = json.loads(run(*arguments, "--json").stdout)
    assert (answer["from_store"], len(answer["scores"])) == (1, 2)
    assert f"{100 * answer['clean']:.1f}" in result.stdout


def test_search_asks_the_table_first(run: Run, published: Path) -> None:
    arguments = (
        "search",
        "--dataset",
        "cifar10",
        "--data",
        str(published),
        "--images",
        "digits",
        "--searcher",
        "random",
    )
    objective = ("--objective", "0.5*clean + 0.5*fgsm@2.5", "--budget", "1")
    answer = json.loads(run(*arguments, *objective, *SMALL, "--json").stdout)
    assert answer["sources"] == ["table+measured"]
    clean = Database.open(published)["cifar10"].value(answer["best"]["arch"], "clean")
    measured = run("evaluate", answer["best"]["arch"], "--attacks", "fgsm", "--eps", "2.5", *SMALL, "--json")
    scores = json.loads(measured.stdout)["scores"]
    assert answer["best"]["score"] == pytest.approx(0.5 * clean + 0.5 * scores["fgsm@2.5"])


def test_search_for_several_objectives(run: Run) -> None:
    arguments = ("search", "--images", "digits", "--objective", "fgsm@8, params", "--searcher", "random")
    result = run(*arguments, "--budget", "2", *SMALL)
    assert result.exit_code == 0, result.output
    assert "of the possible hypervolume" in result.stdout


def test_search_with_glances(run: Run) -> None:
    arguments = (
        "search",
        "--images",
        "digits",
        "--objective",
        "pgd@8",
        "--searcher",
        "multi-fidelity",
        "--budget",
        "2",
    )
    result = run(*arguments, *SMALL, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["n_queries"] == 2


def test_a_search_that_measures_leaves_one_study(run: Run, tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path}/studies.db"
    arguments = ("search", "--images", "digits", "--searcher", "optuna-tpe", "--set", f"storage={storage}")
    result = run(*arguments, "--objective", "clean", "--budget", "1", *SMALL)
    assert result.exit_code == 0, result.output
    assert [name.split("/")[:2] for name in optuna.get_all_study_names(storage)] == [["digits", "clean"]]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["evaluate", "resnet18"], 2, "cannot read 'resnet18'"),
        (["evaluate", "#1", "--images", "digts"], 1, "did you mean 'digits'"),
        (["evaluate", "#1", "--images", "/nowhere/images"], 1, "/nowhere/images"),
        (["evaluate", "#1", "--attacks", "pdg"], 2, "did you mean 'pgd'"),
        (["evaluate", "#1", "--attacks", ","], 2, "lists nothing"),
        (["evaluate", "#1", "--eps", "8,zero"], 2, "'zero'"),
        (["evaluate", "#1", "--corruptions", "fogg"], 2, "did you mean 'fog'"),
        (["evaluate", "#1", "--severities", "6"], 2, "severity '6'"),
        (["evaluate", "#1", "--protocol", "nestled"], 2, "did you mean 'nested'"),
        (["evaluate", "#1", "--attack-precision", "float23"], 2, "did you mean 'float32'"),
        (["evaluate", "#1", "--recipe", "shrt"], 2, "did you mean 'short'"),
        (["evaluate", "#1", "--epochs", "0"], 2, "epochs is 0"),
        (["evaluate", "#1", "--channels", "0"], 2, "channels is 0"),
        (["evaluate", "#1", "--n-images", "0"], 2, "n_images is 0"),
        (["evaluate", "#1", "--batch-size", "0"], 2, "batch_size is 0"),
        (["evaluate", "#1", "--seed", "-1"], 2, "seed is -1"),
        (["evaluate", "#1", "--device", "cuda:99"], 2, "device 'cuda:99' is not there"),
        (["evaluate", "#1", "--weights", "/nowhere.pth"], 1, "/nowhere.pth"),
        (["evaluate", "#1", "--store", "mysql://host/db"], 2, "mysql"),
        (["evaluate", "#1", "--corruptions", "fog", "--corruption-files", "/nowhere"], 2, "/nowhere"),
        (["search", "--images", "digts"], 1, "did you mean 'digits'"),
        (["search", "--images", "digits", "--objective", "hw.latency"], 2, "no attached table"),
    ],
)
def test_exit_codes_and_messages(run: Run, arguments: list[str], code: int, message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert result.stdout == ""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_defaults_on_digits(own_cache: Path, tmp_path: Path) -> None:
    """All four attacks at their full lengths, in a process of its own, as a newcomer would run it, on fewer images."""
    command = [sys.executable, "-m", "experiments", "evaluate", "#13433", "--n-images", "100", "--json"]
    command += ["--attacks", "fgsm,pgd,apgd,square", "--eps", "8,16,32"]
    environment = os.environ | {"ROBUSTNAS_CACHE": str(own_cache), "ROBUSTNAS_STORE": str(tmp_path / "store.sqlite")}
    process = subprocess.run(command, check=True, env=environment, capture_output=True, text=True)
    answer = json.loads(process.stdout)
    assert answer["clean"] > 0.95
    scores = answer["scores"]
    assert len(scores) == 12
    for attack in ("fgsm", "pgd", "apgd", "square"):
        assert answer["clean"] >= scores[f"{attack}@8"] >= scores[f"{attack}@16"] >= scores[f"{attack}@32"]
    assert scores["apgd@16"] <= scores["pgd@16"] + 0.01 <= scores["fgsm@16"] + 0.05
    assert answer["notes"] == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_search_on_digits(run: Run) -> None:
    arguments = ("search", "--images", "digits", "--objective", "pgd@16", "--searcher", "evolution", "--budget", "3")
    answer = json.loads(run(*arguments, "--n-images", "150", "--seed", "0", "--json").stdout)
    assert answer["sources"] == ["measured"] * 3
    assert answer["trajectory"] == sorted(answer["trajectory"])
    assert answer["best"]["score"] > 0.5


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_best_of_a_search_are_trained_again(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    search = ("search", "--images", "digits", "--objective", "fgsm@16, params", "--searcher", "random", "--budget", "3")
    arguments = (*search, *SMALL, "--seed", "4", "--seeds", "3", "--finalists", "2")
    answer = json.loads(run(*arguments, "--json").stdout)
    found = answer["trainings"]
    assert found["seeds"] == [4, 5, 6]
    searched = {member["arch"]: member["scores"] for member in answer["front"]}
    for network in found["networks"]:
        assert network["scores"][0] == network["searched"] == searched[network["arch"]]
        assert len({row[1] for row in network["scores"]}) == 1
    noise = found["noise"][0]
    assert (noise["objective"], noise["degrees_of_freedom"]) == ("fgsm@16", 2 * len(found["networks"]))
    told = run(*arguments)
    assert "trained with 3 seeds (4, 5, 6): mean ± deviation (and what the search saw)" in told.stdout
    assert f"noise of one training of fgsm@16: {100 * noise['std']:.2f} points" in told.stdout

    def interrupted(*_: object) -> Iterator[None]:
        signal.raise_signal(signal.SIGINT)
        yield

    monkeypatch.setattr("experiments.commands.search.trained_again", interrupted)
    stopped = run(*arguments)
    assert (stopped.exit_code, "front of" in stopped.stdout) == (1, True)
    assert "what was measured is kept" in stopped.stderr


def test_several_seeds_need_images(run: Run) -> None:
    result = run("search", "--dataset", "cifar10-surrogate", "--seeds", "3")
    assert (result.exit_code, "--seeds 3 trains networks" in result.stderr) == (2, True)


def test_eps_as_a_fraction_is_the_eps_in_255ths(run: Run) -> None:
    arguments = ("evaluate", "#13433", "--attacks", "fgsm", *SMALL, "--json")
    first, second = (json.loads(run(*arguments, "--eps", eps).stdout) for eps in ("8/255", "8"))
    assert list(first["scores"]) == list(second["scores"]) == ["fgsm@8"]
    assert second["from_store"] == 2


def test_an_eps_on_another_scale_is_measured_and_noted(run: Run) -> None:
    result = run("evaluate", "#13433", "--attacks", "fgsm", "--eps", "0.03", *SMALL, "--json")
    note = "fgsm@0.03 is at eps 0.03/255 = 0.000118; did you mean fgsm@8 (= 8/255 = 0.0314)?"
    assert note in json.loads(result.stdout)["notes"]
    searched = run("search", "--images", "digits", "--objective", "fgsm@0.03", "--budget", "1", *SMALL, "--json")
    assert f"Note: {note}" in searched.stderr
    assert json.loads(searched.stdout)["objective"] == "fgsm@0.03"


@pytest.mark.parametrize("arguments", [("--attacks", "pgd-l2"), ("--eps", "L2"), ("--attacks", "l2")])
def test_other_norms_are_refused(run: Run, arguments: tuple[str, ...]) -> None:
    result = run("evaluate", "#13433", *arguments, *SMALL)
    assert result.exit_code == 2
    assert "L2" in result.stderr
    assert "L-inf" in result.stderr


def test_the_log_holds_every_epoch_of_a_training(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    log = ("--log", f"tensorboard:{tmp_path / 'logs'}")
    assert run("evaluate", "#13433", "--attacks", "none", *SMALL, *log).exit_code == 0
    found = read_tensorboard(str(tmp_path / "logs"))
    assert {name: [step for step, _ in values] for name, values in found.items()} == {
        "training loss": [1, 2],
        "training accuracy": [1, 2],
    }
    assert all(0 <= value <= 1 for _, value in found["training accuracy"])
    refused = run("evaluate", "#13433", *SMALL, "--log", "tensorboard")
    assert (refused.exit_code, refused.stderr) == (2, "Error: log is 'tensorboard'; expected tensorboard:DIR\n")
