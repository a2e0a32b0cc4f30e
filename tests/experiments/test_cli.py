"""The command line as a script uses it: what it prints, where, and the exit codes."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.comparison.plan import builtin_text
from robustnas import Cell, Metric
from robustnas.spaces.nasbench201 import NASBENCH201
from robustnas.tables.database.database import Database
from tests.robustnas.test_recorder import read_tensorboard

pytestmark = pytest.mark.timeout(60)  # slow where processors are shared

Run = Callable[..., Result]
ARCH = Cell.parse("#13433").arch


@pytest.fixture
def run(published: Path, warm_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ROBUSTNAS_DATA", str(published))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="robustnas")

    return invoke


@pytest.mark.parametrize("arch", ["#13433", "13433", ARCH, "(4, 3, 3, 0, 3, 0)", f"index:{Cell.parse(ARCH).index}"])
def test_query_answers_every_notation(run: Run, published: Path, arch: str) -> None:
    result = run("query", arch, "--dataset", "cifar10", "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert set(answer) == {"arch", "uid", "dataset", "scores"}
    assert (answer["arch"], answer["uid"], answer["dataset"]) == (ARCH, 13433, "cifar10")
    assert answer["scores"] == Database.open(published)["cifar10"].scores("#13433")
    assert {"clean", "pgd@1", "corruption:fog@3"} <= set(answer["scores"])


def test_query_as_text(run: Run) -> None:
    result = run("query", "#13433")
    assert "157,306 parameters" in result.stdout
    assert "corruption:fog" in result.stdout


def test_query_shows_what_is_attached(run: Run, published: Path, tmp_path: Path) -> None:
    (tmp_path / "hw.csv").write_text(f"arch,latency,energy\n{ARCH},5.25,\n{Cell.parse('#81').arch},4,3.5\n")
    assert run("data", "attach", str(tmp_path / "hw.csv"), "--name", "hw", "--data", str(published)).exit_code == 0
    arguments = ("query", "#13433", "--data", str(published))
    assert json.loads(run(*arguments, "--json").stdout)["attached"] == {"hw.latency": 5.25, "hw.energy": None}
    assert run(*arguments).stdout.endswith("\nhw.latency  5.25\nhw.energy   no number\n")


def test_query_lists_the_networks_of_a_where_clause(run: Run, published: Path) -> None:
    table = Database.open(published)["cifar10"]
    clause = "params <= 300000 and clean >= 0.9"
    answer = json.loads(run("query", "--where", f"where {clause}", "--json").stdout)
    params = NASBENCH201.cost_column("params")
    indices = NASBENCH201.network_indices()
    fits = (params[indices] <= 300_000) & (table.network_column("clean") >= 0.9)
    assert {network["uid"] for network in answer["networks"]} == set(NASBENCH201.uids()[indices[fits]].tolist())
    scores = [network["scores"]["params"] for network in answer["networks"]]
    assert scores == sorted(scores)
    lines = run("query", "--where", clause).stdout.splitlines()
    assert lines[0] == f"{fits.sum():,} of the 6,466 networks of cifar10"
    assert lines[-1] == f"and {fits.sum() - 20:,} more: --json has all"
    assert run("query", "--where", "clean > 1").stderr.startswith("Error: no network of cifar10 satisfies clean > 1")
    for arguments in ((), ("#3", "--where", clause)):
        assert "expected either ARCH or --where CLAUSE" in run("query", *arguments).stderr


def test_multi_fidelity_says_what_it_cost(run: Run) -> None:
    arguments = ("search", "--objective", "pgd@1", "--searcher", "multi-fidelity", "--set", "cheap=clean")
    arguments += ("--budget", "12")
    cost = json.loads(run(*arguments, "--json").stdout)["cost"]
    price = Metric.parse("pgd@1").passes
    assert cost["passes"] == 12 * price + cost["cheap_passes"]
    assert 0 < cost["cheap_passes"] <= 12 * 0.25 * price
    said = (
        f"cost: {cost['passes']:,.0f} passes per test image, {cost['cheap_passes']:,.0f} of them for cheap evaluations"
    )
    assert said in run(*arguments).stdout
    assert "cost:" not in run("search", "--objective", "pgd@1", "--budget", "5").stdout


def test_search_prints_what_scripts_rely_on(run: Run, published: Path) -> None:
    arguments = ("search", "--dataset", "cifar10", "--objective", "pgd@1", "--searcher", "evolution")
    arguments += ("--budget", "40", "--seed", "3", "--json")
    answer = json.loads(run(*arguments).stdout)
    again = json.loads(run(*arguments).stdout)
    assert set(answer) == {
        "dataset",
        "directions",
        "objective",
        "searcher",
        "seed",
        "n_queries",
        "best",
        "expected",
        "trajectory",
        "seconds",
    }
    assert len(answer["trajectory"]) == answer["n_queries"] == 40
    assert answer["trajectory"] == sorted(answer["trajectory"]) == again["trajectory"]
    assert answer["trajectory"][-1] == answer["best"]["score"]
    assert Database.open(published)["cifar10"].value(answer["best"]["arch"], "pgd@1") == answer["best"]["score"]
    assert answer["seconds"] >= 0


def test_search_for_a_cost_minimises(run: Run) -> None:
    answer = json.loads(
        run("search", "--objective", "params", "--searcher", "local", "--budget", "60", "--json").stdout
    )
    assert answer["trajectory"] == sorted(answer["trajectory"], reverse=True)


def test_search_for_several_objectives_prints_a_front(run: Run) -> None:
    answer = json.loads(run("search", "--objective", "clean,pgd@1", "--searcher", "random", "--json").stdout)
    assert answer["objective"] == "clean, pgd@1"
    assert len(answer["front"]) >= 1
    assert "hypervolume" in run("search", "--objective", "clean,pgd@1", "--searcher", "random").stdout


def test_a_front_is_printed_sorted_with_a_header_and_ids(run: Run) -> None:
    lines = run("search", "--objective", "clean, params", "--searcher", "random", "--budget", "30").stdout.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("front of "))
    assert lines[start].endswith("hypervolume; sorted by clean (%)")
    assert lines[start + 1].split() == ["network", "clean", "(%)", "params", "architecture"]
    members = [line.split() for line in lines[start + 2 :] if "|" in line]
    assert lines[start].startswith(f"front of {len(members)} network")
    assert [float(row[1]) for row in members] == sorted((float(row[1]) for row in members), reverse=True)
    assert all(row[0] == f"#{NASBENCH201.uid(NASBENCH201.parse(row[-1]))}" for row in members)


def test_search_that_finds_nothing_feasible_says_so(run: Run) -> None:
    objective = "clean where params >= 1500000 and params <= 1600000"
    arguments = ("search", "--objective", objective, "--searcher", "random", "--budget", "3", "--set", "known=false")
    answer = json.loads(run(*arguments, "--json").stdout)
    assert answer["best"]["score"] is None
    said = run(*arguments).stdout
    short = 1_500_000 - NASBENCH201.cost_column("params")[Cell.parse(answer["best"]["arch"]).index]
    assert "best -: none of the 3 networks that were asked for is feasible; the nearest misses" in said
    assert f"the nearest misses params >= 1500000 by {short:.4g}\n  {answer['best']['arch']}\n" in said


def test_search_spends_no_query_on_what_is_known_not_to_count(run: Run) -> None:
    arguments = ("search", "--objective", "clean where params >= 1500000", "--searcher", "random", "--budget", "9")
    answer = json.loads(run(*arguments, "--json").stdout)
    large = int((NASBENCH201.cost_column("params")[NASBENCH201.network_indices()] >= 1500000).sum())
    assert answer["known"] == {"constraints": ["params >= 1500000"], "n_networks": large}
    assert answer["n_queries"] == len(answer["trajectory"]) == min(9, large)
    assert answer["n_feasible"] == answer["n_queries"]
    said = f"known before the search: {large} of 6,466 networks satisfy params >= 1500000"
    assert said in run(*arguments).stdout


def test_known_is_set_like_a_parameter_of_any_searcher(run: Run) -> None:
    result = run("search", "--searcher", "random", "--set", "known=maybe")
    assert "searcher 'random': known is 'maybe'; expected true or false" in result.stderr


def test_search_takes_parameters(run: Run) -> None:
    small = run("search", "--set", "population_size=5", "--set", "tournament_size=2", "--json")
    assert small.exit_code == 0
    assert json.loads(small.stdout)["trajectory"] != json.loads(run("search", "--json").stdout)["trajectory"]


def test_objectives_lists_what_the_data_allows(run: Run) -> None:
    rows = json.loads(run("objectives", "--json").stdout)["objectives"]
    names = [row["objective"] for row in rows]
    assert {"clean", "pgd@1", "corruption:fog", "params", "flops"} <= set(names)
    assert not {"fgsm@1", "corruption", "worst@1"} & set(names)
    text = run("objectives").stdout
    assert "PGD, eps 1/255" in text


def test_objectives_lists_the_suite_and_what_its_problems_lack_here(run: Run) -> None:
    suite = {row["name"]: row for row in json.loads(run("objectives", "--json").stdout)["suite"]}
    assert suite["rob201-mop1"] == {
        "name": "rob201-mop1",
        "objectives": "clean, pgd@1",
        "why": "accuracy against an iterative attack; few networks on the front",
        "lacks": [],
    }
    assert suite["rob201-mop3"]["lacks"] == ["corruption", "hw.edgegpu_latency"]
    text = run("objectives").stdout
    assert "rob201-mop1  clean, pgd@1\n" in text
    assert "hw.edgegpu_latency  (no corruption, hw.edgegpu_latency here)\n" in text


def test_search_says_what_a_problem_of_the_suite_stands_for(run: Run) -> None:
    arguments = ("search", "--objective", "rob201-mop1", "--searcher", "random", "--budget", "5")
    assert run(*arguments).stdout.startswith("random on rob201-mop1 (clean, pgd@1), ")
    result = json.loads(run(*arguments, "--json").stdout)
    assert result["objective"] == "rob201-mop1"
    assert result["best"]["scores"] in [member["scores"] for member in result["front"]]


def test_draw_writes_an_svg(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "cell.svg"
    assert run("draw", "#13433", "--out", str(out)).exit_code == 0
    assert ElementTree.parse(out).getroot().tag.endswith("svg")
    assert run("draw", "#13433").stdout == out.read_text()


def test_plan_prints_the_builtin_plan(run: Run) -> None:
    assert run("plan").stdout == builtin_text()


def test_compare_ends_with_a_report_and_report_rebuilds_it(run: Run, tmp_path: Path) -> None:
    plan, out = tmp_path / "my.toml", tmp_path / "results"
    plan.write_text(
        'objectives = ["clean", "pgd@1"]\nbudget = 60\nseeds = 3\n'
        '[[searchers]]\nname = "random"\n[[searchers]]\nname = "evolution"\n'
    )
    result = run("compare", str(plan), "--out", str(out), "--jobs", "1")
    assert result.exit_code == 0, result.output
    assert "evolution" in result.stdout
    with (out / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {"objective", "searcher", "n_queries", "mean", "std", "n_seeds"} <= set(rows[0])
    assert {row["n_queries"] for row in rows} >= {"50", "60"}
    assert all(0 <= float(row["mean"]) <= 1 for row in rows)
    page = (out / "report.html").read_text()
    for name in ("report.html", "summary.csv"):
        (out / name).unlink()
    assert run("report", str(out)).exit_code == 0
    assert (out / "report.html").read_text() == page


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["query", "resnet18"], 2, "cannot read 'resnet18'"),
        (["query", "#99999"], 2, "99999"),
        (["query", "#1", "--dataset", "cifar11"], 2, "cifar10"),
        (["query"], 2, "expected either ARCH or --where"),
        (["query", "#1", "--data", "/nowhere"], 1, "/nowhere"),
        (["search", "--objective", "pdg@1"], 2, "did you mean 'pgd@1'"),
        (["search", "--objective", "fgsm@1"], 2, "fgsm@1"),
        (["search", "--searcher", "evolutoin"], 2, "did you mean 'evolution'"),
        (["search", "--budget", "0"], 2, "budget is 0"),
        (["search", "--budget", "many"], 2, "budget"),
        (["search", "--seed", "-1"], 2, "seed is -1"),
        (["search", "--set", "population_size"], 2, "NAME=VALUE"),
        (["search", "--set", "size=3"], 2, "unknown parameter 'size'"),
        (["search", "--objective", "clean,pgd@1"], 2, "one objective"),
        (["draw", "#1", "--out", "cell.png"], 2, "expected a file name ending in .svg"),
        (["draw", "#1", "--out", "/nowhere/cell.svg"], 1, "/nowhere/cell.svg"),
        (["compare", "/nowhere/plan.toml"], 2, "cannot read the plan"),
        (["compare", "--jobs", "0"], 2, "jobs is 0"),
        (["report", "/nowhere"], 1, "/nowhere"),
        (["nonsense"], 2, "No such command"),
    ],
)
def test_exit_codes_and_messages(run: Run, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    if arguments[0] == "compare":
        arguments = [*arguments, "--out", str(tmp_path / "out")]
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["query"],
        ["search"],
        ["compare"],
        ["report"],
        ["plan"],
        ["objectives"],
        ["draw"],
        ["data"],
        ["data", "status"],
        ["data", "import"],
        ["data", "fetch"],
        ["data", "verify"],
    ],
)
def test_every_command_has_help_with_an_example(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Example:" in result.stdout
    assert " ".join(["robustnas", *command]) in result.stdout.split("Example:")[1]


def test_the_installed_command_loads_no_heavy_library_for_a_query(published: Path, own_cache: Path) -> None:
    code = (
        "import sys; from experiments.cli import main\n"
        "try: main(['query', '#1', '--json'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'optuna', 'matplotlib', 'pandas', 'sklearn', 'xgboost'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = os.environ | {"ROBUSTNAS_DATA": str(published), "ROBUSTNAS_CACHE": str(own_cache)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, capture_output=True)


def test_two_runs_in_two_processes_with_other_hash_seeds_agree(published: Path, warm_cache: Path) -> None:
    command = [sys.executable, "-m", "experiments", "search", "--searcher", "local", "--budget", "50", "--json"]
    answers = []
    for hash_seed in ("1", "2"):
        environment = os.environ | {"ROBUSTNAS_DATA": str(published), "ROBUSTNAS_CACHE": str(warm_cache)}
        process = subprocess.run(
            command, check=True, env=environment | {"PYTHONHASHSEED": hash_seed}, capture_output=True
        )
        answers.append(json.loads(process.stdout)["trajectory"])
    assert answers[0] == answers[1]


def test_a_search_goes_on_in_the_study_of_its_own_problem(run: Run, tmp_path: Path) -> None:
    arguments = ("search", "--searcher", "optuna-tpe", "--budget", "8", "--set", f"storage=journal://{tmp_path}/s.log")
    first = json.loads(run(*arguments, "--objective", "clean", "--json").stdout)
    assert first["study"] | {"name": ""} == {"name": "", "n_trials": 0, "n_networks": 0, "best": None}
    second = json.loads(run(*arguments, "--objective", "clean", "--json").stdout)
    assert second["study"]["n_networks"] == second["n_queries"] == 8
    assert second["study"]["best"] == first["best"]["score"]
    assert second["trajectory"][0] >= first["best"]["score"]
    assert second["best"]["score"] == second["trajectory"][-1]
    text = run(*arguments, "--objective", "clean").stdout
    best = f"{100 * second['best']['score']:.2f} %"
    assert f"continues study {first['study']['name']!r} of" in text
    assert f"16 networks, best so far {best}" in text
    other = run(*arguments, "--objective", "clean", "--dataset", "cifar100").stdout
    assert "kept in the new study 'cifar100/clean/" in other
    taken = run(*arguments, "--dataset", "cifar100", "--set", f"study_name={first['study']['name']}")
    assert taken.exit_code == 1
    assert 'dataset is "cifar10" there, "cifar100" here' in taken.stderr


def test_a_continued_front_is_that_of_the_whole_study(run: Run, tmp_path: Path) -> None:
    arguments = (
        "search",
        "--searcher",
        "optuna-nsga2",
        "--budget",
        "8",
        "--set",
        f"storage=journal://{tmp_path}/s.log",
    )
    fronts = [json.loads(run(*arguments, "--objective", "clean, params", "--json").stdout) for _ in range(2)]
    assert fronts[1]["study"]["best"] == fronts[0]["best"]["score"] <= fronts[1]["best"]["score"]
    for member in fronts[0]["front"]:  # is still there, or dominated
        assert any(
            new["scores"][0] >= member["scores"][0] and new["scores"][1] <= member["scores"][1]
            for new in fronts[1]["front"]
        )


def test_the_log_of_a_search_holds_every_query(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    arguments = ("search", "--objective", "clean, pgd@1", "--searcher", "random", "--budget", "6", "--json")
    result = run(*arguments, "--log", f"tensorboard:{tmp_path / 'logs'}")
    assert result.exit_code == 0, result.output
    found = read_tensorboard(str(tmp_path / "logs"))
    assert set(found) == {"best", "score/clean", "score/pgd@1"}
    assert [step for step, _ in found["score/clean"]] == [1, 2, 3, 4, 5, 6]
    assert [value for _, value in found["best"]] == pytest.approx(json.loads(result.stdout)["trajectory"])
